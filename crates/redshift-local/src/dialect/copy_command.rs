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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeFormat {
    /// `YYYY-MM-DD HH:MI:SS`, as the default is.
    Standard,
    /// Whatever can be recognised.
    Auto,
    EpochSeconds,
    EpochMilliseconds,
    Pattern(String),
}

/// How the objects are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// A whole COPY.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    pub(crate) table: TableName,
    pub(crate) columns: Vec<String>,
    /// `s3://bucket/prefix`, or that of the manifest.
    pub(crate) source: String,
    pub(crate) manifest: bool,
    pub(crate) format: Format,
    pub(crate) compression: Compression,
    pub(crate) delimiter: Option<u8>,
    pub(crate) header_lines: u64,
    pub(crate) errors_max: u64,
    pub(crate) ignore_all_errors: bool,
    pub(crate) time_format: TimeFormat,
    pub(crate) date_format: Option<String>,
    pub(crate) empty_as_null: bool,
    pub(crate) blanks_as_null: bool,
    pub(crate) trim_blanks: bool,
    pub(crate) truncate_columns: bool,
    /// What stands for a character that is no UTF-8.
    pub(crate) invalid_characters: Option<char>,
    pub(crate) null_as: Option<String>,
    pub(crate) round_decimals: bool,
    pub(crate) accept_any_date: bool,
    pub(crate) fill_record: bool,
    pub(crate) ignore_blank_lines: bool,
    pub(crate) explicit_ids: bool,
    pub(crate) no_load: bool,
    credentials: bool,
}

/// The most rejected records that a COPY may be told to bear.
const ERRORS_MAX: i64 = 100_000;

impl Copy {
    /// Reads what follows `COPY`.
    pub(crate) fn parse(tokens: &mut Tokens) -> Result<Self, SqlError> {
        let table = TableName::parse(tokens)?;
        let columns = match tokens.peek() {
            Token::LParen => tokens.identifiers_in_parentheses()?,
            _ => Vec::new(),
        };
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
        let mut copy = Self::new(table, columns, source);
        while !tokens.at_end() {
            copy.option(tokens)?;
        }
        if !copy.credentials {
            return Err(SqlError::new(
                "Must specify either CREDENTIALS or IAM_ROLE for COPY from S3",
            ));
        }
        Ok(copy)
    }

    fn new(table: TableName, columns: Vec<String>, source: String) -> Self {
        Self {
            table,
            columns,
            source,
            manifest: false,
            format: Format::Delimited { escape: false, remove_quotes: false },
            compression: Compression::None,
            delimiter: None,
            header_lines: 0,
            errors_max: 0,
            ignore_all_errors: false,
            time_format: TimeFormat::Standard,
            date_format: None,
            empty_as_null: false,
            blanks_as_null: false,
            trim_blanks: false,
            truncate_columns: false,
            invalid_characters: None,
            null_as: None,
            round_decimals: false,
            accept_any_date: false,
            fill_record: false,
            ignore_blank_lines: false,
            explicit_ids: false,
            no_load: false,
            credentials: false,
        }
    }

    fn option(&mut self, tokens: &mut Tokens) -> Result<(), SqlError> {
        let start = tokens.peek().clone();
        let name = tokens.identifier()?;
        match name.as_str() {
            "iam_role" => {
                if !tokens.take_if("default") {
                    take_as(tokens);
                    let role = tokens.string()?;
                    if !role.starts_with("arn:") && role != "default" {
                        return Err(SqlError::new("Invalid IAM role ARN"));
                    }
                }
                self.credentials = true;
            }
            "credentials" | "with" => {
                if name == "with" && !tokens.take_if("credentials") {
                    return Ok(());
                }
                take_as(tokens);
                tokens.string()?;
                self.credentials = true;
            }
            "access_key_id" | "secret_access_key" | "session_token" => {
                take_as(tokens);
                tokens.string()?;
                self.credentials = true;
            }
            "region" => {
                take_as(tokens);
                tokens.string()?;
            }
            "manifest" => self.manifest = true,
            "format" => {
                take_as(tokens);
            }
            "json" => self.format = Format::Json(json_mapping(tokens)?),
            "csv" => self.csv(tokens)?,
            "delimiter" => {
                take_as(tokens);
                self.delimiter = Some(one_byte(&tokens.string()?, "DELIMITER")?);
            }
            "escape" => self.delimited(true, false),
            "removequotes" => self.delimited(false, true),
            "gzip" => self.compression = Compression::Gzip,
            "zstd" => self.compression = Compression::Zstd,
            "bzip2" | "lzop" => {
                return Err(SqlError::unsupported(&format!("COPY with {}", name.to_uppercase())));
            }
            "parquet" | "orc" | "avro" | "shapefile" | "fixedwidth" | "encrypted" | "ssh"
            | "readratio" => {
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
                tokens.integer()?;
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
                self.time_format = time_format(&tokens.string()?);
            }
            "dateformat" => {
                take_as(tokens);
                self.date_format = Some(tokens.string()?);
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
                self.invalid_characters = text.chars().next().or(Some('?'));
            }
            "null" => {
                take_as(tokens);
                self.null_as = Some(tokens.string()?);
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

    fn csv(&mut self, tokens: &mut Tokens) -> Result<(), SqlError> {
        let mut quote = b'"';
        if tokens.take_if("quote") {
            take_as(tokens);
            quote = one_byte(&tokens.string()?, "QUOTE")?;
        }
        self.format = Format::Csv { quote };
        Ok(())
    }

    fn delimited(&mut self, escaped: bool, unquoted: bool) {
        if let Format::Delimited { escape, remove_quotes } = &mut self.format {
            *escape |= escaped;
            *remove_quotes |= unquoted;
        }
    }
}

fn take_as(tokens: &mut Tokens) {
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

fn time_format(text: &str) -> TimeFormat {
    match text.to_lowercase().as_str() {
        "auto" => TimeFormat::Auto,
        "epochsecs" => TimeFormat::EpochSeconds,
        "epochmillisecs" => TimeFormat::EpochMilliseconds,
        _ => TimeFormat::Pattern(text.to_owned()),
    }
}

/// A single character; `\t` is a tab.
fn one_byte(text: &str, option: &str) -> Result<u8, SqlError> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        b"\\t" => Ok(b'\t'),
        _ => Err(SqlError::new(format!("COPY {option} must be a single character"))),
    }
}
