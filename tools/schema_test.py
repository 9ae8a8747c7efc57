"""The picture of the schema matches the DDL."""

import unittest

from schema import SchemaError, page, read

DDL = """-- Head.

-- Grain: one row per user who
-- has played. Small.
create table if not exists mart.users (
    user_id bigint not null,
    level varchar(16),
    primary key (user_id)
)
diststyle all
sortkey (user_id);

-- Grain: one row per play.
create table if not exists mart.plays (
    play_id bigint not null,
    user_id bigint,
    length numeric(12, 5) not null,
    primary key (play_id),
    foreign key (user_id) references mart.users (user_id)
)
distkey (play_id);
"""


class Schema(unittest.TestCase):
    """Reading and drawing."""

    def test_keys_and_required_columns_are_marked(self):
        drawn = page(read(DDL))
        for line in (
            'bigint user_id PK "not null"',
            "varchar(16) level",
            "bigint user_id FK",
            'numeric length "(12, 5), not null"',
            "plays }o--o| users : user_id",
            "| `mart.users` | user who has played | diststyle all, sortkey (user_id) |",
        ):
            self.assertIn(line, drawn)

    def test_a_key_that_must_have_a_value_points_to_exactly_one(self):
        drawn = page(read(DDL.replace("user_id bigint,", "user_id bigint not null,")))
        self.assertIn("plays }o--|| users : user_id", drawn)

    def test_a_line_that_is_not_understood_is_named(self):
        with self.assertRaisesRegex(SchemaError, "cannot read `unique"):
            read(DDL.replace("primary key (play_id)", "unique (play_id)"))

    def test_a_table_that_is_not_understood_is_missed(self):
        with self.assertRaisesRegex(SchemaError, "expected to read 2 tables, found 1 that can be read"):
            read(DDL.replace("-- Grain: one row per play.\n", ""))


if __name__ == "__main__":
    unittest.main()
