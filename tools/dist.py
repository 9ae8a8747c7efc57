"""Packs a release for people without a compiler: `dist.py VERSION PROCESSOR ...`.

For each processor it takes what bundle.sh has left. Creates dist/segue-VERSION and an archive of it:
templates, zips, command line, a README, and a checksum of every file.
"""

import hashlib
import shutil
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A template this long reaches CloudFormation only by way of a bucket.
README = """\
Segue {version}. No compiler is needed. Choose the folder of a processor ({processors}).

No warehouse yet?
  aws cloudformation deploy --template-file warehouse.yaml --stack-name segue-warehouse \\
    --capabilities CAPABILITY_IAM

Deploy with the SAM CLI:
  sam deploy --guided --template {first}/template.yaml

Or with the AWS CLI, where BUCKET is any bucket of yours:
  aws cloudformation package --template-file {first}/template.yaml --s3-bucket BUCKET \\
    --output-template-file packaged.yaml
  aws cloudformation deploy --template-file packaged.yaml --s3-bucket BUCKET --stack-name segue \\
    --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND \\
    --parameter-overrides WorkgroupArn=ARN CopyRoleArn=ARN

Then see what is missing, and load:
  {first}/segue doctor --stack segue --fix
  {first}/segue run --stack segue
"""


def checksums(folder: Path) -> str:
    """A line for each file, as `sha256sum --check` reads it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n"
        for path in files
    )


def dist(version: str, processors: dict[str, tuple[Path, Path]], folder: Path) -> Path:
    """Lays out and packs a release; each processor has its bundle and its command line."""
    release = folder / f"segue-{version}"
    shutil.rmtree(release, ignore_errors=True)
    release.mkdir(parents=True)
    for processor, (bundle, command) in processors.items():
        shutil.copytree(bundle, release / processor)
        shutil.copy(command, release / processor / "segue")
    for name in ("warehouse.yaml", "LICENSE"):
        shutil.copy(ROOT / name, release)
    text = README.format(
        version=version, processors=", ".join(processors), first=next(iter(processors))
    )
    (release / "README").write_text(text, encoding="utf-8")
    (release / "SHA256SUMS").write_text(checksums(release), encoding="utf-8")
    archive = folder / f"{release.name}.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(release, release.name)
    return archive


def main(version: str, *processors: str) -> int:
    """Packs what bundle.sh has left for these processors."""
    built = {
        processor: (
            ROOT / ".aws-sam/bundle" / processor,
            ROOT / f"target/lambda-{processor}/segue/bootstrap",
        )
        for processor in processors
    }
    archive = dist(version, built, ROOT / "dist")
    print(f"{archive.relative_to(ROOT)}: {archive.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
