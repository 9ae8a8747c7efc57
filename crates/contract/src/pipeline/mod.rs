//! The pipeline is the `sql/` folder, compiled into the functions that need it.
//!
//! A folder is one step: its numbered files, in their order, run as one transaction. A file without
//! a number is a step of its own. `sql/stage` holds one file per source, and with it the source; the
//! numbered files of `sql/migrate` are steps of their own.

mod bounds;
mod files;
mod migrations;
mod tables;
mod templates;
mod values;

use std::borrow::Cow;

use jiff::Timestamp;
use minijinja::{Value, context};

use crate::messages::Step;
use crate::{ErrorName, Failure};

pub use bounds::RANGES_MAX;
pub use files::{FOLDER_VARIABLE, built_in_digest, digest, digest_of, read_from};
pub use migrations::{
    APPLIED_HEADER, Applied, COLUMNS_HEADER, Migration, PUBLISHED_NUMBER, Pending, migrations,
    not_recorded, pending,
};
pub use tables::{Column, Table, columns, tables};
use templates::{is_numbered, render_with};
use values::values;

/// How many characters of the digest of all SQL are kept: enough to tell two versions apart.
pub const DIGEST_CHARACTERS: usize = 8;
/// The most statements in a batch, a limit of the Data API.
pub const STATEMENTS_MAX: usize = 40;
/// The most bytes of a statement's text, a limit of the Data API.
pub const STATEMENT_BYTES_MAX: usize = 100_000;

/// The most staging schemas in the database, including that of the current run: a file that always
/// fails must not use up the 9,900 schemas that a database holds.
pub const STAGING_SCHEMAS_MAX: usize = 20;

/// The line of a source's file that says where its objects land.
const FOLDER_HEADER: &str = "-- Lands in: ";

/// The header of a file that counts keys with differing records.
pub const VARIANTS_HEADER: &str = "-- Counts variants: ";
/// The header of a file that counts what a run changed, by table.
pub const CHANGES_HEADER: &str = "-- Counts changes: ";

/// The header of a check; any row that it returns is an offender.
pub const CHECK_HEADER: &str = "-- Healthy when empty: ";
/// The header of a check whose rows are warnings, which stop no run by themselves.
pub const WARNS_HEADER: &str = "-- Warns: ";

/// One statement of a step, and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The file below `sql/`, without its ending.
    pub file: String,
    /// The text to run.
    pub sql: String,
}

impl Statement {
    /// The first sentence of its comment after this header; `None` if it begins otherwise.
    pub fn sentence(&self, header: &str) -> Option<String> {
        let comment = self.sql.lines().map_while(|line| line.strip_prefix("-- "));
        let comment = comment.collect::<Vec<_>>().join(" ");
        let text = comment.strip_prefix(header.strip_prefix("-- ")?)?;
        let end = text.find(". ").map_or(text.len(), |end| end + 1);
        Some(text[..end].to_owned())
    }

    /// The word it begins with: `copy`, `select`.
    pub fn verb(&self) -> &str {
        let lines = self.sql.lines().map(str::trim_start);
        let mut code = lines.filter(|line| !line.is_empty() && !line.starts_with("--"));
        code.next().and_then(|line| line.split_whitespace().next()).unwrap_or_default()
    }
}

/// Where the system views show a COPY, by what is the same on all warehouses: a cluster's SYS views
/// number statements differently from the Data API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyPlace {
    /// The process that ran it.
    pub process_id: i64,
    /// It did not start before this time, UTC.
    pub earliest: Timestamp,
    /// It did not start after this time, UTC.
    pub latest: Timestamp,
}

/// How far the clocks of the Data API and the warehouse may differ, in seconds.
const CLOCKS_APART_SECONDS_MAX: i64 = 60;

impl CopyPlace {
    /// The place of a COPY of this process, in a statement that was submitted and ended at these
    /// times, in seconds since 1970; an unknown time matches any.
    pub fn new(process_id: i64, submitted: Option<i64>, ended: Option<i64>) -> Self {
        let time = |seconds: i64| Timestamp::from_second(seconds).ok();
        let earliest = submitted.and_then(|at| time(at - CLOCKS_APART_SECONDS_MAX));
        let latest = ended.and_then(|at| time(at + CLOCKS_APART_SECONDS_MAX));
        Self {
            process_id,
            earliest: earliest.unwrap_or(Timestamp::UNIX_EPOCH),
            latest: latest.unwrap_or(Timestamp::MAX),
        }
    }

    fn values(&self) -> Value {
        let time = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S").to_string();
        context! {
            process_id => self.process_id,
            earliest => time(self.earliest),
            latest => time(self.latest),
        }
    }
}

/// What a deployment adds to the SQL of every run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployment {
    /// The bucket that holds manifests.
    pub work_bucket: String,
    /// The role that Redshift assumes for a COPY.
    pub copy_role_arn: String,
    /// How many days the staging schema of a failed run is kept.
    pub staging_retention_days: u32,
    /// The database role that may read the star schema, if any.
    pub reader_role: Option<String>,
    /// The database group that may read the star schema, if any.
    pub reader_group: Option<String>,
    /// Whether a warning of a check fails the run.
    pub warnings_fail: bool,
}

/// The sources, in the order of their names: one for each file in `sql/stage`.
pub fn sources() -> Vec<&'static str> {
    files::sources()
}

/// The folder that a source's files are in, in a directory of data, and where they land unless the
/// stack has another prefix: `log_data`. Without a header in `sql/stage`, the source's name.
pub fn folder(source: &str) -> String {
    let text = files::text(&format!("stage/{source}.sql")).unwrap_or_default();
    let named = text.lines().find_map(|line| line.strip_prefix(FOLDER_HEADER));
    named.unwrap_or(source).to_owned()
}

/// Segue's own JSONPaths file for a source whose keys are not its columns' names.
pub fn jsonpaths(source: &str) -> Option<Cow<'static, str>> {
    files::text(&format!("stage/{source}.jsonpaths.json"))
}

/// The statements of a step, ready to be submitted.
///
/// # Errors
/// `InvalidInput` for a step that does not exist or a value that cannot be quoted;
/// `StatementFailed` for a template that does not render.
pub fn render(step: &Step, deployment: &Deployment) -> Result<Vec<Statement>, Failure> {
    render_with(&step.step, &values(step, deployment, false)?)
}

/// The statements that read the files of the run's manifest for this source, as the run's COPY
/// would, but load nothing, and that unload one row, as a run unloads what is new: one transaction,
/// which leaves nothing behind in the warehouse.
///
/// # Errors
/// As [`render`].
pub fn rehearse(step: &Step, deployment: &Deployment) -> Result<Vec<Statement>, Failure> {
    let values = values(step, deployment, true)?;
    let steps = ["create/staging", &step.step, "rehearse/unload", "rehearse/drop"];
    let statements = steps.map(|name| render_with(name, &values));
    Ok(statements.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

/// The statement that reads what a COPY rejected, at most this many rows; `query_id` is its number
/// in the SYS views, if that is known.
///
/// # Errors
/// `StatementFailed` for a template that does not render.
pub fn load_errors(
    copy: &CopyPlace,
    query_id: Option<i64>,
    rows_max: u64,
) -> Result<Statement, Failure> {
    one("diagnose/load_errors", context! { rows_max, query_id, ..copy.values() })
}

/// The statement that reads what the SYS views show of a COPY into this table.
///
/// # Errors
/// `StatementFailed` for a template that does not render.
pub fn load_history(copy: &CopyPlace, table: &str) -> Result<Statement, Failure> {
    one("diagnose/load_history", context! { table, ..copy.values() })
}

/// The table of a run's staging schema that a source is copied into.
pub fn staging_table(source: &str) -> String {
    format!("staging_{source}")
}

/// The only statement of a step.
fn one(step: &str, values: Value) -> Result<Statement, Failure> {
    render_with(step, &values)?.pop().ok_or_else(|| {
        Failure::new(ErrorName::StatementFailed, format!("sql/{step}.sql has no statement"))
    })
}

/// The names of the steps that exist.
pub fn steps() -> Vec<String> {
    let mut names = Vec::new();
    for folder in files::folders() {
        let files = files::templates(&folder);
        if migrations::is_folder(&folder) {
            names.extend(files.into_iter().filter(|file| is_numbered(file)));
            continue;
        }
        if files.iter().any(|file| is_numbered(file)) {
            names.push(folder);
        }
        names.extend(files.into_iter().filter(|file| !is_numbered(file)));
    }
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{Compression, URI_HASHES_MAX, UsedPaths};
    use crate::{Run, RunInput};

    fn deployment() -> Deployment {
        Deployment {
            work_bucket: "work".into(),
            copy_role_arn: "arn:aws:iam::123456789012:role/copy".into(),
            staging_retention_days: 30,
            ..Deployment::default()
        }
    }

    fn step(name: &str, rebuild: bool) -> Step {
        Step {
            run: Run {
                id: "run_1".into(),
                started_at: "2018-11-01T00:00:00Z".into(),
                redrive_count: 0,
                input: RunInput { rebuild, ..RunInput::default() },
            },
            step: name.into(),
            attempt: 1,
            compression: Compression::Gzip,
            max_rejects: 0,
            has_rejects: false,
            paths: Vec::new(),
            abandoned: vec!["staging_run_0".into()],
            sources: None,
            bounds: Some(bounds::tests::widest()),
            candidates: 3,
            is_complete: true,
            uri_hashes: Some(vec![i64::MAX.to_string(); URI_HASHES_MAX]),
            missing: migrations().into_iter().flat_map(|one| one.adds).collect(),
        }
    }

    #[test]
    fn every_step_renders_within_the_limits_of_the_data_api() {
        let names = steps().into_iter().filter(|name| !name.starts_with("diagnose/"));
        for (name, rebuild) in names.flat_map(|name| [(name.clone(), false), (name, true)]) {
            let mut repeated = step(&name, rebuild);
            (repeated.attempt, repeated.has_rejects) = (2, true);
            let one = |source: &&str| UsedPaths { source: (*source).into(), digest: "d".into() };
            repeated.paths = sources().iter().map(one).collect();
            let statements = render(&repeated, &deployment()).expect(&name);
            assert!(
                (1..=STATEMENTS_MAX).contains(&statements.len()),
                "{name}: {}",
                statements.len()
            );
            for statement in statements {
                assert!(statement.sql.len() <= STATEMENT_BYTES_MAX, "{}", statement.file);
                assert!(!statement.sql.contains("{{"), "{}", statement.file);
            }
        }
    }

    #[test]
    fn there_is_a_step_for_every_phase_and_source() {
        insta::assert_snapshot!(steps().join("\n"));
        assert_eq!(sources(), ["events", "songs"]);
    }

    #[test]
    fn a_copy_names_its_manifest_and_role_as_literals() {
        let statements = render(&step("stage/events", false), &deployment()).expect("renders");
        let verbs: Vec<_> = statements.iter().map(Statement::verb).collect();
        assert_eq!(verbs, ["copy", "select"]);
        insta::assert_snapshot!(statements[0].sql);
    }

    #[test]
    fn a_check_is_one_whole_sentence() {
        let sentence =
            |sql: &str| Statement { file: "f".into(), sql: sql.into() }.sentence(CHECK_HEADER);
        let long = "-- Healthy when empty: no row\n-- is bad. Others are.\nselect 1";
        assert_eq!(sentence(long).as_deref(), Some("no row is bad."));
        assert_eq!(sentence("-- Warns: a row is bad.\nselect 1"), None);
        for statement in render(&step("check", false), &deployment()).expect("renders") {
            for header in [CHECK_HEADER, WARNS_HEADER] {
                let sentence = statement.sentence(header);
                assert!(sentence.is_none_or(|text| text.ends_with('.')), "{statement:?}");
            }
        }
    }

    #[test]
    fn a_copy_that_is_repeated_begins_from_nothing() {
        let first = step("stage/songs", false);
        let redriven = Run { redrive_count: 1, ..first.run.clone() };
        let again = [Step { attempt: 2, ..first.clone() }, Step { run: redriven, ..first.clone() }];
        let verbs = |step: &Step| {
            let statements = render(step, &deployment()).expect("renders");
            statements.iter().map(|one| one.verb().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(verbs(&first), ["copy", "select"]);
        again.iter().for_each(|step| assert_eq!(verbs(step), ["delete", "copy", "select"]));
    }

    #[test]
    fn a_copy_that_tolerates_rejects_fails_one_later() {
        let copy = |max_rejects| {
            let step = Step { max_rejects, ..step("stage/songs", false) };
            render(&step, &deployment()).expect("renders")[0].sql.clone()
        };
        assert!(!copy(0).contains("maxerror"));
        assert!(copy(5).contains("maxerror 6\n"));
        assert!(copy(crate::rejects::MAX_REJECTS).contains("maxerror 100000\n"));
    }

    #[test]
    fn rejects_are_recorded_only_if_there_are_any() {
        let written = |has_rejects| {
            let step = Step { has_rejects, ..step("publish", false) };
            let statements = render(&step, &deployment()).expect("renders");
            let rejected = statements.into_iter().filter(|s| s.file == "publish/85_rejected_rows");
            rejected.collect::<Vec<_>>()
        };
        assert!(written(false).is_empty());
        let [delete, copy] = written(true).try_into().expect("two statements");
        assert_eq!(delete.verb(), "delete", "{delete:?}");
        assert!(copy.sql.contains("from 's3://work/runs/run_1/rejects/'"), "{copy:?}");
    }

    #[test]
    fn a_rehearsal_reads_as_the_run_would_and_leaves_nothing() {
        let statements = rehearse(&step("stage/songs", false), &deployment()).expect("renders");
        let copies: Vec<_> = statements.iter().filter(|one| one.file == "stage/songs").collect();
        assert!(copies.len() == 1 && copies[0].sql.contains("\nnoload\n"), "{copies:?}");
        let is_written_down = |one: &Statement| one.sql.contains("ops.");
        assert!(!statements.iter().any(is_written_down), "there may be no such tables yet");
        let last = &statements.last().expect("some").sql;
        assert!(last.ends_with("drop schema if exists staging_run_1 cascade"), "{last}");
        assert!(statements.len() <= STATEMENTS_MAX);
        let run = render(&step("stage/songs", false), &deployment()).expect("renders");
        assert!(!run[0].sql.contains("noload"));
    }

    #[test]
    fn only_a_rebuild_deletes_what_is_published() {
        let deletes = |rebuild| {
            let statements = render(&step("publish", rebuild), &deployment()).expect("renders");
            statements.iter().filter(|s| s.file == "publish/20_rebuild").count()
        };
        assert_eq!((deletes(false), deletes(true)), (0, 7));
    }

    #[test]
    fn a_sweep_drops_the_named_staging_schemas_and_nothing_else() {
        let mut sweep = step("sweep/staging", false);
        let statements = render(&sweep, &deployment()).expect("renders");
        let sql = &statements[0].sql;
        assert!(sql.ends_with("drop schema if exists staging_run_0 cascade"), "{sql}");
        for name in ["mart", "staging_a; drop schema mart", "Staging_a"] {
            sweep.abandoned = vec![name.into()];
            let failure = render(&sweep, &deployment()).expect_err(name);
            assert_eq!(failure.name, ErrorName::InvalidInput, "{name}");
        }
    }

    #[test]
    fn a_copy_is_looked_up_by_process_and_time_and_by_its_number_where_that_is_known() {
        let copy = CopyPlace::new(7, Some(1_541_030_460), Some(1_541_030_400));
        let history = load_history(&copy, "staging_songs").expect("renders").sql;
        for part in [
            "session_id = 7\n",
            "start_time >= '2018-11-01 00:00:00'\n",
            "start_time <= '2018-11-01 00:01:00'\n",
            "strpos(table_name, 'staging_songs') > 0",
        ] {
            assert!(history.contains(part), "{part}: {history}");
        }
        let errors = |query_id| load_errors(&copy, query_id, 5).expect("renders").sql;
        assert!(errors(Some(9)).contains("and query_id = 9\n"), "{}", errors(Some(9)));
        assert!(!errors(None).contains("query_id"), "{}", errors(None));
    }

    #[test]
    fn an_unknown_step_names_those_that_exist() {
        let failure = render(&step("publis", false), &deployment()).expect_err("unknown");
        assert_eq!(failure.name, ErrorName::InvalidInput);
        assert!(failure.message.contains("publish"), "{failure}");
    }

    #[test]
    fn readers_are_granted_the_star_schema_and_nothing_else() {
        let grants = |deployment: &Deployment| {
            let statements = render(&step("create", false), deployment).expect("renders");
            let statements = statements.into_iter().filter(|one| one.file == "create/40_readers");
            statements.map(|one| one.sql).collect::<Vec<_>>()
        };
        assert_eq!(grants(&deployment()), [""; 0]);
        let analysts = Deployment { reader_role: Some("Our \"analysts\"".into()), ..deployment() };
        let both = Deployment { reader_group: Some("bi".into()), ..analysts };
        insta::assert_snapshot!(grants(&both).join(";\n"), @r#"
        -- Lets the readers that the deployment names read the star schema, including later tables, but not
        -- `ops`. Without readers it does nothing.
        -- Safe to run again: grants stay as they are.

        grant usage on schema mart to role "Our ""analysts""";
        grant select on all tables in schema mart to role "Our ""analysts""";
        alter default privileges in schema mart
        grant select on tables to role "Our ""analysts""";
        grant usage on schema mart to group "bi";
        grant select on all tables in schema mart to group "bi";
        alter default privileges in schema mart
        grant select on tables to group "bi"
        "#);
    }

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        let deployment = Deployment { copy_role_arn: "'; drop table x".into(), ..deployment() };
        let statements = render(&step("stage/songs", false), &deployment).expect("renders");
        assert_eq!(statements.len(), 2);
        assert!(statements[0].sql.contains("iam_role '''; drop table x'"));
    }
}
