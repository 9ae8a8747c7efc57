//! Users, roles, groups, GRANT and REVOKE.

use sqlparser::tokenizer::Token;

use super::names::TableName;
use super::tokens::Tokens;
use crate::engine::SqlError;

/// A statement about who may do what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// GRANT or REVOKE of privileges on objects that exist.
    Grant { revoke: bool, privileges: Vec<String>, object: Object, grantees: Vec<String> },
    /// ALTER DEFAULT PRIVILEGES: what is granted on tables to come.
    Default {
        owner: Option<String>,
        schemas: Vec<String>,
        revoke: bool,
        privileges: Vec<String>,
        grantees: Vec<String>,
    },
    /// GRANT ROLE and ALTER GROUP: who belongs to a role or group.
    Member { revoke: bool, principals: Vec<String>, members: Vec<String> },
    /// CREATE USER, ROLE or GROUP.
    Create { principal: String, superuser: bool, members: Vec<String> },
    /// DROP USER, ROLE or GROUP.
    Drop { principals: Vec<String>, if_exists: bool },
    /// SET SESSION AUTHORIZATION; `None` for the user who logged in.
    Become(Option<String>),
}

/// What a privilege is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Tables(Vec<TableName>),
    TablesIn(Vec<String>),
    Schemas(Vec<String>),
    Databases(Vec<String>),
    /// ASSUMEROLE on these roles; `all` for every one.
    Roles(Vec<String>),
}

/// The grantee that means everybody.
pub(crate) const PUBLIC: &str = "public";

/// Reads GRANT or REVOKE; `None` for what is accepted and changes nothing here: functions, languages,
/// system permissions and the like.
pub(super) fn grant(tokens: &mut Tokens, revoke: bool) -> Result<Option<Access>, SqlError> {
    tokens.take_if("grant option for");
    if tokens.take_if("role") {
        let principals = named("role", tokens)?;
        let members = grantees(tokens, revoke)?;
        return Ok(Some(Access::Member { revoke, principals, members }));
    }
    if tokens.take_if("assumerole") {
        return assume_role(tokens, revoke).map(Some);
    }
    let privileges = privileges(tokens)?;
    if !tokens.take_if("on") {
        tokens.skip_to_end();
        return Ok(None);
    }
    let Some(object) = object(tokens)? else {
        tokens.skip_to_end();
        return Ok(None);
    };
    let grantees = grantees(tokens, revoke)?;
    Ok(Some(Access::Grant { revoke, privileges, object, grantees }))
}

/// Reads what follows `ALTER DEFAULT PRIVILEGES`; `None` as for [`grant`].
pub(super) fn default_privileges(tokens: &mut Tokens) -> Result<Option<Access>, SqlError> {
    let owner = match tokens.take_if("for user") {
        true => Some(tokens.identifier()?),
        false => None,
    };
    let schemas = match tokens.take_if("in schema") {
        true => tokens.list(Tokens::identifier)?,
        false => vec![String::new()],
    };
    let revoke = !tokens.take_if("grant");
    if revoke {
        tokens.expect("revoke")?;
        tokens.take_if("grant option for");
    }
    let privileges = privileges(tokens)?;
    tokens.expect("on")?;
    if !tokens.take_if("tables") {
        tokens.skip_to_end();
        return Ok(None);
    }
    let grantees = grantees(tokens, revoke)?;
    Ok(Some(Access::Default { owner, schemas, revoke, privileges, grantees }))
}

/// Reads what follows `CREATE USER`, `CREATE ROLE` or `CREATE GROUP`.
pub(super) fn create(tokens: &mut Tokens, kind: &str) -> Result<Access, SqlError> {
    let principal = format!("{kind}:{}", tokens.identifier()?);
    let (mut superuser, mut members) = (false, Vec::new());
    if kind == "group" && (tokens.take_if("with user") || tokens.take_if("user")) {
        members = named("user", tokens)?;
    }
    if kind == "user" {
        tokens.take_if("with");
        if !tokens.is("password") {
            return Err(tokens.error());
        }
        superuser = tokens.rest().iter().any(|token| token.to_string() == "createuser");
    }
    tokens.skip_to_end();
    Ok(Access::Create { principal, superuser, members })
}

/// Reads what follows `DROP USER [IF EXISTS]` and the like.
pub(super) fn drop(tokens: &mut Tokens, kind: &str, if_exists: bool) -> Result<Access, SqlError> {
    let principals = named(kind, tokens)?;
    let _ = tokens.take_if("force") || tokens.take_if("restrict");
    Ok(Access::Drop { principals, if_exists })
}

/// Reads what follows `ALTER GROUP`; `None` for a new name, which changes nothing here.
pub(super) fn alter_group(tokens: &mut Tokens) -> Result<Option<Access>, SqlError> {
    let principals = vec![format!("group:{}", tokens.identifier()?)];
    let add = tokens.take_if("add user");
    if !add && !tokens.take_if("drop user") {
        return Err(SqlError::unsupported("ALTER GROUP RENAME"));
    }
    let members = named("user", tokens)?;
    Ok(Some(Access::Member { revoke: !add, principals, members }))
}

fn privileges(tokens: &mut Tokens) -> Result<Vec<String>, SqlError> {
    tokens.list(|tokens| {
        let privilege = tokens.identifier()?;
        if privilege == "all" {
            tokens.take_if("privileges");
        }
        while !tokens.is("on") && matches!(tokens.peek(), Token::Word(_)) && !tokens.is("to") {
            tokens.take();
        }
        // A temporary table by its short name; a system permission is of several words.
        Ok(if privilege == "temp" { "temporary".to_owned() } else { privilege })
    })
}

fn object(tokens: &mut Tokens) -> Result<Option<Object>, SqlError> {
    if tokens.take_if("all tables in schema") {
        return Ok(Some(Object::TablesIn(tokens.list(Tokens::identifier)?)));
    }
    if tokens.take_if("schema") {
        return Ok(Some(Object::Schemas(tokens.list(Tokens::identifier)?)));
    }
    if tokens.take_if("database") {
        return Ok(Some(Object::Databases(tokens.list(Tokens::identifier)?)));
    }
    for other in ["all", "function", "procedure", "language", "copy", "model", "datashare"] {
        if tokens.is(other) {
            return Ok(None);
        }
    }
    tokens.take_if("table");
    Ok(Some(Object::Tables(tokens.list(TableName::parse)?)))
}

fn assume_role(tokens: &mut Tokens, revoke: bool) -> Result<Access, SqlError> {
    tokens.expect("on")?;
    let roles = tokens.list(|tokens| match tokens.peek() {
        Token::SingleQuotedString(_) => tokens.string(),
        _ => tokens.identifier(),
    })?;
    let grantees = grantees(tokens, revoke)?;
    tokens.expect("for")?;
    let privileges = tokens.list(Tokens::identifier)?;
    Ok(Access::Grant { revoke, privileges, object: Object::Roles(roles), grantees })
}

/// `TO` or `FROM`, and the grantees: a user, or ROLE, GROUP or PUBLIC.
fn grantees(tokens: &mut Tokens, revoke: bool) -> Result<Vec<String>, SqlError> {
    tokens.expect(if revoke { "from" } else { "to" })?;
    let found = tokens.list(|tokens| {
        let kind = ["role", "group"].into_iter().find(|kind| tokens.take_if(kind));
        Ok(match kind {
            Some(kind) => format!("{kind}:{}", tokens.identifier()?),
            None if tokens.take_if(PUBLIC) => PUBLIC.to_owned(),
            None => format!("user:{}", tokens.identifier()?),
        })
    })?;
    for words in ["with grant option", "with admin option", "cascade", "restrict"] {
        tokens.take_if(words);
    }
    Ok(found)
}

fn named(kind: &str, tokens: &mut Tokens) -> Result<Vec<String>, SqlError> {
    Ok(tokens.list(Tokens::identifier)?.into_iter().map(|name| format!("{kind}:{name}")).collect())
}
