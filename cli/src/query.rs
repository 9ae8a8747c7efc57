//! The statement of `segue query`: where it comes from, and whether it may run.

use std::{
    fs,
    io::{self, IsTerminal, Read},
    path::Path,
};

use sqlparser::{
    ast::{Expr, Query, Select, SetExpr, Statement, Visit, Visitor},
    dialect::RedshiftSqlDialect,
    parser::Parser,
    tokenizer::{Token, Tokenizer},
};
use std::ops::ControlFlow;

use crate::errors::{Outcome, Problem, on_file};

/// What a statement that only reads begins with.
const READING: [&str; 5] = ["select", "with", "show", "explain", "values"];
/// Words that such a statement has outside quotes only if it writes.
const WRITING: [&str; 18] = [
    "into", "insert", "update", "delete", "merge", "create", "drop", "alter", "truncate", "copy",
    "unload", "grant", "revoke", "call", "vacuum", "analyze", "lock", "cancel",
];
const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes the statement from an argument, a file, or stdin.
///
/// # Errors
/// Wrong use if there is no statement, or if it is not text.
pub fn text(argument: Option<String>, file: Option<&Path>) -> Outcome<String> {
    let stdin = io::stdin();
    let (bytes, place) = match (argument.as_deref(), file) {
        (_, Some(path)) if path.as_os_str() != "-" => {
            let bytes = fs::read(path).map_err(on_file("read", path));
            let place = path.display().to_string();
            (bytes.map_err(|problem| Problem::wrong_use(problem.message()))?, place)
        }
        (Some("-"), _) | (None, Some(_)) => (read_all(stdin.lock())?, "stdin".to_owned()),
        (None, None) if !stdin.is_terminal() => (read_all(stdin.lock())?, "stdin".to_owned()),
        (None, None) => {
            return Err(Problem::wrong_use("expected an SQL statement, found none")
                .hint("pass it as an argument, with --file, or on stdin"));
        }
        (Some(text), _) => (text.as_bytes().to_vec(), "the argument".to_owned()),
    };
    decoded(&bytes).ok_or_else(|| {
        Problem::wrong_use(format!("expected {place} to be UTF-8 or UTF-16, found other bytes"))
            .hint("save the statement as UTF-8")
    })
}

fn read_all(mut from: impl Read) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes)
        .map_err(|error| Problem::wrong_use(format!("cannot read stdin: {error}")))?;
    Ok(bytes)
}

/// The text without a byte order mark; UTF-16 needs one.
fn decoded(bytes: &[u8]) -> Option<String> {
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let pairs = bytes.chunks_exact(2);
        let is_whole = pairs.remainder().is_empty();
        let units: Vec<u16> = pairs.map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok().filter(|_| is_whole)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        _ => {
            let bytes = bytes.strip_prefix(UTF_8_MARK).unwrap_or(bytes);
            String::from_utf8(bytes.to_vec()).ok()
        }
    }
}

/// The one statement in a text, without the semicolons around it.
///
/// # Errors
/// Wrong use if there are none or several, or if it writes without permission.
pub fn statement(text: &str, may_write: bool) -> Outcome<String> {
    // What editors and web pages use in place of a blank.
    let text: String = text.chars().map(|one| if one == '\u{a0}' { ' ' } else { one }).collect();
    let Ok(tokens) = Tokenizer::new(&RedshiftSqlDialect {}, &text).tokenize() else {
        // With --write, the warehouse judges what cannot be split into words.
        return if may_write { Ok(text) } else { Err(not_a_question("it cannot be read as SQL")) };
    };
    let statements: Vec<Vec<&Token>> = tokens
        .split(|token| *token == Token::SemiColon)
        .map(|tokens| tokens.iter().filter(|one| !matches!(one, Token::Whitespace(_))).collect())
        .filter(|tokens: &Vec<&Token>| !tokens.is_empty())
        .collect();
    let [statement] = statements.as_slice() else {
        return Err(match statements.len() {
            0 => Problem::wrong_use("the statement is empty"),
            count => Problem::wrong_use(format!("expected one statement, found {count}"))
                .hint("run them one after the other"),
        });
    };
    if !may_write {
        refuse_writing(&text, statement)?;
    }
    Ok(without_semicolons(&text))
}

/// The semicolons at the end are cut off, and those at the beginning; comments stay.
fn without_semicolons(text: &str) -> String {
    let blank = |one: char| one == ';' || one.is_whitespace();
    text.trim_matches(blank).to_owned()
}

fn refuse_writing(text: &str, tokens: &[&Token]) -> Outcome {
    let words: Vec<String> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_lowercase()),
            _ => None,
        })
        .collect();
    let first = words.first().map(String::as_str).unwrap_or_default();
    if !READING.contains(&first) {
        return Err(not_a_question(&format!("it begins with {first:?}")));
    }
    match Parser::parse_sql(&RedshiftSqlDialect {}, text) {
        Ok(statements) => match statements.iter().find_map(writes) {
            Some(how) => Err(not_a_question(how)),
            None => Ok(()),
        },
        // Redshift knows more syntax than the parser: a statement without a writing word passes.
        Err(_) => match words.iter().find(|word| WRITING.contains(&word.as_str())) {
            Some(word) => Err(not_a_question(&format!("it has the word {word:?}"))),
            None => Ok(()),
        },
    }
}

/// How a statement writes, if it does.
fn writes(statement: &Statement) -> Option<&'static str> {
    match statement {
        Statement::Query(_) => {}
        Statement::Explain { statement, .. } => return writes(statement),
        Statement::ExplainTable { .. } => return None,
        other if other.to_string().to_lowercase().starts_with("show") => return None,
        _ => return Some("it is not a select, with, show or explain"),
    }
    let mut finder = Finder;
    match statement.visit(&mut finder) {
        ControlFlow::Break(how) => Some(how),
        ControlFlow::Continue(()) => None,
    }
}

/// Finds parts of a query that write.
struct Finder;

impl Visitor for Finder {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        match body_writes(&query.body) {
            Some(how) => ControlFlow::Break(how),
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<Self::Break> {
        ControlFlow::Continue(())
    }
}

fn body_writes(body: &SetExpr) -> Option<&'static str> {
    match body {
        SetExpr::Select(select) => select_writes(select),
        SetExpr::SetOperation { left, right, .. } => {
            body_writes(left).or_else(|| body_writes(right))
        }
        // A nested query is visited by itself.
        SetExpr::Query(_) | SetExpr::Values(_) | SetExpr::Table(_) => None,
        _ => Some("a part of it writes"),
    }
}

fn select_writes(select: &Select) -> Option<&'static str> {
    select.into.as_ref().map(|_| "`select … into` creates a table")
}

fn not_a_question(how: &str) -> Problem {
    Problem::wrong_use(format!("expected a statement that only reads, but {how}"))
        .hint("--write lets a statement change the warehouse")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        statement(text, false).expect_err(text).to_string()
    }

    #[test]
    fn what_only_reads_may_run() {
        for text in [
            "select 1",
            "-- In which cities?\nselect city from mart.users;",
            ";; select 1 ;\n-- done\n",
            "\u{a0}select\u{a0}1",
            "with a as (select 1) select * from a",
            "(select 1) union all (select 2)",
            "show tables from schema dev.mart",
            "explain select 1",
            "select 'drop table x; delete', \"update\" from t -- insert",
            "select approximate count(distinct a) from t qualify row_number() over (order by b) = 1",
        ] {
            assert!(statement(text, false).is_ok(), "{text}: {:?}", statement(text, false));
        }
    }

    #[test]
    fn what_writes_is_refused_unless_it_is_allowed_to() {
        for text in [
            "delete from mart.users",
            "drop table mart.users",
            "/* select */ update t set a = 1",
            "with a as (select 1) insert into t select * from a",
            "select * into mart.copy from mart.users",
            "select 1 union select a into b from t",
            "with a as (select 1 as x into b) select * from a",
            "explain delete from t",
            "copy t from 's3://b/k' iam_role 'r'",
            "unload ('select 1') to 's3://b/k'",
            "call p()",
            "vacuum",
            "begin",
        ] {
            assert!(refused(text).contains("--write"), "{text}");
            assert!(statement(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn there_is_one_statement() {
        for text in ["", "  \n", ";", ";;\n;", "-- a comment", "/* a */ ;", "\u{a0}"] {
            let problem = statement(text, true).expect_err("empty");
            assert_eq!((problem.message(), problem.exit().code()), ("the statement is empty", 2));
        }
        assert!(refused("select 1; select 2").contains("expected one statement, found 2"));
        assert!(statement("select 1; delete from t", false).is_err());
    }

    #[test]
    fn byte_order_marks_and_utf_16_are_understood() {
        let utf_16 = |text: &str| {
            let units = text.encode_utf16().flat_map(u16::to_le_bytes);
            b"\xff\xfe".iter().copied().chain(units).collect::<Vec<u8>>()
        };
        assert_eq!(decoded(b"\xef\xbb\xbfselect 1").as_deref(), Some("select 1"));
        assert_eq!(decoded(&utf_16("select 'é'")).as_deref(), Some("select 'é'"));
        assert_eq!(decoded(b"select '\xff'"), None);
    }

    #[test]
    fn statements_are_read_as_people_keep_them() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases");
        let folder = folder.join("query-text-and-cells");
        if !folder.is_dir() {
            return;
        }
        let read = |name: &str| text(None, Some(&folder.join(name))).expect("text");
        let marked = statement(&read("mark.sql"), false).expect("a statement");
        assert_eq!(marked, "select 1 as a");
        for name in ["comment.sql", "semicolon.sql"] {
            let problem = statement(&read(name), false).expect_err(name);
            assert_eq!((problem.message(), problem.exit().code()), ("the statement is empty", 2));
        }
    }
}
