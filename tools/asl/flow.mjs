// Rules about the paths through a machine: every target exists, every state is reached.

import { waysOut } from "./machine.mjs";

/** `StartAt`, `Next`, `Default` and `Catch` name states of their own scope. */
export function targetsExist(machine) {
  return machine.scopes.flatMap((scope) => {
    const names = new Set(scope.states.map(({ name }) => name));
    const targets = [
      { to: scope.body.StartAt, path: [...scope.path, "StartAt"] },
      ...scope.states.flatMap((entry) => waysOut(entry).map((way) => ({ ...way, entry }))),
    ];
    return targets
      .filter(({ to }) => !names.has(to))
      .map(({ to, path, entry }) => ({
        path,
        state: entry?.name,
        message: `${path.findLast((part) => typeof part === "string")} is "${to}", and no state `
          + `has that name in this scope`,
      }));
  });
}

/** Every state can be reached from its scope's `StartAt`. */
export function statesAreReached(machine) {
  return machine.scopes.flatMap((scope) => {
    const reached = reachedFrom(scope);
    return scope.states
      .filter(({ name }) => !reached.has(name))
      .map(({ name, path }) => ({ path, state: name, message: "no state leads here" }));
  });
}

function reachedFrom(scope) {
  const byName = new Map(scope.states.map((entry) => [entry.name, entry]));
  const reached = new Set();
  const open = [scope.body.StartAt];
  while (open.length > 0) {
    const name = open.pop();
    if (reached.has(name) || !byName.has(name)) continue;
    reached.add(name);
    open.push(...waysOut(byName.get(name)).map(({ to }) => to));
  }
  return reached;
}
