//! What the files of a step may print: the run, the deployment, and the tables as their DDL has them.

use std::collections::BTreeMap;

use minijinja::value::Serde;
use minijinja::{Value, context};

use super::tables::{Reference, Table, columns, tables};
use super::{Deployment, STAGING_SCHEMAS_MAX, bounds, migrations, sources, staging_table};
use crate::messages::{Compression, Step};
use crate::quoting::{Identifier, Principal};
use crate::run::STAGING_PREFIX;
use crate::{ErrorName, Failure, layout};

/// Everything that a file may print.
pub(super) fn values(step: &Step, deployment: &Deployment, noload: bool) -> Result<Value, Failure> {
    let abandoned = step.abandoned.iter().map(abandoned).collect::<Result<Vec<_>, Failure>>()?;
    let staging = step.run.staging_schema()?;
    let source = step.step.rsplit('/').next().unwrap_or_default();
    let brought: BTreeMap<_, _> =
        sources().into_iter().map(|source| (source, brings(step, source))).collect();
    let stored = |key: String| layout::uri(&deployment.work_bucket, &key);
    Ok(context! {
        noload,
        staging_name => staging.to_string(),
        staging => Value::from(staging),
        staging_retention_days => deployment.staging_retention_days,
        staging_schemas_max => STAGING_SCHEMAS_MAX,
        abandoned => abandoned,
        readers => deployment.readers()?,
        run_id => step.run.id.as_str(),
        is_repeated => step.attempt > 1 || step.run.redrive_count > 0,
        rebuild => step.run.input.rebuild,
        allow_drop => step.run.input.allow_drop,
        sources => staged_sources(step)?,
        tables => published_tables(step)?,
        references => prepared_references(step)?,
        brings => brought,
        manifest => stored(layout::manifest_key(&step.run, &step.step)),
        jsonpaths => stored(layout::jsonpaths_key(&step.run, source)),
        copy_role => deployment.copy_role_arn.as_str(),
        gzip => step.compression == Compression::Gzip,
        zstd => step.compression == Compression::Zstd,
        max_errors => max_errors(step.max_rejects),
        has_rejects => step.has_rejects,
        rejects => stored(layout::rejects_prefix(&step.run)),
        set_aside => stored(layout::set_aside_prefix(&step.run)),
        paths => Serde(&step.paths),
        candidates => step.candidates,
        is_complete => step.is_complete,
        new_objects => stored(layout::new_objects_prefix(&step.run, step.attempt)),
        uri_hashes => uri_hashes(step)?,
        missing => &step.missing,
        migrations => migrations::values(),
        migration => migrations::current(&step.step),
        ..bounds::values(step)?
    })
}

/// The hashes of the objects that may be new, as numbers; none if they are too many.
fn uri_hashes(step: &Step) -> Result<Vec<i64>, Failure> {
    let hash = |text: &String| {
        text.parse().map_err(|_| {
            let reason = format!("expected the hash of a URI, a whole number, found {text:?}");
            Failure::new(ErrorName::InvalidInput, reason)
        })
    };
    step.uri_hashes.iter().flatten().map(hash).collect()
}

/// The sources, and the columns of their staging tables that may be null.
fn staged_sources(step: &Step) -> Result<Vec<Value>, Failure> {
    let staged = sources().into_iter().map(|source| {
        let optional = columns(source).into_iter().filter(|column| !column.is_required);
        let optional = optional
            .map(|one| Ok(context! { name => one.name.as_str(), column => identifier(&one.name)? }))
            .collect::<Result<Vec<_>, Failure>>()?;
        let table = identifier(&staging_table(source))?;
        Ok(context! { name => source, table, is_brought => brings(step, source), optional })
    });
    staged.collect()
}

/// The tables of `mart`, and where this run prepares their rows.
fn published_tables(step: &Step) -> Result<Vec<Value>, Failure> {
    let published = tables().into_iter().map(|table| {
        must_be_complete(&table)?;
        let required = table.columns.iter().filter(|column| column.is_required);
        let required = required.map(|column| identifier(&column.name));
        Ok(context! {
            name => table.name.as_str(),
            table => identifier(&table.name)?,
            staged => identifier(&prepared(&table.name))?,
            is_brought => is_brought(step, &table),
            key => table.key.iter().map(|name| identifier(name)).collect::<Result<Vec<_>, _>>()?,
            required => required.collect::<Result<Vec<_>, _>>()?,
        })
    });
    published.collect()
}

/// A table without a source or a key would be published unchecked.
fn must_be_complete(table: &Table) -> Result<(), Failure> {
    let known = sources();
    let is_known = |source: &str| known.contains(&source);
    if table.source.as_deref().is_some_and(is_known) && !table.key.is_empty() {
        return Ok(());
    }
    let name = &table.name;
    let expected = format!(
        "expected mart.{name} in sql/create to have a primary key, and a line `-- Source: ` with one \
         of {} above it",
        known.join(", ")
    );
    let found = match (&table.source, table.key.is_empty()) {
        (None, _) => "found no source".to_owned(),
        (Some(_), true) => "found no key".to_owned(),
        (Some(source), false) => format!("found the source {source:?}"),
    };
    Err(Failure::new(ErrorName::StatementFailed, format!("{expected}; {found}")))
}

/// The foreign keys between tables whose rows this run prepares. What another source brings need not
/// be among them.
fn prepared_references(step: &Step) -> Result<Vec<Value>, Failure> {
    let tables = tables();
    let source_of = |name: &str| tables.iter().find(|one| one.name == name)?.source.as_deref();
    let brought = tables.iter().filter(|table| is_brought(step, table));
    let references = brought.flat_map(|table| {
        let of_source = |to: &&Reference| source_of(&to.table) == table.source.as_deref();
        let references = table.references.iter().filter(of_source);
        references.map(|to| {
            Ok(context! {
                name => format!("{}.{}", table.name, to.column),
                staged => identifier(&prepared(&table.name))?,
                column => identifier(&to.column)?,
                referenced => identifier(&prepared(&to.table))?,
                key => identifier(&to.key)?,
            })
        })
    });
    references.collect()
}

/// Whether the step's run loads objects that fill this table.
fn is_brought(step: &Step, table: &Table) -> bool {
    table.source.as_deref().is_some_and(|source| brings(step, source))
}

/// Whether the step's run loads objects of this source.
fn brings(step: &Step, source: &str) -> bool {
    step.sources.as_ref().is_none_or(|sources| sources.iter().any(|one| one == source))
}

/// A staging schema to drop, as a name and as text.
fn abandoned(name: &String) -> Result<Value, Failure> {
    if !name.starts_with(STAGING_PREFIX) {
        let reason = format!("expected a staging schema to drop, found {name:?}");
        return Err(Failure::new(ErrorName::InvalidInput, reason));
    }
    Ok(context! { name => name, schema => Value::from(Identifier::new(name)?) })
}

/// The `MAXERROR` of a COPY that tolerates `max_rejects` errors: a COPY fails when errors reach it.
/// 0 tolerates none.
fn max_errors(max_rejects: u64) -> u64 {
    if max_rejects == 0 { 0 } else { max_rejects.saturating_add(1) }
}

/// The table of a run's staging schema that holds the rows to publish.
fn prepared(table: &str) -> String {
    format!("new_{table}")
}

fn identifier(name: &str) -> Result<Value, Failure> {
    Identifier::new(name).map(Value::from)
}

impl Deployment {
    /// Who may read the star schema: the kind of principal, and its name.
    fn readers(&self) -> Result<Vec<Value>, Failure> {
        let named = [("role", &self.reader_role), ("group", &self.reader_group)].into_iter();
        let named = named.filter_map(|(kind, name)| Some((kind, name.as_ref()?)));
        named
            .map(|(kind, name)| {
                let kind = Identifier::new(kind)?;
                Ok(context! { kind => Value::from(kind), name => Value::from(Principal::new(name)?) })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_would_be_published_unchecked_is_refused() {
        let table = |source: Option<&str>, key: &[&str]| Table {
            name: "plans".into(),
            source: source.map(str::to_owned),
            key: key.iter().map(ToString::to_string).collect(),
            ..Table::default()
        };
        must_be_complete(&table(Some("songs"), &["plan_id"])).expect("complete");
        let bad = [
            (table(None, &["plan_id"]), "found no source"),
            (table(Some("songs"), &[]), "found no key"),
            (table(Some("song"), &["plan_id"]), "found the source \"song\""),
        ];
        for (table, found) in bad {
            let failure = must_be_complete(&table).expect_err(found);
            assert!(failure.message.ends_with(found), "{failure}");
            assert!(failure.message.contains("mart.plans"), "{failure}");
        }
    }
}
