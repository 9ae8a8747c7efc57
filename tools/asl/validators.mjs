// The two public validators of the language, which run first; our own rules find what both miss.

import { createRequire } from "node:module";

import { substituted } from "./machine.mjs";

const require = createRequire(new URL("../../.tools/node/package.json", import.meta.url));
const validate = require("asl-validator");
const { getLanguageService, TextDocument } = require("amazon-states-language-service");

/** What `asl-validator` finds: the schema, transitions, JSONata and fields that exclude others. */
export function schemaProblems(machine) {
  // A copy, because the validator writes defaults into its argument, with substitutions filled in,
  // because it does not accept them in an ARN or an expression.
  const text = JSON.stringify(machine.definition)
    .replaceAll("${Partition}", "aws")
    .replaceAll(/\{%.*?%\}/g, substituted);
  const definition = JSON.parse(text);
  const { isValid, errors } = validate(definition);
  if (isValid) return [];
  return errors.map((error) => ({
    line: 1,
    message: [error.path ?? error.instancePath, error.schemaError?.message ?? error.message]
      .concat(error["Error code"] ?? [])
      .filter(Boolean)
      .join(": "),
  }));
}

/** What AWS's own language service finds, as an editor would underline it. */
export async function editorProblems(machine) {
  const service = getLanguageService({});
  const document = TextDocument.create(machine.file, "asl", 1, machine.text);
  const found = await service.doValidation(document, service.parseJSONDocument(document));
  return found.map(({ range, message }) => ({ line: range.start.line + 1, message }));
}
