// Rules about what happens when a state fails: names that exist, retries with a limit.

import { readFileSync } from "node:fs";

import { everyState } from "./machine.mjs";

// Transient errors of any Lambda call, which a retry can fix.
const LAMBDA_TRANSIENT = [
  "Lambda.ClientExecutionTimeoutException",
  "Lambda.ServiceException",
  "Lambda.AWSLambdaException",
  "Lambda.SdkClientException",
  "Lambda.TooManyRequestsException",
  // The task's own clock: its function did not answer. Functions may run twice, so this is safe.
  "States.Timeout",
];

const THROTTLED = "Lambda.TooManyRequestsException";
// A new account runs ten functions at once: a task may wait for many others to end.
const THROTTLED_ATTEMPTS_MIN = 50;

const STATES_ERRORS = new Set(
  [
    "ALL", "BranchFailed", "DataLimitExceeded", "ExceedToleratedFailureThreshold",
    "HeartbeatTimeout", "Http.Socket", "IntrinsicFailure", "ItemReaderFailed", "NoChoiceMatched",
    "ParameterPathFailure", "Permissions", "QueryEvaluationError", "ResultPathMatchFailure",
    "ResultWriterFailed", "Runtime", "TaskFailed", "Timeout",
  ].map((name) => `States.${name}`),
);

// Names under which the Lambda runtime reports the end of a function, without a prefix.
const RUNTIME_ERRORS = new Set(["Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory"]);

/** The error names that functions return: the variants of `ErrorName` in the contract crate. */
export function readErrorNames(file) {
  const body = /\benum\s+ErrorName\s*\{([\s\S]*?)\n\}/.exec(readFileSync(file, "utf8"))?.[1];
  if (body === undefined) {
    throw new Error(`${file}: expected an enum named ErrorName, found none`);
  }
  const variants = body.matchAll(/^\s*([A-Z][A-Za-z]+)\s*(?:=[^,]*)?,/gm);
  return new Set([...variants].map((match) => match[1]));
}

function handlersOf({ state, path }, field) {
  return (state[field] ?? []).map((handler, index) => ({
    handler,
    errors: handler.ErrorEquals ?? [],
    path: [...path, field, index],
    last: index === state[field].length - 1,
  }));
}

/** `States.ALL` is alone, in the last retrier or catcher. */
export function allStandsAloneAndLast(machine) {
  return everyState(machine).flatMap((entry) =>
    ["Retry", "Catch"].flatMap((field) =>
      handlersOf(entry, field)
        .filter(({ errors }) => errors.includes("States.ALL"))
        .filter(({ errors, last }) => errors.length > 1 || !last)
        .map(({ path }) => ({
          path,
          state: entry.name,
          message: `States.ALL must be alone, and in the last of ${field}`,
        })),
    ),
  );
}

/** Names in `ErrorEquals` are the contract's or AWS's own: others would never match. */
export function errorNamesExist(machine, { errorNames }) {
  const known = (name) =>
    errorNames.has(name)
    || STATES_ERRORS.has(name)
    || RUNTIME_ERRORS.has(name)
    || /^(Lambda|StepFunctions)\.[A-Za-z]+$/.test(name);
  return everyState(machine).flatMap((entry) =>
    ["Retry", "Catch"].flatMap((field) =>
      handlersOf(entry, field).flatMap(({ errors, path }) =>
        errors
          .filter((name) => !known(name))
          .map((name) => ({
            path,
            state: entry.name,
            message: `${field} matches "${name}", which neither a function nor AWS returns`,
          })),
      ),
    ),
  );
}

/** A retry has a limit of attempts and of delay, and jitter against many at once. */
export function retriesAreLimited(machine) {
  return everyState(machine).flatMap((entry) =>
    handlersOf(entry, "Retry").flatMap(({ handler, path }) => {
      const wanted =
        handler.MaxAttempts === 0 ? [] : ["MaxAttempts", "MaxDelaySeconds", "JitterStrategy"];
      return wanted
        .filter((field) => handler[field] === undefined)
        .map((field) => ({ path, state: entry.name, message: `a retry without ${field}` }));
    }),
  );
}

/** Every Lambda call is retried after transient errors. */
export function lambdaCallsRetryTransientErrors(machine) {
  return everyState(machine)
    .filter(({ state }) => /:lambda:invoke(\.|$)/.test(state.Resource ?? ""))
    .flatMap((entry) => {
      const retried = new Set(
        handlersOf(entry, "Retry")
          .filter(({ handler }) => handler.MaxAttempts !== 0)
          .flatMap(({ errors }) => errors),
      );
      const absent = LAMBDA_TRANSIENT.filter((name) => !retried.has(name));
      const message = `Retry must list the transient Lambda errors; absent: ${absent.join(", ")}`;
      return absent.length === 0 ? [] : [{ path: entry.path, state: entry.name, message }];
    });
}

/** A throttled call is patient, and counts its attempts separately from other errors. */
export function throttledCallsArePatient(machine) {
  return everyState(machine).flatMap((entry) =>
    handlersOf(entry, "Retry")
      .filter(({ errors }) => errors.includes(THROTTLED))
      .filter(
        ({ errors, handler }) =>
          errors.length > 1 || (handler.MaxAttempts ?? 3) < THROTTLED_ATTEMPTS_MIN,
      )
      .map(({ path }) => ({
        path,
        state: entry.name,
        message: `${THROTTLED} needs its own retry with at least `
          + `${THROTTLED_ATTEMPTS_MIN} attempts`,
      })),
  );
}

/**
 * Tasks that call the same kind of resource retry the same error alike, in all machines. `retriers`
 * holds what was seen of each kind so far.
 */
export function tasksOfAKindRetryAlike(machine, { retriers }) {
  return everyState(machine).flatMap((entry) =>
    handlersOf(entry, "Retry").flatMap(({ handler, errors, path }) => {
      const { ErrorEquals, ...how } = handler;
      const found = JSON.stringify(how, Object.keys(how).sort());
      return errors.flatMap((error) => {
        const kind = `${entry.state.Resource ?? entry.state.Type} ${error}`;
        const first = retriers.get(kind);
        if (first === undefined) retriers.set(kind, { found, state: entry.name });
        if (first === undefined || first.found === found) return [];
        const message = `${error} is retried with ${found}, in "${first.state}" with ${first.found}`;
        return [{ path, state: entry.name, message }];
      });
    }),
  );
}
