//! Reads the history of executions: the states entered, and the executions nested in them.

use std::collections::BTreeSet;

use aws_sdk_sfn::{Client, types::HistoryEvent};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::{aws, errors::Outcome};

/// The most events that one call returns.
const PAGE_EVENTS: i32 = 1000;
/// Events with data are larger, and mostly not wanted.
const DATA_PAGE_EVENTS: i32 = 50;
/// A run nests statements, which nest nothing.
const DEPTH_MAX: usize = 3;
const READ_AT_ONCE: usize = 4;

/// Events newer than the one with the id `seen`, oldest first.
pub async fn newer(client: &Client, arn: &str, seen: i64) -> Outcome<Vec<HistoryEvent>> {
    let mut events = Vec::new();
    let mut pages = client
        .get_execution_history()
        .execution_arn(arn)
        .reverse_order(true)
        .include_execution_data(false)
        .max_results(100)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| aws::problem("read the run's history", error))?;
        let all = page.events.len();
        events.extend(page.events.into_iter().take_while(|event| event.id > seen));
        let oldest = events.last().map_or(seen, |event: &HistoryEvent| event.id);
        if all == 0 || oldest <= seen + 1 {
            break;
        }
    }
    events.reverse();
    Ok(events)
}

/// The same event with its data: outputs and the like.
pub async fn with_data(client: &Client, arn: &str, id: i64) -> Outcome<Option<HistoryEvent>> {
    // From the nearer end, as far as can be known.
    let is_early = id <= i64::from(PAGE_EVENTS);
    let mut pages = client
        .get_execution_history()
        .execution_arn(arn)
        .reverse_order(!is_early)
        .include_execution_data(true)
        .max_results(DATA_PAGE_EVENTS)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| aws::problem("read the run's history", error))?;
        if let Some(found) = page.events.into_iter().find(|event| event.id == id) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Counts the states that an execution and the ones nested in it entered.
pub async fn transitions(client: &Client, arn: &str) -> Outcome<u64> {
    let mut total = 0;
    let mut level = BTreeSet::from([arn.to_owned()]);
    for _ in 0..DEPTH_MAX {
        let read: Vec<(u64, BTreeSet<String>)> = stream::iter(level)
            .map(|arn| async move { read_one(client, &arn).await })
            .buffer_unordered(READ_AT_ONCE)
            .try_collect()
            .await?;
        total += read.iter().map(|(entered, _)| entered).sum::<u64>();
        level = read.into_iter().flat_map(|(_, nested)| nested).collect();
    }
    Ok(total)
}

async fn read_one(client: &Client, arn: &str) -> Outcome<(u64, BTreeSet<String>)> {
    let mut entered = 0;
    let mut nested = BTreeSet::new();
    let mut pages = client
        .get_execution_history()
        .execution_arn(arn)
        .max_results(PAGE_EVENTS)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| aws::problem("read the run's history", error))?;
        for event in &page.events {
            entered += u64::from(event.r#type.as_str().ends_with("StateEntered"));
            nested.extend(nested_execution(event));
        }
    }
    Ok((entered, nested))
}

/// The execution that a task started and waits, or waited, for; the event needs its data.
pub fn nested_execution(event: &HistoryEvent) -> Option<String> {
    let submitted = event.task_submitted_event_details.as_ref().and_then(|task| task.output());
    let succeeded = event.task_succeeded_event_details.as_ref().and_then(|task| task.output());
    let failed = event.task_failed_event_details.as_ref().and_then(|task| task.cause());
    let text = submitted.or(succeeded).or(failed)?;
    let fields: Value = serde_json::from_str(text).ok()?;
    fields.get("ExecutionArn")?.as_str().map(str::to_owned)
}
