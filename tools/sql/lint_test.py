"""One bad example for every rule of `lint.py`, and the good ones that look like them."""

import unittest
from pathlib import Path

from lint import problems

HEADER = "-- Does something.\n"


def messages(sql: str, path: str = "sql/publish/10_users.sql") -> list[str]:
    """The messages for a file with a header."""
    return [problem.message for problem in problems(Path(path), HEADER + sql)]


class Header(unittest.TestCase):
    """The first line."""

    def test_a_file_without_a_header_is_found(self):
        found = problems(Path("sql/create/10.sql"), "select 1;\n")
        self.assertEqual([problem.line for problem in found], [1])

    def test_a_check_that_does_not_say_when_it_is_healthy_is_found(self):
        self.assertIn("Healthy", messages("select 1;", "sql/check/10.sql")[0])

    def test_a_check_that_says_so_is_good(self):
        for header in ("-- Healthy when empty: no play twice.", "-- Counts: what was staged."):
            sql = f"{header}\nselect a from mart.songplays;\n"
            self.assertEqual(problems(Path("sql/check/10.sql"), sql), [])


class Statements(unittest.TestCase):
    """What a statement may not do."""

    def test_truncate_is_found(self):
        self.assertEqual(len(messages("truncate mart.users;")), 1)

    def test_truncate_in_a_comment_is_not(self):
        self.assertEqual(messages("-- not truncate mart.users\nselect 1;"), [])

    def test_a_star_is_found(self):
        for sql in ("select * from a.b;", "select b.* from a.b;", "select x, * from a.b as b;"):
            self.assertEqual(len(messages(sql)), 1, sql)

    def test_a_count_and_a_product_are_not_stars(self):
        self.assertEqual(messages("select count(*), 2 * 3, (1) * x from a.b;"), [])

    def test_the_line_is_named(self):
        (found,) = problems(Path("a.sql"), HEADER + "select 1;\nselect\n    *\nfrom a.b;\n")
        self.assertEqual(found.line, 4)


class Tables(unittest.TestCase):
    """Names of tables."""

    def test_a_temporary_table_of_the_file_has_no_schema(self):
        create = "create temporary table seen as select a from mart.users;\n"
        self.assertEqual(messages(create + "select a from seen;"), [])
        self.assertEqual(len(messages("select a from seen;\n" + create)), 1)

    def test_a_table_without_a_schema_is_found(self):
        for sql in (
            "select a from users;",
            "select a from mart.users join songs on true;",
            "select a from mart.users, songs;",
            "select a from mart.users as u, songs as s where true;",
            "select a from (select b from users) as inside;",
            "insert into users (a) values (1);",
            "insert into users select 1;",
            "update users set a = 1;",
            "delete from users;",
            "delete from mart.users using users as u where true;",
            "merge into users using staging.users as u on true;",
            "create table users (a int);",
            "create table if not exists users (a int);",
            "create table users as select 1;",
            "drop table if exists users;",
            "alter table users append from staging.users;",
            "copy users from 's3://b/k';",
            "lock table users;",
            "lock users;",
        ):
            self.assertEqual(len(messages(sql)), 1, sql)

    def test_a_table_with_a_schema_is_good(self):
        for sql in (
            "select a from {{ staging }}.users as u;",
            "copy {{ staging }}.users from {{ manifest }} iam_role {{ role }};",
            "insert into mart.users (a) select b from staging.users;",
            "merge into mart.users using {{ staging }}.u as l on users.a = l.a "
            "when matched then update set a = l.a;",
            "create table {{ staging }}.users (a int) distkey (a);",
            "create schema if not exists mart;",
        ):
            self.assertEqual(messages(sql), [], sql)

    def test_what_is_no_table_is_no_problem(self):
        for sql in (
            "with newest as (select a from mart.users) select a from newest;",
            "with a as (select 1), b as (select 2) select x from a join b using (x);",
            "select extract(epoch from start_time) from mart.time;",
            "select a from mart.users where a is distinct from b;",
            "select file_name from sys_load_error_detail;",
            "select n from generate_series(1, 3) as n;",
            "{% if rebuild %}\ndelete from mart.users;\n{% endif %}",
        ):
            self.assertEqual(messages(sql), [], sql)


if __name__ == "__main__":
    unittest.main()
