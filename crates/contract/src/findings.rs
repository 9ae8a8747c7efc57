//! Checks that found offenders, as lines of a failure's message: written by the check, and read by
//! the report.

use std::fmt;

/// What stands between the number of offenders and the healthy state.
const EXPECTED: &str = "; expected: ";

/// A check that found offenders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finding {
    /// The check's file below `sql/`, without its ending.
    pub file: String,
    /// How many rows it returned.
    pub offenders: u64,
    /// What is true if there are none, a sentence.
    pub healthy: String,
    /// The first offenders, one line each.
    pub sample: Vec<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offenders, healthy, sample } = self;
        let plural = if *offenders == 1 { "" } else { "s" };
        write!(formatter, "{file}: {offenders} offender{plural}{EXPECTED}{healthy}")?;
        sample.iter().try_for_each(|row| write!(formatter, "\n  {row}"))
    }
}

impl Finding {
    /// The findings in a message, in their order.
    pub fn all(message: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let mut is_sample = false;
        for line in message.lines() {
            match (Self::first_line(line), line.strip_prefix("  "), found.last_mut()) {
                (Some(finding), ..) => {
                    found.push(finding);
                    is_sample = true;
                }
                (None, Some(row), Some(finding)) if is_sample => finding.sample.push(row.into()),
                _ => is_sample = false,
            }
        }
        found
    }

    fn first_line(line: &str) -> Option<Self> {
        let (counted, healthy) = line.split_once(EXPECTED)?;
        let (file, offenders) = counted.split_once(": ")?;
        let (offenders, _) = offenders.split_once(" offender")?;
        Some(Self {
            file: file.into(),
            offenders: offenders.parse().ok()?,
            healthy: healthy.into(),
            sample: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_read_as_they_are_written() {
        let one = Finding {
            file: "check/15_keys_are_not_null".into(),
            offenders: 1,
            healthy: "no row to publish lacks its key.".into(),
            sample: vec!["song_id S, no title".into()],
        };
        let other = Finding { file: "check/20".into(), offenders: 7, ..one.clone() };
        let message =
            format!("{one}\n{other}\nexpected 2 rows of songs\n  not a sample\nhint: fix");
        assert_eq!(Finding::all(&message), [one, other]);
    }
}
