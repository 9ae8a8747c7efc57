//! Reads the objects of a batch in parallel and writes their documents in order.

use segue_contract::messages::{CompactRequest, Merged};
use segue_contract::{Failure, layout};
use segue_documents::{Decoder, Documents, Stopped};
use segue_function::unreadable;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::fetch::{Address, Opened, Reader};
use crate::limiter::Limiter;
use crate::list::{self, Listed};
use crate::output::{Output, uncompressed};
use crate::{Context, is_rejected, records, rejects_end};

/// The most objects to read ahead. With 128 KB each they take 32 MB.
const AHEAD_MAX: usize = 256;
/// The most vanished or changed objects to name in the log.
const NAMED_MAX: u64 = 20;

/// An object whose beginning is being read, or has been.
struct Coming {
    listed: Listed,
    opened: AbortOnDropHandle<Result<Option<Opened>, Failure>>,
}

/// Merges the batch into `output`.
///
/// # Errors
/// As [`crate::handle`].
pub async fn merge(
    context: &Context,
    request: &CompactRequest,
    output: &mut Output,
) -> Result<Merged, Failure> {
    let bucket = &context.settings.work_bucket;
    let key = layout::batch_key(&request.run, &request.source, request.batch);
    let list = list::read(&context.writing, bucket, &key).await?;
    let limiter = Limiter::new(context.settings.connections_max);
    let reader = Reader { s3: context.reading.clone(), limiter };
    let (sender, mut coming) = mpsc::channel(AHEAD_MAX);
    let ahead = AbortOnDropHandle::new(tokio::spawn(read_ahead(reader, list, sender)));
    let mut merged = Merged::default();
    let mut documents = Documents::new(records::of(context, request).await?);
    while let Some(next) = coming.recv().await {
        let Coming { listed, opened } = next;
        match opened.await.map_err(|error| unreadable(&listed.uri, error))?? {
            Some(opened) => take(&listed, opened, &mut documents, output, &mut merged).await?,
            None => vanished(&listed, output, &mut merged)?,
        }
        if output.rejected() >= rejects_end(request) {
            break;
        }
    }
    if output.rejected() < rejects_end(request) {
        ahead.await.map_err(|error| unreadable(&key, error))??;
    }
    (merged.documents, merged.rejected) = (output.documents(), output.rejected());
    merged.refused = output.refused();
    output.finish_rejects().await?;
    if is_rejected(request, &merged) {
        output.abort().await;
        return Ok(merged);
    }
    merged.bytes_written = output.finish().await?;
    Ok(merged)
}

/// Starts reading objects in their order: so the object that the part waits for always has a
/// permit, whatever waits behind it.
async fn read_ahead(
    reader: Reader,
    list: impl Iterator<Item = Result<Listed, Failure>> + Send,
    sender: mpsc::Sender<Coming>,
) -> Result<(), Failure> {
    for listed in list {
        let listed = listed?;
        let address = Address::new(listed.uri.clone())?;
        let permit = reader.limiter.leave().await;
        let reader = reader.clone();
        let opening = tokio::spawn(async move { reader.open(address, permit).await });
        let coming = Coming { listed, opened: AbortOnDropHandle::new(opening) };
        if sender.send(coming).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Writes the documents of one object.
async fn take(
    listed: &Listed,
    mut opened: Opened,
    documents: &mut Documents,
    output: &mut Output,
    merged: &mut Merged,
) -> Result<(), Failure> {
    output.begin(opened.uri());
    let refused = output.refused();
    let mut decoder = Decoder::Unknown;
    let mut broken = None;
    while let Some(bytes) = opened.next().await? {
        // The rest of a refused object is not read.
        if output.refused() > refused {
            break;
        }
        match decoder.push(&bytes, |text| documents.push(text, output)) {
            Ok(()) => {}
            Err(Stopped::Broken(reason)) => {
                broken = Some(reason);
                break;
            }
            Err(Stopped::Sink(error)) => return Err(uncompressed(error)),
        }
        output.send().await?;
    }
    if broken.is_none() {
        match decoder.finish(|text| documents.push(text, output)) {
            Ok(()) => {}
            Err(Stopped::Broken(reason)) => broken = Some(reason),
            Err(Stopped::Sink(error)) => return Err(uncompressed(error)),
        }
    }
    documents.finish(broken.as_deref(), output).map_err(uncompressed)?;
    output.end(&opened.etag, opened.bytes)?;
    output.send().await?;
    merged.objects += 1;
    merged.bytes_read += opened.bytes;
    if opened.etag != listed.etag {
        merged.changed += 1;
        if merged.changed <= NAMED_MAX {
            tracing::warn!(uri = listed.uri, "changed since it was listed; merged as it is now");
        }
    }
    Ok(())
}

fn vanished(listed: &Listed, output: &mut Output, merged: &mut Merged) -> Result<(), Failure> {
    merged.vanished += 1;
    if merged.vanished <= NAMED_MAX {
        tracing::warn!(uri = listed.uri, "vanished since it was listed; skipped");
    }
    output.vanished(&listed.uri)
}
