//! Errors of SQL, in Redshift's words.

/// Why a statement failed; the text is what `DescribeStatement` gives as `Error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// The statement is wrong, or the data is.
    #[error("ERROR: {0}")]
    Failed(String),
    /// Somebody cancelled it.
    #[error("ERROR: Query cancelled on user's request")]
    Cancelled,
}

impl SqlError {
    /// An error with Redshift's text, without the leading `ERROR:`.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    /// The text without the leading `ERROR:`.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Failed(text) => text,
            Self::Cancelled => String::new(),
        }
    }

    /// `syntax error at or near "…"`.
    pub(crate) fn syntax(near: &str) -> Self {
        match near {
            "" => Self::new("syntax error at end of input"),
            near => Self::new(format!("syntax error at or near \"{near}\"")),
        }
    }

    /// `relation "…" does not exist`.
    pub(crate) fn no_relation(name: &str) -> Self {
        Self::new(format!("relation \"{name}\" does not exist"))
    }

    /// Something that Redshift can do and this warehouse cannot.
    pub(crate) fn unsupported(what: &str) -> Self {
        Self::new(format!("{what} is not supported by the local warehouse"))
    }
}
