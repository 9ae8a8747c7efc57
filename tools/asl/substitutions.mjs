// Rules that hold a machine and the template together: `${Name}` is given, what is given is used.

import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";

const require = createRequire(new URL("../../.tools/node/package.json", import.meta.url));
const { parse } = require("yaml");

/** The `DefinitionSubstitutions` of a template's machines, by the definition's full path. */
export function readSubstitutions(templateFile, text) {
  // CloudFormation's short tags (`!GetAtt`) are unknown to YAML and do not matter here.
  const template = parse(text, { logLevel: "silent" });
  const machines = Object.entries(template.Resources ?? {}).filter(
    ([, resource]) => resource.Type === "AWS::Serverless::StateMachine",
  );
  return new Map(
    machines.map(([resource, { Properties }]) => [
      resolve(dirname(templateFile), Properties.DefinitionUri ?? ""),
      { resource, names: new Set(Object.keys(Properties.DefinitionSubstitutions ?? {})) },
    ]),
  );
}

/** What the definition asks for and what the template gives are the same names. */
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
      message: `${given.resource} gives ${name}, which the definition does not use`,
    })),
  ];
}

function lineWith(text, part) {
  return text.slice(0, text.indexOf(part)).split("\n").length;
}
