//! Templates of SQL become statements: every value goes through the one quoting function, and a file
//! is cut at the semicolons that end statements.

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::{Statement, files, migrations, steps};
use crate::quoting::{Identifier, Principal, literal};
use crate::{ErrorName, Failure};

pub(super) fn is_numbered(file: &str) -> bool {
    file.rsplit('/').next().is_some_and(|name| name.starts_with(|c: char| c.is_ascii_digit()))
}

pub(super) fn render_with(step: &str, values: &Value) -> Result<Vec<Statement>, Failure> {
    let files = match files::text(&format!("{step}.sql")) {
        Some(_) => migrations::files_of(step).unwrap_or_else(|| vec![step.to_owned()]),
        None => files::templates(step).into_iter().filter(|file| is_numbered(file)).collect(),
    };
    if files.is_empty() || !steps().iter().any(|known| known == step) {
        return Err(Failure::new(
            ErrorName::InvalidInput,
            format!("expected a step among {}, found {step:?}", steps().join(", ")),
        ));
    }
    let environment = environment();
    let mut statements = Vec::new();
    for file in files {
        let failed = |reason: String| {
            Failure::new(ErrorName::StatementFailed, format!("sql/{file}.sql {reason}"))
        };
        let template = files::text(&format!("{file}.sql"));
        let template = template.ok_or_else(|| failed("cannot be read as UTF-8".to_owned()))?;
        let text = environment
            .render_named_str(&file, &template, values)
            .map_err(|error| failed(format!("does not render: {error}")))?;
        let statement = |sql| Statement { file: file.clone(), sql };
        statements.extend(split(&text).into_iter().map(statement));
    }
    Ok(statements)
}

/// Every value that a template prints goes through the one quoting function.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(|output, _state, value| {
        let refused =
            |reason: String| minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, reason);
        if let Some(identifier) = value.downcast_object_ref::<Identifier>() {
            write!(output, "{identifier}")?;
        } else if let Some(principal) = value.downcast_object_ref::<Principal>() {
            write!(output, "{principal}")?;
        } else if let Some(text) = value.as_str() {
            let quoted = literal(text).map_err(|failure| refused(failure.to_string()))?;
            output.write_str(&quoted)?;
        } else if value.kind() == ValueKind::Number {
            write!(output, "{value}")?;
        } else {
            return Err(refused(format!("expected text, a name or a number, found {value:?}")));
        }
        Ok(())
    });
    environment
}

/// Splits a file at the semicolons that end statements, dropping parts with only comments.
fn split(text: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let (mut begin, mut at, mut has_code) = (0, 0, false);
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = match character {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '\'' | '"' => {
                has_code = true;
                rest[1..].find(character).map_or(rest.len(), |end| end + 2)
            }
            ';' => {
                if has_code {
                    statements.push(text[begin..at].trim().to_owned());
                }
                (begin, has_code) = (at + 1, false);
                1
            }
            _ => {
                has_code |= !character.is_whitespace();
                character.len_utf8()
            }
        };
        at += length;
    }
    if has_code {
        statements.push(text[begin..].trim().to_owned());
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_cut_at_semicolons_outside_quotes_and_comments() {
        let text = "-- it's; a comment\nselect ';', \"a;b\", '''' ; ;\n-- end\n";
        assert_eq!(split(text), ["-- it's; a comment\nselect ';', \"a;b\", ''''"]);
        assert_eq!(split("select 1; select 'é;'"), ["select 1", "select 'é;'"]);
        assert!(split("-- nothing; here").is_empty());
    }
}
