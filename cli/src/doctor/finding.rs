//! What was found: good or bad, and what to do.

use std::fmt;

use serde::Serialize;

use crate::{
    errors::{Outcome, Problem},
    print, ui,
};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// A run will succeed, but somebody should look.
    Warning,
    /// A run would fail, or load something wrong.
    Bad,
    /// Cannot be known here.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "BAD",
            Self::Unknown => "unknown",
        })
    }
}

/// One check and its result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What was checked.
    pub check: &'static str,
    /// The source that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    /// The file that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Statements that fix it, to be run as the database's administrator, for `--fix`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fix: Vec<String>,
}

impl Finding {
    /// As it should be.
    pub fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            source: None,
            file: None,
            verdict: Verdict::Good,
            found: found.into(),
            advice: None,
            fix: Vec::new(),
        }
    }

    /// A run will succeed, but somebody should look.
    pub fn warning(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Warning, advice: Some(advice.into()), ..Self::good(check, found) }
    }

    /// A run would fail, or load something wrong.
    pub fn bad(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, ..Self::warning(check, found, advice) }
    }

    /// Cannot be known here.
    pub fn unknown(check: &'static str, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, ..Self::good(check, found) }
    }

    /// The check failed, as a run would; `otherwise` is what to do if the problem does not say.
    pub fn problem(check: &'static str, problem: &Problem, otherwise: &str) -> Self {
        Self::bad(check, problem.message(), problem.advice().unwrap_or(otherwise))
    }

    /// The same, with the statements that fix it.
    pub fn fixed_by(self, statements: impl IntoIterator<Item = String>) -> Self {
        Self { fix: statements.into_iter().collect(), ..self }
    }

    /// The same, about a file.
    pub fn in_file(self, file: impl Into<String>) -> Self {
        Self { file: Some(file.into()), ..self }
    }

    /// The same, about a source.
    pub fn of(self, source: &'static str) -> Self {
        Self { source: Some(source), ..self }
    }
}

/// Prints the findings; fails if one is bad.
pub fn show(findings: &[Finding], json: bool) -> Outcome {
    if json {
        print::json(&findings)?;
    } else {
        print::line(&table(findings))?;
        for finding in findings {
            if let Some(advice) = &finding.advice {
                ui::say(format!("{}: {advice}", name(finding)));
            }
        }
    }
    match findings.iter().filter(|finding| finding.verdict == Verdict::Bad).count() {
        0 => Ok(()),
        bad => Err(Problem::failed(format!("{}, a run would fail", ui::count(bad, "bad finding")))
            .hint("follow the advice above, then run the doctor again")),
    }
}

fn name(finding: &Finding) -> String {
    match finding.source {
        Some(source) => format!("{} of {source}", finding.check),
        None => finding.check.to_owned(),
    }
}

fn table(findings: &[Finding]) -> String {
    let rows = findings
        .iter()
        .map(|finding| [name(finding), finding.verdict.to_string(), finding.found.clone()]);
    print::table(&["check", "is", "found"], rows, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_a_table_for_people() {
        let findings = [
            Finding::good("region", "eu-west-1"),
            Finding::bad("files", "none under s3://b/log_data/", "put some there").of("events"),
            Finding::unknown("copy role", "the local warehouse assumes no role"),
        ];
        insta::assert_snapshot!(print::at_widths(|| table(&findings)));
        assert!(show(&findings[..1], true).is_ok());
        let problem = show(&findings, true).expect_err("one is bad");
        assert_eq!(problem.message(), "1 bad finding, a run would fail");
    }
}
