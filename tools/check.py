"""Runs every static check of the project: prints one line each, and the whole output of a failure.

Exits with 1 if a check fails. `make check` first installs what the checks need.
"""

import concurrent.futures
import configparser
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
CHECKS_AT_ONCE_MAX = 2
CHECK_SECONDS_MAX = 2400
# SAM needs a region even if nothing is deployed.
REGION = "us-east-1"


class Check(NamedTuple):
    """A name, what it checks, and the commands that must all succeed."""

    name: str
    what: str
    commands: list[list[str]]


class Outcome(NamedTuple):
    """The outcome of a check."""

    check: Check
    passed: bool
    output: str
    seconds: float


def found(pattern: str) -> list[str]:
    """The project's files of a pattern, as paths from its root."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(pattern))


def checks() -> list[Check]:
    """All checks, the slowest first."""
    templates = [name for name in ("template.yaml", "warehouse.yaml") if (ROOT / name).exists()]
    machines = found("statemachine/*.asl.json")
    statements = found("sql/**/*.sql")
    sqlfluff = [str(TOOLS / "lint/bin/sqlfluff"), "lint", "--disable-progress-bar"]
    sam = [str(TOOLS / "sam/bin/sam"), "validate", "--lint", "--region", REGION, "--template"]
    # A merge is written more compactly than the linter's indentation allows, and it cannot tell
    # how a list of columns is indented that a template writes.
    compact = found("sql/publish/*.sql") + found("sql/check/1*.sql")
    others = [name for name in statements if name not in compact]
    return [
        Check(
            "clippy",
            "every target of the workspace, warnings are errors",
            [["cargo", "clippy", "--locked", "--quiet", "--workspace", "--all-targets", "--",
              "-D", "warnings"]],
        ),
        Check("format", "every Rust file", [["cargo", "fmt", "--all", "--check"]]),
        Check(
            "sql",
            f"{len(statements)} files",
            [
                [*sqlfluff, *others],
                [*sqlfluff, "--exclude-rules", f"{excluded_rules()},LT02", *compact],
                [sys.executable, "tools/sql/lint.py", *statements],
            ],
        ),
        Check("sam", "template.yaml", [[*sam, "template.yaml"]]),
        Check("cfn-lint", ", ".join(templates), [[str(TOOLS / "sam/bin/cfn-lint"), *templates]]),
        Check(
            "security",
            ", ".join(templates),
            [
                [str(TOOLS / "checkov/bin/checkov"), "--config-file", ".checkov.yaml",
                 *(word for name in templates for word in ("--file", name))],
                [str(TOOLS / "checkov/bin/python"), "tools/policies.py", *templates],
            ],
        ),
        Check("schema", "docs/schema.md", [[sys.executable, "tools/schema.py", "--check"]]),
        Check(
            "state machines",
            f"{len(machines)} definitions",
            [["node", "tools/asl/lint.mjs", "template.yaml", "crates/contract/src/errors.rs",
              *machines]],
        ),
    ]


def excluded_rules() -> str:
    """The rules that the SQL linter's settings exclude, which the command line would override."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / ".sqlfluff", encoding="utf-8")
    return settings["sqlfluff"]["exclude_rules"].replace(" ", "")


def run(check: Check) -> Outcome:
    """Runs one check: all its commands, even if the first one fails."""
    started = time.monotonic()
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    passed, output = True, ""
    for command in check.commands:
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=CHECK_SECONDS_MAX,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            passed = False
            output += f"{error}\nhint: `make check` installs what is missing\n"
            continue
        if done.returncode != 0:
            passed, output = False, output + done.stdout
    return Outcome(check, passed, output, time.monotonic() - started)


def run_all() -> list[Outcome]:
    """Runs all checks, prints the outcome of each as it ends, and returns the outcomes."""
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(CHECKS_AT_ONCE_MAX) as pool:
        for future in concurrent.futures.as_completed(pool.submit(run, one) for one in checks()):
            outcome = future.result()
            outcomes.append(outcome)
            verdict = "good" if outcome.passed else "BAD "
            name, what = outcome.check.name, outcome.check.what
            print(f"{verdict}  {name:<15} {what} ({outcome.seconds:.1f} s)", flush=True)
            if not outcome.passed:
                print(outcome.output.rstrip(), flush=True)
    return outcomes


if __name__ == "__main__":
    sys.exit(0 if all(outcome.passed for outcome in run_all()) else 1)
