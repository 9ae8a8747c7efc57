//! The whole way on this machine: files in, star schema out, and what it holds then.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use segue_contract::RunInput;
use serde::Serialize;

use super::{LocalStack, WarehouseOptions};
use crate::{
    errors::{Outcome, Problem, on_file},
    execution::{Report, Runs, UP_TO_DATE},
    print,
    project::Project,
    talk,
    upload::DataSet,
    warehouse::Warehouse,
};

const TABLES_SQL: &str = "select table_name from information_schema.tables \
    where table_schema = 'mart' order by table_name";
/// The questions that are answered after a run, by their files in `sql/examples`.
const EXAMPLES: [&str; 2] = ["top_songs.sql", "paid_and_free.sql"];

/// What is printed about a local run: the run, and the rows of every table of the star schema.
#[derive(Debug, Serialize)]
struct LocalReport {
    #[serde(flatten)]
    run: Report,
    tables: BTreeMap<String, u64>,
}

/// Starts what is needed, uploads, loads, and prints the result.
pub async fn run(
    project: &Project,
    data: &Path,
    port: Option<u16>,
    options: &WarehouseOptions,
    json: bool,
) -> Outcome {
    // Before anything is started: a wrong directory should be said at once.
    let data = DataSet::read(data)?;
    let local = super::up(project, port, options).await?;
    let uploaded_since = jiff::Timestamp::now();
    data.upload(&local.clouds, &local.stack).await?;
    let run = tokio::select! {
        run = load(&local, uploaded_since) => run?,
        problem = local.broken() => return Err(problem),
    };
    let warehouse = Warehouse::of(&local.clouds, &local.stack)?;
    let tables = match run.is_good() {
        true => table_rows(&warehouse).await?,
        false => BTreeMap::new(),
    };
    let report = LocalReport { run, tables };
    if json {
        print::json(&report)?;
    } else if report.run.is_good() {
        print::line(&tables_for_people(&report.tables))?;
        answer_examples(project, &warehouse).await?;
    }
    report.run.into_problem().map(|_| ())
}

/// Loads what has been uploaded since this moment.
///
/// Files that land wake runs by themselves. One in flight has not seen all of them, so ours comes
/// after; when earlier ones left it nothing to do, the last that loaded is the one to report.
async fn load(local: &LocalStack, uploaded_since: jiff::Timestamp) -> Outcome<Report> {
    let runs = Runs::of(local.clouds.step_functions(), local.stack.load_state_machine()?);
    for woken in runs.in_flight().await? {
        talk::say("the files have woken a run: waiting for its end");
        runs.follow(&woken).await?;
    }
    let arn = runs.start(&RunInput::default()).await?;
    let ours = runs.follow(&arn).await?;
    let report = match ours.status.as_str() {
        UP_TO_DATE => runs.loaded_since(uploaded_since).await?.unwrap_or(ours),
        _ => ours,
    };
    if report.is_good() {
        talk::say(report.line());
    }
    Ok(report)
}

async fn table_rows(warehouse: &Warehouse) -> Outcome<BTreeMap<String, u64>> {
    let tables = warehouse.query(TABLES_SQL).await?;
    let counts: Vec<String> = tables
        .first_column()
        .map(|table| format!("select '{table}' as table_name, count(*) as rows from mart.{table}"))
        .collect();
    if counts.is_empty() {
        return Err(Problem::failed("the run ended well and yet schema mart has no tables"));
    }
    let rows = warehouse.query(&counts.join(" union all ")).await?;
    Ok(rows.into_counts().into_iter().collect())
}

fn tables_for_people(tables: &BTreeMap<String, u64>) -> String {
    let rows = tables.iter().map(|(name, rows)| [format!("mart.{name}"), rows.to_string()]);
    print::table(&["table", "rows"], rows, &[1]).to_string()
}

async fn answer_examples(project: &Project, warehouse: &Warehouse) -> Outcome {
    for example in EXAMPLES {
        let path: PathBuf = project.path("sql/examples").join(example);
        let sql = fs::read_to_string(&path).map_err(on_file("read", &path))?;
        let question = sql.lines().next().unwrap_or_default().trim_start_matches("-- ");
        let rows = warehouse.query(&sql).await?;
        print::with(|out| {
            writeln!(out, "\n{question}\n")?;
            rows.write_table(out)
        })?;
    }
    Ok(())
}
