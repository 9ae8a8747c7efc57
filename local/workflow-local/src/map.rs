//! Inline maps: iterations in parallel, each in its own scope.

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use crate::definition::Map;
use crate::error::{QUERY_EVALUATION, StateError};
use crate::evaluation::Seen;
use crate::execution::Scope;

/// Iterations that run at once if the definition does not say, or says 0.
const CONCURRENCY_DEFAULT: usize = 40;

impl Scope<'_> {
    /// Runs every iteration. The first that fails ends the others: dropping a future stops the
    /// executions that it waits for.
    pub(crate) async fn iterate(&self, map: &Map, seen: &Seen<'_>) -> Result<Value, StateError> {
        let history = &self.run.history;
        let Value::Array(items) = self.evaluate(&map.items, seen)? else {
            let cause = format!("{}: expected Items to be an array", seen.state);
            return Err(StateError::new(QUERY_EVALUATION, cause));
        };
        history.add("MapStateStarted", seen.state)?;
        let at_once = map.max_concurrency.filter(|most| *most > 0).unwrap_or(CONCURRENCY_DEFAULT);
        let iterations = items.into_iter().enumerate().map(|(index, value)| async move {
            history.add("MapIterationStarted", seen.state)?;
            let outcome = self.iteration(map, seen, index, value).await;
            let kind = if outcome.is_ok() { "MapIterationSucceeded" } else { "MapIterationFailed" };
            history.add(kind, seen.state)?;
            Ok::<_, StateError>((index, outcome?))
        });
        let run = stream::iter(iterations).buffer_unordered(at_once).try_collect::<Vec<_>>().await;
        history
            .add(if run.is_ok() { "MapStateSucceeded" } else { "MapStateFailed" }, seen.state)?;
        let mut results = run?;
        results.sort_by_key(|(index, _)| *index);
        Ok(results.into_iter().map(|(_, output)| output).collect())
    }

    async fn iteration(
        &self,
        map: &Map,
        seen: &Seen<'_>,
        index: usize,
        value: Value,
    ) -> Result<Value, StateError> {
        // Its own variables cannot shadow an outer scope, so a copy is as good as a view.
        let mut scope = Scope {
            run: self.run,
            states: &map.item_processor.states,
            variables: self.variables.clone(),
            item: Some(json!({"Index": index, "Value": value})),
        };
        let input = match &map.item_selector {
            None => value,
            Some(selector) => scope.evaluate(selector, seen)?,
        };
        scope.execute(&map.item_processor.start_at, input).await
    }
}
