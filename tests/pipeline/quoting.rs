//! The one way for a value to become part of SQL, checked with an engine that parses SQL: every
//! value that is not refused is read back unchanged, in any context.

use proptest::prelude::*;
use proptest::sample::select;
use redshift_local::{Engine, Options, Value as Field};
use segue_contract::quoting::literal;

use crate::converge::configuration;

/// The number of cases; `SEGUE_CASES` overrides it. Each is one statement.
const CASES: u32 = 256;
/// The most values of a statement.
const VALUES_MAX: usize = 8;

/// Text that means something to a parser of SQL, templates or parameters.
const PIECES: [&str; 22] = [
    "'",
    "''",
    "\"",
    "$1",
    "$$",
    ":name",
    "?",
    "--",
    "/*",
    "*/",
    ";",
    "E'",
    "U&'",
    "{{ staging }}",
    "{% if %}",
    "%s",
    "\u{a0}",
    "é",
    "𝄞",
    "\u{10ffff}",
    "; drop table mart.songs",
    " ",
];

/// Text of such pieces, or any other text.
fn value() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(select(&PIECES[..]), 0..6).prop_map(|list| list.concat());
    prop_oneof![2 => pieces, 1 => any::<String>()]
}

fn is_refused(character: char) -> bool {
    character == '\\' || character.is_control()
}

async fn selected(engine: &Engine, literals: &[String]) -> Vec<Field> {
    let columns: Vec<String> =
        literals.iter().enumerate().map(|(n, literal)| format!("{literal} as c{n}")).collect();
    let sql = format!("select {}", columns.join(", "));
    let result = engine.query(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    assert_eq!(result.rows.len(), 1, "{sql}");
    result.rows.into_iter().next().expect("a row")
}

#[test]
fn a_literal_is_read_as_its_value_and_what_might_not_be_is_refused() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let engine = Engine::open(Options::default()).expect("a warehouse in memory");
    let values = prop::collection::vec(value(), 1..=VALUES_MAX);
    let mut runner = proptest::test_runner::TestRunner::new(configuration(CASES));
    let outcome = runner.run(&values, |values| {
        let (mut expected, mut literals) = (Vec::new(), Vec::new());
        for value in values {
            match literal(&value) {
                Ok(literal) => literals.push(literal),
                Err(_) => {
                    prop_assert!(value.contains(is_refused), "{:?} is refused", value);
                    continue;
                }
            }
            expected.push(Field::Text(value));
        }
        if !literals.is_empty() {
            prop_assert_eq!(runtime.block_on(selected(&engine, &literals)), expected);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_redshift_might_read_in_two_ways_is_refused() {
    for value in ["\0", "a\0b", "back\\slash", "\\'", "line\nbreak", "\r", "\t", "\u{7f}", "\u{85}"]
    {
        let failure = literal(value).expect_err(value);
        assert!(
            failure.message.contains("without backslashes and control characters"),
            "{failure}"
        );
    }
}
