// Rules about how a state is written: limits on time, order of fields, one-line expressions.

import { everyState, expressionsOf } from "./machine.mjs";

// Fields of one line have one rank: their order among themselves is free.
const FIELD_ORDER = [
  ["Type"],
  ["Comment"],
  ["QueryLanguage"],
  ["Resource", "Credentials"],
  ["Arguments"],
  ["Items", "ItemReader", "ItemSelector", "ItemBatcher", "ItemProcessor", "MaxConcurrency",
    "ToleratedFailurePercentage", "ToleratedFailureCount", "Label", "ResultWriter", "Branches",
    "Choices", "Seconds", "Timestamp", "Error", "Cause"],
  ["Assign"],
  ["Output"],
  ["TimeoutSeconds"],
  ["HeartbeatSeconds"],
  ["Retry"],
  ["Catch"],
  ["Default", "Next", "End"],
];
const RANK = new Map(FIELD_ORDER.flatMap((fields, rank) => fields.map((field) => [field, rank])));

/** A machine and every task have a timeout. */
export function timeIsLimited(machine) {
  const problems = everyState(machine)
    .filter(({ state }) => state.Type === "Task" && state.TimeoutSeconds === undefined)
    .map(({ name, path }) => ({ path, state: name, message: "a Task has no TimeoutSeconds" }));
  if (machine.definition.TimeoutSeconds === undefined) {
    problems.unshift({ path: [], message: "the machine has no TimeoutSeconds" });
  }
  return problems;
}

/** One definition serves every partition: `arn:aws:…` is invalid in GovCloud and in China. */
export function resourcesNameNoPartition(machine) {
  return everyState(machine)
    .filter(({ state }) => /^arn:(?!\$\{Partition\}:)/.test(state.Resource ?? ""))
    .map(({ name, path, state }) => ({
      path: [...path, "Resource"],
      state: name,
      message: `expected a Resource that begins with arn:\${Partition}:, found ${state.Resource}`,
    }));
}

/** A heartbeat that is not shorter than the timeout can never be missed. */
export function heartbeatsAreShorter(machine) {
  return everyState(machine)
    .filter(({ state }) => state.HeartbeatSeconds >= state.TimeoutSeconds)
    .map(({ name, path, state }) => ({
      path: [...path, "HeartbeatSeconds"],
      state: name,
      message:
        `HeartbeatSeconds (${state.HeartbeatSeconds}) must be less than `
        + `TimeoutSeconds (${state.TimeoutSeconds})`,
    }));
}

/** Fields have one order, so that states can be compared at a glance. */
export function fieldsAreInOrder(machine) {
  return everyState(machine).flatMap(({ name, path, state }) => {
    const fields = Object.keys(state).filter((field) => RANK.has(field));
    const ranks = fields.map((field) => RANK.get(field));
    const index = ranks.findIndex((rank, at) => at > 0 && rank < ranks[at - 1]);
    if (index < 0) return [];
    const message = `${fields[index]} must come before ${fields[index - 1]}`;
    return [{ path: [...path, fields[index]], state: name, message }];
  });
}

/** An expression is one line: longer logic belongs in a function, with tests. */
export function expressionsAreOneLine(machine) {
  return everyState(machine).flatMap((entry) =>
    expressionsOf(entry)
      .filter(({ raw }) => /[\n\r]/.test(raw))
      .map(({ path }) => ({
        path,
        state: entry.name,
        message: "a JSONata expression has more than one line",
      })),
  );
}
