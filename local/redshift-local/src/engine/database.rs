//! The embedded database: opened, locked down, given Redshift's functions and system views.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use duckdb::{Config, Connection};

use super::scalars;
use crate::dialect::{MACROS, literal, quoted};

/// The memory that the engine may use.
const MEMORY_MAX: &str = "4GB";

/// The path of a database that is not kept.
const MEMORY: &str = ":memory:";

/// Tables that the warehouse keeps about itself.
const STORAGE: &str = include_str!("storage.sql");
/// The system views over them.
const VIEWS: &str = include_str!("system_views.sql");
/// Those over what runs at the moment.
const LIVE_VIEWS: &str = include_str!("live_views.sql");

/// How much greater the number of a statement is in STL views, and in what a cluster answers, than
/// in SYS views: on a cluster the two are numbered differently.
pub(crate) const STL_OFFSET: i64 = 1_000_000_000;

/// Why a warehouse could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The engine refused the file.
    #[error("cannot open the warehouse {path}: {reason}")]
    Database {
        /// The file, or `:memory:`.
        path: String,
        /// The engine's reason.
        reason: String,
    },
    /// A name that no database can have.
    #[error("the database cannot be called {0:?}; expected letters, digits and underscores")]
    Name(String),
}

/// The database and the connection that all others are made from.
pub(crate) struct Database {
    root: Mutex<Connection>,
    name: String,
}

impl Database {
    /// Opens the file, or an empty database in memory.
    pub(crate) fn open(path: Option<&Path>, name: &str) -> Result<Self, OpenError> {
        let reserved = ["redshift", "system", "temp", "memory", "main"];
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if name.is_empty() || !plain || reserved.contains(&name) {
            return Err(OpenError::Name(name.to_owned()));
        }
        let shown = path.map_or_else(|| MEMORY.to_owned(), |path| path.display().to_string());
        let failed = |error: duckdb::Error| OpenError::Database {
            path: shown.clone(),
            reason: error.to_string(),
        };
        let root = connect(&shown, name).map_err(failed)?;
        Ok(Self { root: Mutex::new(root), name: name.to_owned() })
    }

    /// A further connection.
    pub(crate) fn connection(&self) -> duckdb::Result<Connection> {
        let connection = self.root().try_clone()?;
        connection.execute_batch(&search_path(&self.name))?;
        Ok(connection)
    }

    /// The first connection: for what the warehouse writes about itself, each at once committed.
    pub(crate) fn root(&self) -> MutexGuard<'_, Connection> {
        self.root.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

fn search_path(name: &str) -> String {
    format!("set search_path = '{name}.public,redshift.main'; set timezone = 'UTC';")
}

fn connect(path: &str, name: &str) -> duckdb::Result<Connection> {
    let config = Config::default()
        .enable_autoload_extension(false)?
        .with("autoinstall_known_extensions", "false")?
        .with("default_null_order", "nulls_last_on_asc_first_on_desc")?
        .with("integer_division", "true")?
        .with("old_implicit_casting", "true")?
        .with("preserve_insertion_order", "true")?
        .max_memory(MEMORY_MAX)?;
    // In memory, statements are small: further threads would only wait for each other.
    let config = if path == MEMORY { config.threads(1)? } else { config };
    let connection = Connection::open_in_memory_with_flags(config)?;
    connection.execute_batch(&format!(
        "attach {} as {}; attach ':memory:' as redshift;",
        literal(path),
        quoted(name)
    ))?;
    connection.execute_batch(&format!(
        "use {0}; create schema if not exists {0}.public;",
        quoted(name)
    ))?;
    connection.execute_batch(STORAGE)?;
    scalars::register(&connection)?;
    connection.execute_batch("use redshift;")?;
    connection.execute_batch(&MACROS.replace("{database}", name))?;
    connection.execute_batch(&search_path(name))?;
    for views in [VIEWS, LIVE_VIEWS] {
        let views = views.replace("{database}", name);
        connection.execute_batch(&views.replace("{stl_offset}", &STL_OFFSET.to_string()))?;
    }
    // Last, for attaching is external access too.
    connection
        .execute_batch("set enable_external_access = false; set lock_configuration = false;")?;
    Ok(connection)
}
