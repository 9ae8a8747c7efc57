//! Reading a statement word by word, for what the expression parser does not know.

use super::bind::is_reserved;
use super::parser::Redshift;
use sqlparser::ast::Expr;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer, Word};

use crate::engine::SqlError;

/// The words of one statement, without white space, comments and the closing semicolon.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    tokens: Vec<Token>,
    position: usize,
}

/// Splits a text into statements; empty ones are left out.
pub(crate) fn statements(sql: &str) -> Result<Vec<Tokens>, SqlError> {
    let tokens =
        Tokenizer::new(&Redshift, sql).tokenize().map_err(|error| tokenizer_error(sql, &error))?;
    let words = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_)));
    let mut found = Vec::new();
    let mut current: Vec<Token> = Vec::new();
    let lower = sql.to_ascii_lowercase();
    let is_moved = ["copy", "unload"].iter().any(|word| lower.contains(word));
    let mut written = if is_moved { as_written(sql) } else { Vec::new() }.into_iter();
    for token in words.chain([Token::SemiColon]) {
        if token != Token::SemiColon {
            let keeps = keeps_backslashes(&current);
            current.push(match token {
                Token::Word(word) if word.quote_style == Some('[') => {
                    let what = "navigation into a SUPER value by anything but a constant";
                    return Err(SqlError::unsupported(what));
                }
                Token::SingleQuotedString(text) => {
                    let raw = written.next().filter(|_| keeps);
                    Token::SingleQuotedString(raw.unwrap_or(text))
                }
                token => lower_case(token),
            });
        } else if !current.is_empty() {
            found.push(Tokens::new(std::mem::take(&mut current)));
        }
    }
    Ok(found)
}

/// Whether the next string is one of COPY's or UNLOAD's, but not the query that UNLOAD quotes.
fn keeps_backslashes(before: &[Token]) -> bool {
    match before {
        [unload, Token::LParen] if is_word(unload, "unload") => false,
        [first, ..] => ["copy", "unload"].iter().any(|word| is_word(first, word)),
        [] => false,
    }
}

/// The strings of COPY and UNLOAD as they are written: there a backslash means what the option says.
fn as_written(sql: &str) -> Vec<String> {
    let tokens = Tokenizer::new(&Redshift, sql).with_unescape(false).tokenize();
    let strings = tokens.unwrap_or_default().into_iter().filter_map(|token| match token {
        Token::SingleQuotedString(text) => Some(text.replace("''", "'")),
        _ => None,
    });
    strings.collect()
}

/// Redshift folds identifiers to lower case, quoted ones too.
fn lower_case(token: Token) -> Token {
    match token {
        Token::Word(word) => Token::Word(Word { value: word.value.to_lowercase(), ..word }),
        token => token,
    }
}

fn tokenizer_error(sql: &str, error: &sqlparser::tokenizer::TokenizerError) -> SqlError {
    let message = error.message.to_lowercase();
    if message.contains("unterminated string") {
        let near = sql.find('\'').map_or("", |start| &sql[start..]);
        return SqlError::new(format!("unterminated quoted string at or near \"{near}\""));
    }
    SqlError::new(format!("syntax error: {}", error.message))
}

impl Tokens {
    pub(crate) fn new(tokens: Vec<Token>) -> Self {
        Self { tokens, position: 0 }
    }

    pub(crate) fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    pub(crate) fn peek_at(&self, ahead: usize) -> &Token {
        self.tokens.get(self.position + ahead).unwrap_or(&Token::EOF)
    }

    pub(crate) fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.position += 1;
        token
    }

    pub(crate) fn at_end(&self) -> bool {
        self.position >= self.tokens.len()
    }

    pub(crate) fn rest(&self) -> &[Token] {
        self.tokens.get(self.position..).unwrap_or_default()
    }

    pub(crate) fn all(&self) -> &[Token] {
        &self.tokens
    }

    pub(crate) fn skip_to_end(&mut self) {
        self.position = self.tokens.len();
    }

    /// Whether the word this many places ahead is this one, unquoted.
    pub(crate) fn is_at(&self, ahead: usize, keyword: &str) -> bool {
        is_word(self.peek_at(ahead), keyword)
    }

    /// Whether the next words are these, unquoted.
    pub(crate) fn is(&self, keywords: &str) -> bool {
        keywords.split(' ').enumerate().all(|(ahead, keyword)| self.is_at(ahead, keyword))
    }

    /// Takes these words if they come next.
    pub(crate) fn take_if(&mut self, keywords: &str) -> bool {
        let found = self.is(keywords);
        if found {
            self.position += keywords.split(' ').count();
        }
        found
    }

    /// Takes this token if it comes next.
    pub(crate) fn take_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == token;
        if found {
            self.position += 1;
        }
        found
    }

    pub(crate) fn expect(&mut self, keywords: &str) -> Result<(), SqlError> {
        if self.take_if(keywords) { Ok(()) } else { Err(self.error()) }
    }

    pub(crate) fn expect_token(&mut self, token: &Token) -> Result<(), SqlError> {
        if self.take_token(token) { Ok(()) } else { Err(self.error()) }
    }

    pub(crate) fn expect_end(&self) -> Result<(), SqlError> {
        if self.at_end() { Ok(()) } else { Err(self.error()) }
    }

    /// `syntax error at or near` the next word.
    pub(crate) fn error(&self) -> SqlError {
        SqlError::syntax(&near(self.peek()))
    }

    pub(crate) fn identifier(&mut self) -> Result<String, SqlError> {
        match self.peek().clone() {
            Token::Word(word) => {
                self.position += 1;
                Ok(word.value)
            }
            _ => Err(self.error()),
        }
    }

    /// The name of a column or a table that is to be made.
    pub(crate) fn new_name(&mut self) -> Result<String, SqlError> {
        match self.peek() {
            Token::Word(word) if word.quote_style.is_none() && is_reserved(&word.value) => {
                Err(self.error())
            }
            _ => self.identifier(),
        }
    }

    pub(crate) fn string(&mut self) -> Result<String, SqlError> {
        match self.peek().clone() {
            Token::SingleQuotedString(text) => {
                self.position += 1;
                Ok(text)
            }
            _ => Err(self.error()),
        }
    }

    pub(crate) fn integer(&mut self) -> Result<i64, SqlError> {
        let start = self.position;
        let negative = self.take_token(&Token::Minus);
        if let Token::Number(text, _) = self.peek().clone()
            && let Ok(number) = text.parse::<i64>()
        {
            self.position += 1;
            return Ok(if negative { -number } else { number });
        }
        self.position = start;
        Err(self.error())
    }

    /// `a, b, c`, each read alike.
    pub(crate) fn list<T>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        let mut found = vec![read(self)?];
        while self.take_token(&Token::Comma) {
            found.push(read(self)?);
        }
        Ok(found)
    }

    /// `(a, b, c)`.
    pub(crate) fn identifiers_in_parentheses(&mut self) -> Result<Vec<String>, SqlError> {
        self.expect_token(&Token::LParen)?;
        let names = self.list(Self::identifier)?;
        self.expect_token(&Token::RParen)?;
        Ok(names)
    }

    /// CASCADE or RESTRICT, if one comes next; whether it is CASCADE.
    pub(crate) fn cascades(&mut self) -> bool {
        let cascade = self.take_if("cascade");
        if !cascade {
            self.take_if("restrict");
        }
        cascade
    }

    /// An expression, as far as it reaches.
    pub(crate) fn expression(&mut self) -> Result<Expr, SqlError> {
        let dialect = Redshift;
        let mut parser = Parser::new(&dialect).with_tokens(self.rest().to_vec());
        let expression = parser.parse_expr().map_err(|error| parser_error(&error))?;
        self.position += parser.index();
        Ok(expression)
    }
}

/// Calls whose answer only the session knows: their arguments are replaced by it.
const ASKED: &[&str] = &["pg_last_query_id", "current_setting"];

impl Tokens {
    /// Puts the session's answers into calls that ask for them; the calls themselves remain, for a
    /// column is named after them.
    pub(crate) fn answer(
        &self,
        ask: impl Fn(&str, Option<&str>) -> Result<Token, SqlError>,
    ) -> Result<Self, SqlError> {
        let asks = |token: &Token| ASKED.iter().any(|call| is_word(token, call));
        if !self.tokens.iter().any(asks) {
            return Ok(self.clone());
        }
        let mut answered = Vec::with_capacity(self.tokens.len() + 1);
        let mut rest = self.tokens.as_slice();
        loop {
            let (call, argument, after) = match rest {
                [] => return Ok(Self::new(answered)),
                [call, Token::LParen, Token::RParen, after @ ..] if asks(call) => {
                    (call, None, after)
                }
                [
                    call,
                    Token::LParen,
                    Token::SingleQuotedString(argument),
                    Token::RParen,
                    after @ ..,
                ] if asks(call) => (call, Some(argument.as_str()), after),
                [other, after @ ..] => {
                    answered.push(other.clone());
                    rest = after;
                    continue;
                }
            };
            let answer = ask(&call.to_string(), argument)?;
            answered.extend([call.clone(), Token::LParen, answer, Token::RParen]);
            rest = after;
        }
    }
}

pub(crate) fn is_word(token: &Token, keyword: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value == keyword)
}

pub(crate) fn word(value: &str) -> Token {
    Token::make_word(value, None)
}

/// A number as a statement writes it.
pub(crate) fn number(number: i64) -> Token {
    Token::Number(number.to_string(), false)
}

/// A text as a statement writes it.
pub(crate) fn text(text: String) -> Token {
    Token::SingleQuotedString(text)
}

/// The text that an error names.
pub(crate) fn near(token: &Token) -> String {
    match token {
        Token::EOF => String::new(),
        token => token.to_string(),
    }
}

/// The expression parser's complaint, in Redshift's words.
pub(crate) fn parser_error(error: &sqlparser::parser::ParserError) -> SqlError {
    let text = error.to_string();
    let found = text.rsplit_once("found: ").map(|(_, rest)| rest);
    match found.map(|rest| rest.split(" at Line").next().unwrap_or(rest)) {
        Some("EOF") => SqlError::syntax(""),
        Some(near) => SqlError::syntax(near),
        None => {
            tracing::warn!(text, "a complaint of the parser without words of Redshift");
            SqlError::unsupported("this syntax")
        }
    }
}
