//! The lines of an object on which its documents begin, in few numbers: most objects have one
//! document per line, or documents with the same number of lines.

use serde_json::Value;

/// The most runs of documents to record at once.
const RUNS_MAX: usize = 10_000;

/// Runs of documents at equal distances.
#[derive(Debug, Default)]
pub struct Places {
    runs: Vec<Run>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// The first document of the run, from 1.
    document: u64,
    /// The line on which it begins, from 1.
    line: u64,
    /// From one document to the next, once there are two.
    step: Option<u64>,
}

impl Run {
    /// One document per line, from the first line on.
    const USUAL: Self = Self { document: 1, line: 1, step: Some(1) };
}

impl Places {
    /// Adds the next document.
    pub fn add(&mut self, document: u64, line: u64) {
        if let Some(run) = self.runs.last_mut() {
            let step = *run.step.get_or_insert(line - run.line);
            if line == run.line + (document - run.document) * step {
                return;
            }
        }
        self.runs.push(Run { document, line, step: None });
    }

    /// Whether there are as many runs as are recorded at once.
    pub fn are_many(&self) -> bool {
        self.runs.len() >= RUNS_MAX
    }

    /// The runs as in the index, `[document, line, step]`; `None` for one document per line.
    pub fn take(&mut self) -> Option<Value> {
        let runs = std::mem::take(&mut self.runs);
        let is_usual = |run: &Run| Run { step: run.step.or(Some(1)), ..*run } == Run::USUAL;
        if runs.is_empty() || (runs.len() == 1 && is_usual(&runs[0])) {
            return None;
        }
        let runs = runs.iter().map(|run| vec![run.document, run.line, run.step.unwrap_or(0)]);
        Some(Value::from_iter(runs))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(lines: &[u64]) -> Option<Value> {
        let mut places = Places::default();
        lines.iter().zip(1..).for_each(|(line, document)| places.add(document, *line));
        places.take()
    }

    #[test]
    fn documents_that_are_as_many_lines_apart_are_one_run() {
        assert_eq!(places(&[]), None);
        assert_eq!(places(&[1, 2, 3]), None);
        assert_eq!(places(&[1, 9, 17]), Some(json!([[1, 1, 8]])));
        assert_eq!(places(&[1, 1, 1]), Some(json!([[1, 1, 0]])));
        assert_eq!(places(&[1, 2, 4, 5, 9]), Some(json!([[1, 1, 1], [3, 4, 1], [5, 9, 0]])));
        assert_eq!(places(&[2]), Some(json!([[1, 2, 0]])));
    }
}
