//! `segue doctor --fix`: runs the statements that grant missing rights.

use std::io::{self, BufRead, IsTerminal};

use super::{Doctor, Finding};
use crate::{
    errors::{Outcome, Problem},
    print, ui,
    warehouse::Warehouse,
};

/// Whether statements were run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// There was nothing that SQL can fix.
    Nothing,
    /// They were run.
    Ran,
}

impl Doctor {
    /// Shows the statements, asks, and runs them.
    ///
    /// # Errors
    /// When nobody confirms; the warehouse's own message when it rejects a statement.
    pub async fn fix(&self, findings: &[Finding], is_agreed: bool) -> Outcome<Fixed> {
        let statements: Vec<&String> = findings.iter().flat_map(|finding| &finding.fix).collect();
        if statements.is_empty() {
            return Ok(Fixed::Nothing);
        }
        for statement in &statements {
            print::line(&format!("{statement};"))?;
        }
        let warehouse = Warehouse::of(&self.clients, &self.stack)?;
        let user = warehouse.query("select current_user").await?.first_text();
        let user = user.unwrap_or_default();
        if !is_agreed {
            let count = ui::count(statements.len(), "statement");
            agree(&format!("Run {count} as {user}?"))?;
        }
        for statement in statements {
            if let Err(problem) = warehouse.query(statement).await {
                let hint = format!(
                    "you are {user}: run these as the database's administrator, for example in the \
                     query editor"
                );
                let message = format!("{statement}: {}", problem.message());
                return Err(Problem::failed(message).hint(hint));
            }
        }
        Ok(Fixed::Ran)
    }
}

/// Fails unless somebody at the terminal confirms.
fn agree(question: &str) -> Outcome {
    if !io::stdin().is_terminal() {
        return Err(Problem::wrong_use("cannot ask for confirmation: stdin is not a terminal")
            .hint("add --yes to run them"));
    }
    ui::say(format!("{question} [y/N]"));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Problem::failed(format!("cannot read the answer: {error}")))?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Problem::failed("nothing was run")),
    }
}
