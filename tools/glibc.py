"""Fails if a built function needs a newer C library than Lambda has: `glibc.py BOOTSTRAP...`.

`provided.al2023` has glibc 2.34; a function linked against a newer one starts only on the machine
that built it. Reads the version references of an ELF file (64 bit, little endian).
"""

import struct
import sys
from pathlib import Path

LAMBDA_GLIBC = (2, 34)
SECTION_VERSION_REFERENCES = 0x6FFFFFFE  # SHT_GNU_verneed
FLAG_WEAK = 0x2  # a symbol that may be absent


def version_references(content: bytes) -> list[tuple[str, bool]]:
    """The symbol versions that a program asks for, and whether each may be absent."""
    if content[:6] != b"\x7fELF\x02\x01":
        raise ValueError("expected a 64-bit little-endian ELF program")
    (table,) = struct.unpack_from("<Q", content, 0x28)
    size, count = struct.unpack_from("<HH", content, 0x3A)
    places = range(table, table + size * count, size)
    sections = [struct.unpack_from("<IIQQQQIIQQ", content, place) for place in places]
    references = []
    for _, kind, _, _, offset, _, link, entries, _, _ in sections:
        if kind != SECTION_VERSION_REFERENCES:
            continue
        names = sections[link][4]
        for _ in range(entries):
            _, versions, _, first, following = struct.unpack_from("<HHIII", content, offset)
            at = offset + first
            for _ in range(versions):
                _, flags, _, name, after = struct.unpack_from("<IHHII", content, at)
                start = names + name
                text = content[start : content.index(b"\0", start)].decode()
                references.append((text, bool(flags & FLAG_WEAK)))
                at += after
            offset += following
    return references


def glibc_needed(content: bytes) -> tuple[int, ...]:
    """The newest glibc version that a program needs."""
    versions = [
        tuple(int(part) for part in name.removeprefix("GLIBC_").split("."))
        for name, weak in version_references(content)
        if name.startswith("GLIBC_2") and not weak
    ]
    return max(versions, default=(0,))


def main(files: list[str]) -> int:
    """Checks the files; returns 1 if one needs a newer version."""
    failed = 0
    for name in files:
        needed = glibc_needed(Path(name).read_bytes())
        if needed > LAMBDA_GLIBC:
            version = ".".join(map(str, needed))
            print(f"error: expected {name} to need at most glibc 2.34, found {version}", file=sys.stderr)
            print("hint: build on a system with glibc 2.34 or older", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
