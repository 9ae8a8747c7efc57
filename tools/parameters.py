"""Converts parameters as people type them to what SAM reads: `parameters.py TEMPLATE [TEXT ...]`.

A text is `NAME=value NAME=value …`. A value extends to the next NAME=, so it may contain blanks;
quotes around it are removed; it may be empty. Prints a JSON object; exits with 2 for a parameter that
the template does not have.
"""

import json
import re
import sys
from pathlib import Path

ASSIGNED = re.compile(r"(?:^|(?<=\s))([A-Za-z][A-Za-z0-9]*)=")
DECLARED = re.compile(r"^  (\w+):$", re.MULTILINE)


class ParameterError(Exception):
    """What was expected, what was found."""


def declared(template: str) -> list[str]:
    """The names of the template's parameters."""
    section = template.partition("\nParameters:\n")[2]
    return DECLARED.findall(re.split(r"^\S", section, maxsplit=1, flags=re.MULTILINE)[0])


def parameters(text: str, known: list[str]) -> list[tuple[str, str]]:
    """Name and value of each assignment of the text."""
    starts = list(ASSIGNED.finditer(text))
    before = text[: starts[0].start()] if starts else text
    if before.strip():
        raise ParameterError(f"expected NAME=value, found {before.strip()}")
    found: list[tuple[str, str]] = []
    for start, following in zip(starts, [*starts[1:], None]):
        name = start[1]
        if name not in known:
            raise ParameterError(
                f"expected a parameter of the template, found {name}\n"
                f"hint: the template has {', '.join(known)}"
            )
        end = following.start() if following else len(text)
        found.append((name, unquoted(text[start.end() : end])))
    return found


def unquoted(value: str) -> str:
    """The value without blanks and quotes around it."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def main(template: str, *texts: str) -> int:
    """Prints the parameters of all texts as one object."""
    known = declared(Path(template).read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    try:
        for text in texts:
            for name, value in parameters(text, known):
                if name in found:
                    raise ParameterError(f"expected {name} once, found it twice")
                found[name] = value
    except ParameterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
