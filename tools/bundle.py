"""Lays out what to deploy for one processor: `bundle.py PROGRAMS PROCESSOR FOLDER`.

PROGRAMS has a folder for each program, as cargo-lambda leaves it: `segue-plan/bootstrap`. FOLDER is
created from scratch: a template for this processor alone, a zip of each function, the state
machines. Deploying it needs neither a compiler nor this project. Runs in the environment of the SAM
CLI, whose YAML reader knows CloudFormation's tags.
"""

import shutil
import sys
import zipfile
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

ROOT = Path(__file__).resolve().parent.parent
FUNCTION = "AWS::Serverless::Function"
STATE_MACHINE = "AWS::Serverless::StateMachine"
# Zips of the same program are identical: they contain no current time and no umask.
EARLIEST = (1980, 1, 1, 0, 0, 0)
EXECUTABLE = 0o100755 << 16


class BundleError(Exception):
    """What was expected, what was found."""


def pack(program: Path, archive: Path) -> None:
    """Writes a zip of one program, under the name that Lambda starts."""
    if not program.is_file():
        raise BundleError(f"expected a compiled {program}, found none")
    entry = zipfile.ZipInfo("bootstrap", EARLIEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = EXECUTABLE
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(entry, program.read_bytes())


def bundle(programs: Path, processor: str, folder: Path) -> None:
    """Lays out one processor's folder."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "functions").mkdir(parents=True)
    (folder / "statemachine").mkdir()
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == FUNCTION:
            program = resource.pop("Metadata")["BuildProperties"]["Binary"]
            properties["CodeUri"] = f"functions/{program}.zip"
            pack(programs / program / "bootstrap", folder / properties["CodeUri"])
        elif resource["Type"] == STATE_MACHINE:
            shutil.copy(ROOT / properties["DefinitionUri"], folder / "statemachine")
    # The programs run only on this processor.
    architecture = template["Parameters"]["Architecture"]
    architecture |= {"Default": processor, "AllowedValues": [processor]}
    (folder / "template.yaml").write_text(yaml_dump(template), encoding="utf-8")


def main(programs: str, processor: str, folder: str) -> int:
    """Lays out a folder; returns 1 if something is missing."""
    try:
        bundle(Path(programs), processor, Path(folder))
    except BundleError as error:
        print(f"error: {error}\nhint: tools/bundle.sh compiles it first", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
