"""Draws the star schema as docs/schema.md, from the DDL that creates it.

Usage: schema.py [--check]. With --check it writes nothing and exits with 1 if the page differs from
the DDL. DDL that this reader does not understand is an error; it never skips any.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DDL = ROOT / "sql/create/20_mart.sql"
PAGE = ROOT / "docs/schema.md"

TABLE = re.compile(
    r"(?P<comment>(?:^--.*\n)+)"
    r"create table if not exists mart\.(?P<name>\w+) \(\n(?P<body>[^;]*?)\n\)\n(?P<layout>[^;]*);",
    re.MULTILINE,
)
COLUMN = re.compile(r"(?P<name>\w+) (?P<type>\w+(?:\([\d, ]+\))?)(?P<required> not null)?")
PRIMARY_KEY = re.compile(r"primary key \((?P<column>\w+)\)")
FOREIGN_KEY = re.compile(
    r"foreign key \((?P<column>\w+)\) references mart\.(?P<table>\w+) \(\w+\)"
)
GRAIN = re.compile(r"Grain: one row per (?P<grain>.*?)\.(?:\s|$)", re.DOTALL)
# Mermaid's types take parentheses, but no comma within them.
MERMAID_TYPE = re.compile(r"^[\w()]+$")


class SchemaError(Exception):
    """What in the DDL cannot be drawn."""


class Column(NamedTuple):
    """One column, and whether it must have a value."""

    name: str
    type: str
    required: bool


class Table(NamedTuple):
    """One table, with its keys: foreign ones by column."""

    name: str
    grain: str
    layout: str
    columns: list[Column]
    primary_key: str
    foreign_keys: dict[str, str]


def read(ddl: str) -> list[Table]:
    """All tables of the DDL, in its order."""
    tables = [read_table(match) for match in TABLE.finditer(ddl)]
    created = len(re.findall(r"^create table", ddl, re.MULTILINE))
    if len(tables) != created:
        raise SchemaError(f"expected to read {created} tables, found {len(tables)} that can be read")
    return tables


def read_table(match: re.Match) -> Table:
    """One table: its comment says the grain, its body columns and keys, its end the layout."""
    name = match["name"]
    comment = re.sub(r"^-- ?", "", match["comment"], flags=re.MULTILINE)
    grain = GRAIN.search(comment)
    if grain is None:
        raise SchemaError(f"mart.{name}: expected a comment with `Grain: one row per …`")
    columns, primary_keys, foreign_keys = [], [], {}
    for line in match["body"].splitlines():
        text = line.strip().removesuffix(",")
        if key := PRIMARY_KEY.fullmatch(text):
            primary_keys.append(key["column"])
        elif key := FOREIGN_KEY.fullmatch(text):
            foreign_keys[key["column"]] = key["table"]
        elif column := COLUMN.fullmatch(text):
            columns.append(Column(column["name"], column["type"], bool(column["required"])))
        else:
            raise SchemaError(f"mart.{name}: cannot read `{text}`")
    if len(primary_keys) != 1:
        raise SchemaError(f"mart.{name}: expected one primary key, found {len(primary_keys)}")
    layout = ", ".join(match["layout"].split("\n"))
    return Table(
        name, " ".join(grain["grain"].split()), layout, columns, primary_keys[0], foreign_keys
    )


def attribute(table: Table, column: Column) -> str:
    """A column as Mermaid draws it: type, name, keys, and in words whether it must have a value."""
    keys = ["PK"] if column.name == table.primary_key else []
    keys += ["FK"] if column.name in table.foreign_keys else []
    notes = ["not null"] if column.required else []
    shown = column.type
    if not MERMAID_TYPE.fullmatch(shown):
        shown, _, digits = column.type.partition("(")
        notes.insert(0, f"({digits}")
    parts = [shown, column.name, ", ".join(keys), f'"{", ".join(notes)}"' if notes else ""]
    return " ".join(part for part in parts if part)


def relation(table: Table, column: str, target: str) -> str:
    """A foreign key: many rows to one, or to none where the column may be null."""
    required = next(one.required for one in table.columns if one.name == column)
    return f"{table.name} }}o--{'||' if required else 'o|'} {target} : {column}"


def page(tables: list[Table]) -> str:
    """The whole page."""
    lines = [
        "# The star schema",
        "",
        "Drawn from [`sql/create/20_mart.sql`](../sql/create/20_mart.sql) by `tools/schema.py`; "
        "`make check` fails if they differ.",
        "",
        "```mermaid",
        "erDiagram",
    ]
    for table in tables:
        for column, target in table.foreign_keys.items():
            lines.append(f"    {relation(table, column, target)}")
    for table in tables:
        lines.append(f"    {table.name} {{")
        lines += [f"        {attribute(table, column)}" for column in table.columns]
        lines.append("    }")
    lines += [
        "```",
        "",
        "| table | one row per | layout in the warehouse |",
        "|---|---|---|",
    ]
    lines += [f"| `mart.{one.name}` | {one.grain} | {one.layout} |" for one in tables]
    lines += [
        "",
        "Lengths are bytes. Redshift enforces `not null` but no key: its planner trusts keys, and the",
        "checks and merges of every run keep them true. A foreign key that may be null is drawn as zero",
        "or one: a play keeps its null until the catalogue has the song.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Writes the page, or says whether it is up to date."""
    parser = argparse.ArgumentParser(description="Draws the star schema as docs/schema.md.")
    parser.add_argument("--check", action="store_true", help="only compare")
    only_compare = parser.parse_args().check
    try:
        drawn = page(read(DDL.read_text(encoding="utf-8")))
    except SchemaError as error:
        print(f"error: {DDL.relative_to(ROOT)}: {error}", file=sys.stderr)
        return 1
    if not only_compare:
        PAGE.write_text(drawn, encoding="utf-8")
        return 0
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != drawn:
        print("docs/schema.md differs from sql/create/20_mart.sql")
        print("hint: run `python3 tools/schema.py` and commit the page")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
