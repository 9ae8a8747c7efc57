// Checks state machines: `node tools/asl/lint.mjs TEMPLATE ERROR_NAMES MACHINE...`.
// Prints one line per problem (file:line, state, what is wrong) and exits with 1 if there is any.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import * as failures from "./failures.mjs";
import * as flow from "./flow.mjs";
import { parseMachine } from "./machine.mjs";
import * as shape from "./shape.mjs";
import {
  readSubstitutions,
  substitutionsAreGiven,
  tasksOutliveTheirFunctions,
} from "./substitutions.mjs";
import { editorProblems, schemaProblems } from "./validators.mjs";
import * as variables from "./variables.mjs";

const RULES = [
  flow.targetsExist,
  flow.statesAreReached,
  failures.allStandsAloneAndLast,
  failures.errorNamesExist,
  failures.retriesAreLimited,
  failures.lambdaCallsRetryTransientErrors,
  failures.throttledCallsArePatient,
  failures.tasksOfAKindRetryAlike,
  shape.timeIsLimited,
  shape.resourcesNameNoPartition,
  shape.heartbeatsAreShorter,
  shape.fieldsAreInOrder,
  shape.expressionsAreOneLine,
  variables.variablesAreAssigned,
  variables.statesMembersExist,
  substitutionsAreGiven,
  tasksOutliveTheirFunctions,
];

/** All problems of a machine, in the order of its lines. */
export async function problemsOf(file, text, context) {
  const machine = parseMachine(file, text);
  if (machine.syntax.length > 0) return machine.syntax;
  const ours = RULES.flatMap((rule) =>
    rule(machine, context).map((problem) => ({ rule: rule.name, ...problem })),
  );
  const theirs = [
    ...schemaProblems(machine).map((problem) => ({ rule: "asl-validator", ...problem })),
    ...(await editorProblems(machine)).map((problem) => ({ rule: "editor", ...problem })),
  ];
  return [...theirs, ...ours]
    .map((problem) => ({ ...problem, line: problem.line ?? machine.lineOf(problem.path) }))
    .sort((left, right) => left.line - right.line);
}

async function main([templateFile, errorNamesFile, ...files]) {
  if (files.length === 0) {
    console.error("usage: lint.mjs TEMPLATE ERROR_NAMES MACHINE...");
    return 2;
  }
  const context = {
    substitutions: readSubstitutions(templateFile, readFileSync(templateFile, "utf8")),
    errorNames: failures.readErrorNames(errorNamesFile),
    retriers: new Map(),
  };
  let count = 0;
  for (const file of files) {
    const problems = await problemsOf(file, readFileSync(file, "utf8"), context);
    for (const { line, state, rule, message } of problems) {
      console.log(`${file}:${line}: ${state ? `"${state}": ` : ""}${message} [${rule}]`);
      count += 1;
    }
  }
  return count > 0 ? 1 : 0;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(process.argv.slice(2));
}
