"""Installs the pinned tools of the build into .tools/, each once.

It installs a tool if its stamp differs from its pins: the stamp is derived from the pinned files,
this file's recipe version, the interpreter and the path of the checkout (scripts of a virtual
environment contain absolute paths). An interrupted installation leaves no stamp and starts over.
Usage: install.py [TOOL ...]; without names, all tools.
"""

import argparse
import concurrent.futures
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = (ROOT / ".tools").resolve()
PINS = ROOT / "tools" / "pins"
STAMP = ".installed"
RECIPE_VERSION = "1"
INSTALLERS_AT_ONCE_MAX = 3
COMMAND_SECONDS_MAX = 900

DUCKDB_VERSION = "1.5.6-r.1"
# What npm's own integrity check cannot see: that the file is the one this project was tested with.
DUCKDB_SHA256 = {
    "linux-x64": "3f4962cdd266eab2b479a5b5a4a6d063d279b2954ae814ed00385d553b747633",
}
DUCKDB_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


class InstallError(Exception):
    """What went wrong, and what to do."""


def run(command: list[str], folder: Path = ROOT) -> None:
    """Runs a command quietly; shows its output only if it fails."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX
    )
    if done.returncode != 0:
        shown = "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])
        raise InstallError(f"`{' '.join(command)}` failed:\n{shown}")


def install_python(pins: Path, folder: Path) -> None:
    """Creates a virtual environment of exactly the pinned packages.

    The pins are a full freeze, so nothing is resolved; bytecode is compiled when first needed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(folder)])
    run(
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps",
         "--no-compile", "--disable-pip-version-check", "--requirement", str(pins)]
    )


def install_node(folder: Path) -> None:
    """Installs the locked npm packages without running their scripts."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / "tools" / name, folder / name)
    run(["npm", "ci", "--loglevel=error", "--ignore-scripts"], folder)


def duckdb_platform() -> tuple[str, str]:
    """The platform's name in the package and the library's file name."""
    system = platform.system().lower()
    machine = DUCKDB_MACHINES.get(platform.machine().lower())
    if system not in ("linux", "darwin") or machine is None:
        raise InstallError(
            f"no prebuilt DuckDB library is known for {platform.system()} {platform.machine()}; "
            "put one into .tools/duckdb yourself"
        )
    return f"{system}-{machine}", "libduckdb.so" if system == "linux" else "libduckdb.dylib"


def install_duckdb(folder: Path) -> None:
    """Takes DuckDB's own prebuilt library out of its npm package and checks its content."""
    name, library = duckdb_platform()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = DUCKDB_SHA256.get(name)
    if wanted and (folder / library).exists() and sha256(folder / library) == wanted:
        return
    with tempfile.TemporaryDirectory(dir=TOOLS) as scratch:
        package = f"@duckdb/node-bindings-{name}@{DUCKDB_VERSION}"
        run(["npm", "pack", "--loglevel=error", package], Path(scratch))
        (archive,) = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as packed:
            for member in (library, "LICENSE"):
                with packed.extractfile(f"package/{member}") as source:
                    (Path(scratch) / member).write_bytes(source.read())
        found = sha256(Path(scratch) / library)
        if wanted and found != wanted:
            raise InstallError(f"{package}: {library} has sha256 {found}, expected {wanted}")
        # A rename: a program that has the old library open keeps it.
        for member in (library, "LICENSE"):
            os.replace(Path(scratch) / member, folder / member)


def sha256(path: Path) -> str:
    """The content of a file as a hexadecimal SHA-256."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def python_tool(name: str):
    """A tool that is a virtual environment: what it is made from, and how."""
    pins = PINS / f"{name}.txt"
    return [pins], lambda: install_python(pins, TOOLS / name)


RECIPES = {
    "ministack": python_tool("ministack"),
    "sam": python_tool("sam"),
    "lint": python_tool("lint"),
    "checkov": python_tool("checkov"),
    "nextest": python_tool("nextest"),
    "zig": python_tool("zig"),
    "node": (
        [ROOT / "tools" / "package.json", ROOT / "tools" / "package-lock.json"],
        lambda: install_node(TOOLS / "node"),
    ),
    "duckdb": ([], lambda: install_duckdb(TOOLS / "duckdb")),
}


def key(name: str) -> str:
    """What the tool's stamp must say for the tool to be up to date."""
    python = f"{sys.version_info.major}.{sys.version_info.minor} {sys.base_prefix}"
    parts = [RECIPE_VERSION, str(TOOLS), python, DUCKDB_VERSION]
    parts += [sha256(pinned) for pinned in RECIPES[name][0]]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def is_installed(name: str) -> bool:
    """Whether the tool is installed as its pins demand."""
    stamp = TOOLS / name / STAMP
    return stamp.is_file() and stamp.read_text() == key(name)


def install(name: str) -> None:
    """Installs one tool and stamps it last."""
    started = time.monotonic()
    (TOOLS / name / STAMP).unlink(missing_ok=True)
    RECIPES[name][1]()
    (TOOLS / name / STAMP).write_text(key(name))
    print(f"tools: {name} installed in {time.monotonic() - started:.0f} s", flush=True)


def main() -> int:
    """Installs what is missing of the named tools, several at once."""
    parser = argparse.ArgumentParser(description="Installs the pinned tools into .tools/.")
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=", ".join(RECIPES))
    names = parser.parse_args().tools or list(RECIPES)
    if unknown := sorted(set(names) - RECIPES.keys()):
        parser.error(f"unknown tool {', '.join(unknown)}; expected {', '.join(RECIPES)}")
    if all(is_installed(name) for name in names):
        return 0

    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / ".lock").open("w") as lock:
        # Two makes at once: the second waits, then finds everything there.
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [name for name in names if not is_installed(name)]
        if missing:
            print(f"tools: installing {', '.join(missing)} into .tools/ …", flush=True)
        with concurrent.futures.ThreadPoolExecutor(INSTALLERS_AT_ONCE_MAX) as pool:
            running = {pool.submit(install, name): name for name in missing}
            failed = 0
            for future in concurrent.futures.as_completed(running):
                if error := future.exception():
                    print(f"error: {running[future]}: {error}", file=sys.stderr)
                    failed = 1
    if failed:
        print("hint: is a package registry reachable? Then run it again.", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
