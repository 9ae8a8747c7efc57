// A state machine as the rules see it: its scopes (the top level, and the inside of every Map and
// Parallel), the states of each, the ways out of a state, and the line of each part.

import { createRequire } from "node:module";

const require = createRequire(new URL("../../.tools/node/package.json", import.meta.url));
const { parseDocument, LineCounter } = require("yaml");

/** Reads a machine. JSON is YAML, and the YAML parser knows duplicate keys and lines. */
export function parseMachine(file, text) {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: true, strict: true });
  const syntax = document.errors.map((error) => ({
    line: lineCounter.linePos(error.pos[0]).line,
    message: error.message.split("\n")[0],
  }));
  const definition = syntax.length === 0 ? document.toJS() : {};
  const lineOf = (path) => {
    const node = path.length === 0 ? document.contents : document.getIn(path, true);
    const offset = node?.range?.[0];
    return offset === undefined ? 1 : lineCounter.linePos(offset).line;
  };
  return { file, text, definition, syntax, lineOf, scopes: scopesOf(definition) };
}

function scopesOf(definition) {
  const scopes = [];
  visitScope(definition, [], null, scopes);
  return scopes;
}

// A scope: `outer` is the scope and the state that hold it, null for the machine's top level.
function visitScope(body, path, outer, scopes) {
  const states = Object.entries(body?.States ?? {}).map(([name, state]) => ({
    name,
    state,
    path: [...path, "States", name],
  }));
  const distributed = body?.ProcessorConfig?.Mode === "DISTRIBUTED";
  const scope = { body, path, outer, distributed, states };
  scopes.push(scope);
  for (const entry of states) {
    const inside = entry.state?.ItemProcessor;
    if (inside) {
      visitScope(inside, [...entry.path, "ItemProcessor"], { scope, entry }, scopes);
    }
    (entry.state?.Branches ?? []).forEach((branch, index) => {
      visitScope(branch, [...entry.path, "Branches", index], { scope, entry }, scopes);
    });
  }
}

/** Every state of the machine, with the scope that it is in. */
export function everyState(machine) {
  return machine.scopes.flatMap((scope) => scope.states.map((entry) => ({ ...entry, scope })));
}

/** The ways out of a state: where to, the `Assign` made on the way, and what says so. */
export function waysOut({ state, path }) {
  const ways = [];
  if (typeof state.Next === "string") {
    ways.push({ to: state.Next, assign: state.Assign, path: [...path, "Next"] });
  }
  (state.Choices ?? []).forEach((choice, index) => {
    const at = [...path, "Choices", index, "Next"];
    ways.push({ to: choice.Next, assign: choice.Assign, path: at });
  });
  if (typeof state.Default === "string") {
    ways.push({ to: state.Default, assign: state.Assign, path: [...path, "Default"] });
  }
  (state.Catch ?? []).forEach((catcher, index) => {
    const at = [...path, "Catch", index, "Next"];
    ways.push({ to: catcher.Next, assign: catcher.Assign, path: at });
  });
  return ways;
}

const EXPRESSION = /^\s*\{%([\s\S]*)%\}\s*$/;

/** An expression as it is deployed: what the template puts into one is a number. */
export function substituted(expression) {
  return expression.replaceAll(/\$\{\w+\}/g, "1");
}

/** The JSONata expressions in a value: text without its `{% %}`, and the path to it. */
export function expressionsIn(value, path = []) {
  if (typeof value === "string") {
    const match = EXPRESSION.exec(value);
    return match ? [{ text: substituted(match[1].trim()), raw: value, path }] : [];
  }
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    expressionsIn(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** The expressions that a state itself evaluates, without those of the states inside it. */
export function expressionsOf({ state, path }) {
  const { ItemProcessor, Branches, ...own } = state;
  const inProcessor = expressionsIn(ItemProcessor?.ProcessorConfig ?? {}, [
    ...path,
    "ItemProcessor",
    "ProcessorConfig",
  ]);
  return [...expressionsIn(own, path), ...inProcessor];
}
