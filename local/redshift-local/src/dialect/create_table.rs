//! CREATE TABLE, with the attributes that only Redshift has.

use sqlparser::tokenizer::Token;

use super::names::TableName;
use super::query::Query;
use super::rewrite::rewrite;
use super::tokens::Tokens;
use super::types::ColumnType;
use crate::engine::SqlError;

/// A column that is filled when an insert leaves it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ColumnDefault {
    /// An expression, in the engine's words.
    Expression(String),
    /// `IDENTITY(seed, step)`; `explicit` when a value may also be given.
    Identity { seed: i64, step: i64, explicit: bool },
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnDefinition {
    pub(crate) name: String,
    pub(crate) kind: ColumnType,
    pub(crate) not_null: bool,
    pub(crate) default: Option<ColumnDefault>,
    pub(crate) encoding: Option<String>,
}

/// Keys and distribution: kept, shown, not enforced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TableAttributes {
    pub(crate) distribution_style: Option<String>,
    pub(crate) distribution_key: Option<String>,
    pub(crate) sort_style: Option<String>,
    pub(crate) sort_keys: Vec<String>,
    pub(crate) primary_key: Vec<String>,
    pub(crate) unique_keys: Vec<Vec<String>>,
    /// Tables that foreign keys refer to.
    pub(crate) references: Vec<TableName>,
}

/// What fills a new table.
#[derive(Debug)]
pub(crate) enum Body {
    Columns(Vec<Part>),
    Query { columns: Vec<String>, query: Query },
}

/// The text between the parentheses.
#[derive(Debug)]
pub(crate) enum Part {
    Column(ColumnDefinition),
    Like { table: TableName, defaults: bool },
}

/// A whole CREATE TABLE.
#[derive(Debug)]
pub(crate) struct CreateTable {
    pub(crate) name: TableName,
    pub(crate) temporary: bool,
    pub(crate) if_not_exists: bool,
    pub(crate) attributes: TableAttributes,
    pub(crate) body: Body,
}

impl CreateTable {
    /// Reads what follows `CREATE [TEMP] TABLE`.
    pub(crate) fn parse(tokens: &mut Tokens, temporary: bool) -> Result<Self, SqlError> {
        let if_not_exists = tokens.take_if("if not exists");
        let mut name = TableName::parse(tokens)?;
        let temporary = temporary || name.name.starts_with('#');
        if temporary {
            name.schema = None;
        }
        let mut attributes = TableAttributes::default();
        let defines_columns = tokens.peek() == &Token::LParen && !only_names(tokens);
        let mut names = Vec::new();
        let mut parts = Vec::new();
        if defines_columns {
            parts = columns(tokens, &mut attributes)?;
        } else if tokens.peek() == &Token::LParen {
            names = tokens.identifiers_in_parentheses()?;
        }
        table_attributes(tokens, &mut attributes)?;
        let body = if tokens.is("as") && if_not_exists {
            return Err(tokens.error());
        } else if tokens.take_if("as") && !defines_columns {
            Body::Query { columns: names, query: Query::parse(tokens)? }
        } else if defines_columns {
            tokens.expect_end()?;
            Body::Columns(parts)
        } else {
            return Err(tokens.error());
        };
        Ok(Self { name, temporary, if_not_exists, attributes, body })
    }
}

/// `(a, b)` as of CREATE TABLE AS, not `(a integer)`.
fn only_names(tokens: &Tokens) -> bool {
    matches!(tokens.peek_at(2), Token::Comma | Token::RParen)
}

fn columns(tokens: &mut Tokens, attributes: &mut TableAttributes) -> Result<Vec<Part>, SqlError> {
    tokens.expect_token(&Token::LParen)?;
    let mut parts = Vec::new();
    loop {
        if tokens.take_if("like") {
            let table = TableName::parse(tokens)?;
            let defaults = tokens.take_if("including defaults");
            if !defaults {
                tokens.take_if("excluding defaults");
            }
            parts.push(Part::Like { table, defaults });
        } else if !constraint(tokens, attributes)? {
            parts.push(Part::Column(column(tokens, attributes)?));
        }
        if !tokens.take_token(&Token::Comma) {
            break;
        }
    }
    tokens.expect_token(&Token::RParen)?;
    Ok(parts)
}

/// A constraint of the table, if one comes next.
pub(super) fn constraint(
    tokens: &mut Tokens,
    attributes: &mut TableAttributes,
) -> Result<bool, SqlError> {
    let named = tokens.take_if("constraint");
    if named {
        tokens.identifier()?;
    }
    if tokens.take_if("primary key") {
        once("PRIMARY KEY", attributes.primary_key.is_empty())?;
        attributes.primary_key = tokens.identifiers_in_parentheses()?;
    } else if tokens.is("unique") && tokens.peek_at(1) == &Token::LParen {
        tokens.take();
        attributes.unique_keys.push(tokens.identifiers_in_parentheses()?);
    } else if tokens.take_if("foreign key") {
        tokens.identifiers_in_parentheses()?;
        tokens.expect("references")?;
        references(tokens, attributes)?;
    } else if named {
        return Err(tokens.error());
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn references(tokens: &mut Tokens, attributes: &mut TableAttributes) -> Result<(), SqlError> {
    attributes.references.push(TableName::parse(tokens)?);
    if tokens.peek() == &Token::LParen {
        tokens.identifiers_in_parentheses()?;
    }
    Ok(())
}

/// One column definition, as in CREATE TABLE and ALTER TABLE ADD COLUMN.
pub(crate) fn column(
    tokens: &mut Tokens,
    attributes: &mut TableAttributes,
) -> Result<ColumnDefinition, SqlError> {
    let name = tokens.new_name()?;
    let kind = ColumnType::parse(tokens)?;
    let mut column =
        ColumnDefinition { name, kind, not_null: false, default: None, encoding: None };
    loop {
        if tokens.take_if("not null") {
            column.not_null = true;
        } else if tokens.take_if("null") {
            column.not_null = false;
        } else if tokens.take_if("default") {
            column.default = Some(ColumnDefault::Expression(default_expression(tokens)?));
        } else if tokens.take_if("identity") {
            column.default = Some(identity(tokens, false)?);
            column.not_null = true;
        } else if tokens.take_if("generated by default as identity") {
            column.default = Some(identity(tokens, true)?);
            column.not_null = true;
        } else if tokens.take_if("encode") {
            column.encoding = Some(encoding(tokens)?);
        } else if tokens.take_if("distkey") {
            once("DISTKEY", attributes.distribution_key.is_none())?;
            attributes.distribution_key = Some(column.name.clone());
        } else if tokens.take_if("sortkey") {
            once("SORTKEY", attributes.sort_keys.is_empty())?;
            attributes.sort_keys.push(column.name.clone());
        } else if tokens.take_if("primary key") {
            once("PRIMARY KEY", attributes.primary_key.is_empty())?;
            attributes.primary_key.push(column.name.clone());
            column.not_null = true;
        } else if tokens.take_if("unique") {
            attributes.unique_keys.push(vec![column.name.clone()]);
        } else if tokens.take_if("references") {
            references(tokens, attributes)?;
        } else if tokens.take_if("collate") {
            // Without it, text is compared as it is.
            if !tokens.take_if("case_sensitive") && !tokens.take_if("cs") {
                return Err(SqlError::unsupported("COLLATE of a column"));
            }
        } else {
            return Ok(column);
        }
    }
}

fn once(what: &str, is_first: bool) -> Result<(), SqlError> {
    match is_first {
        true => Ok(()),
        false => Err(SqlError::new(format!("{what} specified more than once"))),
    }
}

fn default_expression(tokens: &mut Tokens) -> Result<String, SqlError> {
    let mut expression = tokens.expression()?;
    super::bind::expression(&mut expression)?;
    rewrite(&mut expression)?;
    Ok(expression.to_string())
}

fn identity(tokens: &mut Tokens, explicit: bool) -> Result<ColumnDefault, SqlError> {
    tokens.expect_token(&Token::LParen)?;
    let seed = tokens.integer()?;
    tokens.expect_token(&Token::Comma)?;
    let step = tokens.integer()?;
    tokens.expect_token(&Token::RParen)?;
    if step == 0 {
        return Err(SqlError::new("identity column step cannot be zero"));
    }
    Ok(ColumnDefault::Identity { seed, step, explicit })
}

/// The compression encodings of Redshift.
const ENCODINGS: &str = "auto az64 bytedict delta delta32k lzo mostly8 mostly16 mostly32 raw \
    runlength text255 text32k zstd";

pub(crate) fn encoding(tokens: &mut Tokens) -> Result<String, SqlError> {
    let name = tokens.identifier()?;
    if ENCODINGS.split(' ').any(|known| known == name) {
        return Ok(name);
    }
    Err(SqlError::new(format!("encoding type \"{name}\" is not supported")))
}

/// What follows the columns: BACKUP, DISTSTYLE, DISTKEY, SORTKEY, ENCODE AUTO.
pub(crate) fn table_attributes(
    tokens: &mut Tokens,
    attributes: &mut TableAttributes,
) -> Result<(), SqlError> {
    loop {
        if tokens.take_if("backup") {
            if !(tokens.take_if("yes") || tokens.take_if("no")) {
                return Err(tokens.error());
            }
        } else if tokens.take_if("diststyle") {
            let style = tokens.identifier()?;
            if !["auto", "even", "key", "all"].contains(&style.as_str()) {
                return Err(SqlError::syntax(&style));
            }
            attributes.distribution_style = Some(style);
        } else if tokens.take_if("distkey") {
            once("DISTKEY", attributes.distribution_key.is_none())?;
            attributes.distribution_key = tokens.identifiers_in_parentheses()?.pop();
        } else if tokens.take_if("sortkey auto") {
            attributes.sort_style = Some("auto".to_owned());
        } else if tokens.is("compound sortkey") || tokens.is("interleaved sortkey") {
            attributes.sort_style = Some(tokens.identifier()?);
        } else if tokens.take_if("sortkey") {
            once("SORTKEY", attributes.sort_keys.is_empty())?;
            attributes.sort_keys = tokens.identifiers_in_parentheses()?;
        } else if !(tokens.take_if("encode auto")) {
            break;
        }
    }
    let key_style = attributes.distribution_style.as_deref() == Some("key");
    if key_style && attributes.distribution_key.is_none() {
        return Err(SqlError::new("DISTSTYLE KEY requires a DISTKEY column"));
    }
    let other_style = matches!(attributes.distribution_style.as_deref(), Some("even" | "all"));
    if other_style && attributes.distribution_key.is_some() {
        return Err(SqlError::new(
            "Cannot specify DISTKEY column of a table with DISTSTYLE EVEN or ALL",
        ));
    }
    Ok(())
}
