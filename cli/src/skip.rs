//! `segue skip`: files that runs skip until their content changes.

use segue_contract::layout;
use segue_contract::quoting::literal;
use segue_contract::rejects::storable;

use crate::{
    aws::{self, AwsClients},
    errors::{Outcome, Problem},
    print,
    stack::Stack,
    ui,
    warehouse::Warehouse,
};

/// The run in the ledger for a file that a person set aside.
const BY_HAND: &str = "segue skip";
/// What is set aside, the newest first.
const LIST: &str = "select uri, reason, run_id, set_aside_at from ops.set_aside_objects \
    order by set_aside_at desc, uri";

/// What to do with files.
#[derive(Debug)]
pub struct Options {
    /// `s3://bucket/key`; without any, list what is set aside.
    pub uris: Vec<String>,
    /// Why, to record in the table.
    pub reason: String,
    /// Whether runs should load them again.
    pub undo: bool,
}

/// Sets files aside, takes them back, or lists them.
///
/// # Errors
/// Wrong use for a URI outside the sources; the warehouse's own message.
pub async fn skip(clients: &AwsClients, stack: &Stack, options: &Options) -> Outcome {
    let warehouse = Warehouse::of(clients, stack)?;
    if options.uris.is_empty() {
        let rows = warehouse.query(LIST).await.map_err(no_table)?;
        print::with(|out| rows.write_table(out))?;
        ui::say(format!("{} set aside", ui::count(rows.len(), "file")));
        return Ok(());
    }
    let mut statements = Vec::new();
    for uri in &options.uris {
        let file = File::find(stack, uri)?;
        statements.push(format!("delete from ops.set_aside_objects where {}", file.condition()?));
        if !options.undo {
            statements.push(file.insertion(clients, stack, &options.reason).await?);
        }
    }
    warehouse.transact(statements).await.map_err(no_table)?;
    for uri in &options.uris {
        ui::say(match options.undo {
            true => format!("{uri}: the next run loads it, if it is not loaded already"),
            false => format!("{uri}: set aside until its content changes"),
        });
    }
    Ok(())
}

/// A file of a source.
struct File<'a> {
    source: &'static str,
    uri: &'a str,
    bucket: &'a str,
    key: &'a str,
}

impl<'a> File<'a> {
    fn find(stack: &Stack, uri: &'a str) -> Outcome<Self> {
        let landing = stack.landing()?;
        let place = layout::bucket_and_key(uri).filter(|(bucket, _)| *bucket == landing.bucket);
        let found = place.and_then(|(bucket, key)| {
            let source = landing.sources().iter().find(|one| key.starts_with(&one.prefix))?;
            Some(Self { source: source.name, uri, bucket, key })
        });
        found.ok_or_else(|| {
            Problem::wrong_use(format!(
                "expected a file under {}, found {uri}",
                landing.prefixes().join(" or ")
            ))
            .hint("name the file as a failed run names it, s3://bucket/key")
        })
    }

    fn condition(&self) -> Outcome<String> {
        Ok(format!("source = {} and uri = {}", quoted(self.source)?, quoted(self.uri)?))
    }

    async fn insertion(
        &self,
        clients: &AwsClients,
        stack: &Stack,
        reason: &str,
    ) -> Outcome<String> {
        let head =
            clients.s3_of(stack).head_object().bucket(self.bucket).key(self.key).send().await;
        let head = head.map_err(|error| aws::problem(&format!("look at {}", self.uri), error))?;
        let etag = head.e_tag().unwrap_or_default().trim_matches('"');
        let values = [self.source, self.uri, etag, &storable(reason), BY_HAND].map(quoted);
        let [source, uri, etag, reason, run] = values;
        Ok(format!(
            "insert into ops.set_aside_objects (source, uri, etag, bytes, reason, run_id) \
             values ({}, {}, {}, {}, {}, {})",
            source?,
            uri?,
            etag?,
            head.content_length().unwrap_or_default(),
            reason?,
            run?
        ))
    }
}

fn quoted(text: &str) -> Outcome<String> {
    literal(text).map_err(|failure| Problem::wrong_use(failure.message))
}

/// Before the first run there is no ledger.
fn no_table(problem: Problem) -> Problem {
    match problem.message().contains("set_aside_objects") {
        true => problem.hint("start a run first: it creates the table, even if loading fails"),
        false => problem,
    }
}
