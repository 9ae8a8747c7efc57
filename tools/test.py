"""Checks, builds and tests everything, then says in plain words what passed.

Groups run one after another, also after a failure: the static checks, the tools' own tests, the
build, then every test of the workspace. The last line is `N passed, N failed`; ends with 1 when
anything failed. `make test` installs first what is needed.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import check

ROOT = Path(__file__).resolve().parent.parent
COMMAND_SECONDS_MAX = 3600

RUNNING = re.compile(r"^\s+Running .*\((\S+)\)$")
DOCUMENTATION = re.compile(r"^\s+Doc-tests (\S+)$")
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
FAILED_TEST = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. FAILED$")


class Count(NamedTuple):
    """How many tests of a group passed and failed, and the names of those that failed."""

    passed: int
    failed: int
    names: tuple[str, ...] = ()

    def plus(self, other: "Count") -> "Count":
        """Both together."""
        return Count(
            self.passed + other.passed, self.failed + other.failed, self.names + other.names
        )


def title(text: str) -> None:
    """Says which group begins."""
    print(f"\n== {text}", flush=True)


def stream(command: list[str]) -> tuple[int, list[str]]:
    """Runs a command, shows what it says while it says it, and gives that back."""
    lines = []
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True,
    ) as process:
        # A test that hangs holds the pipe too: its whole group is ended.
        limit = threading.Timer(COMMAND_SECONDS_MAX, os.killpg, (process.pid, signal.SIGKILL))
        limit.start()
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
        limit.cancel()
    return process.returncode, lines


def at_least_failed(code: int, count: Count, name: str) -> Count:
    """A command that failed without naming a failed test counts as one."""
    if code != 0 and count.failed == 0:
        return count.plus(Count(0, 1, (f"{name} (ended with {code})",)))
    return count


def static_checks() -> Count:
    """Runs the checks of `make check`, each a test."""
    title("static checks")
    outcomes = check.run_all()
    bad = tuple(outcome.check.name for outcome in outcomes if not outcome.passed)
    return Count(len(outcomes) - len(bad), len(bad), bad)


def state_machine_rules() -> Count:
    """Runs the tests of the state machines' rules with node's own runner."""
    title("rules for state machines")
    files = sorted(str(path) for path in (ROOT / "tools/asl").glob("*.test.mjs"))
    code, lines = stream(["node", "--test", "--test-reporter=tap", *files])
    numbers = {
        word: int(number)
        for word, number in re.findall(r"^# (pass|fail) (\d+)$", "\n".join(lines), re.MULTILINE)
    }
    names = tuple(re.findall(r"^\s*not ok \d+ - (.*)$", "\n".join(lines), re.MULTILINE))
    count = Count(numbers.get("pass", 0), numbers.get("fail", 0), names)
    return at_least_failed(code, count, "node --test")


def python_rules() -> Count:
    """Runs the tests of the rules that are written in Python."""
    title("rules for SQL and functions")
    command = [sys.executable, "-m", "unittest", "discover", "--start-directory"]
    total = Count(0, 0)
    for folder in sorted({path.parent for path in (ROOT / "tools").rglob("*_test.py")}):
        code, lines = stream([*command, str(folder), "--pattern", "*_test.py"])
        text = "\n".join(lines)
        ran = sum(int(number) for number in re.findall(r"^Ran (\d+) tests?", text, re.MULTILINE))
        names = tuple(re.findall(r"^(?:FAIL|ERROR): (.*)$", text, re.MULTILINE))
        count = Count(max(ran - len(names), 0), len(names), names)
        total = total.plus(at_least_failed(code, count, f"unittest {folder.name}"))
    return total


def build() -> Count:
    """Builds what people use; the tests of the whole product drive exactly that."""
    title("build")
    code, _ = stream(["make", "build"])
    return Count(1, 0) if code == 0 else Count(0, 1, ("make build",))


def test_programs() -> dict[str, str]:
    """The package of each test program of the workspace, by the program's file name."""
    command = ["cargo", "test", "--locked", "--workspace", "--no-run", "--message-format=json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    programs = {}
    for line in done.stdout.splitlines():
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("executable"):
            # Of `path+file:///…/crates/contract#segue-contract@0.1.0` the package's folder.
            folder = message["package_id"].partition("#")[0].partition("://")[2]
            name = os.path.relpath(folder, ROOT)
            programs[Path(message["executable"]).name] = "segue" if name == "." else name
    return programs


def workspace_tests() -> dict[str, Count]:
    """Runs every Rust test and counts them by package."""
    title("workspace")
    programs = test_programs()
    command = ["cargo", "test", "--locked", "--workspace", "--no-fail-fast"]
    code, lines = stream(command)
    groups: defaultdict[str, Count] = defaultdict(lambda: Count(0, 0))
    group = "workspace"
    names: list[str] = []
    for line in lines:
        if match := RUNNING.match(line):
            program = Path(match[1]).name
            group, names = programs.get(program, program.rpartition("-")[0]), []
        elif match := DOCUMENTATION.match(line):
            group, names = f"documentation of {match[1]}", []
        elif match := FAILED_TEST.match(line):
            names.append(match[1])
        elif match := RESULT.match(line):
            passed, failed, _ = (int(number) for number in match.groups())
            groups[group] = groups[group].plus(Count(passed, failed, tuple(names)))
    failed = sum(count.failed for count in groups.values())
    if code != 0 and failed == 0:
        groups["workspace"] = Count(0, 1, (f"cargo test (ended with {code})",))
    return dict(groups)


def main() -> int:
    """Runs all groups and sums up."""
    started = time.monotonic()
    groups = {
        "static checks": static_checks(),
        "rules for state machines": state_machine_rules(),
        "rules for SQL and functions": python_rules(),
        "build": build(),
    }
    groups |= workspace_tests()

    title(f"summary, after {(time.monotonic() - started) / 60:.1f} min")
    total = Count(0, 0)
    for name, count in groups.items():
        total = total.plus(count)
        if count.passed + count.failed > 0:
            verdict = "good" if count.failed == 0 else "BAD "
            print(f"{verdict}  {name:<40} {count.passed} passed, {count.failed} failed")
        for failed in count.names:
            print(f"        failed: {failed}")
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 0 if total.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
