// One bad example for every rule; each is made from a machine that is good.

import assert from "node:assert/strict";
import { test } from "node:test";

import { readErrorNames } from "./failures.mjs";
import { problemsOf } from "./lint.mjs";
import { readSubstitutions } from "./substitutions.mjs";

const FILE = "statemachine/example.asl.json";
const ERROR_NAMES = new Set(["WarehouseBusy", "LoadRejected"]);
const TEMPLATE = `
Globals:
  Function:
    Timeout: 60
Resources:
  SubmitFunction:
    Type: AWS::Serverless::Function
  ExampleStateMachine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: statemachine/example.asl.json
      DefinitionSubstitutions:
        Partition: !Ref AWS::Partition
        SubmitFunctionArn: !GetAtt SubmitFunction.Arn
`;

const LIMITED = {
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxDelaySeconds: 60,
  MaxAttempts: 5,
  JitterStrategy: "FULL",
};
const TRANSIENT = [
  "Lambda.ClientExecutionTimeoutException",
  "Lambda.ServiceException",
  "Lambda.AWSLambdaException",
  "Lambda.SdkClientException",
  "States.Timeout",
];
const THROTTLED = "Lambda.TooManyRequestsException";

function goodMachine() {
  return {
    Comment: "Loads each source.",
    QueryLanguage: "JSONata",
    StartAt: "Set run",
    TimeoutSeconds: 3600,
    States: {
      "Set run": {
        Type: "Pass",
        Assign: { runId: "{% $states.input.runId %}", sources: "{% $states.input.sources %}" },
        Next: "Submit",
      },
      Submit: {
        Type: "Task",
        Comment: "Safe to retry: the token is made of run and step.",
        Resource: "arn:${Partition}:states:::lambda:invoke",
        Arguments: { FunctionName: "${SubmitFunctionArn}", Payload: { runId: "{% $runId %}" } },
        Assign: { statement: "{% $states.result.Payload.id %}" },
        Output: "{% $states.result.Payload %}",
        TimeoutSeconds: 80,
        HeartbeatSeconds: 30,
        Retry: [
          { ErrorEquals: [...TRANSIENT, "WarehouseBusy"], ...LIMITED },
          { ErrorEquals: [THROTTLED], ...LIMITED, MaxAttempts: 100 },
        ],
        Catch: [
          {
            ErrorEquals: ["States.ALL"],
            Assign: { failure: "{% $states.errorOutput %}" },
            Next: "Failed",
          },
        ],
        Next: "Stage sources",
      },
      "Stage sources": {
        Type: "Map",
        Items: "{% $sources %}",
        ItemSelector: { source: "{% $states.context.Map.Item.Value %}" },
        MaxConcurrency: 2,
        ItemProcessor: {
          ProcessorConfig: { Mode: "INLINE" },
          StartAt: "Note source",
          States: {
            "Note source": {
              Type: "Pass",
              Assign: { name: "{% $runId & '/' & $states.input.source %}" },
              Next: "Wait for it",
            },
            "Wait for it": { Type: "Wait", Seconds: "{% $length($name) %}", End: true },
          },
        },
        Next: "Anything new?",
      },
      "Anything new?": {
        Type: "Choice",
        Choices: [{ Condition: "{% $count($sources[$ != $runId]) > 0 %}", Next: "Loaded" }],
        Default: "Loaded",
      },
      Loaded: { Type: "Succeed" },
      Failed: { Type: "Fail", Error: "{% $failure.Error %}", Cause: "{% $failure.Cause %}" },
    },
  };
}

async function lint(change = () => {}, template = TEMPLATE) {
  const machine = goodMachine();
  const replaced = change(machine);
  const text = typeof replaced === "string" ? replaced : JSON.stringify(machine, null, 2);
  const substitutions = readSubstitutions("template.yaml", template);
  const context = { errorNames: ERROR_NAMES, substitutions, retriers: new Map() };
  return problemsOf(FILE, text, context);
}

async function finds(change, rule, message, template) {
  const problems = await lint(change, template);
  const found = problems.some((problem) => problem.rule === rule && message.test(problem.message));
  assert.ok(found, `expected ${rule} ${message}, found ${JSON.stringify(problems, null, 2)}`);
}

test("a good machine has no problems", async () => {
  assert.deepEqual(await lint(), []);
});

test("a missing target of Next is found", () =>
  finds((m) => { m.States["Set run"].Next = "Nowhere"; }, "targetsExist", /Next is "Nowhere"/));

test("a missing target of Default is found", () =>
  finds((m) => { m.States["Anything new?"].Default = "Nowhere"; }, "targetsExist", /Default/));

test("a missing target of Choices is found", () =>
  finds((m) => { m.States["Anything new?"].Choices[0].Next = "Nowhere"; }, "targetsExist", /Next/));

test("a missing target of Catch is found", () =>
  finds((m) => { m.States.Submit.Catch[0].Next = "Nowhere"; }, "targetsExist", /Nowhere/));

test("a missing target of StartAt is found", () =>
  finds((m) => { m.StartAt = "Nowhere"; }, "targetsExist", /StartAt/));

test("a target in another scope is found", () =>
  finds((m) => { m.States["Set run"].Next = "Wait for it"; }, "targetsExist", /this scope/));

test("an unreachable state is found", () =>
  finds((m) => { m.States.Alone = { Type: "Succeed" }; }, "statesAreReached", /no state leads/));

test("an unreachable state inside a Map is found", () =>
  finds(
    (m) => { m.States["Stage sources"].ItemProcessor.States.Alone = { Type: "Succeed" }; },
    "statesAreReached", /no state/));

test("States.ALL next to another name is found", () =>
  finds(
    (m) => { m.States.Submit.Catch[0].ErrorEquals.push("LoadRejected"); },
    "allStandsAloneAndLast", /Catch/));

test("States.ALL before another retrier is found", () =>
  finds(
    (m) => { m.States.Submit.Retry.unshift({ ErrorEquals: ["States.ALL"], ...LIMITED }); },
    "allStandsAloneAndLast", /Retry/));

test("an error name that nothing returns is found", () =>
  finds(
    (m) => { m.States.Submit.Retry[0].ErrorEquals.push("WarehouseBussy"); },
    "errorNamesExist", /WarehouseBussy/));

test("an unknown name of AWS's own kind is found", () =>
  finds(
    (m) => { m.States.Submit.Catch[0].ErrorEquals = ["States.Timedout"]; },
    "errorNamesExist", /States.Timedout/));

for (const field of ["MaxAttempts", "MaxDelaySeconds", "JitterStrategy"]) {
  test(`a retry without ${field} is found`, () =>
    finds(
      (m) => { delete m.States.Submit.Retry[0][field]; },
      "retriesAreLimited", new RegExp(field)));
}

test("a retry that never retries needs no delay", async () => {
  const problems = await lint((m) => {
    m.States.Submit.Retry.push({ ErrorEquals: ["LoadRejected"], MaxAttempts: 0 });
  });
  assert.deepEqual(problems, []);
});

test("a Lambda call that does not retry a transient error is found", () =>
  finds(
    (m) => { m.States.Submit.Retry[0].ErrorEquals.shift(); },
    "lambdaCallsRetryTransientErrors", /Lambda.ClientExecutionTimeoutException/));

test("a Lambda call that does not retry its task's timeout is found", () =>
  finds(
    (m) => { m.States.Submit.Retry[0].ErrorEquals = [...TRANSIENT.slice(0, -1)]; },
    "lambdaCallsRetryTransientErrors", /States.Timeout/));

test("a throttled call that gives up soon is found", () =>
  finds(
    (m) => { m.States.Submit.Retry[1].MaxAttempts = 6; },
    "throttledCallsArePatient", /at least 50 attempts/));

test("a throttled call that counts its attempts with other errors is found", () =>
  finds(
    (m) => { m.States.Submit.Retry[1].ErrorEquals.push("LoadRejected"); },
    "throttledCallsArePatient", /its own retry/));

test("two tasks of a kind that retry differently are found", () =>
  finds(
    (m) => {
      const other = structuredClone(m.States.Submit);
      other.Retry[0].MaxAttempts = 6;
      m.States = { ...m.States, Other: other };
      m.States.Submit.Next = "Other";
    },
    "tasksOfAKindRetryAlike", /WarehouseBusy is retried with .* in "Submit" with/));

for (const seconds of [60, 74, 91]) {
  test(`a task of ${seconds} seconds over a function of 60 is found`, () =>
    finds(
      (m) => { m.States.Submit.TimeoutSeconds = seconds; },
      "tasksOutliveTheirFunctions", /must be 75 to 90.* found/));
}

test("a task must outlive its function's own timeout", () =>
  finds(
    () => {}, "tasksOutliveTheirFunctions", /315 to 330/,
    TEMPLATE.replace("SubmitFunction:\n", "SubmitFunction:\n    Properties: {Timeout: 300}\n")));

test("a Lambda call without any retry is found", () =>
  finds((m) => { delete m.States.Submit.Retry; }, "lambdaCallsRetryTransientErrors", /TooMany/));

test("a task without a timeout is found", () =>
  finds((m) => { delete m.States.Submit.TimeoutSeconds; }, "timeIsLimited", /a Task has no TimeoutSeconds/));

test("a machine without a timeout is found", () =>
  finds((m) => { delete m.TimeoutSeconds; }, "timeIsLimited", /the machine/));

test("a resource of one partition only is found", () =>
  finds(
    (m) => { m.States.Submit.Resource = "arn:aws:states:::lambda:invoke"; },
    "resourcesNameNoPartition", /found arn:aws:states/));

test("a heartbeat over the timeout is found", () =>
  finds((m) => { m.States.Submit.HeartbeatSeconds = 80; }, "heartbeatsAreShorter", /80/));

test("fields out of order are found", () =>
  finds(
    (m) => {
      const { Type, Comment, ...rest } = m.States.Submit;
      m.States.Submit = { Comment, Type, ...rest };
    },
    "fieldsAreInOrder", /Type must come before Comment/));

test("an expression of many lines is found", () =>
  finds(
    (m) => { m.States.Submit.Output = "{% $states.result\n.Payload %}"; },
    "expressionsAreOneLine", /more than one line/));

test("a variable that nothing assigns is found", () =>
  finds(
    (m) => { m.States.Submit.Arguments.Payload.runId = "{% $rumId %}"; },
    "variablesAreAssigned", /\$rumId is read here, but nothing/));

test("a variable that the same state assigns is found", () =>
  finds(
    (m) => { m.States.Submit.Arguments.Payload.id = "{% $statement %}"; },
    "variablesAreAssigned", /\$statement/));

test("a variable that only another way assigns is found", () =>
  finds(
    (m) => { m.States.Failed.Cause = "{% $statement %}"; },
    "variablesAreAssigned", /\$statement is read here, but nothing/));

test("a variable that only some ways assign is found", () =>
  finds(
    (m) => {
      m.States["Anything new?"].Choices[0].Assign = { news: "{% 1 %}" };
      m.States["Anything new?"].Choices[0].Next = "Say";
      m.States["Anything new?"].Default = "Say";
      m.States.Say = { Type: "Pass", Output: "{% $news %}", Next: "Loaded" };
    },
    "variablesAreAssigned", /only some paths/));

test("$exists guards a variable that only some ways assign", async () => {
  const problems = await lint((m) => {
    m.States["Anything new?"].Choices[0].Assign = { news: "{% 1 %}" };
    m.States["Anything new?"].Choices[0].Next = "Say";
    m.States["Anything new?"].Default = "Say";
    m.States.Say = { Type: "Pass", Output: "{% $exists($news) ? $news : 0 %}", Next: "Loaded" };
  });
  assert.deepEqual(problems, []);
});

test("a variable of an inner scope read outside is found", () =>
  finds(
    (m) => { m.States["Anything new?"].Choices[0].Condition = "{% $name = 'x' %}"; },
    "variablesAreAssigned", /\$name/));

test("an outer variable read in a distributed Map is found", () =>
  finds(
    (m) => {
      m.States["Stage sources"].ItemProcessor.ProcessorConfig = {
        Mode: "DISTRIBUTED",
        ExecutionType: "STANDARD",
      };
    },
    "variablesAreAssigned", /\$runId/));

test("an outer variable assigned in an inner scope is found", () =>
  finds(
    (m) => {
      m.States["Stage sources"].ItemProcessor.States["Note source"].Assign.runId = "{% 1 %}";
    },
    "variablesAreAssigned", /belongs to an outer scope/));

test("names that an expression binds itself are known", async () => {
  const problems = await lint((m) => {
    m.States["Anything new?"].Choices[0].Condition =
      "{% ($all := $sources; $count($filter($all, function($one, $at) { $one != $at })) > 0) %}";
  });
  assert.deepEqual(problems, []);
});

test("a number from the template may be part of an expression", async () => {
  const template = TEMPLATE.replace("Substitutions:\n", "Substitutions:\n        Most: !Ref Most\n");
  const change = (m) => {
    m.States["Anything new?"].Choices[0].Condition = "{% $count($sources) > ${Most} %}";
  };
  assert.deepEqual(await lint(change, template), []);
});

test("$eval, which Step Functions does not support, is found", () =>
  finds(
    (m) => { m.States.Submit.Output = "{% $eval($runId) %}"; },
    "variablesAreAssigned", /\$eval/));

test("text that is not JSONata is found", () =>
  finds(
    (m) => { m.States.Submit.Output = "{% $runId + %}"; },
    "variablesAreAssigned", /not JSONata/));

test("$states.result before the work is found", () =>
  finds(
    (m) => { m.States.Submit.Arguments.Payload.id = "{% $states.result.id %}"; },
    "statesMembersExist", /\$states.result/));

test("$states.errorOutput outside a Catch is found", () =>
  finds(
    (m) => { m.States.Failed.Cause = "{% $states.errorOutput.Cause %}"; },
    "statesMembersExist", /errorOutput/));

test("an unknown member of $states is found", () =>
  finds(
    (m) => { m.States["Set run"].Assign.runId = "{% $states.inptu.runId %}"; },
    "statesMembersExist", /\$states.inptu/));

test("a substitution that the template does not give is found", () =>
  finds(
    (m) => { m.States.Submit.Arguments.FunctionName = "${SubmitArn}"; },
    "substitutionsAreGiven", /\$\{SubmitArn\} is not among/));

test("a substitution that the definition does not use is found", () =>
  finds(
    (m) => { m.States.Submit.Arguments.FunctionName = "submit"; },
    "substitutionsAreGiven", /defines SubmitFunctionArn/));

test("a machine that the template does not know is found", () =>
  finds(() => {}, "substitutionsAreGiven", /no state machine/, "Resources: {}"));

test("the same state twice is found with its line", async () => {
  const problems = await lint(() => '{\n"States": {\n"A": {},\n"A": {}\n}}');
  assert.equal(problems.length, 1);
  assert.match(problems[0].message, /unique/);
  assert.equal(problems[0].line, 4);
});

test("an unknown field is found by the validators", async () => {
  const problems = await lint((m) => { m.States.Submit.Timeout = 3; });
  assert.ok(problems.some(({ rule }) => rule === "asl-validator" || rule === "editor"));
});

test("a problem names its line", async () => {
  const [problem] = await lint((m) => { m.States.Failed.Cause = "{% $nothing %}"; });
  const lines = JSON.stringify(goodMachine(), null, 2).split("\n");
  assert.equal(problem.line, lines.findIndex((text) => text.includes('"Cause"')) + 1);
});

test("error names are read from the contract crate", () => {
  const names = readErrorNames(new URL("../../crates/contract/src/errors.rs", import.meta.url));
  assert.ok(names.has("WarehouseBusy") && names.has("LoadRejected"), [...names].join(", "));
});
