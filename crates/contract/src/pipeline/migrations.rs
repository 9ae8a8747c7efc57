//! Numbered changes of a warehouse that an earlier version created: one file in `sql/migrate` each,
//! applied in the order of their numbers. What `sql/create` creates needs none of them.

use std::collections::BTreeSet;

use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

use super::{files, templates};
use crate::{ErrorName, Failure};

/// The folder of migrations.
const FOLDER: &str = "migrate";
/// Runs before each migration, in the same transaction.
const BEGIN: &str = "migrate/begin";
/// Runs after each migration, in the same transaction.
const RECORD: &str = "migrate/record";
/// The line of a migration that names the columns that it adds.
const ADDS: &str = "-- Adds: ";

/// The header of the query of which migrations are applied.
pub const APPLIED_HEADER: &str = "-- Lists the applied migrations";
/// The header of the query of which columns exist.
pub const COLUMNS_HEADER: &str = "-- Lists the columns";
/// The number under which [`APPLIED_HEADER`]'s query says that something was published.
pub const PUBLISHED_NUMBER: u32 = 0;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its place in the order; counts from 1.
    pub number: u32,
    /// What it is about.
    pub name: String,
    /// The step that applies it.
    pub step: String,
    /// The columns that it adds, as `schema.table.column`.
    pub adds: Vec<String>,
}

/// A migration to apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pending {
    /// The step that applies it.
    pub step: String,
    /// The columns that it adds and that do not exist yet: adding one that exists is an error.
    pub missing: Vec<String>,
}

/// A migration that is recorded in the warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
}

/// All migrations, in their order.
pub fn migrations() -> Vec<Migration> {
    let steps = files::templates(FOLDER).into_iter().filter(|file| templates::is_numbered(file));
    steps.filter_map(Migration::read).collect()
}

impl Migration {
    fn read(step: String) -> Option<Self> {
        let (number, name) = step.rsplit('/').next()?.split_once('_')?;
        let text = files::text(&format!("{step}.sql"))?;
        let added = text.lines().filter_map(|line| line.strip_prefix(ADDS));
        Some(Self {
            number: number.parse().ok()?,
            name: name.to_owned(),
            adds: added.flat_map(|line| line.split(", ")).map(str::to_owned).collect(),
            step,
        })
    }

    /// Its number and name.
    pub fn title(&self) -> String {
        title(self.number, &self.name)
    }

    fn values(&self) -> Value {
        context! { number => self.number, name => self.name.as_str() }
    }
}

impl Applied {
    /// Its number and name.
    pub fn title(&self) -> String {
        title(self.number, &self.name)
    }
}

fn title(number: u32, name: &str) -> String {
    format!("{number:04}_{name}")
}

/// The migrations that are not recorded.
///
/// # Errors
/// `InvalidConfiguration` if a migration is recorded that this version does not know: its statements
/// may not fit the tables.
pub fn not_recorded(applied: &[Applied]) -> Result<Vec<Migration>, Failure> {
    let known = migrations();
    let newer = unknown(applied, &known);
    if !newer.is_empty() {
        let latest = known.last().map(Migration::title).unwrap_or_default();
        return Err(Failure::new(
            ErrorName::InvalidConfiguration,
            format!(
                "expected a warehouse with migrations up to {latest}, found {}: a newer version of \
                 Segue has migrated it",
                newer.join(", ")
            ),
        )
        .hint("deploy that version or a newer one; this one loads nothing"));
    }
    let is_recorded = |one: &Migration| applied.iter().any(|known| known.number == one.number);
    Ok(known.into_iter().filter(|one| !is_recorded(one)).collect())
}

/// The titles of recorded migrations that are not among `known`.
fn unknown(applied: &[Applied], known: &[Migration]) -> Vec<String> {
    let is_known = |one: &Applied| {
        one.number == PUBLISHED_NUMBER || known.iter().any(|known| known.number == one.number)
    };
    let mut unknown: Vec<&Applied> = applied.iter().filter(|one| !is_known(one)).collect();
    unknown.sort_by_key(|one| one.number);
    unknown.into_iter().map(Applied::title).collect()
}

/// Of the migrations that are not recorded, those to apply to a warehouse with these columns.
///
/// If nothing was ever published, there are no rows to migrate, so only a missing column counts: a
/// new warehouse needs no migration, and the first run that publishes records them all.
pub fn pending(
    not_recorded: &[Migration],
    applied: &[Applied],
    columns: &BTreeSet<String>,
) -> Vec<Pending> {
    let is_published = applied.iter().any(|one| one.number == PUBLISHED_NUMBER);
    let pending = not_recorded.iter().map(|migration| Pending {
        step: migration.step.clone(),
        missing: migration.adds.iter().filter(|one| !columns.contains(*one)).cloned().collect(),
    });
    pending.filter(|one| is_published || !one.missing.is_empty()).collect()
}

/// The files of a step that applies a migration, in their order; `None` for any other step.
pub(super) fn files_of(step: &str) -> Option<Vec<String>> {
    is_migration(step).then(|| [BEGIN, step, RECORD].map(str::to_owned).into())
}

fn is_migration(step: &str) -> bool {
    step.strip_prefix(FOLDER).is_some_and(|file| file.starts_with('/'))
        && templates::is_numbered(step)
}

/// Whether a folder's numbered files are steps of their own.
pub(super) fn is_folder(folder: &str) -> bool {
    folder == FOLDER
}

/// All migrations, as values of a template.
pub(super) fn values() -> Vec<Value> {
    migrations().iter().map(Migration::values).collect()
}

/// The migration that a step applies, as a value of a template.
pub(super) fn current(step: &str) -> Option<Value> {
    migrations().iter().find(|migration| migration.step == step).map(Migration::values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(numbers: &[u32]) -> Vec<Applied> {
        let one = |number: &u32| Applied { number: *number, name: "x".into() };
        numbers.iter().map(one).collect()
    }

    fn all() -> Vec<u32> {
        migrations().iter().map(|one| one.number).collect()
    }

    fn added() -> BTreeSet<String> {
        migrations().into_iter().flat_map(|one| one.adds).collect()
    }

    fn to_apply(numbers: &[u32], columns: &BTreeSet<String>) -> Vec<Pending> {
        let applied = applied(numbers);
        pending(&not_recorded(&applied).expect("none is newer"), &applied, columns)
    }

    #[test]
    fn migrations_are_numbered_without_gaps() {
        let expected: Vec<u32> = (1..=u32::try_from(all().len()).expect("few")).collect();
        assert!(!expected.is_empty());
        assert_eq!(all(), expected);
    }

    #[test]
    fn a_new_warehouse_needs_no_migration() {
        assert_eq!(to_apply(&[], &added()), []);
    }

    #[test]
    fn a_warehouse_without_the_columns_needs_all_and_one_with_rows_those_that_are_not_recorded() {
        let steps = |pending: Vec<Pending>| -> Vec<String> {
            pending.into_iter().map(|one| one.step).collect()
        };
        let every: Vec<String> = migrations().into_iter().map(|one| one.step).collect();
        assert_eq!(steps(to_apply(&[], &BTreeSet::new())), every);
        assert_eq!(steps(to_apply(&[PUBLISHED_NUMBER], &added())), every);
        assert_eq!(steps(to_apply(&[PUBLISHED_NUMBER, 1], &added())), every[1..]);
        assert_eq!(steps(to_apply(&all(), &BTreeSet::new())), [""; 0]);
    }

    #[test]
    fn a_column_that_exists_is_not_added() {
        let mut columns = added();
        let first = &migrations()[0];
        assert!(columns.remove(&first.adds[0]));
        let pending = to_apply(&[PUBLISHED_NUMBER], &columns);
        assert_eq!(pending[0].missing, first.adds[..1]);
        assert!(pending[1..].iter().all(|one| one.missing.is_empty()));
    }

    #[test]
    fn a_warehouse_that_a_newer_version_migrated_is_refused() {
        let mut applied = applied(&all());
        applied.push(Applied { number: 9001, name: "genres".into() });
        let failure = not_recorded(&applied).expect_err("newer");
        assert_eq!(failure.name, ErrorName::InvalidConfiguration);
        assert!(failure.message.contains("found 9001_genres"), "{failure}");
    }
}
