//! The doctor, run on a world as a person runs it.

use std::collections::BTreeSet;

use segue::aws::AwsClients;
use segue::doctor::{Depth, Doctor, Finding, Place, Verdict};
use segue::plan::{Options, plan};
use segue::stack::Stack;
use segue::warehouse::{Rows, Warehouse};

use segue_contract::RunInput;

use super::wire::Wire;
use super::{LANDING_BUCKET, SLICES, STAGING_RETENTION_DAYS, WORK_BUCKET, World};

/// The doctor's findings.
pub struct Findings(pub Vec<Finding>);

impl World {
    /// Runs the doctor.
    pub async fn doctor(&self, depth: Depth) -> Findings {
        let (clients, stack) = self.person();
        let doctor = Doctor { clients, stack, place: Place::Local, depth };
        Findings(doctor.examine().await)
    }

    /// Asks the warehouse, as `segue query` does.
    pub async fn ask(&self, sql: &str) -> Rows {
        let (clients, stack) = self.person();
        let warehouse = Warehouse::of(&clients, &stack).expect("a warehouse");
        warehouse.query(sql).await.expect("an answer")
    }

    /// Shows somebody with this access key what a run would load, as `segue plan` does; the error.
    pub async fn plan_as(&self, access_key: &'static str) -> Option<String> {
        let (clients, stack) = self.person_of(Wire { access_key, ..self.wire() });
        let options = Options { objects_max: 1, sql: false, json: true };
        let planned = plan(&clients, &stack, RunInput::default(), options).await;
        planned.err().map(|problem| problem.to_string())
    }

    fn person(&self) -> (AwsClients, Stack) {
        self.person_of(self.wire())
    }

    /// The clients of a person, and what the stack's outputs say.
    fn person_of(&self, wire: Wire) -> (AwsClients, Stack) {
        let [aws, warehouse] = wire.person();
        let days = STAGING_RETENTION_DAYS.to_string();
        let stack = Stack::of(&[
            ("Version", env!("CARGO_PKG_VERSION")),
            ("Database", "dev"),
            (
                "WorkgroupArn",
                "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/1a2b3c4d-1234-1234-1234-1a2b3c4d5e6f",
            ),
            ("LandingBucketName", LANDING_BUCKET),
            ("WorkBucketName", WORK_BUCKET),
            ("CopyRoleArn", "arn:aws:iam::123456789012:role/copy"),
            ("WarehouseRoleName", "Functions"),
            ("LoadStateMachineArn", "arn:aws:states:us-east-1:123456789012:stateMachine:load"),
            ("MaxRejectedObjects", "0"),
            ("Sources", &self.sources.to_string()),
            ("Slices", SLICES),
            ("StagingRetentionDays", &days),
        ]);
        (AwsClients::of(aws, warehouse), stack)
    }
}

impl Findings {
    /// The findings of a verdict, a line each.
    pub fn lines(&self, verdict: Verdict) -> Vec<String> {
        let such = self.0.iter().filter(|one| one.verdict == verdict);
        such.map(|one| format!("{}: {}", one.check, one.found)).collect()
    }

    /// Whether it finds nothing bad.
    pub fn is_healthy(&self) -> bool {
        self.lines(Verdict::Bad).is_empty()
    }

    /// The files that bad findings name.
    pub fn bad_files(&self) -> BTreeSet<String> {
        let bad = self.0.iter().filter(|one| one.verdict == Verdict::Bad);
        bad.filter_map(|one| one.file.clone()).collect()
    }
}
