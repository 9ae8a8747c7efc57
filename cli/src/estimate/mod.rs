//! `segue estimate`: how long a load takes and what it costs, before it runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use indicatif::HumanCount;
use segue_contract::cost::{Cadence, Estimate, Prices, SERVERLESS_SECONDS_MIN, Source, Way};
use segue_contract::pipeline;

use crate::{
    aws::AwsClients,
    display,
    errors::{Outcome, Problem},
    landing, print,
    stack::Stack,
    ui, upload,
};

/// What the estimate assumes.
#[derive(Debug, Args)]
pub struct Assumptions {
    /// Estimate this directory, with song_data/ and log_data/, instead of the landing bucket
    #[arg(long, value_name = "DIR", conflicts_with_all = ["local", "stack", "region"])]
    pub data: Option<PathBuf>,
    /// Slices of the warehouse
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u64).range(1..=2_048))]
    pub slices: u64,
    /// Capacity of a serverless warehouse, in RPUs
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u64).range(4..=1_024))]
    pub rpus: u64,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}

/// Measures the files of a directory.
pub fn directory(directory: &Path) -> Outcome<Vec<Source>> {
    let data = upload::read(directory)?;
    data.lines().for_each(ui::say);
    let measured = pipeline::sources().into_iter().map(|source| {
        let bytes = || data.of(source).map(|file| file.bytes);
        Source {
            source: source.to_owned(),
            objects: bytes().count() as u64,
            bytes: bytes().sum(),
            is_always_merged: false,
        }
    });
    Ok(measured.collect())
}

/// Measures the files in the landing bucket, loaded or not.
pub async fn bucket(clients: &AwsClients, stack: &Stack) -> Outcome<Vec<Source>> {
    let landing = stack.landing()?;
    let mut sources = Vec::new();
    for source in landing.sources() {
        let place = landing::Place::of(&landing.bucket, source);
        let listed = landing::list(&clients.s3_of(stack), place, usize::MAX).await?;
        listed.skipped.of(source.name).iter().for_each(|skipped| ui::say(skipped.line()));
        sources.push(Source {
            source: source.name.to_owned(),
            objects: listed.objects.len() as u64,
            bytes: listed.objects.iter().map(|one| one.bytes).sum(),
            is_always_merged: source.max_rejects > 0,
        });
    }
    Ok(sources)
}

/// Prints the estimate.
pub fn show(sources: Vec<Source>, assumptions: &Assumptions) -> Outcome {
    let Assumptions { slices, rpus, json, .. } = *assumptions;
    let prices = Prices::known().map_err(|failure| Problem::failed(failure.message))?;
    let estimate = Estimate::new(sources, slices, rpus, prices);
    if json {
        return print::json(&estimate);
    }
    print::line(&sentence(&estimate))?;
    let counts = estimate.sources.iter().map(|source| {
        [source.source.clone(), ui::number(source.objects), display::bytes(source.bytes)]
    });
    print::line(&print::table(&["source", "objects", "size"], counts, &[1, 2]))?;
    let ways = [
        ("each object copied", &estimate.without_compaction),
        ("every source merged", &estimate.with_compaction),
        ("as a run decides", &estimate.planned),
    ];
    let rows = ways.map(|(name, way)| row(name, way));
    let headers =
        ["way", "parts", "seconds", "S3 reads", "S3 writes", "transitions", "GB-s", "cost"];
    print::line(&print::table(&headers, rows, &[1, 2, 3, 4, 5, 6, 7]))?;
    let cadences = Cadence::SHOWN.iter().zip(&estimate.cadences).map(|((name, _), cadence)| {
        [(*name).to_owned(), dollars(cadence.warehouse_a_day), dollars(cadence.month())]
    });
    let headers = ["a small run every", "warehouse a day", "all a month"];
    print::line(&print::table(&headers, cadences, &[1, 2]))?;
    let Prices { as_of, region, currency, .. } = &estimate.prices;
    print::line(&format!(
        "{currency}, prices of {as_of} in {region}; {slices} slices; Redshift Serverless at {rpus} \
         RPUs, which bills at least {SERVERLESS_SECONDS_MIN} s for any run. A provisioned cluster \
         costs the same, busy or idle."
    ))
}

/// The answer in one sentence.
fn sentence(estimate: &Estimate) -> String {
    let Estimate { planned, without_compaction, .. } = estimate;
    let about = |way: &Way| {
        format!("{} and {}", ui::seconds(Duration::from_secs_f64(way.seconds)), dollars(way.cost))
    };
    let objects: u64 = estimate.sources.iter().map(|source| source.objects).sum();
    let objects = ui::count(objects as usize, "object");
    let why = match planned.parts {
        0 => format!("{objects}, copied as they are"),
        parts => format!(
            "{objects}, merged into {}; copying each one would take {}",
            ui::count(parts as usize, "part"),
            about(without_compaction)
        ),
    };
    format!("About {}: {why}.", about(planned))
}

/// `$0.05`, `$1,234.50`.
fn dollars(amount: f64) -> String {
    let cents = (amount * 100.0).round() as u64;
    format!("${}.{:02}", HumanCount(cents / 100), cents % 100)
}

fn row(name: &str, way: &Way) -> [String; 8] {
    [
        name.to_owned(),
        ui::number(way.parts),
        format!("{:.1}", way.seconds),
        ui::number(way.gets),
        ui::number(way.puts_and_lists),
        ui::number(way.transitions),
        format!("{:.1}", way.lambda_gigabyte_seconds),
        format!("{:.4}", way.cost),
    ]
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_directory_is_measured_by_source() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [("song_data/A/a.json", "{}"), ("log_data/b.json", "{ }")] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        }
        let found = directory(folder.path()).expect("measures");
        let found: Vec<(u64, u64)> = found.iter().map(|one| (one.objects, one.bytes)).collect();
        assert_eq!(found, [(1, 3), (1, 2)]);
        assert!(directory(&folder.path().join("song_data")).is_err());
    }

    #[test]
    fn the_answer_is_one_sentence() {
        let answer = |objects, bytes, is_always_merged| {
            let songs = Source { source: "songs".to_owned(), objects, bytes, is_always_merged };
            sentence(&Estimate::new(vec![songs], 8, 8, Prices::known().expect("prices")))
        };
        insta::assert_snapshot!([answer(71, 20_000, false), answer(385_252, 104_788_544, false), answer(71, 20_000, true)].join("\n"), @r"
        About 45.9 s and $0.05: 71 objects, copied as they are.
        About 57.1 s and $0.22: 385,252 objects, merged into 80 parts; copying each one would take 1 h 21 min and $4.22.
        About 50.1 s and $0.05: 71 objects, merged into 8 parts; copying each one would take 45.9 s and $0.05.
        ");
    }
}
