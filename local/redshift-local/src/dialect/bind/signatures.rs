//! What functions take and give, as `signatures.txt` lists it.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::build::TEXT;
use super::kinds::{Kind, is_integer, is_number, is_text, is_time};
use crate::dialect::types::ColumnType;
use crate::engine::SqlError;

static SIGNATURES: LazyLock<HashMap<&'static str, Signature>> = LazyLock::new(|| {
    let lines = include_str!("signatures.txt").lines().filter(|line| !line.starts_with('#'));
    let read = lines.filter_map(|line| {
        let mut parts = line.split('|').map(str::trim);
        let (names, arguments, result) = (parts.next()?, parts.next()?, parts.next()?);
        Some(names.split(' ').map(move |name| (name, Signature { arguments, result })))
    });
    read.flatten().collect()
});

#[derive(Debug, Clone, Copy)]
struct Signature {
    arguments: &'static str,
    result: &'static str,
}

impl Signature {
    fn takes(self, kinds: &[Kind], literals: &[bool]) -> bool {
        let (needed, more) = self.arguments.split_once('?').unwrap_or((self.arguments, ""));
        let all: Vec<char> = needed.chars().chain(more.chars()).collect();
        let repeats = all.last() == Some(&'+');
        let most = if repeats { usize::MAX } else { all.len() };
        let fits = |(at, kind): (usize, &Kind)| {
            let code = all.get(at).or_else(|| all.get(all.len().checked_sub(2)?));
            literals.get(at) == Some(&true) || code.is_none_or(|code| is_of(*code, kind))
        };
        (needed.len()..=most).contains(&kinds.len()) && kinds.iter().enumerate().all(fits)
    }
}

fn is_of(code: char, kind: &Kind) -> bool {
    let Some(known) = kind else { return true };
    let kind = kind.as_ref();
    *known == ColumnType::Super
        || match code {
            't' => is_text(kind),
            'n' => is_number(kind),
            'i' => is_integer(kind),
            'd' => {
                is_time(kind)
                    || is_text(kind)
                    || matches!(known, ColumnType::Time | ColumnType::TimeTz)
            }
            'b' => *known == ColumnType::Boolean,
            'j' => is_text(kind),
            _ => true,
        }
}

/// Refuses a call with arguments that the function does not take. `literals` says which are plain
/// strings, for these become whatever is asked for.
pub(super) fn check(name: &str, kinds: &[Kind], literals: &[bool]) -> Result<(), SqlError> {
    match SIGNATURES.get(name) {
        Some(signature) if !signature.takes(kinds, literals) => Err(unknown(name, kinds)),
        _ => Ok(()),
    }
}

/// The error about a call that no function answers.
pub(super) fn unknown(name: &str, kinds: &[Kind]) -> SqlError {
    let shown = |kind: &Kind| kind.as_ref().map_or("\"unknown\"".to_owned(), ColumnType::display);
    let kinds: Vec<String> = kinds.iter().map(shown).collect();
    SqlError::new(format!("function {name}({}) does not exist", kinds.join(", ")))
}

/// Whether a call gives an INTEGER, which the engine may count in more bits.
pub(super) fn gives_integer(name: &str) -> bool {
    SIGNATURES.get(name).is_some_and(|signature| signature.result == "integer")
}

/// The type of a call's value; `None` where the call itself decides, or nobody knows.
pub(super) fn result(name: &str, first: &Kind) -> Kind {
    match SIGNATURES.get(name)?.result {
        "-" => None,
        "same" => first.clone(),
        "same text" => match first {
            Some(ColumnType::Char { bytes_max }) => {
                Some(ColumnType::Varchar { bytes_max: *bytes_max })
            }
            first if is_text(first.as_ref()) => first.clone(),
            _ => Some(TEXT),
        },
        "text" => Some(TEXT),
        result => ColumnType::from_display(result).ok(),
    }
}
