//! The whole way on this machine: files in, star schema out, and a look at the result.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::data_set::DataSet;
use segue_contract::{RunInput, layout};
use serde::Serialize;

use super::{LocalStack, WarehouseOptions, events};
use crate::{
    errors::{Outcome, Problem, on_file},
    execution::{Report, Runs},
    print,
    project::Project,
    ui,
    upload::{self, Others},
    warehouse::Warehouse,
};

const TABLES_SQL: &str = "select table_name from information_schema.tables \
    where table_schema = 'mart' order by table_name";
/// Finds the ledger, which does not exist before the first run.
const LEDGER_EXISTS_SQL: &str = "select table_name from information_schema.tables \
    where table_schema = 'ops' and table_name = 'loaded_objects'";
const LEDGER_SQL: &str = "select uri, etag from ops.loaded_objects";
/// Empties the warehouse; the next run creates what is missing.
const EMPTY: [&str; 2] =
    ["drop schema if exists mart cascade", "drop schema if exists ops cascade"];
/// The queries to run after a load, by their files in `sql/examples`.
const EXAMPLES: [&str; 2] = ["top_songs.sql", "paid_and_free.sql"];

/// What is printed about a local run: the run, and the rows of every table of the star schema.
#[derive(Debug, Serialize)]
struct LocalReport {
    #[serde(flatten)]
    run: Report,
    tables: BTreeMap<String, u64>,
}

/// What to load, and what to keep.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The directory.
    pub data: &'a Path,
    /// What happens to objects that it does not hold.
    pub others: Others,
    /// Whether the warehouse is emptied first.
    pub fresh: bool,
    /// Whether to print an object.
    pub json: bool,
}

/// Starts what is needed, uploads, loads, and prints the result.
pub async fn run(
    project: &Project,
    options: Options<'_>,
    port: Option<u16>,
    warehouse_options: &WarehouseOptions,
) -> Outcome {
    // Before anything is started: a wrong directory should be reported at once.
    let data = upload::read(options.data)?;
    let local = super::up(project, port, warehouse_options).await?;
    let warehouse = Warehouse::of(&local.clients, &local.stack)?;
    let run = tokio::select! {
        run = load(&local, &data, options, &warehouse) => run,
        problem = local.broken() => return Err(problem),
    };
    let (run, stays) = run?;
    let tables = match run.is_good() {
        true => table_rows(&warehouse).await?,
        false => BTreeMap::new(),
    };
    let report = LocalReport { run, tables };
    if options.json {
        print::json(&report)?;
    } else if report.run.is_good() {
        print::line(&tables_for_people(&report.tables))?;
        answer_examples(project, &warehouse).await?;
    }
    if report.run.is_good() {
        stays.into_iter().for_each(ui::say);
        let runs = Runs::of(&local.clients, &local.stack)?;
        let place = (&local.clients, &local.stack);
        ui::say(runs.summary(place, &report.run, " --local").await?);
    }
    let again = format!(
        "in local mode: change the file in {} and run the same command again",
        options.data.display()
    );
    report.run.into_problem().map(|_| ()).map_err(|problem| problem.and_hint(&again))
}

/// Uploads without starting runs, and loads everything in one run. Also returns a note about what
/// the warehouse holds besides the directory.
async fn load(
    local: &LocalStack,
    data: &DataSet,
    options: Options<'_>,
    warehouse: &Warehouse,
) -> Outcome<(Report, Option<String>)> {
    let runs = Runs::of(&local.clients, &local.stack)?;
    let (s3, bucket) = (local.clients.s3(), local.stack.landing_bucket()?);
    events::off(&s3, bucket).await?;
    let prepared = tokio::select! {
        prepared = prepare(local, data, options, warehouse, &runs) => prepared,
        _ = tokio::signal::ctrl_c() => {
            Err(Problem::interrupted("stopped uploading").hint(
                "run the same command again to continue"))
        }
    };
    // In any case, files that land from now on start runs again.
    events::on(&s3, bucket).await?;
    let stays = prepared?;
    let arn = runs.start(&RunInput::default()).await?;
    Ok((runs.follow(&arn, " --local").await?, stays))
}

async fn prepare(
    local: &LocalStack,
    data: &DataSet,
    options: Options<'_>,
    warehouse: &Warehouse,
    runs: &Runs,
) -> Outcome<Option<String>> {
    // A run in flight reads objects that this upload may replace or remove.
    for earlier in runs.in_flight().await? {
        ui::say("a run is in flight: waiting for its end");
        runs.follow(&earlier, " --local").await?;
    }
    if options.fresh {
        warehouse.transact(EMPTY.map(str::to_owned).into()).await?;
        ui::say("emptied the warehouse");
    }
    let loaded = loaded_objects(warehouse).await?;
    let uploaded = upload::upload(data, &local.clients, &local.stack, options.others).await?;
    let prefix = layout::uri(local.stack.landing_bucket()?, "");
    let stale = loaded.iter().filter(|(uri, etag)| {
        let key = uri.strip_prefix(&prefix).unwrap_or(uri);
        match uploaded.etags.get(key) {
            Some(present) => present != *etag,
            None => options.others == Others::Removed,
        }
    });
    Ok(stays_in_the_warehouse(stale.count()))
}

/// A line about what the warehouse holds and the directory does not.
fn stays_in_the_warehouse(files: usize) -> Option<String> {
    (files > 0).then(|| {
        format!(
            "rows of {} that were loaded earlier and replaced or removed since stay in the \
             warehouse until `segue run --local --rebuild`; --fresh starts again with an empty \
             warehouse",
            ui::count(files, "file")
        )
    })
}

/// URI and ETag of every object that has been loaded.
async fn loaded_objects(warehouse: &Warehouse) -> Outcome<BTreeMap<String, String>> {
    if warehouse.query(LEDGER_EXISTS_SQL).await?.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(warehouse.query(LEDGER_SQL).await?.into_pairs().collect())
}

async fn table_rows(warehouse: &Warehouse) -> Outcome<BTreeMap<String, u64>> {
    let tables = warehouse.query(TABLES_SQL).await?;
    let counts: Vec<String> = tables
        .first_column()
        .map(|table| format!("select '{table}' as table_name, count(*) as rows from mart.{table}"))
        .collect();
    if counts.is_empty() {
        return Err(Problem::failed("the run succeeded, but schema mart has no tables"));
    }
    let rows = warehouse.query(&counts.join(" union all ")).await?;
    Ok(rows.into_counts().into_iter().collect())
}

fn tables_for_people(tables: &BTreeMap<String, u64>) -> String {
    let rows = tables.iter().map(|(name, rows)| [format!("mart.{name}"), rows.to_string()]);
    print::table(&["table", "rows"], rows, &[1])
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
