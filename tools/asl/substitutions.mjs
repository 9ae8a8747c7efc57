// Rules that compare a machine with the template: every `${Name}` is defined, every definition is used,
// and a task outlives its function.

import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";

import { everyState } from "./machine.mjs";

const require = createRequire(new URL("../../.tools/node/package.json", import.meta.url));
const { parse } = require("yaml");

// A task waits this much longer than its function may run. With equal times Step Functions, whose
// clock starts first, ends the task with `States.Timeout` and an empty cause.
const GRACE_SECONDS_MIN = 15;
const GRACE_SECONDS_MAX = 30;
// Lambda's timeout for a function whose template sets none.
const LAMBDA_TIMEOUT_SECONDS = 3;

/**
 * The `DefinitionSubstitutions` of a template's machines, by the definition's full path, and how long
 * the functions among them may run.
 */
export function readSubstitutions(templateFile, text) {
  // CloudFormation's short tags (`!GetAtt`) are unknown to YAML and do not matter here.
  const template = parse(text, { logLevel: "silent" });
  const machines = Object.entries(template.Resources ?? {}).filter(
    ([, resource]) => resource.Type === "AWS::Serverless::StateMachine",
  );
  return new Map(
    machines.map(([resource, { Properties }]) => {
      const given = Object.entries(Properties.DefinitionSubstitutions ?? {});
      const timeouts = given.map(([name, value]) => [name, timeoutOf(template, value)]);
      return [
        resolve(dirname(templateFile), Properties.DefinitionUri ?? ""),
        { resource, names: new Set(given.map(([name]) => name)), timeouts: new Map(timeouts) },
      ];
    }),
  );
}

// The `Timeout` of the function that a substitution names, undefined where it names none.
function timeoutOf(template, value) {
  const resource = template.Resources[String(value).split(".")[0]];
  if (resource?.Type !== "AWS::Serverless::Function") return undefined;
  const shared = template.Globals?.Function?.Timeout;
  return resource.Properties?.Timeout ?? shared ?? LAMBDA_TIMEOUT_SECONDS;
}

/** A task waits a little longer than its function may run. */
export function tasksOutliveTheirFunctions(machine, { substitutions }) {
  const timeouts = substitutions.get(resolve(machine.file))?.timeouts ?? new Map();
  return everyState(machine).flatMap(({ name, path, state }) => {
    const function_ = /^\$\{([^}]*)\}$/.exec(state.Arguments?.FunctionName ?? "")?.[1];
    const timeout = timeouts.get(function_);
    if (timeout === undefined) return [];
    const [least, most] = [timeout + GRACE_SECONDS_MIN, timeout + GRACE_SECONDS_MAX];
    if (state.TimeoutSeconds >= least && state.TimeoutSeconds <= most) return [];
    const message = `TimeoutSeconds must be ${least} to ${most}, because the function behind `
      + `${function_} may run ${timeout} seconds; found ${state.TimeoutSeconds}`;
    return [{ path: [...path, "TimeoutSeconds"], state: name, message }];
  });
}

/** The definition uses exactly the names that the template defines. */
export function substitutionsAreGiven(machine, { substitutions }) {
  const given = substitutions.get(resolve(machine.file));
  if (given === undefined) {
    return [{ path: [], message: "no state machine of the template has this DefinitionUri" }];
  }
  const used = new Set([...machine.text.matchAll(/\$\{([^}]*)\}/g)].map((match) => match[1]));
  const absent = [...used].filter((name) => !given.names.has(name));
  const idle = [...given.names].filter((name) => !used.has(name));
  return [
    ...absent.map((name) => ({
      line: lineWith(machine.text, `\${${name}}`),
      message: `\${${name}} is not among the DefinitionSubstitutions of ${given.resource}`,
    })),
    ...idle.map((name) => ({
      path: [],
      message: `${given.resource} defines ${name}, which the definition does not use`,
    })),
  ];
}

function lineWith(text, part) {
  return text.slice(0, text.indexOf(part)).split("\n").length;
}
