//! `segue sql check`: renders everything in `sql/` and runs it in an empty warehouse, in seconds.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use clap::{Args, Subcommand};
use segue_contract::messages::{Compression, Load, Plan, PlannedSource, Step};
use segue_contract::pipeline::{self, CopyPlace, Deployment, Statement};
use segue_contract::{Failure, Run, RunInput};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{
    aws::AwsClients,
    cli::Checkout,
    commands::read_sql_of,
    errors::{Outcome, Problem, on_file},
    local::{
        self,
        environment::{ACCESS_KEY, local_environment},
    },
    plan,
    project::Project,
    stack::Stack,
    ui,
    warehouse::Warehouse,
};

/// What looks at the text of the files, besides the warehouse.
const LINTER: [&str; 2] = [".tools/ministack/bin/python", "tools/sql/lint.py"];
/// Steps with values that no run has, or for a warehouse that an earlier version created: tests of the
/// pipeline run them.
const APART: [&str; 3] = ["diagnose/", "migrate/", "rehearse/"];
/// Statements that read or write S3, where nothing is.
const OUTSIDE: [&str; 2] = ["copy", "unload"];
/// How far the warehouse comes with such a statement, if nothing else is wrong with it.
const NO_S3: &str = "need an S3 endpoint";

/// `segue sql …`
#[derive(Debug, Subcommand)]
pub enum Sql {
    /// Check every file of sql/: render it, lint it, and run it in an empty local warehouse
    Check(Check),
}

/// `segue sql check`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue sql check")]
pub struct Check {
    /// The checkout to use
    #[command(flatten)]
    pub checkout: Checkout,
}

/// Checks the files, and says in which one something is wrong.
pub async fn check(wanted: &Check) -> Outcome {
    let project = Project::find(wanted.checkout.project.as_deref())?;
    read_sql_of(&project);
    let begun = Instant::now();
    lint(&project)?;
    let temporary = Temporary::start().await?;
    let statements = run_all(&temporary.warehouse, &project).await?;
    let statements = ui::count(statements, "statement");
    ui::say(format!("✓ {statements} of sql/ run, in {}", ui::seconds(begun.elapsed())));
    Ok(())
}

/// Lets the linter read every file.
fn lint(project: &Project) -> Outcome {
    let [python, linter] = LINTER.map(|path| project.path(path));
    let mut files = Vec::new();
    for folder in
        fs::read_dir(project.path("sql")).map_err(on_file("read", &project.path("sql")))?
    {
        let folder = folder.map_err(on_file("read", &project.path("sql")))?.path();
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        files.extend(paths.filter(|path| path.extension().is_some_and(|kind| kind == "sql")));
    }
    files.sort();
    let names: Vec<PathBuf> = files
        .iter()
        .map(|file| file.strip_prefix(project.path("")).unwrap_or(file).into())
        .collect();
    if !python.is_file() || !linter.is_file() {
        ui::say("not linted: run `make tools` first");
        return Ok(());
    }
    let mut command = Command::new(&python);
    let linted = command.arg(&linter).args(names).current_dir(project.path("")).output();
    let linted = linted.map_err(on_file("run", &python))?;
    match linted.status.success() {
        true => Ok(()),
        false => Err(Problem::failed(String::from_utf8_lossy(&linted.stdout).into_owned())),
    }
}

/// A warehouse that is empty, and gone at the end.
struct Temporary {
    warehouse: Warehouse,
    _program: tokio::process::Child,
}

impl Temporary {
    async fn start() -> Outcome<Self> {
        let program = local::warehouse_program()?;
        let mut command = Command::new(&program);
        local_environment(&mut command);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut command = tokio::process::Command::from(command);
        let mut child = command.kill_on_drop(true).spawn().map_err(on_file("run", &program))?;
        let output = child.stdout.take().ok_or_else(|| Problem::failed("no output to read"))?;
        let mut lines = BufReader::new(output).lines();
        let url = lines.next_line().await.ok().flatten().ok_or_else(|| {
            Problem::failed(format!("{} does not say where it listens", program.display()))
        })?;
        let clients = AwsClients::of_warehouse(url, ACCESS_KEY).await;
        let stack = Stack::of(&[("Database", "dev"), ("WorkgroupArn", local::WORKGROUP)]);
        Ok(Self { warehouse: Warehouse::of(&clients, &stack)?, _program: child })
    }
}

/// Renders and runs everything; returns how many statements that was.
async fn run_all(warehouse: &Warehouse, project: &Project) -> Outcome<usize> {
    let mut count = 0;
    let mut seen = Vec::new();
    for rebuild in [false, true] {
        for (step, statements) in steps_of_a_run(rebuild)? {
            count += run(warehouse, &step, &statements).await?;
            seen.push(step);
        }
    }
    let run_id = run_of(false);
    for step in pipeline::steps().into_iter().filter(|step| !seen.contains(step)) {
        if APART.iter().any(|folder| step.starts_with(folder)) {
            continue;
        }
        let rendered = pipeline::render(&Step::first(run_id.clone(), &step), &deployment());
        count += run(warehouse, &step, &rendered.map_err(problem_of)?).await?;
    }
    count += run(warehouse, "diagnose", &diagnoses()?).await?;
    let examples = project.path("sql/examples");
    for entry in fs::read_dir(&examples).map_err(on_file("read", &examples))? {
        let path = entry.map_err(on_file("read", &examples))?.path();
        let sql = fs::read_to_string(&path).map_err(on_file("read", &path))?;
        let file = format!("examples/{}", path.file_stem().unwrap_or_default().to_string_lossy());
        count += run(warehouse, "examples", &[Statement { file, sql }]).await?;
    }
    Ok(count)
}

/// Runs a step as one transaction, and names the file of the statement that fails. What needs S3 is
/// tried first, after the statements before it, as far as it goes without; that leaves nothing behind.
async fn run(warehouse: &Warehouse, step: &str, statements: &[Statement]) -> Outcome<usize> {
    let mut inside: Vec<&Statement> = Vec::new();
    for statement in statements {
        if !OUTSIDE.contains(&statement.verb()) {
            inside.push(statement);
            continue;
        }
        let tried = [inside.as_slice(), &[statement]].concat();
        match transact(warehouse, step, &tried).await {
            Err(problem) if !problem.message().contains(NO_S3) => return Err(problem),
            _ => {}
        }
    }
    if !inside.is_empty() {
        transact(warehouse, step, &inside).await?;
    }
    Ok(statements.len())
}

async fn transact(warehouse: &Warehouse, step: &str, statements: &[&Statement]) -> Outcome {
    let sql = statements.iter().map(|one| one.sql.clone()).collect();
    warehouse.transact(sql).await.map_err(|problem| {
        let number = problem.message().split_once("Query #").map(|(_, rest)| rest);
        let number = number.and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
        match number.and_then(|number| statements.get(number.checked_sub(1)?)) {
            Some(statement) => failed(statement, problem.message()),
            None => Problem::failed(format!("step {step}: {}", problem.message())),
        }
    })
}

fn failed(statement: &Statement, message: &str) -> Problem {
    Problem::failed(format!("sql/{}.sql: {message}", statement.file))
        .hint(format!("the statement is, rendered:\n\n{};", statement.sql.trim_end()))
}

/// The steps of a run that loads something of every source, in their order.
fn steps_of_a_run(rebuild: bool) -> Outcome<Vec<(String, Vec<Statement>)>> {
    let source = |source: &str| PlannedSource {
        source: source.to_owned(),
        prefix: String::new(),
        listed: 1,
        objects: 1,
        changed: 0,
        bytes: 1,
        max_rejects: 1,
        set_aside: 0,
        skipped: Vec::new(),
        loaded_by_other_paths: 0,
    };
    let load = |step: String| Load { step, compression: Compression::Gzip, max_rejects: 1 };
    let sources = pipeline::sources();
    let loads = sources.iter().map(|source| load(format!("stage/{source}")));
    let plan = Plan {
        objects: sources.len() as u64,
        sources: sources.iter().map(|one| source(one)).collect(),
        loads: loads.chain([load("plan/objects".to_owned())]).collect(),
        ..Plan::default()
    };
    plan::steps(&run_of(rebuild), &plan, &deployment())
}

fn run_of(rebuild: bool) -> Run {
    Run {
        id: if rebuild { "sql-check-rebuild" } else { "sql-check" }.to_owned(),
        started_at: "2018-11-01T00:00:00Z".to_owned(),
        redrive_count: 0,
        input: RunInput { rebuild, ..RunInput::default() },
    }
}

fn deployment() -> Deployment {
    Deployment {
        work_bucket: "work".to_owned(),
        copy_role_arn: "arn:aws:iam::000000000000:role/copy".to_owned(),
        staging_retention_days: 30,
        ..Deployment::default()
    }
}

fn diagnoses() -> Outcome<Vec<Statement>> {
    let copy = CopyPlace::new(1, None, None);
    let statements =
        [pipeline::load_errors(&copy, Some(1), 1), pipeline::load_history(&copy, "staging_songs")];
    statements.into_iter().collect::<Result<_, _>>().map_err(problem_of)
}

fn problem_of(failure: Failure) -> Problem {
    let problem = Problem::failed(failure.message);
    match failure.hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}
