// Rules about JSONata variables: read only what is assigned before, on every path.

import { createRequire } from "node:module";

import { expressionsIn, expressionsOf, waysOut } from "./machine.mjs";

const require = createRequire(new URL("../../.tools/node/package.json", import.meta.url));
const jsonata = require("jsonata");

const FUNCTIONS = new Set([
  // JSONata's own; Step Functions does not support $eval.
  "abs", "append", "assert", "average", "base64decode", "base64encode", "boolean", "ceil",
  "clone", "contains", "count", "decodeUrl", "decodeUrlComponent", "distinct", "each",
  "encodeUrl", "encodeUrlComponent", "error", "exists", "filter", "floor", "formatBase",
  "formatInteger", "formatNumber", "fromMillis", "join", "keys", "length", "lookup", "lowercase",
  "map", "match", "max", "merge", "millis", "min", "not", "now", "number", "pad", "parseInteger",
  "power", "random", "reduce", "replace", "reverse", "round", "shuffle", "sift", "single", "sort",
  "split", "spread", "sqrt", "string", "substring", "substringAfter", "substringBefore", "sum",
  "toMillis", "trim", "type", "uppercase", "zip",
  // What Step Functions adds.
  "partition", "range", "hash", "uuid", "parse",
]);
const STATES_MEMBERS = new Set(["input", "result", "errorOutput", "context"]);

/** What an expression reads from outside: variable names, members of `$states`, guarded names. */
export function readsOf(text) {
  const reads = { names: new Set(), members: new Set(), guarded: new Set() };
  visit(jsonata(text).ast(), new Set(), reads);
  return reads;
}

function visit(node, bound, reads) {
  if (node === null || typeof node !== "object") return;
  if (Array.isArray(node)) {
    node.forEach((inner) => visit(inner, bound, reads));
    return;
  }
  switch (node.type) {
    case "variable":
      if (node.value !== "" && node.value !== "$" && !bound.has(node.value)) {
        reads.names.add(node.value);
      }
      visitFields(node, bound, reads);
      return;
    case "bind":
      visit(node.rhs, bound, reads);
      bound.add(node.lhs.value);
      return;
    case "block":
      visit(node.expressions, new Set(bound), reads);
      return;
    case "lambda":
      visit(node.body, new Set([...bound, ...node.arguments.map(({ value }) => value)]), reads);
      return;
    case "path":
      visitPath(node, bound, reads);
      return;
    case "function":
      if (node.procedure?.value === "exists" && node.arguments[0]?.type === "variable") {
        reads.guarded.add(node.arguments[0].value);
      }
      visitFields(node, bound, reads);
      return;
    default:
      visitFields(node, bound, reads);
  }
}

function visitPath(node, bound, reads) {
  const [first, second] = node.steps;
  if (first?.type === "variable" && first.value === "states" && second?.type === "name") {
    reads.members.add(second.value);
  }
  // `@$name` and `#$name` bind for the rest of the path.
  const names = node.steps.flatMap(({ focus, index }) => [focus, index].filter(Boolean));
  visitFields(node, new Set([...bound, ...names]), reads);
}

function visitFields(node, bound, reads) {
  Object.values(node).forEach((inner) => visit(inner, bound, reads));
}

/** For each state, the variables that are set on every path to it, and on any path to it. */
function assignedBefore(scope, outer) {
  const before = new Map(scope.states.map(({ name }) => [name, null]));
  const byName = new Map(scope.states.map((entry) => [entry.name, entry]));
  const open = [];
  const arrive = (name, sets) => {
    if (!byName.has(name)) return;
    const known = before.get(name);
    const every = known ? common(known.every, sets.every) : sets.every;
    const some = known ? both(known.some, sets.some) : sets.some;
    if (known && known.every.size === every.size && known.some.size === some.size) return;
    before.set(name, { every, some });
    open.push(name);
  };
  arrive(scope.body.StartAt, outer);
  while (open.length > 0) {
    const name = open.pop();
    const { every, some } = before.get(name);
    for (const { to, assign } of waysOut(byName.get(name))) {
      const assigned = new Set(Object.keys(assign ?? {}));
      arrive(to, { every: both(every, assigned), some: both(some, assigned) });
    }
  }
  return before;
}

function both(left, right) {
  return new Set([...left, ...right]);
}

function common(left, right) {
  return new Set([...left].filter((name) => right.has(name)));
}

const NOTHING = { every: new Set(), some: new Set() };

/** Variables are read only where they are set, and an inner scope does not set an outer one's. */
export function variablesAreAssigned(machine) {
  const befores = new Map();
  return machine.scopes.flatMap((scope) => {
    const held = scope.outer && befores.get(scope.outer.scope)?.get(scope.outer.entry.name);
    const outer = held && !scope.distributed ? held : NOTHING;
    const before = assignedBefore(scope, outer);
    befores.set(scope, before);
    return scope.states.flatMap((entry) => [
      ...unassignedReads(entry, before.get(entry.name) ?? NOTHING),
      ...outerAssignments(entry, outer),
    ]);
  });
}

function unassignedReads(entry, { every, some }) {
  return expressionsOf(entry).flatMap(({ text, path }) => {
    let reads;
    try {
      reads = readsOf(text);
    } catch (error) {
      return [{ path, state: entry.name, message: `not JSONata: ${error.message}` }];
    }
    return [...reads.names]
      .filter((name) => name !== "states" && !FUNCTIONS.has(name) && !every.has(name))
      .filter((name) => !(some.has(name) && reads.guarded.has(name)))
      .map((name) => ({
        path,
        state: entry.name,
        message: some.has(name)
          ? `$${name} is read here, but only some paths assign it`
          : `$${name} is read here, but nothing assigns it before`,
      }));
  });
}

function outerAssignments(entry, outer) {
  const handlers = [...(entry.state.Choices ?? []), ...(entry.state.Catch ?? [])];
  const assigned = [entry.state, ...handlers].flatMap(({ Assign }) => Object.keys(Assign ?? {}));
  return [...new Set(assigned)]
    .filter((name) => outer.some.has(name))
    .map((name) => ({
      path: entry.path,
      state: entry.name,
      message: `$${name} belongs to an outer scope, which an inner one cannot assign`,
    }));
}

/** `$states` has a result only after the work, and an error only in a `Catch`. */
export function statesMembersExist(machine) {
  const everywhere = machine.scopes.flatMap((scope) => scope.states);
  return everywhere.flatMap((entry) => {
    const { Assign, Output, Catch } = entry.state;
    const inside = (value, ...fields) => expressionsIn(value ?? {}, [...entry.path, ...fields]);
    const works = ["Task", "Map", "Parallel"].includes(entry.state.Type);
    const after = works ? [...inside(Assign, "Assign"), ...inside(Output, "Output")] : [];
    const caught = inside(Catch, "Catch");
    const places = new Map(after.map(({ path }) => [String(path), "result"]));
    caught.forEach(({ path }) => places.set(String(path), "errorOutput"));
    return expressionsOf(entry).flatMap(({ text, path }) => {
      const here = places.get(String(path));
      return membersOf(text)
        .filter((member) => !isMemberHere(member, here))
        .map((member) => ({
          path,
          state: entry.name,
          message: STATES_MEMBERS.has(member)
            ? `$states.${member} does not exist in this field`
            : `$states.${member} does not exist; expected ${[...STATES_MEMBERS].join(", ")}`,
        }));
    });
  });
}

function isMemberHere(member, here) {
  return member === "input" || member === "context" || member === here;
}

function membersOf(text) {
  try {
    return [...readsOf(text).members];
  } catch {
    return []; // reported once, by `variablesAreAssigned`
  }
}
