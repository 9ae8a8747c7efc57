"""Compares the policies of the templates with IAM's own list of actions.

For every statement that allows something: each action exists and is written out, and `*` is used as
its resource only if IAM has no resource for the action. Statements of resources' own policies
(with a Principal) are skipped: there "*" is the resource. Usage: policies.py TEMPLATE ...
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ANYTHING = "*"


def statements(node: object) -> Iterator[dict]:
    """All statements below a node of a template, inside any functions."""
    if isinstance(node, dict):
        if "Effect" in node and "Action" in node:
            yield node
        for inner in node.values():
            yield from statements(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from statements(inner)


def listed(value: object) -> list:
    """One or several, as a list."""
    return value if isinstance(value, list) else [value]


def faults(template: object, resources_of: Callable[[str], set[str] | None]) -> list[str]:
    """The faults. `resources_of` returns the forms of resources of an action, none if unknown."""
    found = []
    for statement in statements(template):
        if "Principal" in statement or statement["Effect"] != "Allow":
            continue
        name = statement.get("Sid")
        if name is None:
            found.append(f"a statement has no Sid: {statement['Action']}")
        for action in listed(statement["Action"]):
            resources = resources_of(action)
            if ANYTHING in action:
                found.append(f"{name}: {action} must be written out")
            elif resources is None:
                found.append(f"{name}: IAM knows no action {action}")
            elif ANYTHING in listed(statement.get("Resource")) and resources - {ANYTHING}:
                forms = ", ".join(sorted(resources - {ANYTHING}))
                found.append(f"{name}: {action} can be narrowed to {forms}")
    return found


def known_resources(action: str) -> set[str] | None:
    """The forms of resources that IAM lists for an action, by the linter's copy of that list."""
    from policy_sentry.querying.actions import get_action_data

    service, _, name = action.partition(":")
    data = get_action_data(service, name)
    return {row["resource_arn_format"] for row in data[service]} if data else None


def load(path: str) -> object:
    """A template, with short functions as mappings."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Knows `!Ref` and the like."""

    def function(loader: yaml.Loader, name: str, node: yaml.Node) -> dict:
        if isinstance(node, yaml.ScalarNode):
            return {name: loader.construct_scalar(node)}
        if isinstance(node, yaml.SequenceNode):
            return {name: loader.construct_sequence(node, deep=True)}
        return {name: loader.construct_mapping(node, deep=True)}

    Loader.add_multi_constructor("!", function)
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader)  # noqa: S506, a SafeLoader


def main() -> int:
    """Checks the named templates."""
    bad = [f"{path}: {fault}" for path in sys.argv[1:]
           for fault in faults(load(path), known_resources)]
    for fault in bad:
        print(fault)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
