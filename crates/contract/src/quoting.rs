//! The one way for a value to become part of SQL text.
//!
//! Whether Redshift reads a backslash within quotes as an escape depends on its version and
//! settings; so a value that would need one is rejected.

use std::fmt;

use minijinja::value::{Object, Value};

use crate::{ErrorName, Failure};

/// The most bytes of an identifier in Redshift.
const IDENTIFIER_BYTES_MAX: usize = 127;

/// The text of a string literal, quotes included.
///
/// # Errors
/// `InvalidInput` when the value contains a backslash or a control character.
pub fn literal(value: &str) -> Result<String, Failure> {
    match value.chars().find(|character| *character == '\\' || character.is_control()) {
        None => Ok(format!("'{}'", value.replace('\'', "''"))),
        Some(refused) => Err(Failure::new(
            ErrorName::InvalidInput,
            format!(
                "expected text without backslashes and control characters, found {refused:?} in {value:?}"
            ),
        )),
    }
}

/// A name that needs no quotes: lower-case letters, digits and underscores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier(String);

impl Identifier {
    /// Takes a name as it is.
    ///
    /// # Errors
    /// `InvalidInput` when it has other characters, begins with a digit, is empty or too long.
    pub fn new(name: impl Into<String>) -> Result<Self, Failure> {
        let name = name.into();
        let mut bytes = name.bytes();
        let begins_well =
            bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let goes_on_well =
            bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if begins_well && goes_on_well && name.len() <= IDENTIFIER_BYTES_MAX {
            Ok(Self(name))
        } else {
            Err(Failure::new(
                ErrorName::InvalidInput,
                format!(
                    "expected a name of lower-case letters, digits and underscores, \
                     at most {IDENTIFIER_BYTES_MAX} bytes, found {name:?}"
                ),
            ))
        }
    }
}

/// The name of a database user, role or group, such as `"IAMR:Loader"`: any text, in double quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal(String);

impl Principal {
    /// Takes a name as it is.
    ///
    /// # Errors
    /// `InvalidConfiguration` when it is empty or too long, or holds a backslash or a control
    /// character.
    pub fn new(name: impl Into<String>) -> Result<Self, Failure> {
        let name = name.into();
        let refused = |character: char| character == '\\' || character.is_control();
        if name.is_empty() || name.len() > IDENTIFIER_BYTES_MAX || name.contains(refused) {
            return Err(Failure::new(
                ErrorName::InvalidConfiguration,
                format!(
                    "expected the name of a database role or group, 1 to {IDENTIFIER_BYTES_MAX} bytes \
                     without backslashes and control characters, found {name:?}"
                ),
            ));
        }
        Ok(Self(name))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl Object for Principal {}

impl From<Principal> for Value {
    fn from(principal: Principal) -> Self {
        Self::from_object(principal)
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Object for Identifier {}

impl From<Identifier> for Value {
    fn from(identifier: Identifier) -> Self {
        Self::from_object(identifier)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a literal back as Redshift does, backslashes taken either way.
    fn read_back(literal: &str) -> Option<String> {
        let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
        let unpaired = inner.replace("''", "");
        (!unpaired.contains('\'') && !inner.contains('\\')).then(|| inner.replace("''", "'"))
    }

    proptest! {
        #[test]
        fn a_literal_means_the_value_or_is_refused(value in any::<String>()) {
            match literal(&value) {
                Ok(text) => prop_assert_eq!(read_back(&text), Some(value)),
                Err(_) => prop_assert!(value.chars().any(|c| c == '\\' || c.is_control())),
            }
        }

        #[test]
        fn an_identifier_is_plain_or_refused(name in any::<String>()) {
            if let Ok(identifier) = Identifier::new(name.clone()) {
                prop_assert_eq!(identifier.to_string(), name.clone());
                prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
            }
        }
    }

    #[test]
    fn a_quote_cannot_end_a_literal() {
        assert_eq!(literal("'; drop table x --").expect("plain"), "'''; drop table x --'");
    }

    #[test]
    fn a_principal_cannot_leave_its_quotes() {
        let shown = |name: &str| Principal::new(name).map(|name| name.to_string());
        assert_eq!(shown("IAMR:Loader").expect("a name"), "\"IAMR:Loader\"");
        assert_eq!(shown("x\"; drop role y").expect("a name"), "\"x\"\"; drop role y\"");
        for name in ["", "a\\b", "a\nb", &"a".repeat(128)] {
            assert!(shown(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn names_that_would_need_quotes_are_refused() {
        for name in ["", "1a", "a-b", "A", "a\"", "a b", &"a".repeat(128)] {
            assert!(Identifier::new(name).is_err(), "{name:?}");
        }
    }
}
