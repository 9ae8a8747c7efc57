"""Checks, builds and tests everything, then says what passed.

Groups run one after another, even after a failure: the static checks, the tools' own tests, the
build, then every test of the workspace. The last line is `N passed, N failed`; exits with 1 if
anything failed. `make test` first installs what is needed.
"""

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
from xml.etree import ElementTree

import check

ROOT = Path(__file__).resolve().parent.parent
COMMAND_SECONDS_MAX = 3600
NEXTEST = ROOT / ".tools/nextest/bin/cargo-nextest"
# As .config/nextest.toml asks.
NEXTEST_REPORT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "nextest/default/junit.xml"

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
    """Prints which group begins."""
    print(f"\n== {text}", flush=True)


def stream(command: list[str]) -> tuple[int, list[str]]:
    """Runs a command, shows its output as it comes, and returns it."""
    lines = []
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True,
    ) as process:
        # A test that hangs holds the pipe, too: end its whole group.
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


def workspace_tests() -> dict[str, Count]:
    """Runs every Rust test and counts them by package."""
    title("workspace")
    # A report of an earlier run must not count for this one.
    NEXTEST_REPORT.unlink(missing_ok=True)
    code, _ = stream([str(NEXTEST), "nextest", "run", "--locked", "--workspace"])
    if not NEXTEST_REPORT.exists():
        return {"workspace": Count(0, 1, (f"cargo nextest (ended with {code})",))}
    groups: defaultdict[str, Count] = defaultdict(lambda: Count(0, 0))
    for suite in ElementTree.parse(NEXTEST_REPORT).getroot().iter("testsuite"):
        for case in suite.iter("testcase"):
            failed = any(case.find(kind) is not None for kind in ("failure", "error"))
            one = Count(0, 1, (case.get("name", ""),)) if failed else Count(1, 0)
            groups[suite.get("name", "")] = groups[suite.get("name", "")].plus(one)
    if code != 0 and all(count.failed == 0 for count in groups.values()):
        groups["workspace"] = Count(0, 1, (f"cargo nextest (ended with {code})",))
    return dict(groups)


def documentation_tests() -> Count:
    """Runs the examples in the documentation, which nextest does not."""
    title("documentation")
    code, lines = stream(["cargo", "test", "--locked", "--workspace", "--doc"])
    results = [RESULT.match(line) for line in lines]
    passed = sum(int(match[1]) for match in results if match)
    failed = sum(int(match[2]) for match in results if match)
    names = tuple(match[1] for match in map(FAILED_TEST.match, lines) if match)
    return at_least_failed(code, Count(passed, failed, names), "cargo test --doc")


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
    groups["documentation"] = documentation_tests()

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
