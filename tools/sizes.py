"""Prints the size of each function: bytes of its zip, configured memory, peak memory.

Looks at what `make build PROFILE=release` has left in .aws-sam/local, and at the functions of the
running local stack, which must have loaded something: the kernel knows the peak of each.
Exits with 1 if a zip is too large. Usage: sizes.py [TEMPLATE BUILD]
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
# The largest zip of a function: a smaller one starts faster.
ZIP_BYTES_MAX = 4_500_000
FUNCTION = re.compile(r"^  (\w+Function):$", re.MULTILINE)
MEMORY = re.compile(r"^ {4,6}MemorySize: (\d+)$", re.MULTILINE)
# The emulator calls a function <stack>-<resource>-<suffix>.
RESOURCE = re.compile(r"-(\w+Function)\b")


class Size(NamedTuple):
    """One function; memory that is not known is 0."""

    name: str
    zip_bytes: int
    configured_mb: int
    used_kb: int


def configured(template: str) -> dict[str, int]:
    """The memory of each function: its own, or else that of all."""
    resources = template.partition("\nResources:\n")[2].partition("\nOutputs:\n")[0]
    shared = MEMORY.search(template.partition("\nResources:\n")[0])
    if shared is None:
        raise ValueError("expected MemorySize in Globals of the template, found none")
    memory = {}
    starts = list(FUNCTION.finditer(resources))
    for start in starts:
        following = re.search(r"^  \w+:$", resources[start.end():], re.MULTILINE)
        end = start.end() + following.start() if following else len(resources)
        own = MEMORY.search(resources[start.end():end])
        memory[start[1]] = int((own or shared)[1])
    return memory


def high_water(status: str) -> int:
    """The most memory, in kB, that a process has used, by its /proc/<pid>/status."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) if found else 0


def used() -> dict[str, int]:
    """The most that a process of each running function has used, in kB."""
    most: dict[str, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            status = (process / "status").read_text()
        except OSError:
            # It has ended, or belongs to somebody else.
            continue
        own = dict(line.partition(b"=")[::2] for line in environment)
        name = own.get(b"AWS_LAMBDA_FUNCTION_NAME", b"").decode(errors="replace")
        root = own.get(b"TMPDIR", b"").decode(errors="replace")
        found = RESOURCE.search(name)
        if found and (not root or Path(root).is_relative_to(ROOT)):
            most[found[1]] = max(most.get(found[1], 0), high_water(status))
    return most


def sizes(template: Path, build: Path) -> list[Size]:
    """Every function of the template, by name."""
    memory, most = configured(template.read_text(encoding="utf-8")), used()
    return [
        Size(name, (build / f"{name}.zip").stat().st_size, memory[name], most.get(name, 0))
        for name in sorted(memory)
    ]


def table(found: list[Size]) -> str:
    """The sizes for people; a table in Markdown, too."""
    lines = ["| function | zip, MB | memory, MB | peak use, MB |", "|---|---|---|---|"]
    for size in found:
        most = f"{size.used_kb / 1024:.1f}" if size.used_kb else "not run"
        megabytes = f"{size.zip_bytes / 1e6:.2f}"
        lines.append(f"| {size.name} | {megabytes} | {size.configured_mb} | {most} |")
    return "\n".join(lines)


def main() -> int:
    """Prints the sizes, and names those that are too large."""
    places = [Path(argument) for argument in sys.argv[1:]]
    template, build = places or (ROOT / "template.yaml", ROOT / ".aws-sam" / "local")
    if not build.is_dir():
        print(f"error: {build} is missing\nhint: make sizes builds it first", file=sys.stderr)
        return 2
    found = sizes(template, build)
    print(table(found))
    large = [size.name for size in found if size.zip_bytes > ZIP_BYTES_MAX]
    if large:
        print(
            f"error: expected zips of at most {ZIP_BYTES_MAX / 1e6:.1f} MB, found larger ones: "
            f"{', '.join(large)}\nhint: build for release; see which dependency came in",
            file=sys.stderr,
        )
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main())
