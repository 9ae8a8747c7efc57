//! Redshift's column types, and the engine's types that hold them.

use sqlparser::tokenizer::Token;

use super::tokens::Tokens;
use crate::engine::SqlError;

/// A declared column type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ColumnType {
    SmallInt,
    Integer,
    BigInt,
    Decimal { precision: u8, scale: i8 },
    Real,
    Double,
    Boolean,
    Char { bytes_max: u32 },
    Varchar { bytes_max: u32 },
    Date,
    Timestamp,
    TimestampTz,
    Time,
    TimeTz,
    Super,
    Varbyte { bytes_max: u32 },
}

/// The longest VARCHAR, in bytes.
pub(crate) const VARCHAR_BYTES_MAX: u32 = 65_535;
/// The longest CHAR, in bytes.
const CHAR_BYTES_MAX: u32 = 4_096;
/// What a VARCHAR without a length holds, in bytes.
const VARCHAR_BYTES_DEFAULT: u32 = 256;
/// The longest VARBYTE, in bytes.
const VARBYTE_BYTES_MAX: u32 = 1_024_000;
/// What a VARBYTE without a length holds, in bytes.
const VARBYTE_BYTES_DEFAULT: u32 = 64_000;

impl ColumnType {
    /// Reads a type from a column definition or a cast.
    pub(crate) fn parse(tokens: &mut Tokens) -> Result<Self, SqlError> {
        let name = tokens.identifier()?;
        Ok(match name.as_str() {
            "smallint" | "int2" => Self::SmallInt,
            "integer" | "int" | "int4" => Self::Integer,
            "bigint" | "int8" => Self::BigInt,
            "real" | "float4" => Self::Real,
            "float8" => Self::Double,
            "double" => {
                tokens.expect("precision")?;
                Self::Double
            }
            "float" => match length(tokens)? {
                Some(1..=24) => Self::Real,
                _ => Self::Double,
            },
            "boolean" | "bool" => Self::Boolean,
            "decimal" | "numeric" | "dec" => decimal(tokens)?,
            "char" | "character" | "nchar" | "bpchar" => {
                if tokens.take_if("varying") {
                    return varchar(tokens);
                }
                let default = if name == "bpchar" { 256 } else { 1 };
                let bytes_max = bounded(tokens, default, CHAR_BYTES_MAX, "character")?;
                Self::Char { bytes_max }
            }
            "varchar" | "nvarchar" | "text" => return varchar(tokens),
            "date" => Self::Date,
            "timestamp" => zoned(tokens, Self::Timestamp, Self::TimestampTz)?,
            "timestamptz" => Self::TimestampTz,
            "time" => zoned(tokens, Self::Time, Self::TimeTz)?,
            "timetz" => Self::TimeTz,
            "super" => Self::Super,
            "varbyte" | "varbinary" | "binary" => {
                tokens.take_if("varying");
                let default = VARBYTE_BYTES_DEFAULT;
                let bytes_max = bounded(tokens, default, VARBYTE_BYTES_MAX, "varbyte")?;
                Self::Varbyte { bytes_max }
            }
            "geometry" | "geography" | "hllsketch" | "interval" => {
                return Err(SqlError::unsupported(&format!("type {name}")));
            }
            _ => return Err(SqlError::new(format!("type \"{name}\" does not exist"))),
        })
    }

    /// A declared type read back from its [`Self::display`].
    pub(crate) fn from_display(text: &str) -> Result<Self, SqlError> {
        let mut statements = super::tokens::statements(text)?;
        let tokens = statements.first_mut().ok_or_else(|| SqlError::syntax(""))?;
        Self::parse(tokens)
    }

    /// The engine's name of the type, the catalog's, and the short one of results.
    fn names(&self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::SmallInt => ("SMALLINT", "smallint", "int2"),
            Self::Integer => ("INTEGER", "integer", "int4"),
            Self::BigInt => ("BIGINT", "bigint", "int8"),
            Self::Decimal { .. } => ("DECIMAL", "numeric", "numeric"),
            Self::Real => ("FLOAT", "real", "float4"),
            Self::Double => ("DOUBLE", "double precision", "float8"),
            Self::Boolean => ("BOOLEAN", "boolean", "bool"),
            Self::Char { .. } => ("VARCHAR", "character", "bpchar"),
            Self::Varchar { .. } => ("VARCHAR", "character varying", "varchar"),
            Self::Date => ("DATE", "date", "date"),
            Self::Timestamp => ("TIMESTAMP", "timestamp without time zone", "timestamp"),
            Self::TimestampTz => ("TIMESTAMPTZ", "timestamp with time zone", "timestamptz"),
            Self::Time => ("TIME", "time without time zone", "time"),
            Self::TimeTz => ("TIMETZ", "time with time zone", "timetz"),
            Self::Super => ("JSON", "super", "super"),
            Self::Varbyte { .. } => ("BLOB", "binary varying", "varbyte"),
        }
    }

    /// The engine's type.
    pub(crate) fn engine(&self) -> String {
        match self {
            Self::Decimal { precision, scale } => format!("DECIMAL({precision}, {scale})"),
            kind => kind.names().0.to_owned(),
        }
    }

    /// The type as Redshift's catalog spells it.
    pub(crate) fn display(&self) -> String {
        let name = self.names().1;
        match self {
            Self::Decimal { precision, scale } => format!("{name}({precision},{scale})"),
            Self::Char { bytes_max } | Self::Varchar { bytes_max } => {
                format!("{name}({bytes_max})")
            }
            _ => name.to_owned(),
        }
    }

    /// The type's short name: what an unnamed cast is called, and what a result says.
    pub(crate) fn udt(&self) -> &'static str {
        self.names().2
    }

    /// What a value must satisfy beyond the engine's type.
    pub(crate) fn check(&self, column: &str) -> Option<String> {
        match self {
            Self::Char { bytes_max } => {
                Some(format!("strlen(rtrim({column}, ' ')) <= {bytes_max}"))
            }
            Self::Varchar { bytes_max } => Some(format!("strlen({column}) <= {bytes_max}")),
            Self::Varbyte { bytes_max } => Some(format!("octet_length({column}) <= {bytes_max}")),
            _ => None,
        }
    }

    /// The type that a column of the engine's has when nobody declared it.
    pub(crate) fn of_engine(name: &str) -> Self {
        let inside = name.split_once('(').map(|(_, rest)| rest.trim_end_matches(')'));
        match name {
            "TINYINT" | "SMALLINT" | "UTINYINT" => Self::SmallInt,
            "INTEGER" | "USMALLINT" => Self::Integer,
            "BIGINT" | "UINTEGER" | "HUGEINT" | "UBIGINT" => Self::BigInt,
            "FLOAT" => Self::Real,
            "DOUBLE" => Self::Double,
            "BOOLEAN" => Self::Boolean,
            "DATE" => Self::Date,
            "TIMESTAMP" => Self::Timestamp,
            "TIMESTAMP WITH TIME ZONE" => Self::TimestampTz,
            "TIME" => Self::Time,
            "TIME WITH TIME ZONE" => Self::TimeTz,
            "BLOB" => Self::Varbyte { bytes_max: VARBYTE_BYTES_DEFAULT },
            _ if name.starts_with("DECIMAL") => {
                let mut parts = inside.unwrap_or("18,3").split(',').map(str::trim);
                let precision = parts.next().and_then(|text| text.parse().ok()).unwrap_or(18);
                let scale = parts.next().and_then(|text| text.parse().ok()).unwrap_or(0);
                Self::Decimal { precision, scale }
            }
            "JSON" => Self::Super,
            _ => Self::Varchar { bytes_max: VARCHAR_BYTES_MAX },
        }
    }
}

fn varchar(tokens: &mut Tokens) -> Result<ColumnType, SqlError> {
    let default = VARCHAR_BYTES_DEFAULT;
    let bytes_max = bounded(tokens, default, VARCHAR_BYTES_MAX, "character varying")?;
    Ok(ColumnType::Varchar { bytes_max })
}

fn bounded(tokens: &mut Tokens, default: u32, most: u32, name: &str) -> Result<u32, SqlError> {
    let Some(length) = length(tokens)? else { return Ok(default) };
    match u32::try_from(length) {
        Ok(0) | Err(_) => Err(SqlError::new(format!("length for type {name} must be at least 1"))),
        Ok(bytes) if bytes > most => {
            Err(SqlError::new(format!("length for type {name} cannot exceed {most}")))
        }
        Ok(bytes) => Ok(bytes),
    }
}

/// `(n)`, where `max` is the longest VARCHAR.
fn length(tokens: &mut Tokens) -> Result<Option<i64>, SqlError> {
    if !tokens.take_token(&Token::LParen) {
        return Ok(None);
    }
    let length =
        if tokens.take_if("max") { i64::from(VARCHAR_BYTES_MAX) } else { tokens.integer()? };
    tokens.expect_token(&Token::RParen)?;
    Ok(Some(length))
}

fn decimal(tokens: &mut Tokens) -> Result<ColumnType, SqlError> {
    if !tokens.take_token(&Token::LParen) {
        return Ok(ColumnType::Decimal { precision: 18, scale: 0 });
    }
    let precision = tokens.integer()?;
    let scale = if tokens.take_token(&Token::Comma) { tokens.integer()? } else { 0 };
    tokens.expect_token(&Token::RParen)?;
    let error = |what: String| Err(SqlError::new(what));
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision @ 1..=38), Ok(scale)) if (0..=precision as i8).contains(&scale) => {
            Ok(ColumnType::Decimal { precision, scale })
        }
        (Ok(1..=38), _) => {
            error(format!("NUMERIC scale {scale} must be between 0 and precision {precision}"))
        }
        _ => error(format!("NUMERIC precision {precision} must be between 1 and 38")),
    }
}

fn zoned(
    tokens: &mut Tokens,
    without: ColumnType,
    with: ColumnType,
) -> Result<ColumnType, SqlError> {
    length(tokens)?;
    if tokens.take_if("with time zone") {
        return Ok(with);
    }
    tokens.take_if("without time zone");
    Ok(without)
}
