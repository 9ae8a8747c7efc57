"""Starts ministack without its fixed waits, and with a listing that is fast for large buckets.

ministack sorts every key of a bucket for every page of a thousand: a second each at 400,000 keys,
and a listing reads 400 pages, several at once. Here the order is kept as long as the keys
are the same. The pages are unchanged.

ministack also pauses where AWS does not: before each execution, and after each invocation for log
lines that have already arrived. A run of ten executions and ten invocations was idle most of its
time.

The conditions of a template support more functions here: ministack only reads parameters in them.

Histories have the events here by which people see how far a run is: those of a Map's iterations, and
the one that names the execution which a task waits for. ministack leaves them out.
"""

import functools
import json
import socketserver
import threading
import time
import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from types import SimpleNamespace

from ministack.app import main
from ministack.core import lambda_runtime
from ministack.services import s3, stepfunctions
from ministack.services.cloudformation import changesets, engine, handlers, stacks

Page = tuple[list[str], list[str], bool, str]
# Greater than anything that may follow a folder's name.
LAST = "\U0010ffff"
# How long ministack sleeps before it walks through an execution.
EXECUTION_PAUSE_SECONDS = 0.15
# How long an invocation waits for its first log line; a line that comes later is still kept.
LOG_LINE_SECONDS = 0.005
# Of a Map with many iterations, so many are under way at once: this one process serves the objects that
# all of them read, so more of them are no faster, and all would end at the same time.
ITERATIONS_MANY = 4
ITERATIONS_AT_ONCE = 2
# The functions with which a condition may split a value.
VALUE_FUNCTIONS = ("Fn::FindInMap", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::Sub")
evaluate_conditions = engine._evaluate_conditions  # noqa: SLF001 (kept before it is replaced)


class Order:
    """The keys of a bucket, in order."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.known: frozenset[str] = frozenset()

    def of(self, objects: dict, begins: bool) -> list[str]:
        """Sorts them again only if they have changed.

        Comparing them takes as long as there are keys, so a listing that goes from page to page
        does it once, where it begins; later pages notice only that there are more or fewer. S3
        promises a listing in progress no more than that.
        """
        if len(self.known) != len(objects) or (begins and self.known != objects.keys()):
            self.known = frozenset(objects)
            self.keys = sorted(objects)
        return self.keys


# By the identity of a bucket's objects; another bucket with the same one has other keys.
orders: dict[int, Order] = {}


def rows(keys: list[str], prefix: str, delimiter: str, marker: str) -> Iterator[tuple[str, bool]]:
    """The listing after the marker: keys, and folders in place of everything below them."""
    at = max(bisect_left(keys, prefix), bisect_right(keys, marker))
    while at < len(keys) and keys[at].startswith(prefix):
        key = keys[at]
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            yield key, False
            at += 1
            continue
        folder = key[: end + len(delimiter)]
        # If a page ended with a folder, that is the marker: everything below it has been listed.
        if folder > marker:
            yield folder, True
        at = bisect_right(keys, folder + LAST)


def page(objects: dict, prefix: str, delimiter: str, rows_max: int, marker: str) -> Page:
    """Keys, folders, whether there is more, and the marker of the next page."""
    keys = orders.setdefault(id(objects), Order()).of(objects, begins=not marker)
    contents: list[str] = []
    folders: list[str] = []
    last = ""
    for row, is_folder in rows(keys, prefix, delimiter, marker):
        if not is_folder and row not in objects:
            continue
        if len(contents) + len(folders) == rows_max:
            return contents, folders, True, last
        (folders if is_folder else contents).append(row)
        last = row
    return contents, folders, False, last


def sleep(seconds: float) -> None:
    """Sleeps, except for the pause before an execution."""
    if seconds != EXECUTION_PAUSE_SECONDS:
        time.sleep(seconds)


def remove_pauses() -> None:
    """Lets executions begin and invocations end at once."""
    stepfunctions.time = SimpleNamespace(**vars(time) | {"sleep": sleep})
    worker = lambda_runtime.ProvidedWorker
    worker._drain_stderr_bounded = functools.partialmethod(  # noqa: SLF001
        worker._drain_stderr_bounded, first_line_wait=LOG_LINE_SECONDS  # noqa: SLF001
    )
    # The Runtime API's answers are two segments: the second would wait for a delayed
    # acknowledgement of the first, 40 ms each time.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def read_values(node: object, template: dict, parameters: dict) -> object:
    """A condition with values in the place of the functions that they are computed by."""
    if isinstance(node, list):
        return [read_values(one, template, parameters) for one in node]
    if not isinstance(node, dict) or not node:
        return node
    (name, argument), *_ = node.items()
    if name in VALUE_FUNCTIONS or (name == "Ref" and str(argument).startswith("AWS::")):
        mappings = template.get("Mappings", {})
        return engine._resolve_refs(  # noqa: SLF001
            node, {}, parameters, {}, mappings, "", ""
        )
    return {key: read_values(value, template, parameters) for key, value in node.items()}


def conditions(template: dict, parameters: dict) -> dict:
    """Which conditions of a template hold, in the form of ministack's `_evaluate_conditions`."""
    read = read_values(template.get("Conditions", {}), template, parameters)
    return evaluate_conditions(template | {"Conditions": read}, parameters)


def read_conditions() -> None:
    """Lets conditions use what CloudFormation lets them use."""
    for module in (changesets, engine, handlers, stacks):
        module._evaluate_conditions = conditions  # noqa: SLF001


def in_order(execution: dict, kind: str, details: dict | None = None) -> dict:
    """Adds an event; iterations of a Map add theirs at the same time."""
    with event_lock:
        return add_event(execution, kind, details)


def iteration(states: dict, start: str, given: object, execution: dict, ctx: dict) -> object:
    """Walks through one iteration of a Map, or one branch, and says so in the history if it is one."""
    item = ctx.get("Map", {}).get("Item")
    if item is None:
        return run_sub_machine(states, start, given, execution, ctx)
    details = {"name": ctx["State"]["Name"], "index": item["Index"]}

    def add(what: str) -> None:
        in_order(execution, f"MapIteration{what}", {f"mapIteration{what}EventDetails": details})

    add("Started")
    try:
        result = run_sub_machine(states, start, given, execution, ctx)
    except Exception:
        add("Failed")
        raise
    add("Succeeded")
    return result


def map_items(state: dict, raw_input: object, execution: dict, ctx: dict) -> tuple:
    """Walks through a Map, and says in the history how many items it has."""
    items = stepfunctions._jsonata_state_field(state, "Items", "array", raw_input, ctx)  # noqa: SLF001
    if len(items) > ITERATIONS_MANY:
        state = state | {"MaxConcurrency": ITERATIONS_AT_ONCE}
    in_order(
        execution, "MapStateStarted", {"mapStateStartedEventDetails": {"length": len(items)}}
    )
    try:
        result = run_map_items(state, raw_input, execution, ctx)
    except Exception:
        in_order(execution, "MapStateFailed")
        raise
    in_order(execution, "MapStateSucceeded")
    return result


def nested_request(given: dict) -> dict:
    """The request that starts an execution for a task, which the history of its parent then names."""
    request = nested_start_execution_request(given)
    request.setdefault("name", str(uuid.uuid4()))
    arn = request["stateMachineArn"].replace(":stateMachine:", ":execution:")
    parent = json.loads(request["input"]).get("AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID")
    execution = stepfunctions._executions.get(parent) if parent else None  # noqa: SLF001
    if execution:
        output = json.dumps({"ExecutionArn": f"{arn}:{request['name']}"})
        details = {"resourceType": "states", "resource": "startExecution.sync:2", "output": output}
        in_order(execution, "TaskSubmitted", {"taskSubmittedEventDetails": details})
    return request


event_lock = threading.Lock()
# Kept before they are replaced.
add_event = stepfunctions._add_event  # noqa: SLF001
run_sub_machine = stepfunctions._run_sub_machine  # noqa: SLF001
run_map_items = stepfunctions._run_map_items  # noqa: SLF001
nested_start_execution_request = stepfunctions._nested_start_execution_request  # noqa: SLF001


def write_histories() -> None:
    """Puts into histories what AWS puts there."""
    stepfunctions._add_event = in_order  # noqa: SLF001
    stepfunctions._run_sub_machine = iteration  # noqa: SLF001
    stepfunctions._run_map_items = map_items  # noqa: SLF001
    stepfunctions._nested_start_execution_request = nested_request  # noqa: SLF001


if __name__ == "__main__":
    remove_pauses()
    read_conditions()
    write_histories()
    s3._collect_list_entries = page  # noqa: SLF001 (the one place where a page is made)
    main()
