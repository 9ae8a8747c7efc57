//! UNLOAD and its options.

use sqlparser::tokenizer::Token;

use super::copy_command::{Compression, authorization, check_keys, null_text, one_byte, take_as};
use super::query::Query;
use super::tokens::{Tokens, near, statements};
use crate::engine::SqlError;

/// One megabyte of MAXFILESIZE, in bytes.
const MEGABYTE: f64 = 1_048_576.0;
/// The smallest MAXFILESIZE, in megabytes.
const FILE_MEGABYTES_MIN: f64 = 5.0;
/// The largest MAXFILESIZE, in megabytes: 6.2 GB.
const FILE_MEGABYTES_MAX: f64 = 6.2 * 1_024.0;

/// How the files are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum FileFormat {
    /// Fields between delimiters, without quotation marks.
    #[default]
    Text,
    Csv,
    /// An object a line.
    Json,
}

/// What happens to objects that are already under the prefix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Existing {
    #[default]
    Refuse,
    Overwrite,
    Delete,
}

/// Which manifest is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Manifest {
    #[default]
    None,
    Urls,
    Verbose,
}

/// A whole UNLOAD.
#[derive(Debug)]
pub(crate) struct Unload {
    pub(crate) query: Query,
    /// `s3://bucket/prefix`.
    pub(crate) target: String,
    pub(crate) format: FileFormat,
    pub(crate) compression: Compression,
    pub(crate) delimiter: u8,
    pub(crate) add_quotes: bool,
    pub(crate) escape: bool,
    pub(crate) null_as: String,
    pub(crate) header: bool,
    pub(crate) manifest: Manifest,
    pub(crate) existing: Existing,
    pub(crate) parallel: bool,
    pub(crate) file_bytes_max: u64,
    /// What the names of the files end with.
    pub(crate) extension: String,
}

/// The options as they are read.
#[derive(Default)]
struct Options {
    format: FileFormat,
    compression: Compression,
    delimiter: Option<u8>,
    null_as: Option<String>,
    manifest: Manifest,
    serial: bool,
    file_bytes_max: Option<u64>,
    extension: Option<String>,
    credentials: bool,
    /// The options that were given, by name.
    given: Vec<String>,
}

impl Unload {
    /// Reads what follows `UNLOAD`.
    pub(crate) fn parse(tokens: &mut Tokens) -> Result<Self, SqlError> {
        tokens.expect_token(&Token::LParen)?;
        let query = query(&quoted(tokens)?)?;
        tokens.expect_token(&Token::RParen)?;
        tokens.expect("to")?;
        let target = quoted(tokens)?;
        if !target.starts_with("s3://") {
            return Err(SqlError::new(format!(
                "Invalid S3 URI: UNLOAD writes to s3://bucket/prefix, not to '{target}'"
            )));
        }
        let mut options = Options::default();
        while !tokens.at_end() {
            options.read(tokens)?;
        }
        options.check()?;
        let has = |name: &str| options.has(name);
        let comma = if options.format == FileFormat::Csv { b',' } else { b'|' };
        let compressed = match options.compression {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Zstd => ".zst",
        };
        let existing = match (has("allowoverwrite"), has("cleanpath")) {
            (true, _) => Existing::Overwrite,
            (_, true) => Existing::Delete,
            _ => Existing::Refuse,
        };
        Ok(Self {
            query,
            target,
            format: options.format,
            compression: options.compression,
            delimiter: options.delimiter.unwrap_or(comma),
            add_quotes: has("addquotes"),
            escape: has("escape"),
            null_as: options.null_as.clone().unwrap_or_default(),
            header: has("header"),
            manifest: options.manifest,
            existing,
            parallel: !options.serial,
            file_bytes_max: options.file_bytes_max.unwrap_or_else(|| bytes(FILE_MEGABYTES_MAX)),
            extension: options.extension.clone().unwrap_or_else(|| compressed.to_owned()),
        })
    }
}

impl Options {
    fn has(&self, name: &str) -> bool {
        self.given.iter().any(|given| given == name)
    }

    fn read(&mut self, tokens: &mut Tokens) -> Result<(), SqlError> {
        let start = tokens.peek().clone();
        let mut name = tokens.identifier()?;
        if name == "format" {
            take_as(tokens);
            name = tokens.identifier()?;
            if !["csv", "json", "parquet"].contains(&name.as_str()) {
                return Err(SqlError::syntax(&name));
            }
        }
        self.given.push(name.clone());
        match name.as_str() {
            "csv" => self.format = FileFormat::Csv,
            "json" => self.format = FileFormat::Json,
            "gzip" => self.compression = Compression::Gzip,
            "zstd" => self.compression = Compression::Zstd,
            "header" | "addquotes" | "escape" | "allowoverwrite" | "cleanpath" => {}
            "manifest" => {
                let verbose = tokens.take_if("verbose");
                self.manifest = if verbose { Manifest::Verbose } else { Manifest::Urls };
            }
            "delimiter" => {
                take_as(tokens);
                self.delimiter = Some(one_byte(&tokens.string()?, "UNLOAD DELIMITER")?);
            }
            "null" => {
                take_as(tokens);
                self.null_as = Some(null_text(tokens)?);
            }
            "parallel" => {
                self.serial = tokens.take_if("off") || tokens.take_if("false");
                let _ = !self.serial && (tokens.take_if("on") || tokens.take_if("true"));
            }
            "maxfilesize" => {
                take_as(tokens);
                self.file_bytes_max = Some(file_bytes(tokens)?);
            }
            "extension" => self.extension = Some(tokens.string()?),
            "region" => {
                take_as(tokens);
                own_region(&tokens.string()?)?;
            }
            "parquet"
            | "partition"
            | "bzip2"
            | "fixedwidth"
            | "encrypted"
            | "kms_key_id"
            | "master_symmetric_key"
            | "rowgroupsize"
            | "include" => {
                let what = if name == "partition" { "partition by" } else { &name };
                let what = format!("UNLOAD with {}", what.to_uppercase());
                return Err(SqlError::unsupported(&what));
            }
            _ if authorization(&name, tokens)? => self.credentials = true,
            _ => return Err(SqlError::syntax(&near(&start))),
        }
        Ok(())
    }

    /// Which options go together.
    fn check(&self) -> Result<(), SqlError> {
        let (format, excluded): (_, &[&str]) = match self.format {
            FileFormat::Json => ("JSON", &["delimiter", "header", "addquotes", "escape", "null"]),
            FileFormat::Csv => ("CSV", &["addquotes"]),
            FileFormat::Text => ("", &[]),
        };
        let exclusive = |one: &str, other: &str| {
            let (one, other) = (one.to_uppercase(), other.to_uppercase());
            Err(SqlError::new(format!("{one} cannot be used with {other}")))
        };
        if let Some(name) = excluded.iter().find(|name| self.has(name)) {
            return exclusive(name, format);
        }
        for (one, other) in [("allowoverwrite", "cleanpath"), ("gzip", "zstd"), ("csv", "json")] {
            if self.has(one) && self.has(other) {
                return exclusive(one, other);
            }
        }
        if self.given.iter().enumerate().any(|(at, name)| self.given[..at].contains(name)) {
            return Err(SqlError::new("conflicting or redundant options"));
        }
        if self.format == FileFormat::Csv && self.has("escape") {
            // Whether quotation marks are then escaped or doubled is not documented.
            return Err(SqlError::unsupported("UNLOAD of CSV with ESCAPE"));
        }
        if !self.credentials {
            return Err(SqlError::new(
                "Must specify either CREDENTIALS or IAM_ROLE for UNLOAD to S3",
            ));
        }
        check_keys(&self.given)
    }
}

/// A text between quotation marks or dollar signs.
fn quoted(tokens: &mut Tokens) -> Result<String, SqlError> {
    match tokens.peek().clone() {
        Token::DollarQuotedString(text) => {
            tokens.take();
            Ok(text.value)
        }
        _ => tokens.string(),
    }
}

/// The query that is unloaded.
fn query(text: &str) -> Result<Query, SqlError> {
    let mut found = statements(text)?;
    let (Some(mut tokens), true) = (found.pop(), found.is_empty()) else {
        return Err(SqlError::new("UNLOAD takes one SELECT statement"));
    };
    let is_query = tokens.is("select") || tokens.is("with") || tokens.peek() == &Token::LParen;
    if !is_query {
        return Err(tokens.error());
    }
    let query = Query::parse(&mut tokens)?;
    if query.into.is_some() {
        return Err(SqlError::syntax("into"));
    }
    if query.is_limited() {
        return Err(SqlError::new("Limit clause is not supported"));
    }
    Ok(query)
}

/// `100`, `100 MB`, `1.5 GB`.
fn file_bytes(tokens: &mut Tokens) -> Result<u64, SqlError> {
    let Token::Number(text, _) = tokens.peek().clone() else { return Err(tokens.error()) };
    tokens.take();
    let size: f64 = text.parse().map_err(|_| SqlError::syntax(&text))?;
    let unit = if tokens.take_if("gb") { 1_024.0 } else { 1.0 };
    tokens.take_if("mb");
    let megabytes = size * unit;
    if !(FILE_MEGABYTES_MIN..=FILE_MEGABYTES_MAX).contains(&megabytes) {
        return Err(SqlError::new("MAXFILESIZE must be between 5 MB and 6.2 GB"));
    }
    Ok(bytes(megabytes))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 6.2 GB")]
fn bytes(megabytes: f64) -> u64 {
    (megabytes * MEGABYTE) as u64
}

/// There is one region, which is that of the environment.
fn own_region(region: &str) -> Result<(), SqlError> {
    let own = std::env::var("AWS_REGION").ok().filter(|own| !own.is_empty());
    let own = own.as_deref().unwrap_or("us-east-1");
    match region == own {
        true => Ok(()),
        false => Err(SqlError::unsupported(&format!("UNLOAD to a REGION other than {own}"))),
    }
}
