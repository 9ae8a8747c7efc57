//! Carries out the commands.

use std::io::IsTerminal;

use segue_contract::{RunInput, pipeline};

use crate::{
    aws::AwsClients,
    cli::{self, Checkout, Command, Local, Target},
    completions, display, doctor,
    errors::Outcome,
    estimate, follow, generate, grants, local, logs, man, plan, print,
    project::Project,
    query, report, run, runs, show, skip, sql,
    stack::{Destination, Stack},
    stop, ui, upload,
    warehouse::Warehouse,
};

/// Carries out one command.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Run(run) => run::load(run).await,
        Command::Plan(wanted) => show_plan(wanted).await,
        Command::Runs(wanted) => runs::list(wanted).await,
        Command::Show(wanted) => show::show(wanted).await,
        Command::Logs(wanted) => logs::logs(wanted).await,
        Command::Follow(wanted) => follow::follow(wanted).await,
        Command::Report(wanted) => report::report(wanted).await,
        Command::Stop(wanted) => stop::stop(wanted).await,
        Command::Query(query) => ask(query).await,
        Command::Skip(wanted) => set_aside(wanted).await,
        Command::Generate(wanted) => generate::generate(&wanted.out, &wanted.options),
        Command::Estimate(wanted) => estimate_load(wanted).await,
        Command::Doctor(wanted) => examine(wanted).await,
        Command::Sql(sql::Sql::Check(wanted)) => sql::check(&wanted).await,
        Command::Completions(wanted) => completions::completions(&wanted),
        Command::Man(wanted) => man::man(&wanted),
        Command::Local(Local::Up(up)) => local_up(up).await,
        Command::Local(Local::Run(run)) => {
            let project = checkout(&run.start.checkout)?;
            let start = &run.start;
            let options = local::run::Options {
                data: &run.data,
                others: others(run.add),
                fresh: run.fresh,
                json: run.json,
            };
            local::run::run(&project, options, start.port, &start.warehouse).await
        }
        Command::Local(Local::Down(down)) => local::down(&checkout(&down.checkout)?, down.purge),
        Command::Local(Local::Status(status)) => local_status(status),
    }
}

/// What happens to objects that a directory does not hold.
fn others(add: bool) -> upload::Others {
    if add { upload::Others::Kept } else { upload::Others::Removed }
}

fn checkout(wanted: &Checkout) -> Outcome<Project> {
    let project = Project::find(wanted.project.as_deref())?;
    read_sql_of(&project);
    Ok(project)
}

/// Before anything asks which sources there are.
pub(crate) fn read_sql(target: &Target) -> Outcome {
    if target.local {
        read_sql_of(&Project::find(target.project.as_deref())?);
    }
    Ok(())
}

/// Local commands read the checkout's SQL, like the local functions.
pub(crate) fn read_sql_of(project: &Project) {
    let sql = project.path("sql");
    if sql.is_dir() {
        pipeline::read_from(sql);
    }
}

/// Without a stack, the sources are those of the checkout, if this is one.
fn read_sql_here() {
    if let Ok(project) = Project::find(None) {
        read_sql_of(&project);
    }
}

/// The stack to use, and clients for it.
pub async fn find(target: Target) -> Outcome<(AwsClients, Stack)> {
    if target.local {
        let project = Project::find(target.project.as_deref())?;
        read_sql_of(&project);
        let running = local::running(&project).await?;
        return Ok((running.clients, running.stack));
    }
    let destination = Destination::find(target.stack, target.region)?;
    let clients = AwsClients::deployed(destination.region).await;
    let stack = Stack::deployed(&clients, &destination.stack).await?;
    Ok((clients, stack))
}

async fn estimate_load(wanted: cli::Estimate) -> Outcome {
    let sources = match &wanted.assumptions.data {
        Some(directory) => {
            read_sql_here();
            estimate::directory(directory)?
        }
        None => {
            let (clients, stack) = find(wanted.target).await?;
            estimate::bucket(&clients, &stack).await?
        }
    };
    estimate::show(sources, &wanted.assumptions)
}

async fn set_aside(wanted: cli::Skip) -> Outcome {
    let options = skip::Options { uris: wanted.uris, reason: wanted.reason, undo: wanted.undo };
    let (clients, stack) = find(wanted.target).await?;
    skip::skip(&clients, &stack, &options).await
}

async fn examine(wanted: cli::Doctor) -> Outcome {
    let depth = if wanted.noload { doctor::Depth::EveryFile } else { doctor::Depth::Sample };
    if let Some(directory) = &wanted.data {
        read_sql_here();
        return doctor::show(&doctor::examine_directory(directory, depth)?, wanted.json);
    }
    let place = if wanted.target.local { doctor::Place::Local } else { doctor::Place::Deployed };
    let (clients, stack) = find(wanted.target).await?;
    let doctor = doctor::Doctor { clients, stack, place, depth };
    let findings = doctor.examine().await;
    if !wanted.fix {
        return doctor::show(&findings, wanted.json);
    }
    match doctor.fix(&findings, wanted.yes).await? {
        doctor::Fixed::Nothing => doctor::show(&findings, false),
        doctor::Fixed::Ran => doctor::show(&doctor.examine().await, false),
    }
}

async fn show_plan(wanted: cli::Plan) -> Outcome {
    let input =
        RunInput { sources: wanted.sources, rebuild: wanted.rebuild, ..RunInput::default() };
    read_sql(&wanted.target)?;
    run::refuse_impossible(&input)?;
    let (clients, stack) = find(wanted.target).await?;
    let options = plan::Options { objects_max: wanted.objects, sql: wanted.sql, json: wanted.json };
    plan::plan(&clients, &stack, input, options).await
}

async fn ask(wanted: cli::Query) -> Outcome {
    let text = query::text(wanted.sql, wanted.file.as_deref())?;
    let sql = query::statement(&text, wanted.write)?;
    let (clients, stack) = find(wanted.target).await?;
    let warehouse = Warehouse::of(&clients, &stack)?;
    let rows = match warehouse.query(&sql).await {
        Ok(rows) => rows,
        Err(problem) => return Err(grants::explain(&warehouse, &sql, problem).await),
    };
    if wanted.json {
        return print::with(|out| rows.write_json(out));
    }
    if wanted.csv {
        let shown = match std::io::stdout().is_terminal() {
            true => display::visible,
            false => str::to_owned,
        };
        return print::with(|out| rows.write_csv(out, shown));
    }
    if rows.has_columns() {
        print::with(|out| rows.write_table(out))?;
        ui::say(ui::count(rows.len(), "row"));
    } else {
        ui::say("done");
    }
    Ok(())
}

async fn local_up(wanted: cli::Up) -> Outcome {
    let project = checkout(&wanted.start.checkout)?;
    let data = wanted.data.as_deref().map(upload::read).transpose()?;
    let start = &wanted.start;
    let local = local::up(&project, start.port, &start.warehouse).await?;
    if let Some(data) = data {
        upload::upload(&data, &local.clients, &local.stack, others(wanted.add)).await?;
    }
    ui::say(format!("the local stack is up: AWS at {}", local.ports.emulator_url()));
    Ok(())
}

fn local_status(wanted: cli::Status) -> Outcome {
    let status = local::status(&checkout(&wanted.checkout)?)?;
    if wanted.json {
        return print::json(&status);
    }
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let pid = |pid: Option<u32>| pid.map(|pid| pid.to_string());
    let rows = [
        ["running".to_owned(), if status.running { "yes" } else { "no" }.to_owned()],
        ["deployed".to_owned(), if status.deployed { "yes" } else { "no" }.to_owned()],
        ["stack".to_owned(), status.stack.to_owned()],
        ["AWS".to_owned(), shown(status.aws_endpoint)],
        ["Redshift Data API".to_owned(), shown(status.redshift_data_endpoint)],
        ["emulator pid".to_owned(), shown(pid(status.emulator_pid))],
        ["warehouse pid".to_owned(), shown(pid(status.warehouse_pid))],
        ["folder".to_owned(), status.folder],
    ];
    print::line(&print::table(&["local stack", ""], rows, &[]))
}
