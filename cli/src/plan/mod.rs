//! `segue plan`: what a run would do now, by the plan function's own code, without doing any of it.

mod order;

use jiff::Timestamp;
use segue_contract::data_files::{Skipped, loaded_by_other_paths};
use segue_contract::messages::{Bounds, Plan, PlannedSource, StatementState, Step};
use segue_contract::pipeline::{self, Deployment, Statement};
use segue_contract::{Failure, Run, RunInput};
use segue_plan::{Preview, Settings, Unloaded};
use segue_warehouse::LONG_POLL_SECONDS;
use serde::Serialize;

use self::order::{Order, Stage};
use crate::{
    aws::AwsClients,
    display,
    errors::{Outcome, Problem},
    grants, print,
    stack::Stack,
    ui,
    warehouse::Warehouse,
};

/// The placeholder for the next run in the SQL that is shown.
const RUN_ID: &str = "preview";
/// The step whose result is the ledger.
const LEDGER: &str = "preview/ledger";
/// The step by which a run compares with it.
const SUBTRACT: &str = "plan/subtract";
/// Tables that the ledger's step reads: before the first run there are none. The catalog shows them
/// even to people who may not read them; `information_schema` would hide them.
const TABLES_SQL: &str = "select c.relname from pg_catalog.pg_class as c \
    inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid \
    where n.nspname = 'ops' and c.relname in \
    ('loaded_objects', 'run_paths', 'set_aside_objects', 'staging_schemas')";
const TABLES: usize = 4;
/// A query of them, to find the grant that somebody lacks.
const LEDGER_SQL: &str = "select 1 from ops.loaded_objects, ops.run_paths, ops.set_aside_objects, \
    ops.staging_schemas";

/// What to say between an upgrade and the first run after it.
const UPGRADED: &str = "the ledger is that of an earlier version: until the next run completes it, a \
    plan shows every file as new, and the run loads only what is";

/// How a plan is shown.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The most objects to list.
    pub objects_max: usize,
    /// Whether to print the SQL.
    pub sql: bool,
    /// Whether to print an object.
    pub json: bool,
}

/// What a run would do.
#[derive(Debug, Serialize)]
struct Planned {
    status: &'static str,
    #[serde(flatten)]
    plan: Plan,
    unloaded: Vec<Unloaded>,
    steps: Vec<Rendered>,
}

/// One transaction that it would run.
#[derive(Debug, Serialize)]
struct Rendered {
    step: String,
    statements: Vec<Sql>,
}

#[derive(Debug, Serialize)]
struct Sql {
    file: String,
    sql: String,
}

/// Looks at the ledger and the landing bucket, and shows what a run would load and how.
pub async fn plan(
    clients: &AwsClients,
    stack: &Stack,
    input: RunInput,
    options: Options,
) -> Outcome {
    // To the nanosecond: the client token depends on it, and each preview reads the ledger again.
    let started_at = Timestamp::now().to_string();
    let run = Run { id: RUN_ID.to_owned(), started_at, redrive_count: 0, input };
    let deployment = stack.deployment()?;
    let context = segue_plan::Context {
        s3: clients.s3_of(stack),
        warehouse: segue_warehouse::Warehouse::new(clients.redshift(), target(stack)?),
        step_functions: clients.step_functions(),
        settings: settings(clients, stack)?,
    };
    let people = Warehouse::of(clients, stack)?;
    let tables = people.query(TABLES_SQL).await?;
    let ledger = match tables.len() == TABLES {
        true => match read_ledger(&context.warehouse, &run, &deployment).await {
            Ok(ledger) => Some(ledger),
            Err(problem) => return Err(grants::explain(&people, LEDGER_SQL, problem).await),
        },
        false => {
            if !tables.is_empty() {
                ui::say(UPGRADED);
            }
            None
        }
    };
    let machine = stack.load_state_machine()?.replacen(":stateMachine:", ":execution:", 1);
    let execution = format!("{machine}:{RUN_ID}");
    let objects_max = options.objects_max;
    let preview =
        segue_plan::preview(&context, &run, ledger.as_deref(), &execution, objects_max).await;
    let Preview { plan, unloaded } = preview.map_err(problem_of)?;
    let sql = |Statement { file, sql }| Sql { file, sql };
    let steps = steps(&run, &plan, &deployment)?.into_iter().map(|(step, statements)| Rendered {
        step,
        statements: statements.into_iter().map(sql).collect(),
    });
    let steps = steps.collect();
    let status = if plan.objects > 0 { "new" } else { "up-to-date" };
    show(&Planned { status, plan, unloaded, steps }, options)
}

fn target(stack: &Stack) -> Outcome<segue_warehouse::Target> {
    let owned = |value: Option<&str>| value.map(str::to_owned);
    segue_warehouse::Target::new(
        stack.database()?.to_owned(),
        owned(stack.workgroup()),
        owned(stack.cluster()),
        owned(stack.secret()),
    )
    .map_err(problem_of)
}

fn settings(clients: &AwsClients, stack: &Stack) -> Outcome<Settings> {
    let (mut landing, work) = (stack.landing()?, stack.work_bucket()?.to_owned());
    landing.is_elsewhere = clients.landing_elsewhere(stack).is_some();
    Settings::new(landing, work, stack.slices()?).map_err(problem_of)
}

/// Reads the ledger as a run does; returns the statement that holds it.
async fn read_ledger(
    warehouse: &segue_warehouse::Warehouse,
    run: &Run,
    deployment: &Deployment,
) -> Outcome<String> {
    let step = Step::first(run.clone(), LEDGER);
    // What a run asks besides, without any candidates.
    let asked = Step { is_complete: true, ..Step::first(run.clone(), SUBTRACT) };
    let statements = [&asked, &step].map(|step| pipeline::render(step, deployment));
    let statements = statements.into_iter().collect::<Result<Vec<_>, _>>().map_err(problem_of)?;
    let statements = statements.concat();
    let mut state = warehouse.submit(&step, &statements).await.map_err(problem_of)?;
    let long_poll = std::time::Duration::from_secs(LONG_POLL_SECONDS.unsigned_abs().into());
    loop {
        match state {
            StatementState::Finished { statement_id, .. } => return Ok(statement_id),
            StatementState::Running { statement_id, .. } => {
                let now = std::time::SystemTime::now();
                let looked = warehouse.state(&step, &statements, &statement_id, long_poll, now);
                let looked = looked.await;
                state = looked.map_err(problem_of)?;
            }
        }
    }
}

/// What would run, in the order of a run; only the first steps if there is nothing to load.
///
/// # Errors
/// If a file of `sql/` cannot be rendered.
pub fn steps(
    run: &Run,
    plan: &Plan,
    deployment: &Deployment,
) -> Outcome<Vec<(String, Vec<Statement>)>> {
    let order = Order::of_a_run()?;
    let mut stages = order.before_plan;
    if plan.objects > 0 {
        stages.extend(order.after_plan);
    }
    let mut steps = Vec::new();
    for stage in stages {
        match stage {
            Stage::Subtract(name) => steps.push(Step {
                candidates: plan.sources.iter().map(|source| source.listed).sum(),
                is_complete: true,
                ..Step::first(run.clone(), &name)
            }),
            Stage::Step(name) => steps.push(Step::first(run.clone(), &name)),
            Stage::Sweep(_) if plan.abandoned.is_empty() => {}
            Stage::Sweep(name) => {
                let abandoned = plan.abandoned.clone();
                steps.push(Step { abandoned, ..Step::first(run.clone(), &name) });
            }
            Stage::Loads => steps.extend(plan.loads.iter().map(|load| Step {
                compression: load.compression,
                max_rejects: load.max_rejects,
                ..Step::first(run.clone(), &load.step)
            })),
        }
    }
    let rendered = |step: Step| {
        let (sources, bounds) = (Some(plan.sources_to_load()), Some(Bounds::unknown()));
        let step = Step { sources, bounds, ..step };
        let statements = pipeline::render(&step, deployment).map_err(problem_of)?;
        Ok((step.step, statements))
    };
    steps.into_iter().map(rendered).collect()
}

fn show(planned: &Planned, options: Options) -> Outcome {
    if options.json {
        return print::json(planned);
    }
    let sources = planned.plan.sources.iter().map(|source| {
        let of_source = |batch: &&segue_contract::messages::Batch| batch.source == source.source;
        let batches = planned.plan.batches.iter().filter(of_source).count();
        let new = source.objects - source.changed;
        let PlannedSource { listed, changed, set_aside, bytes, .. } = *source;
        let [listed, set_aside, new, changed, batches] =
            [listed, set_aside, new, changed, batches as u64].map(ui::number);
        [source.source.clone(), listed, set_aside, new, changed, display::bytes(bytes), batches]
    });
    let headers = ["source", "listed", "set aside", "new", "changed", "size", "batches"];
    print::line(&print::table(&headers, sources, &[1, 2, 3, 4, 5, 6]))?;
    for source in planned.plan.sources.iter().filter(|one| one.max_rejects > 0 && one.objects > 0) {
        ui::say(format!(
            "{}: files are merged, so that skipped records can be counted (up to {} may be \
             skipped)",
            source.source, source.max_rejects
        ));
    }
    let sources = &planned.plan.sources;
    let skipped = sources.iter().flat_map(|source| &source.skipped).map(Skipped::line);
    let by_other_paths = sources.iter().map(|source| source.loaded_by_other_paths).sum();
    let notes = skipped.chain(loaded_by_other_paths(by_other_paths, "segue run --rebuild"));
    notes.for_each(ui::say);
    if planned.plan.objects == 0 {
        ui::say("up to date: a run would load nothing");
    } else {
        show_objects(planned)?;
    }
    if options.sql {
        for Rendered { step, statements } in &planned.steps {
            print::line(&format!("\n-- step {step}: one transaction"))?;
            for Sql { sql, .. } in statements {
                print::line(&format!("\n{sql};"))?;
            }
        }
        return Ok(());
    }
    let steps =
        planned.steps.iter().map(|step| [step.step.clone(), step.statements.len().to_string()]);
    print::line(&format!("\n{}", print::table(&["step", "statements"], steps, &[1])))?;
    ui::say(
        "--sql shows the statements; their schema and keys are named after the run, and publishing \
         is limited to the sessions and times that it brings",
    );
    Ok(())
}

fn show_objects(planned: &Planned) -> Outcome {
    let rows = planned.unloaded.iter().map(|object| {
        let state = if object.changed { "changed" } else { "new" };
        [object.uri.clone(), state.to_owned(), display::bytes(object.bytes)]
    });
    print::line(&format!("\n{}", print::table(&["object", "state", "size"], rows, &[2])))?;
    let more = planned.plan.objects.saturating_sub(planned.unloaded.len() as u64);
    if more > 0 {
        let more = ui::count(more as usize, "more object");
        ui::say(format!("{more} not shown; use --objects N to show more"));
    }
    Ok(())
}

/// A failure of the plan function, as the command's own.
fn problem_of(failure: Failure) -> Problem {
    let problem = Problem::failed(format!("{}: {}", failure.name, failure.message));
    match failure.hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}
