//! `sql/create` alone says what the tables are; a migrated warehouse has the same.

use super::{BEFORE, EARLY};
use crate::model::{Row, Source};
use crate::world::World;

/// Everything that the catalogue says of the tables of `mart` and `ops`: columns in their order,
/// types, nullability, defaults and keys.
pub async fn shape(world: &World) -> Vec<Row> {
    let columns = "select table_schema, table_name, column_name, ordinal_position, data_type, \
                   character_maximum_length, numeric_precision, numeric_scale, is_nullable, \
                   column_default from svv_columns where table_schema in ('mart', 'ops')";
    let keys = "select \"schema\", \"table\", case when diststyle like 'KEY%' then diststyle end, \
                sortkey1, sortkey_num from svv_table_info where \"schema\" in ('mart', 'ops')";
    let primary_keys = "select table_schema, table_name, column_name, ordinal_position \
                        from information_schema.key_column_usage";
    let mut shape = Vec::new();
    for sql in [columns, keys, primary_keys] {
        let rows = world.rows(sql).await;
        assert!(!rows.is_empty(), "{sql}");
        shape.extend(rows);
    }
    shape
}

#[tokio::test(start_paused = true)]
async fn an_earlier_shape_and_all_migrations_are_what_create_makes() {
    let new = World::new();
    new.put(Source::Songs, "a.json", super::SONG);
    new.load().await;
    let expected = shape(&new).await;
    for before in [BEFORE, EARLY] {
        let world = World::new();
        world.engine.query(before).await.expect("an earlier warehouse");
        assert_ne!(shape(&world).await, expected, "there is something to migrate");
        world.put(Source::Songs, "a.json", super::SONG);
        world.load().await;
        let found = shape(&world).await;
        let differences: Vec<_> = found
            .iter()
            .filter(|row| !expected.contains(row))
            .chain(expected.iter().filter(|row| !found.contains(row)))
            .collect();
        assert!(differences.is_empty(), "{differences:#?}");
    }
}
