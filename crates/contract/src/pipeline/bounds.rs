//! Where a run's plays lie, as values of the SQL: the check finds out, and publishing skips the rest of
//! the large tables.

use jiff::civil::DateTime;
use minijinja::{Value, context};

use crate::messages::{Bounds, Range, Step};
use crate::{ErrorName, Failure};

/// The most ranges of a column. Each is a scan and a DELETE of its own: one condition with several
/// ranges would skip no blocks.
pub const RANGES_MAX: usize = 4;
/// The most ranges of sessions in which a song that comes late looks for its plays. Each is a scan and
/// an UPDATE of its own.
const LATE_RANGES_MAX: usize = 2;
/// Sessions closer than this share a range: far fewer than the sessions of one block.
const SESSION_GAP_MIN: i64 = 10_000;
/// Instants closer than this many hours share a range.
const HOURS_GAP_MIN: i64 = 24;

/// The step that needs bounds.
const PUBLISH: &str = "publish";

/// The values that files about plays print.
///
/// # Errors
/// `InvalidInput` when publishing without bounds, or with bounds that cannot be true.
pub(super) fn values(step: &Step) -> Result<Value, Failure> {
    let bounds = match &step.bounds {
        Some(bounds) => bounds,
        None if step.step == PUBLISH => {
            return Err(refused("the bounds of the run's plays", "none"));
        }
        None => &Bounds::default(),
    };
    if bounds.sessions.is_empty() != bounds.instants.is_empty() {
        return Err(refused("bounds of both sessions and instants, or of neither", bounds));
    }
    // Another attempt follows a conflict, perhaps about these bounds.
    let late = bounds.late_sessions.as_ref().filter(|_| step.attempt == 1);
    let everywhere = Bounds::unknown().sessions;
    let late_sessions = late.unwrap_or(&everywhere);
    let limits = [RANGES_MAX, RANGES_MAX, LATE_RANGES_MAX];
    for (ranges, most) in
        [&bounds.sessions, &bounds.instants, late_sessions].into_iter().zip(limits)
    {
        if ranges.len() > most {
            return Err(refused(&format!("up to {most} ranges"), ranges));
        }
    }
    Ok(context! {
        has_titles => bounds.late_sessions.is_some(),
        has_late_bounds => late.is_some() && !step.run.input.rebuild,
        late_ranges_max => LATE_RANGES_MAX,
        late_sessions => late_sessions.iter().map(sessions).collect::<Result<Vec<_>, _>>()?,
        ranges_max => RANGES_MAX,
        session_gap_min => SESSION_GAP_MIN,
        hours_gap_min => HOURS_GAP_MIN,
        sessions => bounds.sessions.iter().map(sessions).collect::<Result<Vec<_>, _>>()?,
        instants => bounds.instants.iter().map(instants).collect::<Result<Vec<_>, _>>()?,
    })
}

fn sessions(range: &Range) -> Result<Value, Failure> {
    let number = |text: &Option<String>| text.as_ref()?.parse::<i64>().ok();
    match (number(&range.first), number(&range.last)) {
        (Some(first), Some(last)) if first <= last => Ok(context! { first, last }),
        _ => Err(refused("a range of session IDs", range)),
    }
}

fn instants(range: &Range) -> Result<Value, Failure> {
    let is_time = |text: &&String| text.parse::<DateTime>().is_ok();
    let ends = [&range.first, &range.last];
    // Text in this form is in the order of time.
    let is_ordered = match (&range.first, &range.last) {
        (Some(first), Some(last)) => first <= last && first.len() == last.len(),
        _ => true,
    };
    if !is_ordered || !ends.into_iter().flatten().all(|text| is_time(&text)) {
        return Err(refused("a range of instants", range));
    }
    Ok(context! { first => range.first.as_deref(), last => range.last.as_deref() })
}

fn refused(expected: &str, found: impl std::fmt::Debug) -> Failure {
    Failure::new(ErrorName::InvalidInput, format!("expected {expected}, found {found:?}"))
        .hint("nothing was published; start a new run")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::pipeline::{Deployment, Statement, render};
    use crate::{Run, RunInput};

    fn range(first: &str, last: &str) -> Range {
        Range { first: Some(first.into()), last: Some(last.into()) }
    }

    fn deployment() -> Deployment {
        Deployment { work_bucket: "work".into(), ..Deployment::default() }
    }

    fn publish(sources: &[&str], bounds: Option<Bounds>) -> Result<Vec<Statement>, Failure> {
        render(&step(sources, bounds), &deployment())
    }

    fn step(sources: &[&str], bounds: Option<Bounds>) -> Step {
        let run = Run {
            id: "run_1".into(),
            started_at: "2018-11-01T00:00:00Z".into(),
            redrive_count: 0,
            input: RunInput::default(),
        };
        let sources = Some(sources.iter().map(ToString::to_string).collect());
        Step { sources, bounds, ..Step::first(run, PUBLISH) }
    }

    /// As many ranges as there may be.
    pub fn widest() -> Bounds {
        let Bounds { sessions, instants, .. } = one_range();
        let repeated = |ranges: &[Range], count| vec![ranges[0].clone(); count];
        Bounds {
            sessions: repeated(&sessions, RANGES_MAX),
            instants: repeated(&instants, RANGES_MAX),
            late_sessions: Some(repeated(&sessions, LATE_RANGES_MAX)),
        }
    }

    fn one_range() -> Bounds {
        Bounds {
            sessions: vec![range("7", "9007199254740993")],
            instants: vec![range("2018-11-01 00:00:00.000000", "2018-11-02 00:00:00.123456")],
            late_sessions: Some(vec![range("3", "4")]),
        }
    }

    #[test]
    fn plays_are_not_published_without_bounds_or_with_impossible_ones() {
        let (good, some) = (one_range(), range("1", "2"));
        let sessions = |sessions| Bounds { sessions, ..good.clone() };
        let instants = |instants| Bounds { instants, ..good.clone() };
        let late = |late| Bounds { late_sessions: Some(late), ..good.clone() };
        let open = Range { first: None, ..some.clone() };
        let cases = [
            None,
            Some(sessions(Vec::new())),
            Some(instants(Vec::new())),
            Some(sessions(vec![some.clone(); RANGES_MAX + 1])),
            Some(late(vec![some.clone(); LATE_RANGES_MAX + 1])),
            Some(late(vec![range("1", "x")])),
            Some(sessions(vec![range("2", "1")])),
            Some(sessions(vec![range("1", "2 or true")])),
            Some(sessions(vec![open])),
            Some(instants(vec![some])),
            Some(instants(vec![range("2018-11-02 00:00:00.000000", "2018-11-01 00:00:00.000000")])),
        ];
        for bounds in cases {
            let shown = format!("{bounds:?}");
            let failure = publish(&["events"], bounds).expect_err(&shown);
            assert_eq!(failure.name, ErrorName::InvalidInput, "{shown}");
        }
        publish(&["events"], Some(good)).expect("renders");
        publish(&["events"], Some(Bounds::default())).expect("no plays");
    }

    #[test]
    fn each_scan_of_a_large_table_is_bounded_by_literals() {
        let statements = publish(&["events"], Some(one_range())).expect("renders");
        let bounded = [
            ("mart.songplays", "session_id between "),
            ("mart.time", "start_time <= '2018-11-02 00:00:00.123456'"),
        ];
        for (table, bound) in bounded {
            let reads = |one: &&Statement| {
                ["from ", "join ", "using "]
                    .iter()
                    .any(|word| one.sql.contains(&format!("{word}{table}\n")))
                    || one.sql.contains(&format!("from {table} as"))
            };
            let of_table: Vec<_> = statements.iter().filter(reads).collect();
            assert!(!of_table.is_empty(), "{table}");
            of_table.iter().for_each(|one| assert!(one.sql.contains(bound), "{}", one.sql));
        }
    }

    #[test]
    fn another_attempt_looks_for_late_songs_everywhere() {
        let bounds = Bounds { sessions: Vec::new(), instants: Vec::new(), ..one_range() };
        let sessions = |attempt| {
            let step = Step { attempt, ..step(&["songs"], Some(bounds.clone())) };
            let statements = render(&step, &deployment()).expect("renders");
            let of = |file: &str| statements.iter().filter(|one| one.file == file).count();
            let late = statements.iter().find(|one| one.file == "publish/80_late_songs");
            let late = late.expect("a statement").sql.contains("between 3 and 4");
            (of("publish/35_late_bounds"), of("publish/75_played_titles"), late)
        };
        assert_eq!((sessions(1), sessions(2)), ((1, 0, true), (0, 0, false)));
    }

    #[test]
    fn an_open_range_of_instants_has_one_end() {
        let open = Range { first: None, last: Some("2018-11-02 00:00:00.000000".into()) };
        let bounds = Bounds { instants: vec![open], ..one_range() };
        let statements = publish(&["events"], Some(bounds)).expect("renders");
        let open = "and known.start_time <= '2018-11-02 00:00:00.000000'";
        assert!(statements.iter().any(|one| one.sql.contains(open)), "{statements:?}");
    }

    #[test]
    fn a_source_that_brings_nothing_has_no_statements() {
        let files = |sources: &[&str], bounds| {
            let statements = publish(sources, bounds).expect("renders");
            let tables = ["mart.", "ops.latest"];
            let of_mart =
                statements.iter().filter(|one| tables.iter().any(|t| one.sql.contains(t)));
            let mut files: Vec<_> = of_mart.map(|one| one.file.clone()).collect();
            files.dedup();
            files
        };
        let events = ["25_known", "50_users", "60_time", "70_songplays"];
        let songs = ["25_known", "30_songs", "40_artists", "80_late_songs"];
        let paths =
            |names: &[&str]| names.iter().map(|name| format!("publish/{name}")).collect::<Vec<_>>();
        let no_plays = Bounds { sessions: Vec::new(), instants: Vec::new(), ..one_range() };
        assert_eq!(files(&["events"], Some(one_range())), paths(&events));
        assert_eq!(files(&["songs"], Some(no_plays.clone())), paths(&songs));
        let unplayed = Bounds { late_sessions: Some(Vec::new()), ..no_plays };
        assert_eq!(files(&["songs"], Some(unplayed)), paths(&songs[..3]));
        assert_eq!(files(&["events"], Some(Bounds::default())), ["publish/50_users"]);
    }
}
