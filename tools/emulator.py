"""Starts ministack without its fixed waits, and with a listing that is fast for large buckets.

ministack sorts every key of a bucket for every page of a thousand: a second each at 400,000 keys,
and a listing reads 400 pages, several at once. Here the order is kept as long as the keys
are the same. The pages are unchanged.

ministack also pauses where AWS does not: before each execution, and after each invocation for log
lines that have already arrived. A run of ten executions and ten invocations was idle most of its
time.

The conditions of a template support more functions here: ministack only reads parameters in them.
"""

import functools
import socketserver
import time
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


if __name__ == "__main__":
    remove_pauses()
    read_conditions()
    s3._collect_list_entries = page  # noqa: SLF001 (the one place where a page is made)
    main()
