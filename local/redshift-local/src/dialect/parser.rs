//! The expression parser's idea of Redshift, and what it leaves out.

use std::any::TypeId;
use std::iter::Peekable;
use std::str::Chars;

use sqlparser::ast::{Expr, UnaryOperator};
use sqlparser::dialect::{Dialect, Precedence, RedshiftSqlDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// The parser's own dialect, with ROLLUP and CUBE, all parts of EXTRACT and the prefix operators.
#[derive(Debug)]
pub(crate) struct Redshift;

const BASE: RedshiftSqlDialect = RedshiftSqlDialect {};

/// Methods that answer as the parser's own dialect does.
macro_rules! as_base {
    ($($method:ident)*) => { $(fn $method(&self) -> bool { BASE.$method() })* };
}

impl Dialect for Redshift {
    fn dialect(&self) -> TypeId {
        BASE.dialect()
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let op = match parser.peek_token().token {
            Token::PGSquareRoot => UnaryOperator::PGSquareRoot,
            Token::PGCubeRoot => UnaryOperator::PGCubeRoot,
            Token::AtSign => UnaryOperator::PGAbs,
            _ => return None,
        };
        parser.next_token();
        let operand = parser.parse_subexpr(self.prec_value(Precedence::MulDivModOp));
        Some(operand.map(|expr| Expr::UnaryOp { op, expr: Box::new(expr) }))
    }

    fn is_nested_delimited_identifier_start(&self, character: char) -> bool {
        BASE.is_nested_delimited_identifier_start(character)
    }

    fn peek_nested_delimited_identifier_quotes(
        &self,
        characters: Peekable<Chars<'_>>,
    ) -> Option<(char, Option<char>)> {
        BASE.peek_nested_delimited_identifier_quotes(characters)
    }

    fn is_identifier_start(&self, character: char) -> bool {
        BASE.is_identifier_start(character)
    }

    fn is_identifier_part(&self, character: char) -> bool {
        BASE.is_identifier_part(character)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        BASE.identifier_quote_style(identifier)
    }

    as_base! {
        convert_type_before_value supports_connect_by supports_top_before_distinct
        supports_partiql supports_unpivot_expr supports_string_escape_constant
        supports_geometric_types supports_bitwise_shift_operators
        supports_array_typedef_with_brackets allow_extract_single_quotes
        supports_string_literal_backslash_escape supports_select_wildcard_exclude
        supports_select_wildcard_with_alias
        supports_left_associative_joins_without_parens supports_select_exclude
        supports_string_literal_concatenation_with_newline
        supports_window_function_null_treatment_arg
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        BASE.is_reserved_for_identifier(keyword)
    }
}
