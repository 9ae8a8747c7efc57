//! A killed function only costs time: at any point of its work, and even if its retry is killed
//! again, the run loads exactly the right star schema, publishes nothing twice and leaves no
//! statement running.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::converge::in_virtual_time;
use crate::model::{self, Source};
use crate::sample::assert_same;
use crate::world::{Aim, Kill, LANDING_BUCKET, Mischief, Moment, World, key};

/// The most requests of a function in one run: more means an endless loop.
const REQUESTS_MAX: u32 = 100;
/// The most files in the bucket: a few pages of a listing.
const STANDING_MAX: usize = 5;
/// Statements of a run: create, subtract, staging schema, two COPYs, transform, check, publish, clean up.
const STATEMENTS: u32 = 9;
/// Late enough that a statement must be polled.
const LATE: Duration = Duration::from_secs(15);
/// Late enough that it runs until it is cancelled.
const NEVER: Duration = Duration::from_secs(86_400);
/// When a run is stopped: its first statement is under way.
const STOPPED_AFTER: Duration = Duration::from_secs(2);
/// How long the work of a killed function may take to end, in virtual time.
const AFTERMATH: Duration = Duration::from_secs(300);

/// One world, in which a file lands for every run.
struct Killing {
    world: World,
    function: &'static str,
    events: Vec<String>,
}

impl Killing {
    fn new(function: &'static str, mischief: Mischief) -> Self {
        Self { world: World::with(mischief), function, events: Vec::new() }
    }

    /// Lets the next file land, and deletes an old one, which stays published.
    fn land(&mut self) {
        let number = self.events.len();
        if let Some(old) = number.checked_sub(STANDING_MAX) {
            let key = key(Source::Events, &format!("{old}.json"));
            self.world.objects.remove(LANDING_BUCKET, &key);
        }
        let event = json!({
            "page": "NextSong", "sessionId": 7, "itemInSession": number, "ts": 1_541_105_830_796_i64,
            "userId": "9", "level": "free", "song": "Elena", "artist": "Setanta", "length": 269.5,
        });
        self.events.push(event.to_string());
        self.world.put(Source::Events, &format!("{number}.json"), &self.events[number]);
    }

    /// One run in which the function is killed this often, if the run gets there. Returns whether
    /// it did.
    async fn run(&mut self, kill: Kill, times: u32) -> bool {
        self.land();
        let aim = Arc::new(Aim::new(kill, times));
        self.world.mischief.aim(self.function, &aim);
        // Merged, so that every function is called.
        let ended = self.world.run(json!({"compact": "always"})).await;
        let at = format!("{} killed {times} times, {kill:?}", self.function);
        assert_eq!(ended.error, None, "{at}: {:?}", ended.cause);
        assert_eq!(ended.output["status"], "loaded", "{at}");
        self.all_is_well(&at).await;
        aim.left() == 0
    }

    /// One run that is stopped, after which the function is killed this often, if the run gets
    /// there. Returns whether it did.
    async fn stop(&mut self, kill: Kill, times: u32) -> bool {
        let aim = Arc::new(Aim::new(kill, times));
        self.world.mischief.aim(self.function, &aim);
        let running = self.world.start(json!({}));
        tokio::time::sleep(STOPPED_AFTER).await;
        let at = format!("{} killed {times} times, {kill:?}", self.function);
        assert_eq!(self.world.unfinished_statements().await.len(), 1, "{at}");
        self.world.region.stop(&running.arn, "", "somebody stopped it");
        tokio::time::sleep(AFTERMATH).await;
        assert_eq!(self.world.unfinished_statements().await, Vec::<String>::new(), "{at}");
        assert!(self.world.region.running().is_empty(), "{at}");
        aim.left() == 0
    }

    /// Everything that has landed is published once, and nothing is running.
    async fn all_is_well(&self, at: &str) {
        let world = &self.world;
        tokio::time::sleep(AFTERMATH).await;
        assert_eq!(world.unfinished_statements().await, Vec::<String>::new(), "{at}");
        let files = self.events.iter().map(|text| (Source::Events, text.as_str()));
        assert_same(&world.tables().await, &model::tables(files));
        assert_eq!(world.ledger().await.len(), self.events.len(), "{at}");
        let published = "select count(*), count(distinct run_id), sum(objects) from ops.runs \
                         where source = 'events'";
        let books = world.rows(published).await;
        let [row] = books.as_slice() else { panic!("{at}: {books:?}") };
        assert_eq!(row[0], row[1], "{at}: no run is published twice");
        assert_eq!(row[2], Some(self.events.len().to_string()), "{at}: and no object");
        assert_eq!(
            world.rows("select schema_name from ops.staging_schemas").await.len(),
            0,
            "{at}"
        );
    }
}

/// Every kill of one run, and how often in a row: before the function starts, at its end, and at
/// every request, before it is sent and after it has been carried out. `killed` returns whether a
/// run got there.
async fn everywhere(function: &str, mut killed: impl AsyncFnMut(Kill, u32) -> bool) {
    for (kill, times) in [(Kill::Before, 1), (Kill::Before, 2), (Kill::AtEnd, 1), (Kill::AtEnd, 2)]
    {
        assert!(killed(kill, times).await, "{function} was never invoked");
    }
    let kills = [(Moment::Unsent, 1), (Moment::Unanswered, 1), (Moment::Unanswered, 2)];
    let (mut requests, mut comes_to_it) = (0, true);
    while comes_to_it {
        assert!(requests < REQUESTS_MAX, "{function} does not come to an end");
        for (moment, times) in kills {
            comes_to_it &= killed(Kill::AtRequest(requests, moment), times).await;
        }
        requests += u32::from(comes_to_it);
    }
    assert!(requests > 0, "{function} asks for nothing");
    println!("{function}: killed before its beginning, at its end, at each of {requests} requests");
}

fn killed_anywhere(function: &'static str) {
    in_virtual_time(async {
        let mischief = match function {
            "Poll" => Mischief::late_statements(LATE),
            _ => Mischief::none(),
        };
        let mut killing = Killing::new(function, mischief);
        everywhere(function, async |kill, times| killing.run(kill, times).await).await;
    });
}

#[test]
fn find_killed_anywhere_changes_nothing_but_time() {
    killed_anywhere("Find");
}

#[test]
fn plan_killed_anywhere_changes_nothing_but_time() {
    killed_anywhere("Plan");
}

#[test]
fn compact_killed_anywhere_changes_nothing_but_time() {
    killed_anywhere("Compact");
}

#[test]
fn submit_killed_anywhere_changes_nothing_but_time() {
    killed_anywhere("Submit");
}

#[test]
fn poll_killed_anywhere_changes_nothing_but_time() {
    killed_anywhere("Poll");
}

#[test]
fn check_killed_anywhere_changes_nothing_but_time() {
    killed_anywhere("Check");
}

#[test]
fn report_killed_anywhere_changes_nothing_but_time() {
    killed_anywhere("Report");
}

#[test]
fn cancel_killed_anywhere_leaves_no_statement_running() {
    in_virtual_time(async {
        let mut killing = Killing::new("Cancel", Mischief::late_statements(NEVER));
        killing.land();
        everywhere("Cancel", async |kill, times| killing.stop(kill, times).await).await;
        killing.world.end_mischief();
        assert_eq!(killing.world.load().await.output["status"], "loaded");
        killing.all_is_well("at last").await;
    });
}

/// Even the statement reports a failure, although it was carried out.
#[test]
fn a_statement_that_commits_but_is_reported_as_failed_changes_nothing_but_time() {
    for number in 0..STATEMENTS {
        in_virtual_time(async {
            let mischief = Mischief::statement_whose_end_is_lost(number);
            let mut killing = Killing::new("none", mischief);
            killing.land();
            let ended = killing.world.run(json!({"compact": "always"})).await;
            let at = format!("statement {number}");
            assert_eq!(ended.error, None, "{at}: {:?}", ended.cause);
            assert_eq!(ended.output["status"], "loaded", "{at}");
            killing.all_is_well(&at).await;
        });
    }
}
