//! ALTER TABLE.

use sqlparser::tokenizer::Token;

use super::create_table::{ColumnDefinition, TableAttributes, column, constraint, encoding};
use super::names::TableName;
use super::tokens::Tokens;
use super::types::ColumnType;
use crate::engine::SqlError;

/// One change of a table.
#[derive(Debug)]
pub(crate) enum Alteration {
    AddColumn(ColumnDefinition),
    DropColumn {
        name: String,
    },
    RenameColumn {
        from: String,
        to: String,
    },
    RenameTable {
        to: String,
    },
    ColumnType {
        name: String,
        kind: ColumnType,
    },
    /// Columns and their new encodings.
    ColumnEncodings(Vec<(String, String)>),
    /// Keys, distribution, owner, and what else changes nothing that is stored.
    Attributes(TableAttributes),
}

/// A whole ALTER TABLE.
#[derive(Debug)]
pub(crate) struct AlterTable {
    pub(crate) name: TableName,
    pub(crate) change: Alteration,
}

impl AlterTable {
    /// The name of a change that has no place in a transaction of several statements.
    pub(crate) fn alone(&self) -> Option<&'static str> {
        match self.change {
            Alteration::ColumnType { .. } => Some("ALTER TABLE ALTER COLUMN"),
            _ => None,
        }
    }

    /// Reads what follows `ALTER TABLE`.
    pub(crate) fn parse(tokens: &mut Tokens) -> Result<Self, SqlError> {
        let name = TableName::parse(tokens)?;
        let change = alteration(tokens)?;
        tokens.expect_end()?;
        Ok(Self { name, change })
    }
}

fn alteration(tokens: &mut Tokens) -> Result<Alteration, SqlError> {
    let mut attributes = TableAttributes::default();
    if tokens.take_if("add") {
        if tokens.is("constraint") {
            return Err(SqlError::unsupported("the name of a constraint"));
        }
        if constraint(tokens, &mut attributes)? {
            return Ok(Alteration::Attributes(attributes));
        }
        tokens.take_if("column");
        return Ok(Alteration::AddColumn(column(tokens, &mut attributes)?));
    }
    if tokens.take_if("drop constraint") {
        tokens.identifier()?;
        tokens.cascades();
        return Ok(Alteration::Attributes(attributes));
    }
    if tokens.take_if("drop") {
        tokens.take_if("column");
        let name = tokens.identifier()?;
        tokens.cascades();
        return Ok(Alteration::DropColumn { name });
    }
    if tokens.take_if("rename to") {
        return Ok(Alteration::RenameTable { to: tokens.new_name()? });
    }
    if tokens.take_if("rename") {
        tokens.take_if("column");
        let from = tokens.identifier()?;
        tokens.expect("to")?;
        return Ok(Alteration::RenameColumn { from, to: tokens.new_name()? });
    }
    if tokens.is("append") {
        return Err(SqlError::unsupported("ALTER TABLE APPEND"));
    }
    if tokens.is("set") {
        return Err(SqlError::unsupported("ALTER TABLE SET"));
    }
    if tokens.take_if("owner to") {
        tokens.identifier()?;
        return Ok(Alteration::Attributes(attributes));
    }
    if tokens.take_if("alter") {
        return alter(tokens);
    }
    Err(tokens.error())
}

fn alter(tokens: &mut Tokens) -> Result<Alteration, SqlError> {
    let mut attributes = TableAttributes::default();
    if tokens.take_if("distkey") {
        attributes.distribution_key = Some(tokens.identifier()?);
    } else if tokens.take_if("diststyle") {
        let style = tokens.identifier()?;
        if style == "key" {
            tokens.expect("distkey")?;
            attributes.distribution_key = Some(tokens.identifier()?);
        }
        attributes.distribution_style = Some(style);
    } else if tokens.is("sortkey") || tokens.is("compound sortkey") {
        tokens.take_if("compound");
        tokens.expect("sortkey")?;
        match tokens.peek() {
            Token::LParen => attributes.sort_keys = tokens.identifiers_in_parentheses()?,
            _ => attributes.sort_style = Some(tokens.identifier()?),
        }
    } else if tokens.take_if("encode auto") {
    } else {
        tokens.take_if("column");
        let name = tokens.identifier()?;
        if tokens.take_if("type") {
            return Ok(Alteration::ColumnType { name, kind: ColumnType::parse(tokens)? });
        }
        tokens.expect("encode")?;
        let mut encodings = vec![(name, encoding(tokens)?)];
        while tokens.take_token(&Token::Comma) {
            tokens.expect("alter")?;
            tokens.take_if("column");
            let name = tokens.identifier()?;
            tokens.expect("encode")?;
            encodings.push((name, encoding(tokens)?));
        }
        return Ok(Alteration::ColumnEncodings(encodings));
    }
    if tokens.peek() == &Token::Comma {
        return Err(SqlError::unsupported("ALTER TABLE with several actions"));
    }
    Ok(Alteration::Attributes(attributes))
}
