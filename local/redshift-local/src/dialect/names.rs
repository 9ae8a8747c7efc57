//! Names of tables and schemas, and how they are written for the engine.

use std::fmt;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use sqlparser::tokenizer::Token;

use super::tokens::{Tokens, near};
use crate::engine::SqlError;

/// The longest identifier, in bytes.
const IDENTIFIER_BYTES_MAX: usize = 127;

/// A table or view as a statement names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TableName {
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

impl TableName {
    /// Reads `[database.][schema.]name`.
    pub(crate) fn parse(tokens: &mut Tokens) -> Result<Self, SqlError> {
        let mut parts = vec![tokens.new_name()?];
        while tokens.take_token(&Token::Period) {
            parts.push(tokens.identifier()?);
        }
        Self::from_parts(parts).ok_or_else(|| SqlError::syntax(&near(tokens.peek())))
    }

    /// The same of an already parsed name; a string in place of a name is a syntax error.
    pub(crate) fn from_object(name: &ObjectName) -> Result<Self, SqlError> {
        let mut parts = Vec::new();
        for part in &name.0 {
            match part {
                ObjectNamePart::Identifier(ident) if ident.quote_style != Some('\'') => {
                    parts.push(ident.value.clone());
                }
                part => return Err(SqlError::syntax(&part.to_string())),
            }
        }
        Self::from_parts(parts).ok_or_else(|| SqlError::syntax(&name.to_string()))
    }

    fn from_parts(mut parts: Vec<String>) -> Option<Self> {
        if parts.len() > 3 {
            return None;
        }
        let mut name = parts.pop()?;
        if name.len() > IDENTIFIER_BYTES_MAX {
            // Redshift truncates a name that is too long.
            let end = (0..=IDENTIFIER_BYTES_MAX).rev().find(|at| name.is_char_boundary(*at));
            name.truncate(end.unwrap_or(0));
        }
        Some(Self { schema: parts.pop(), name })
    }

    /// The name for the engine, quoted.
    pub(crate) fn engine(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&self.name)),
            None => quoted(&self.name),
        }
    }

    /// The schema; `public` by default.
    pub(crate) fn schema_or_public(&self) -> &str {
        self.schema.as_deref().unwrap_or("public")
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(formatter, "{schema}.{}", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

/// An identifier for the engine.
pub(crate) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// A string for the engine.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A parsed name made of these parts, quoted.
pub(crate) fn object(parts: &[&str]) -> ObjectName {
    let ident = |part: &&str| ObjectNamePart::Identifier(Ident::with_quote('"', *part));
    ObjectName(parts.iter().map(ident).collect())
}
