//! Redshift SQL in, engine SQL out.
//!
//! The first words say what a statement is. What the expression parser does not know (COPY, the
//! attributes of CREATE TABLE, ALTER, the maintenance commands) is read word by word; queries and
//! the rest go through the parser's tree, which is rewritten. What is not understood is an error
//! that names itself.

mod access;
mod alter;
mod bind;
mod calls;
mod command;
mod copy_command;
mod create_table;
mod definitions;
mod functions;
mod maintenance;
mod names;
mod parameters;
mod parser;
mod query;
mod rewrite;
mod tokens;
mod types;
mod unload_command;
mod writes;

pub(crate) use access::{Access, Object, PUBLIC};
pub(crate) use alter::{AlterTable, Alteration};
pub(crate) use bind::{Catalog, Field};
pub(crate) use command::{Command, understand};
pub(crate) use copy_command::{Compression, Copy, Format, JsonMapping, TimeFormat};
pub(crate) use create_table::{
    Body, ColumnDefault, ColumnDefinition, CreateTable, Part, TableAttributes,
};
pub(crate) use functions::MACROS;
pub(crate) use maintenance::Setting;
pub(crate) use names::{TableName, literal, quoted};
pub(crate) use parameters::{Parameter, bind, names as parameter_names};
pub(crate) use query::{Bound, Query};
pub(crate) use tokens::{Tokens, number, statements, text};
pub(crate) use types::ColumnType;
pub(crate) use unload_command::{Existing, FileFormat, Manifest, Unload};
pub(crate) use writes::{BoundMerge, Kind, Merge, Write};
