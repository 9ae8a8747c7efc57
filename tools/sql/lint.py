"""Checks SQL files for what the SQL linter has no rule for: `lint.py FILE...`.

Every file first says what it does; a check says when it is healthy; nothing truncates, because that
commits; nothing selects a star; every table names its schema. Prints one line per problem.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# A check returns offenders, counts to reconcile with the plan, or where the plays lie.
CHECK_HEADERS = ("-- Healthy when empty:", "-- Warns:", "-- Counts:", "-- Bounds:")
# Redshift's own views are found without a schema.
SYSTEM_VIEW = re.compile(r"(sys|svv|svl|stl|stv|svcs|pg)_\w+")

TOKEN = re.compile(
    r"""(?P<skip>--[^\n]*|/\*.*?\*/|\{%.*?%\}|\{\#.*?\#\}|\s+)
      | (?P<text>'(?:[^']|'')*')
      | (?P<word>(?:\{\{.*?\}\}|"[^"]*"|[A-Za-z_])(?:\{\{.*?\}\}|"[^"]*"|[\w$.])*)
      | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
WORDS_BEFORE_A_TABLE = {"from", "join", "into", "using", "table"}
WORDS_BEFORE_A_LIST = {"from", "using", "table"}
VERBS_BEFORE_A_TABLE = {"copy", "merge", "lock", "update"}
WORDS_BETWEEN = {"if", "not", "exists", "only", "lateral"}
WORDS_AFTER_A_TABLE = {
    "as", "on", "where", "join", "inner", "left", "right", "full", "cross", "natural", "group",
    "order", "having", "limit", "union", "except", "intersect", "minus", "qualify", "set", "using",
    "when", "values", "select",
}
FUNCTIONS_WITH_FROM = {"extract", "trim", "substring", "overlay"}


class Token(NamedTuple):
    """A word, a text in quotes or a mark, with its line."""

    kind: str
    value: str
    line: int


class Problem(NamedTuple):
    """What is wrong, and where."""

    line: int
    message: str


def tokens(sql: str) -> list[Token]:
    """The words, texts and marks of a file, without comments and template statements."""
    found = []
    for match in TOKEN.finditer(sql):
        if match.lastgroup != "skip":
            line = sql.count("\n", 0, match.start()) + 1
            value = match.group().lower() if match.lastgroup == "word" else match.group()
            found.append(Token(match.lastgroup or "mark", value, line))
    return found


def statements(found: list[Token]) -> Iterator[list[Token]]:
    """The tokens of one statement after another."""
    statement: list[Token] = []
    for token in found:
        if token.value == ";":
            yield statement
            statement = []
        else:
            statement.append(token)
    yield statement


def problems(path: Path, sql: str) -> list[Problem]:
    """All problems of one file, in the order of its lines."""
    found = []
    if not sql.startswith("-- "):
        found.append(Problem(1, "a file begins with a comment that says what it does"))
    elif path.parent.name == "check" and not sql.startswith(CHECK_HEADERS):
        found.append(Problem(1, f"a check begins with `{'` or `'.join(CHECK_HEADERS)}`"))
    temporary: set[str] = set()
    for statement in statements(tokens(sql)):
        if [token.value for token in statement[:3]] == ["create", "temporary", "table"]:
            temporary.add(statement[3].value)
        found += statement_problems(statement, temporary)
    return sorted(found)


def statement_problems(statement: list[Token], temporary: set[str]) -> Iterator[Problem]:
    """The problems of one statement; temporary tables of its file have no schema."""
    for token, before in zip(statement[1:], statement, strict=False):
        alone = before.value in ("select", "distinct", ",") or before.value.endswith(".")
        if token.value == "*" and alone:
            yield Problem(token.line, "a star selects columns that nobody named")
    if statement and statement[0].value == "truncate":
        yield Problem(statement[0].line, "truncate commits the transaction; use delete")
    # Names of `with` queries come before `as (`, and have no schema.
    queries = {
        statement[at].value
        for at in range(len(statement) - 2)
        if statement[at + 1].value == "as" and statement[at + 2].value == "("
    }
    for token in table_names(statement):
        if "." not in token.value and token.value not in queries | temporary:
            if not SYSTEM_VIEW.fullmatch(token.value):
                yield Problem(token.line, f"table {token.value} does not name its schema")


def table_names(statement: list[Token]) -> Iterator[Token]:
    """The words of a statement that are in the place of a table's name."""
    opened: list[str] = []
    for at, token in enumerate(statement):
        if token.value == "(":
            opened.append(statement[at - 1].value if at else "")
        elif token.value == ")" and opened:
            opened.pop()
        elif at == 0 and token.value in VERBS_BEFORE_A_TABLE:
            yield from listed_names(statement, at + 1, lists=False)
        elif token.kind == "word" and token.value in WORDS_BEFORE_A_TABLE:
            inside_function = bool(opened) and opened[-1] in FUNCTIONS_WITH_FROM
            compares = at > 0 and statement[at - 1].value == "distinct"
            loads = token.value == "from" and statement[0].value in ("copy", "unload")
            if not (inside_function or compares or loads):
                yield from listed_names(statement, at + 1, lists=token.value in WORDS_BEFORE_A_LIST)


def listed_names(statement: list[Token], at: int, lists: bool) -> Iterator[Token]:
    """The table at a place, and those that follow it after commas."""
    while at < len(statement):
        while at < len(statement) and statement[at].value in WORDS_BETWEEN:
            at += 1
        if at >= len(statement):
            return
        token, at = statement[at], at + 1
        called = at < len(statement) and statement[at].value == "("
        if token.value == "(":
            at = after_parenthesis(statement, at)
        elif token.kind == "word" and token.value not in WORDS_BEFORE_A_TABLE:
            creates_or_inserts = statement[0].value in ("create", "insert")
            if not called or creates_or_inserts:
                yield token
            if called:
                at = after_parenthesis(statement, at + 1)
        at = after_alias(statement, at)
        if not lists or at >= len(statement) or statement[at].value != ",":
            return
        at += 1


def after_parenthesis(statement: list[Token], at: int) -> int:
    """The place after the parenthesis that is open before a place."""
    depth = 1
    while at < len(statement) and depth > 0:
        depth += {"(": 1, ")": -1}.get(statement[at].value, 0)
        at += 1
    return at


def after_alias(statement: list[Token], at: int) -> int:
    """The place after an alias, if there is one here."""
    if at < len(statement) and statement[at].value == "as":
        return at + 2
    is_word = at < len(statement) and statement[at].kind == "word"
    return at + 1 if is_word and statement[at].value not in WORDS_AFTER_A_TABLE else at


def main(files: list[str]) -> int:
    """Checks the files; returns 1 if there is any problem."""
    count = 0
    for name in files:
        for problem in problems(Path(name), Path(name).read_text(encoding="utf-8")):
            print(f"{name}:{problem.line}: {problem.message}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
