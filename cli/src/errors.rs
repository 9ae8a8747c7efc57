//! The one error of the command line: what went wrong, what to do about it, and the exit code.

use std::fmt;

/// What a command ends with.
pub type Outcome<T = ()> = Result<T, Problem>;

/// Who has to act, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The work was tried and failed.
    Failed,
    /// The command cannot be carried out as it was given.
    WrongUse,
    /// The user stopped it.
    Interrupted,
}

impl Exit {
    /// The code that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Failed => 1,
            Exit::WrongUse => 2,
            Exit::Interrupted => 130,
        }
    }
}

/// Shown as `error: …` and, when there is one, `hint: …`.
#[derive(Debug)]
pub struct Problem {
    message: String,
    hint: Option<String>,
    exit: Exit,
}

impl Problem {
    /// The work was tried and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: Exit::Failed }
    }

    /// The command cannot be carried out as it was given.
    pub fn wrong_use(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: Exit::WrongUse }
    }

    /// The user stopped it.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: Exit::Interrupted }
    }

    /// What to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds to what to do about it.
    pub fn and_hint(mut self, hint: &str) -> Self {
        self.hint = Some(match self.hint {
            Some(first) => format!("{first}\n      {hint}"),
            None => hint.to_owned(),
        });
        self
    }

    /// What went wrong, without what to do about it.
    pub fn message(&self) -> &str {
        self.message.trim_end()
    }

    /// What to do about it, if there is anything to say.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The exit code's meaning.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}", self.message.trim_end())?;
        match &self.hint {
            Some(hint) => write!(formatter, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Says which file an operating system error was about.
pub fn on_file<'a>(
    action: &'a str,
    path: &'a std::path::Path,
) -> impl Fn(std::io::Error) -> Problem + 'a {
    move |error| Problem::failed(format!("cannot {action} {}: {error}", path.display()))
}
