//! Has the warehouse read files as the COPY of a run would, and load nothing: the only way to learn
//! whether the copy role is attached, trusted and allowed, and whether every record is taken.

use std::time::Instant;

use segue_contract::{data_files, layout, messages::Compression, pipeline};
use serde_json::json;

use super::{
    Depth, Doctor, Place, Source,
    files::{Files, Listed},
    finding::Finding,
    paths,
    shape::step,
};
use crate::{
    errors::{Outcome, Problem},
    grants, talk,
    warehouse::Warehouse,
};

/// What is rehearsed with.
pub struct Rehearsal<'a> {
    /// What is looked at, and how.
    pub doctor: &'a Doctor,
    /// The buckets.
    pub files: &'a Files<'a>,
}

impl Rehearsal<'_> {
    /// Rehearses the COPY of one source.
    pub async fn of(
        &self,
        source: &Source,
        listed: &Listed,
        warehouse: &Warehouse,
    ) -> Outcome<Vec<Finding>> {
        if self.doctor.clouds.landing_elsewhere(&self.doctor.stack).is_some() {
            let why = "not tried: the bucket is in another region, so runs merge its files first";
            return Ok(vec![Finding::unknown("copy", why).of(source.name)]);
        }
        let compression = data_files::compression(&listed.objects[0].0);
        let alike =
            listed.objects.iter().filter(|(key, _)| data_files::compression(key) == compression);
        let count = match self.doctor.depth {
            Depth::OneFile => 1,
            Depth::EveryFile => usize::MAX,
        };
        let keys: Vec<&str> = alike.map(|(key, _)| key.as_str()).take(count).collect();
        let started = Instant::now();
        let read = self.copy(source, compression, &keys, warehouse).await;
        let what = talk::count(keys.len(), "file");
        let mut findings = vec![match read {
            Ok(()) => {
                let took = talk::seconds(started.elapsed());
                Finding::good("copy", format!("the warehouse reads {what} in {took}"))
            }
            Err(problem) if grants::is_denial(problem.message()) => Finding::unknown(
                "copy",
                "you may not create schemas, so the warehouse reads no file for you; the functions \
                 may, if `rights` is good",
            ),
            Err(problem) => {
                let found = format!("the warehouse does not read {what}: {}", problem.message());
                let advice = self.advice(problem.message())?;
                Finding::bad("copy", found, advice)
            }
        }];
        let left = listed.objects.len() - keys.len();
        if self.doctor.depth == Depth::EveryFile && (left > 0 || listed.is_cut) {
            let left =
                if listed.is_cut { "the others".into() } else { talk::count(left, "other file") };
            findings.push(Finding::unknown(
                "copy",
                format!("{left} were left out: a COPY reads one compression, and so many at most"),
            ));
        }
        if self.doctor.place == Place::Local && self.doctor.depth == Depth::OneFile {
            let role = "the local warehouse asks no role for anything";
            findings.push(Finding::unknown("copy role", role));
        }
        Ok(findings.into_iter().map(|finding| finding.of(source.name)).collect())
    }

    async fn copy(
        &self,
        source: &Source,
        compression: Compression,
        keys: &[&str],
        warehouse: &Warehouse,
    ) -> Outcome {
        let now = jiff::Timestamp::now().as_millisecond();
        let id = format!("doctor-{now}-{}", source.name);
        let step = step(&id, &format!("stage/{}", source.name), compression);
        let uris = keys.iter().map(|key| layout::uri(self.files.landing, key));
        let entries: Vec<_> = uris.map(|uri| json!({"url": uri, "mandatory": true})).collect();
        let manifest = json!({ "entries": entries }).to_string().into_bytes();
        self.files.write(&layout::manifest_key(&step.run, &step.step), manifest).await?;
        if let Some((_, paths)) = paths::find(source, self.files).await? {
            let key = layout::jsonpaths_key(&step.run, source.name);
            self.files.write(&key, paths.text.into_bytes()).await?;
        }
        let statements = pipeline::rehearse(&step, &self.doctor.stack.deployment()?)
            .map_err(|failure| Problem::failed(failure.message))?;
        warehouse.transact(statements.into_iter().map(|statement| statement.sql).collect()).await
    }

    /// What to do about a COPY that failed.
    fn advice(&self, message: &str) -> Outcome<String> {
        let role = self.doctor.stack.copy_role()?;
        let said = message.to_lowercase();
        Ok(if said.contains("assume") || said.contains("not associated") {
            format!(
                "attach {role} to the warehouse, and let it trust redshift.amazonaws.com and \
                 redshift-serverless.amazonaws.com"
            )
        } else if said.contains("kms") {
            format!("let {role} decrypt with the key of the bucket (kms:Decrypt)")
        } else if said.contains("access denied") || said.contains("accessdenied") {
            format!(
                "let {role} read both buckets, as the template's CopyPolicy does, and use their key, \
                 if they have one"
            )
        } else {
            "fix the file that is named, or widen its column; docs/operations.md says how"
                .to_owned()
        })
    }
}
