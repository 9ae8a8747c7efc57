//! Has the warehouse read files as the COPY of a run would, but load nothing: the only way to learn
//! whether the copy role is attached, trusted and has its permissions, and whether every record is
//! accepted.

use std::{
    collections::{BTreeMap, HashSet},
    time::Instant,
};

use segue_buckets::Source;
use segue_contract::messages::Compression;
use segue_contract::rejects::{MAX_REJECTS, Refused};
use segue_contract::{data_files, layout, pipeline};
use serde_json::json;

use super::{
    Depth, Doctor, Place,
    files::{DataObject, Files, Listed, chosen},
    finding::Finding,
    sample::Seen,
    shape::step,
};
use crate::{
    errors::{Outcome, Problem},
    grants, ui,
    warehouse::{Rejected, Warehouse},
};

/// The most bytes of a sample that the warehouse reads, besides the first file.
const SAMPLE_BYTES_MAX: u64 = 256 << 20;
/// The most rejected records of a source to name.
const NAMED_MAX: u64 = 100;

/// What the rehearsal needs.
pub struct Rehearsal<'a> {
    /// What to check, and how.
    pub doctor: &'a Doctor,
    /// The buckets.
    pub files: &'a Files<'a>,
}

impl Rehearsal<'_> {
    /// Rehearses the COPY of one source, one for each compression of its files.
    pub async fn of(
        &self,
        source: &Source,
        listed: &Listed,
        seen: &Seen,
        warehouse: &Warehouse,
    ) -> Outcome<Vec<Finding>> {
        if self.doctor.clients.landing_elsewhere(&self.doctor.stack).is_some() {
            let why = "not tried: the bucket is in another region, so runs merge its files first";
            return Ok(vec![Finding::unknown("copy", why).of(source.name)]);
        }
        let mut findings = Vec::new();
        for (compression, keys) in self.files_to_read(listed) {
            let started = Instant::now();
            let read = self.copy(source, compression, &keys, warehouse).await;
            let what = ui::count(keys.len(), "file");
            match read {
                Ok(rejected) if rejected.first.is_empty() => {
                    let took = ui::seconds(started.elapsed());
                    let found = format!("the warehouse reads {what} in {took}");
                    findings.push(Finding::good("copy", found));
                }
                Ok(rejected) => findings.extend(self.rejected(source, &rejected, seen)?),
                Err(problem) if grants::is_denial(problem.message()) => {
                    findings.push(Finding::unknown(
                        "copy",
                        "you may not create schemas, so the warehouse cannot read files for you; the functions can, if `rights` is good",
                    ));
                }
                Err(problem) => {
                    let found = format!("the warehouse cannot read {what}: {}", problem.message());
                    let advice = self.advice(problem.message())?;
                    findings.push(Finding::bad("copy", found, advice));
                }
            }
        }
        if self.doctor.depth == Depth::EveryFile && listed.is_cut {
            let found = "the warehouse read only as many files as one manifest holds";
            findings.push(Finding::unknown("copy", found));
        }
        if self.doctor.place == Place::Local && self.doctor.depth == Depth::Sample {
            let role = "the local warehouse uses no roles";
            findings.push(Finding::unknown("copy role", role));
        }
        Ok(findings.into_iter().map(|finding| finding.of(source.name)).collect())
    }

    /// The files that the warehouse reads, by their compression: a COPY reads only one.
    fn files_to_read<'k>(&self, listed: &'k Listed) -> BTreeMap<Compression, Vec<&'k str>> {
        let mut bytes = 0;
        let fits = |object: &&DataObject| {
            let is_first = bytes == 0;
            bytes += object.bytes;
            is_first || bytes <= SAMPLE_BYTES_MAX || self.doctor.depth == Depth::EveryFile
        };
        let mut keys: BTreeMap<Compression, Vec<&str>> = BTreeMap::new();
        for object in chosen(listed, self.doctor.depth).filter(fits) {
            let compression = data_files::compression(&object.key);
            keys.entry(compression).or_default().push(&object.key);
        }
        keys
    }

    /// Names what the COPY rejected: each record, or the first of each file. Broken records have
    /// already been named when the file was read, by the line to fix.
    fn rejected(&self, source: &Source, rejected: &Rejected, seen: &Seen) -> Outcome<Vec<Finding>> {
        let faulty = seen.faulty_files();
        let mut files = HashSet::new();
        let is_new = |one: &&Refused| {
            let is_known = one.column.is_none() && faulty.contains(one.file.as_str());
            !is_known && (self.doctor.depth == Depth::EveryFile || files.insert(one.file.clone()))
        };
        let named: Vec<&Refused> = rejected.first.iter().filter(is_new).collect();
        let is_allowed = rejected.total <= source.max_rejects;
        let advice = self.advice("")?;
        let finding = |one: &Refused| match is_allowed {
            true => Finding::warning("copy", one.to_string(), advice.clone()),
            false => Finding::bad("copy", one.to_string(), advice.clone()),
        };
        Ok(named.into_iter().map(|one| finding(one).in_file(&one.file)).collect())
    }

    async fn copy(
        &self,
        source: &Source,
        compression: Compression,
        keys: &[&str],
        warehouse: &Warehouse,
    ) -> Outcome<Rejected> {
        let now = jiff::Timestamp::now().as_millisecond();
        let id = format!("doctor-{now}-{}", source.name);
        let strict = step(&id, &format!("stage/{}", source.name), compression);
        let uris = keys.iter().map(|key| layout::uri(self.files.landing, key));
        let entries: Vec<_> = uris.map(|uri| json!({"url": uri, "mandatory": true})).collect();
        let manifest = json!({ "entries": entries }).to_string().into_bytes();
        self.files.write(&layout::manifest_key(&strict.run, &strict.step), manifest).await?;
        if let Some((_, paths)) = self.files.paths(source).await? {
            let key = layout::jsonpaths_key(&strict.run, source.name);
            self.files.write(&key, paths.text.into_bytes()).await?;
        }
        let deployment = self.doctor.stack.deployment()?;
        let statements = |step| {
            let rendered = pipeline::rehearse(step, &deployment)
                .map_err(|failure| Problem::failed(failure.message))?;
            Outcome::Ok(rendered.into_iter().map(|statement| statement.sql).collect())
        };
        let lenient = segue_contract::messages::Step { max_rejects: MAX_REJECTS, ..strict.clone() };
        warehouse.try_copy(statements(&strict)?, statements(&lenient)?, NAMED_MAX).await
    }

    /// What to do about a COPY that failed.
    fn advice(&self, message: &str) -> Outcome<String> {
        let role = self.doctor.stack.copy_role()?;
        let reason = message.to_lowercase();
        Ok(if reason.contains("assume") || reason.contains("not associated") {
            format!(
                "attach {role} to the warehouse, and let it trust redshift.amazonaws.com and \
                 redshift-serverless.amazonaws.com"
            )
        } else if reason.contains("kms") {
            format!("let {role} decrypt with the key of the bucket (kms:Decrypt)")
        } else if reason.contains("access denied") || reason.contains("accessdenied") {
            format!(
                "let {role} read both buckets and write new/ of a run, as the template's CopyPolicy \
                 does, and use their key, if they have one"
            )
        } else {
            "fix the file that is named, or widen its column; docs/operations.md says how"
                .to_owned()
        })
    }
}
