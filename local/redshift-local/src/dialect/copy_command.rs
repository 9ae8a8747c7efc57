//! COPY and its options.

use sqlparser::tokenizer::Token;

use super::names::TableName;
use super::tokens::{Tokens, near};
use crate::engine::SqlError;

/// How a record of JSON fills the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonMapping {
    /// Keys are column names, in lower case.
    Auto,
    /// Keys are column names, in any case.
    AutoIgnoreCase,
    /// A JSONPaths file, by position.
    Paths(String),
    /// The whole record into one SUPER column.
    NoShred,
}

/// How the objects are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    Json(JsonMapping),
    Csv { quote: u8 },
    Delimited { escape: bool, remove_quotes: bool },
}

/// How a time is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum TimeFormat {
    /// `YYYY-MM-DD HH:MI:SS`.
    #[default]
    Standard,
    /// Whatever can be recognised.
    Auto,
    EpochSeconds,
    EpochMilliseconds,
    Pattern(String),
}

/// How the objects are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

/// A whole COPY.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copy {
    pub(crate) table: TableName,
    pub(crate) columns: Vec<String>,
    /// `s3://bucket/prefix`, or that of the manifest.
    pub(crate) source: String,
    pub(crate) manifest: bool,
    pub(crate) format: Format,
    pub(crate) compression: Compression,
    pub(crate) delimiter: Option<u8>,
    quote: Option<u8>,
    pub(crate) header_lines: u64,
    pub(crate) errors_max: u64,
    pub(crate) ignore_all_errors: bool,
    pub(crate) time_format: TimeFormat,
    pub(crate) date_format: Option<String>,
    pub(crate) empty_as_null: bool,
    pub(crate) blanks_as_null: bool,
    pub(crate) trim_blanks: bool,
    pub(crate) truncate_columns: bool,
    /// What replaces bytes that are not UTF-8.
    pub(crate) invalid_characters: Option<char>,
    pub(crate) null_as: Option<String>,
    pub(crate) round_decimals: bool,
    pub(crate) accept_any_date: bool,
    pub(crate) fill_record: bool,
    pub(crate) ignore_blank_lines: bool,
    pub(crate) explicit_ids: bool,
    pub(crate) no_load: bool,
    credentials: bool,
    /// The options that were given, by name.
    given: Vec<String>,
}

/// The largest MAXERROR.
const ERRORS_MAX: i64 = 100_000;

impl Default for Format {
    fn default() -> Self {
        Self::Delimited { escape: false, remove_quotes: false }
    }
}

impl Copy {
    /// Reads what follows `COPY`.
    pub(crate) fn parse(tokens: &mut Tokens) -> Result<Self, SqlError> {
        let table = TableName::parse(tokens)?;
        let columns = match tokens.peek() {
            Token::LParen => tokens.identifiers_in_parentheses()?,
            _ => Vec::new(),
        };
        if let Some(twice) = columns.iter().enumerate().find(|(at, c)| columns[..*at].contains(c)) {
            let text = format!("column \"{}\" specified more than once", twice.1);
            return Err(SqlError::new(text));
        }
        tokens.expect("from")?;
        let source = tokens.string()?;
        if !source.starts_with("s3://") {
            let other = ["emr://", "ssh://", "dynamodb://"];
            if other.iter().any(|scheme| source.starts_with(scheme)) {
                return Err(SqlError::unsupported("COPY from anything but Amazon S3"));
            }
            return Err(SqlError::new(
                "CREDENTIALS argument is not supported when loading from file system",
            ));
        }
        let mut copy = Self { table, columns, source, ..Self::default() };
        while !tokens.at_end() {
            copy.option(tokens)?;
        }
        if !copy.credentials {
            return Err(SqlError::new(
                "Must specify either CREDENTIALS or IAM_ROLE for COPY from S3",
            ));
        }
        copy.check()?;
        Ok(copy)
    }

    /// Which options go together.
    fn check(&self) -> Result<(), SqlError> {
        let has = |name: &str| self.given.iter().any(|given| given == name);
        let excluded: &[&str] = match self.format {
            Format::Json(_) => &[
                "delimiter",
                "escape",
                "fillrecord",
                "ignoreblanklines",
                "ignoreheader",
                "null",
                "removequotes",
                "quote",
                "csv",
            ],
            Format::Csv { .. } => &["escape", "removequotes", "json"],
            Format::Delimited { .. } => &["quote"],
        };
        let format = match self.format {
            Format::Json(_) => "JSON",
            Format::Csv { .. } => "CSV",
            Format::Delimited { .. } => "delimited text",
        };
        if let Some(name) = excluded.iter().find(|name| has(name)) {
            let name = name.to_uppercase();
            return Err(SqlError::new(format!("{name} cannot be used with {format}")));
        }
        if self.given.iter().enumerate().any(|(at, name)| self.given[..at].contains(name)) {
            return Err(SqlError::new("conflicting or redundant options"));
        }
        if has("maxerror") && has("ignoreallerrors") {
            return Err(SqlError::new("MAXERROR and IGNOREALLERRORS cannot be used together"));
        }
        check_keys(&self.given)
    }

    fn option(&mut self, tokens: &mut Tokens) -> Result<(), SqlError> {
        let start = tokens.peek().clone();
        let name = tokens.identifier()?;
        if !["with", "format"].contains(&name.as_str()) {
            self.given.push(name.clone());
        }
        match name.as_str() {
            "with" if !tokens.is("credentials") => {}
            _ if authorization(&name, tokens)? => self.credentials = true,
            "region" => {
                take_as(tokens);
                tokens.string()?;
            }
            "manifest" => self.manifest = true,
            "format" => {
                take_as(tokens);
            }
            "json" => self.format = Format::Json(json_mapping(tokens)?),
            "csv" => {
                let quote = self.quote.unwrap_or(b'"');
                self.format = Format::Csv { quote };
            }
            "quote" => {
                take_as(tokens);
                let quote = one_byte(&tokens.string()?, "COPY QUOTE")?;
                self.quote = Some(quote);
                if let Format::Csv { quote: kept } = &mut self.format {
                    *kept = quote;
                }
            }
            "delimiter" => {
                take_as(tokens);
                self.delimiter = Some(one_byte(&tokens.string()?, "COPY DELIMITER")?);
            }
            "escape" => self.delimited(true, false),
            "removequotes" => self.delimited(false, true),
            "gzip" => self.compression = Compression::Gzip,
            "zstd" => self.compression = Compression::Zstd,
            "bzip2" | "lzop" => {
                return Err(SqlError::unsupported(&format!("COPY with {}", name.to_uppercase())));
            }
            "parquet"
            | "orc"
            | "avro"
            | "shapefile"
            | "fixedwidth"
            | "encrypted"
            | "ssh"
            | "readratio"
            | "master_symmetric_key"
            | "job" => {
                return Err(SqlError::unsupported(&format!("COPY with {}", name.to_uppercase())));
            }
            "compupdate" | "statupdate" => {
                for word in ["on", "off", "true", "false", "preset"] {
                    if tokens.take_if(word) {
                        break;
                    }
                }
            }
            "comprows" => {
                if !(1_000..=2_147_483_647).contains(&tokens.integer()?) {
                    return Err(SqlError::new("COMPROWS must be between 1000 and 2147483647"));
                }
            }
            _ => return self.conversion(&name, tokens, &start),
        }
        Ok(())
    }

    /// The options of data conversion and load operation.
    fn conversion(
        &mut self,
        name: &str,
        tokens: &mut Tokens,
        start: &Token,
    ) -> Result<(), SqlError> {
        match name {
            "maxerror" => {
                take_as(tokens);
                let count = tokens.integer()?;
                if !(0..=ERRORS_MAX).contains(&count) {
                    let text = format!("MAXERROR must be between 0 and {ERRORS_MAX}");
                    return Err(SqlError::new(text));
                }
                self.errors_max = count.unsigned_abs();
            }
            "ignoreallerrors" => self.ignore_all_errors = true,
            "ignoreheader" => {
                take_as(tokens);
                self.header_lines = u64::try_from(tokens.integer()?)
                    .map_err(|_| SqlError::new("IGNOREHEADER must not be negative"))?;
            }
            "timeformat" => {
                take_as(tokens);
                self.time_format = time_format(&tokens.string()?)?;
            }
            "dateformat" => {
                take_as(tokens);
                let text = tokens.string()?;
                if text != "auto" {
                    checked_pattern(&text, "DATEFORMAT")?;
                }
                self.date_format = Some(text);
            }
            "emptyasnull" => self.empty_as_null = true,
            "blanksasnull" => self.blanks_as_null = true,
            "trimblanks" => self.trim_blanks = true,
            "truncatecolumns" => self.truncate_columns = true,
            "acceptanydate" => self.accept_any_date = true,
            "fillrecord" => self.fill_record = true,
            "ignoreblanklines" => self.ignore_blank_lines = true,
            "explicit_ids" => self.explicit_ids = true,
            "roundec" => self.round_decimals = true,
            "noload" => self.no_load = true,
            "acceptinvchars" => {
                take_as(tokens);
                let given = matches!(tokens.peek(), Token::SingleQuotedString(_));
                let text = if given { tokens.string()? } else { "?".to_owned() };
                self.invalid_characters = Some(one_byte(&text, "COPY ACCEPTINVCHARS")?.into());
            }
            "null" => {
                tokens.expect("as")?;
                self.null_as = Some(null_text(tokens)?);
            }
            "encoding" => {
                take_as(tokens);
                if !tokens.take_if("utf8") {
                    return Err(SqlError::unsupported("COPY with an ENCODING other than UTF8"));
                }
            }
            _ => return Err(SqlError::syntax(&near(start))),
        }
        Ok(())
    }

    fn delimited(&mut self, escaped: bool, unquoted: bool) {
        if let Format::Delimited { escape, remove_quotes } = &mut self.format {
            *escape |= escaped;
            *remove_quotes |= unquoted;
        }
    }
}

/// Reads the rest of an authorization clause that begins with this word; false for another word.
pub(super) fn authorization(name: &str, tokens: &mut Tokens) -> Result<bool, SqlError> {
    match name {
        "iam_role" => {
            if !tokens.take_if("default") {
                take_as(tokens);
                let role = tokens.string()?;
                if !role.starts_with("arn:") && role != "default" {
                    return Err(SqlError::new("Invalid IAM role ARN"));
                }
            }
        }
        "credentials" | "with" => {
            if name == "with" {
                tokens.expect("credentials")?;
            }
            take_as(tokens);
            let text = tokens.string()?;
            if !["aws_iam_role=", "aws_access_key_id="].iter().any(|key| text.contains(key)) {
                return Err(SqlError::new("Invalid credentials"));
            }
        }
        "access_key_id" | "secret_access_key" | "session_token" => {
            take_as(tokens);
            tokens.string()?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// A key needs its secret.
pub(super) fn check_keys(given: &[String]) -> Result<(), SqlError> {
    let has = |name: &str| given.iter().any(|given| given == name);
    if has("access_key_id") != has("secret_access_key") {
        return Err(SqlError::new(
            "ACCESS_KEY_ID and SECRET_ACCESS_KEY must be specified together",
        ));
    }
    Ok(())
}

/// The text of `NULL AS`.
pub(super) fn null_text(tokens: &mut Tokens) -> Result<String, SqlError> {
    let text = tokens.string()?;
    if text == "\\n" || text == "\n" {
        return Err(SqlError::new("NULL AS cannot be a line break"));
    }
    Ok(match text.as_str() {
        "\\0" | "\\000" => "\0".to_owned(),
        "\\t" => "\t".to_owned(),
        _ => text.replace("\\\\", "\\"),
    })
}

pub(super) fn take_as(tokens: &mut Tokens) {
    tokens.take_if("as");
}

fn json_mapping(tokens: &mut Tokens) -> Result<JsonMapping, SqlError> {
    take_as(tokens);
    if !matches!(tokens.peek(), Token::SingleQuotedString(_)) {
        return Ok(JsonMapping::Auto);
    }
    let text = tokens.string()?;
    Ok(match text.as_str() {
        "auto" => JsonMapping::Auto,
        "auto ignorecase" => JsonMapping::AutoIgnoreCase,
        "noshred" => JsonMapping::NoShred,
        path if path.starts_with("s3://") => JsonMapping::Paths(text),
        _ => return Err(SqlError::new(format!("Invalid JSONPaths file: {text}"))),
    })
}

fn time_format(text: &str) -> Result<TimeFormat, SqlError> {
    Ok(match text {
        "auto" => TimeFormat::Auto,
        "epochsecs" => TimeFormat::EpochSeconds,
        "epochmillisecs" => TimeFormat::EpochMilliseconds,
        _ => {
            checked_pattern(text, "TIMEFORMAT")?;
            TimeFormat::Pattern(text.to_owned())
        }
    })
}

/// A pattern has parts of dates, and no zone; the keywords are in lower case.
fn checked_pattern(text: &str, option: &str) -> Result<(), SqlError> {
    let upper = text.to_uppercase();
    let keyword = ["AUTO", "EPOCHSECS", "EPOCHMILLISECS"].contains(&upper.as_str());
    let parts = ["YY", "MM", "DD", "MON", "HH", "MI", "SS"];
    if keyword || !parts.iter().any(|part| upper.contains(part)) {
        return Err(SqlError::new(format!("Invalid {option} '{text}'")));
    }
    if upper.contains("TZ") || upper.contains("OF") {
        return Err(SqlError::new(format!("{option} cannot include a time zone: '{text}'")));
    }
    Ok(())
}

/// A single ASCII character; `\t` is a tab, and `\ddd` an octal number.
pub(super) fn one_byte(text: &str, option: &str) -> Result<u8, SqlError> {
    let octal = text.strip_prefix('\\').filter(|digits| digits.len() == 3);
    let octal = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
    match (text.as_bytes(), octal) {
        (_, Some(byte)) | (&[byte], None) if byte.is_ascii() && byte != 0 => Ok(byte),
        (b"\\t", None) => Ok(b'\t'),
        _ => Err(SqlError::new(format!("{option} must be a single ASCII character"))),
    }
}
