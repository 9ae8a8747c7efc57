"""The content of a release, laid out from compiled programs."""

import re
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The SAM CLI is in its own environment, created by the interpreter that runs this.
sys.path.extend(map(str, (ROOT / ".tools/sam/lib").glob("*/site-packages")))

import bundle  # noqa: E402
import dist  # noqa: E402
from samcli.yamlhelper import yaml_parse  # noqa: E402

PROCESSORS = ("arm64", "x86_64")


def programs(folder: Path, processor: str) -> Path:
    """A folder like cargo-lambda's, with a stand-in for each program."""
    for function in (ROOT / "functions").iterdir():
        place = folder / processor / f"segue-{function.name}"
        place.mkdir(parents=True)
        (place / "bootstrap").write_text(f"{function.name} for {processor}")
    (folder / processor / "segue").mkdir()
    (folder / processor / "segue" / "bootstrap").write_text(f"segue for {processor}")
    return folder / processor


class Dist(unittest.TestCase):
    """A release for both processors."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        folder = Path(cls.scratch.name)
        built = {}
        for processor in PROCESSORS:
            compiled = programs(folder / "compiled", processor)
            bundle.bundle(compiled, processor, folder / "bundles" / processor)
            command = compiled / "segue" / "bootstrap"
            built[processor] = (folder / "bundles" / processor, command)
        cls.archive = dist.dist("1.2.3", built, folder / "dist")
        cls.release = folder / "dist" / "segue-1.2.3"

    def test_a_template_names_only_what_is_beside_it_and_its_own_processor(self) -> None:
        for processor in PROCESSORS:
            folder = self.release / processor
            template = yaml_parse((folder / "template.yaml").read_text())
            named = set()
            for resource in template["Resources"].values():
                properties = resource.get("Properties", {})
                for key in ("CodeUri", "DefinitionUri"):
                    named |= {properties[key]} if key in properties else set()
            there = {
                str(path.relative_to(folder)) for path in folder.glob("*/*") if path.is_file()
            }
            self.assertEqual(named, there)
            self.assertEqual(template["Parameters"]["Architecture"]["Default"], processor)
            self.assertEqual(template["Parameters"]["Architecture"]["AllowedValues"], [processor])

    def test_a_zip_holds_one_program_that_may_be_started(self) -> None:
        for processor in PROCESSORS:
            with zipfile.ZipFile(self.release / processor / "functions/segue-plan.zip") as packed:
                (entry,) = packed.infolist()
                self.assertEqual(entry.filename, "bootstrap")
                self.assertTrue((entry.external_attr >> 16) & 0o111)
                self.assertEqual(packed.read(entry).decode(), f"plan for {processor}")

    def test_the_archive_holds_everything_and_its_checksums_are_right(self) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            with tarfile.open(self.archive) as packed:
                packed.extractall(scratch, filter="data")
            unpacked = Path(scratch) / "segue-1.2.3"
            checked = subprocess.run(
                ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=unpacked,
                capture_output=True, text=True, check=False,
            )
            self.assertEqual(checked.returncode, 0, checked.stderr)
            for name in ("warehouse.yaml", "LICENSE", "arm64/segue", "x86_64/segue"):
                self.assertIn(f"  {name}\n", (unpacked / "SHA256SUMS").read_text())

    def test_the_readme_names_files_that_are_there_and_sends_the_template_through_a_bucket(self) -> None:
        readme = (self.release / "README").read_text()
        for name in re.findall(r"\S+\.yaml|\S+/segue\b", readme):
            self.assertTrue(name == "packaged.yaml" or (self.release / name).is_file(), name)
        commands = readme.replace("\\\n", " ").splitlines()
        (deploy,) = (line for line in commands if "deploy --template-file packaged.yaml" in line)
        self.assertIn("--s3-bucket BUCKET", deploy)

    def test_a_program_that_is_missing_is_named(self) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            with self.assertRaisesRegex(bundle.BundleError, "segue-submit/bootstrap"):
                bundle.bundle(Path(scratch) / "nothing", "arm64", Path(scratch) / "bundle")


class OneVersion(unittest.TestCase):
    """The minimum version of Rust is the same everywhere in the documentation."""

    def test_documents_ask_for_the_version_that_cargo_asks_for(self) -> None:
        cargo = (ROOT / "Cargo.toml").read_text()
        (wanted,) = re.findall(r'^rust-version = "([\d.]+)"$', cargo, re.MULTILINE)
        for name in ("README.md", "CONTRIBUTING.md", "tools/prerequisites.sh"):
            named = re.findall(r"\bRust (\d+\.\d+)", (ROOT / name).read_text())
            self.assertEqual(set(named) - {wanted}, set(), name)
        for name in ("README.md", "CONTRIBUTING.md"):
            self.assertIn(f"Rust {wanted}", (ROOT / name).read_text(), name)

    def test_the_command_line_needs_no_library_of_the_local_warehouse(self) -> None:
        command = ["cargo", "tree", "--locked", "--package", "segue", "--edges", "normal,build"]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertIn("aws-sdk-s3", found.stdout)
        self.assertNotIn("duckdb", found.stdout)


if __name__ == "__main__":
    unittest.main()
