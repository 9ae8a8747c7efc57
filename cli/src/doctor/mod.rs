//! `segue doctor`: finds what would make a run fail, and says what to do about each finding.
//!
//! It changes nothing that a run sees: the transaction in which the warehouse reads files is rolled
//! back.

mod account;
mod directory;
mod files;
mod finding;
mod fix;
mod judge;
mod known;
mod migrations;
mod rehearsal;
mod sample;
mod shape;
mod warehouse;

use segue_buckets::Source;
use segue_contract::jsonpaths::JsonPaths;
use segue_contract::pipeline;

pub use self::{
    directory::examine as examine_directory,
    finding::{Finding, Verdict, show},
    fix::Fixed,
};
use self::{
    files::{Files, Listed},
    sample::Seen,
    shape::{Mapping, Table},
};
use crate::{aws::AwsClients, errors::Outcome, stack::Stack, warehouse::Warehouse};

/// What to do when a listing or an object cannot be read, and the service does not say.
const LIST_IT: &str = "check that the bucket exists and that you may list it";
const READ_IT: &str = "check that you may read the object, and use the bucket's key if it has one";

/// Where the stack is: what only AWS knows is not guessed locally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On AWS.
    Deployed,
    /// On this machine.
    Local,
}

/// How much the warehouse reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Some files of each source.
    Sample,
    /// Every file.
    EveryFile,
}

/// What to check, and how.
pub struct Doctor {
    /// Clients that talk to the stack.
    pub clients: AwsClients,
    /// The stack.
    pub stack: Stack,
    /// Where it is.
    pub place: Place,
    /// How much is read.
    pub depth: Depth,
}

impl Doctor {
    /// Checks everything, even after bad findings.
    pub async fn examine(&self) -> Vec<Finding> {
        let mut findings = vec![self.version(), self.region()];
        match self.look_at_all(&mut findings).await {
            Ok(()) => {}
            Err(problem) => findings.push(Finding::problem(
                "stack",
                &problem,
                "deploy the stack again from this checkout, then run the doctor again",
            )),
        }
        findings
    }

    async fn look_at_all(&self, findings: &mut Vec<Finding>) -> Outcome {
        let files = Files {
            s3: self.clients.s3_of(&self.stack),
            landing: self.stack.landing_bucket()?,
            work: self.stack.work_bucket()?,
        };
        let warehouse = Warehouse::of(&self.clients, &self.stack)?;
        findings.extend(files.buckets().await);
        let reachable = warehouse::reachable(&warehouse).await;
        let is_reachable = reachable.verdict == Verdict::Good;
        findings.push(reachable);
        if is_reachable {
            let rights =
                warehouse::Rights { warehouse: &warehouse, stack: &self.stack, place: self.place };
            findings.extend(rights.examine().await?);
            findings.push(migrations::examine(&warehouse).await?);
        }
        if self.place == Place::Deployed {
            findings.push(account::concurrency(&self.clients.lambda()).await);
            findings.push(account::alerts(&self.clients.sns(), &self.stack).await);
        }
        let known = known::Known::read(&warehouse).await;
        let mut has_files = known.is_loaded;
        let mut listings = Vec::new();
        let landing = self.stack.landing()?;
        for source in landing.sources() {
            match files.list(source, self.depth).await {
                Ok(listed) => {
                    has_files |= !listed.objects.is_empty();
                    listings.push((source, listed));
                }
                Err(problem) => {
                    // A prefix that cannot be listed is not known to be empty.
                    has_files = true;
                    findings.push(Finding::problem("files", &problem, LIST_IT).of(source.name));
                }
            }
        }
        for (source, mut listed) in listings {
            findings.push(files.counted(source, &listed, has_files));
            findings.extend(files.skipped(source, &listed));
            findings.extend(known.without_set_aside(source, files.landing, &mut listed));
            let seen = self.look_into(source, &files, &listed, findings).await?;
            if is_reachable && !listed.objects.is_empty() {
                let rehearsal = rehearsal::Rehearsal { doctor: self, files: &files };
                findings.extend(rehearsal.of(source, &listed, &seen, &warehouse).await?);
            }
        }
        Ok(())
    }

    /// Compares the files of a source with the table that they are staged in.
    async fn look_into(
        &self,
        source: &Source,
        files: &Files<'_>,
        listed: &Listed,
        findings: &mut Vec<Finding>,
    ) -> Outcome<Seen> {
        let table = Table::of(source.name)?;
        let paths = match files.paths(source).await {
            Ok(paths) => paths,
            Err(problem) => {
                findings.push(Finding::problem("paths", &problem, READ_IT).of(source.name));
                let own = pipeline::jsonpaths(source.name);
                let own = own.and_then(|own| JsonPaths::read(own.as_bytes()).ok());
                own.map(|own| (String::new(), own))
            }
        };
        if let Some((whose, paths)) = paths.as_ref().filter(|(whose, _)| !whose.is_empty()) {
            findings.push(table.paths_fit(whose, paths).of(source.name));
        }
        let mapping = Mapping::new(table, paths.as_ref().map(|(_, paths)| paths));
        let (seen, unreadable) = files.sample(listed, self.depth, &mapping).await;
        let found = judge::findings(&mapping, &seen, self.depth, source.max_rejects);
        findings.extend(unreadable.into_iter().chain(found).map(|one| one.of(source.name)));
        Ok(seen)
    }

    fn version(&self) -> Finding {
        let this = env!("CARGO_PKG_VERSION");
        match self.stack.version() {
            Some(deployed) if deployed == this => {
                Finding::good("version", format!("{deployed}, the same as this program"))
            }
            Some(deployed) => Finding::warning(
                "version",
                format!("the stack has version {deployed}, this program {this}"),
                "deploy the stack again from the checkout that this program was built from",
            ),
            None => Finding::warning(
                "version",
                "the stack does not say its version",
                "deploy it again from this version of template.yaml",
            ),
        }
    }

    fn region(&self) -> Finding {
        let region = self.clients.region();
        let workgroup = self.stack.workgroup().and_then(|arn| arn.split(':').nth(3));
        match workgroup {
            Some(other) if other != region => Finding::bad(
                "region",
                format!("the stack is in {region}, its workgroup in {other}"),
                "deploy the stack in the workgroup's region: the Data API cannot reach another one",
            ),
            _ => Finding::good("region", region),
        }
    }
}
