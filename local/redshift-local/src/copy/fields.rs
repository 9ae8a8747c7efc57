//! Fields by their columns' types: what fits, what is cut, what is refused.

use std::borrow::Cow;

use jiff::civil::{Date, DateTime};

use crate::datetime::{self, Pattern};
use crate::dialect::{ColumnType, Copy, Format, TimeFormat};

/// Why a field was refused: the error's number in Redshift's list, its text, and where in the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: i32,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// How fields become values, as the COPY says.
#[derive(Debug, Clone)]
pub(super) struct Conversion {
    copy: Copy,
    times: Option<Pattern>,
    dates: Option<Pattern>,
    null_as: Option<String>,
}

impl Conversion {
    pub(super) fn new(copy: &Copy) -> Self {
        let times = match &copy.time_format {
            TimeFormat::Pattern(text) => Some(Pattern::new(text)),
            _ => None,
        };
        let dates = copy.date_format.as_deref().filter(|format| *format != "auto");
        // `\N` is null in text, unless NULL AS names something else.
        let default_null = (!matches!(copy.format, Format::Json(_))).then(|| "\\N".to_owned());
        Self {
            copy: copy.clone(),
            times,
            dates: dates.map(Pattern::new),
            null_as: copy.null_as.clone().or(default_null),
        }
    }

    fn time_format(&self) -> &str {
        match &self.copy.time_format {
            TimeFormat::EpochSeconds => "epochsecs",
            TimeFormat::EpochMilliseconds => "epochmillisecs",
            TimeFormat::Pattern(text) => text,
            TimeFormat::Standard | TimeFormat::Auto => "YYYY-MM-DD HH24:MI:SS",
        }
    }
}

/// A field that has been read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field {
    Null,
    Integer(i64),
    Decimal(i128),
    Double(f64),
    Boolean(bool),
    Text(String),
    Days(i32),
    Microseconds(i64),
    Bytes(Vec<u8>),
}

/// Reads a field by its column's type.
pub(super) fn read(
    kind: &ColumnType,
    text: &str,
    conversion: &Conversion,
) -> Result<Field, Refusal> {
    if conversion.null_as.as_deref() == Some(text) {
        return Ok(Field::Null);
    }
    match kind {
        ColumnType::Char { bytes_max } => characters(text, *bytes_max, true, conversion),
        ColumnType::Varchar { bytes_max } => characters(text, *bytes_max, false, conversion),
        // An empty field of another type is always null.
        _ if text.trim().is_empty() => Ok(Field::Null),
        ColumnType::SmallInt => integer(text, "Short", i64::from(i16::MIN), i64::from(i16::MAX)),
        ColumnType::Integer => integer(text, "Integer", i64::from(i32::MIN), i64::from(i32::MAX)),
        ColumnType::BigInt => integer(text, "Long", i64::MIN, i64::MAX),
        ColumnType::Decimal { precision, scale } => {
            decimal(text.trim(), *precision, *scale, conversion.copy.round_decimals)
        }
        ColumnType::Real | ColumnType::Double => double(text.trim(), kind),
        ColumnType::Boolean => boolean(text.trim()),
        ColumnType::Date => date(text, conversion),
        ColumnType::Timestamp => timestamp(text, conversion, false),
        ColumnType::TimestampTz => timestamp(text, conversion, true),
        ColumnType::Time | ColumnType::TimeTz => time(text.trim()),
        ColumnType::Super => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(_) => Ok(Field::Text(text.to_owned())),
            Err(_) => Ok(Field::Text(serde_json::Value::from(text).to_string())),
        },
        ColumnType::Varbyte { bytes_max } => match hex::decode(text.trim()) {
            Ok(bytes) if bytes.len() <= *bytes_max as usize => Ok(Field::Bytes(bytes)),
            Ok(_) => Err(Refusal::new(1204, "Input exceeds the column's length")),
            Err(_) => Err(Refusal::new(1219, "Invalid hexadecimal digit")),
        },
    }
}

fn characters(
    text: &str,
    bytes_max: u32,
    fixed: bool,
    conversion: &Conversion,
) -> Result<Field, Refusal> {
    if text.is_empty() && conversion.copy.empty_as_null {
        return Ok(Field::Null);
    }
    let blank = text.chars().all(char::is_whitespace);
    if blank && !text.is_empty() && conversion.copy.blanks_as_null {
        return Ok(Field::Null);
    }
    let text = match text.find('\0') {
        Some(end) if matches!(conversion.copy.format, Format::Json(_)) => &text[..end],
        Some(_) => {
            return Err(Refusal::new(1218, "Missing newline: Unexpected character 0x0 found"));
        }
        None => text,
    };
    let text = if fixed { text.trim_end_matches(' ') } else { text };
    let text = if conversion.copy.trim_blanks && !fixed { text.trim_end() } else { text };
    if fixed && let Some(character) = text.chars().find(|character| !character.is_ascii()) {
        let hex = hex::encode(character.to_string());
        return Err(Refusal::new(
            1220,
            format!(
                "Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: {hex}"
            ),
        ));
    }
    let text = &*characters_of_unicode(text, conversion.copy.invalid_characters)?;
    let most = bytes_max as usize;
    if text.len() <= most {
        return Ok(Field::Text(text.to_owned()));
    }
    if conversion.copy.truncate_columns {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        return Ok(Field::Text(text[..end].to_owned()));
    }
    Err(Refusal::new(1204, "String length exceeds DDL length"))
}

/// Code points that are no characters are replaced, each by as many as it has bytes, or refused.
fn characters_of_unicode(text: &str, replacement: Option<char>) -> Result<Cow<'_, str>, Refusal> {
    let none = |character: char| {
        let code = u32::from(character);
        (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
    };
    let Some(found) = text.chars().find(|character| none(*character)) else {
        return Ok(Cow::Borrowed(text));
    };
    let Some(replacement) = replacement else {
        let hex = hex::encode(found.to_string());
        let text = "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence:";
        return Err(Refusal::new(1220, format!("{text} {hex} (error 4)")));
    };
    let replaced = text.chars().flat_map(|character| match none(character) {
        true => std::iter::repeat_n(replacement, character.len_utf8()),
        false => std::iter::repeat_n(character, 1),
    });
    Ok(Cow::Owned(replaced.collect()))
}

fn integer(text: &str, name: &str, least: i64, most: i64) -> Result<Field, Refusal> {
    let digits = text.trim();
    let offset = text.len() - text.trim_start().len();
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    let sign = digits.len() - unsigned.len();
    if let Some((position, wrong)) = unsigned.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        let position = offset + sign + position;
        return Err(Refusal::new(
            1207,
            format!("Invalid digit, Value '{wrong}', Pos {position}, Type: {name}"),
        ));
    }
    match digits.parse::<i64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(Field::Integer(number)),
        _ => Err(Refusal::new(1207, format!("Overflow for Column Type: {name}, Value '{digits}'"))),
    }
}

/// The digits beyond the scale are cut off, or rounded when that was asked for.
fn decimal(text: &str, precision: u8, scale: i8, round: bool) -> Result<Field, Refusal> {
    let invalid = || Refusal::new(1209, format!("Invalid digit, Value '{text}', Type: Decimal"));
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().map_err(|_| invalid())?),
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 400 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid());
    }
    // The number is digits × 10^(exponent − length of the fraction); shift to the scale.
    let shift = i64::from(exponent) - fraction.len() as i64 + i64::from(scale);
    let overflow = || {
        Refusal::new(1209, format!("Overflow (Type: Decimal({precision},{scale})), Value '{text}'"))
    };
    let trimmed = digits.trim_start_matches('0');
    if shift > 76 && !trimmed.is_empty() {
        return Err(overflow());
    }
    let kept = (trimmed.len() as i64 + shift.min(0)).max(0) as usize;
    let (head, tail) = trimmed.split_at(kept.min(trimmed.len()));
    let padded = format!("{head}{}", "0".repeat(usize::try_from(shift).unwrap_or(0)));
    let mut number: i128 = match padded.as_str() {
        "" => 0,
        digits if digits.len() > 38 => return Err(overflow()),
        digits => digits.parse().map_err(|_| overflow())?,
    };
    let halfway = kept == trimmed.len().saturating_sub(tail.len())
        && trimmed.len() as i64 + shift.min(0) >= 0
        && tail.bytes().next().is_some_and(|digit| digit >= b'5');
    if round && halfway {
        number += 1;
    }
    if number >= 10_i128.pow(u32::from(precision)) {
        return Err(overflow());
    }
    Ok(Field::Decimal(if negative { -number } else { number }))
}

fn double(text: &str, kind: &ColumnType) -> Result<Field, Refusal> {
    let name = if *kind == ColumnType::Real { "Float" } else { "Double" };
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Field::Double(number)),
        Ok(_) if text.chars().any(|c| c.is_ascii_digit()) => {
            Err(Refusal::new(1208, format!("Overflow for Column Type: {name}, Value '{text}'")))
        }
        Ok(number) => Ok(Field::Double(number)),
        Err(_) => Err(Refusal::new(1208, format!("Invalid digit, Value '{text}', Type: {name}"))),
    }
}

fn boolean(text: &str) -> Result<Field, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Ok(Field::Boolean(true)),
        "f" | "false" | "n" | "no" | "0" => Ok(Field::Boolean(false)),
        _ => Err(Refusal::new(1210, format!("Unknown boolean format, Value '{text}'"))),
    }
}

/// `YYYY-MM-DD`, and a time after it, which is left out.
fn standard_date(text: &str) -> Option<Date> {
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix([' ', 'T']).unwrap_or_default();
    let shaped = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    if !shaped || rest.len() != time.len() + usize::from(!rest.is_empty()) {
        return None;
    }
    if !time.is_empty() {
        datetime::timestamp(text)?;
    }
    date.parse().ok()
}

/// `YYYY-MM-DD HH:MI:SS` with a fraction; with a zone, its offset after it.
fn standard_timestamp(text: &str, zoned: bool) -> Option<DateTime> {
    standard_date(text)?;
    let time = text.get(10..)?.strip_prefix(' ')?;
    let digits = time.bytes().enumerate().take(8).all(|(at, byte)| match at {
        2 | 5 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let rest = time.get(8..).filter(|_| digits)?;
    let fraction = rest.strip_prefix('.').unwrap_or(rest);
    let offset = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    let signed = offset.trim_start().starts_with(['+', '-']);
    let fits = offset.is_empty() || zoned && signed;
    if !fits {
        return None;
    }
    datetime::timestamp(text)
}

/// Months come first where a date does not begin with its year.
fn months_first(text: &str) -> Option<Date> {
    let mut parts = text.split(['/', '-']);
    let parts = [parts.next()?, parts.next()?, parts.next()?];
    let numbers =
        parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !numbers || parts[0].len() > 2 {
        return None;
    }
    let [month, day, year] = parts;
    let year: i16 = match (year.len(), year.parse::<i16>().ok()?) {
        (2, year @ ..70) => 2000 + year,
        (2, year) => 1900 + year,
        (4, year) => year,
        _ => return None,
    };
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

fn date(text: &str, conversion: &Conversion) -> Result<Field, Refusal> {
    let text = text.trim();
    let read = match &conversion.dates {
        Some(pattern) => datetime::parse(pattern, text).map(|time| time.date()),
        None if conversion.copy.date_format.is_some() => {
            months_first(text).or_else(|| datetime::timestamp(text).map(|time| time.date()))
        }
        None => standard_date(text),
    };
    let days = read.and_then(|date| {
        let span = date.since(Date::constant(1970, 1, 1)).ok()?;
        Some(span.get_days())
    });
    match days {
        Some(days) => Ok(Field::Days(days)),
        None if conversion.copy.accept_any_date => Ok(Field::Null),
        None => Err(Refusal::new(
            1205,
            format!(
                "Invalid Date Format - length must be 10 or more or value fit [{}]",
                conversion.copy.date_format.as_deref().unwrap_or("YYYY-MM-DD")
            ),
        )),
    }
}

fn timestamp(text: &str, conversion: &Conversion, zoned: bool) -> Result<Field, Refusal> {
    let text = text.trim();
    let microseconds = match (&conversion.copy.time_format, &conversion.times) {
        (_, Some(pattern)) => datetime::parse(pattern, text).and_then(datetime::to_microseconds),
        (TimeFormat::EpochSeconds, _) => epoch(text, 1_000_000),
        (TimeFormat::EpochMilliseconds, _) => epoch(text, 1_000),
        (TimeFormat::Auto, _) => months_first(text)
            .map(|date| date.at(0, 0, 0, 0))
            .or_else(|| datetime::timestamp(text))
            .and_then(datetime::to_microseconds),
        _ => standard_timestamp(text, zoned).and_then(datetime::to_microseconds),
    };
    let in_range = microseconds.filter(|time| datetime::from_microseconds(*time).is_some());
    match in_range {
        Some(time) => Ok(Field::Microseconds(time)),
        None if conversion.copy.accept_any_date => Ok(Field::Null),
        None => Err(Refusal::new(
            1206,
            format!("Invalid timestamp format or value [{}]", conversion.time_format()),
        )),
    }
}

/// Whole units since 1970; a fraction is accepted, and what it says below microseconds cut off.
fn epoch(text: &str, microseconds: i64) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return number.checked_mul(microseconds);
    }
    let number: f64 = text.parse().ok()?;
    let product = number * microseconds as f64;
    (product.abs() < 9e18).then_some(product as i64)
}

fn time(text: &str) -> Result<Field, Refusal> {
    let time = text.parse::<jiff::civil::Time>();
    let time = time.map_err(|_| Refusal::new(1206, "Invalid time format or value [HH24:MI:SS]"))?;
    let seconds =
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Ok(Field::Microseconds(seconds * 1_000_000 + i64::from(time.subsec_nanosecond()) / 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, round: bool) -> Field {
        decimal(text, 9, 5, round).expect("a decimal")
    }

    #[test]
    fn digits_beyond_the_scale_are_cut_off_unless_rounding_is_asked_for() {
        assert_eq!(number("35.149689", false), Field::Decimal(3_514_968));
        assert_eq!(number("35.149689", true), Field::Decimal(3_514_969));
        assert_eq!(number("-0.000019", false), Field::Decimal(-1));
        assert_eq!(number("0.000004", true), Field::Decimal(0));
        assert_eq!(number("1.5e2", false), Field::Decimal(15_000_000));
        assert_eq!(number("0", false), Field::Decimal(0));
        assert_eq!(number("218.93179", false), Field::Decimal(21_893_179));
        assert_eq!(decimal("12345.6", 9, 5, false).expect_err("too large").code, 1209);
    }

    #[test]
    fn an_integer_is_digits_only() {
        assert_eq!(integer("12", "Integer", -99, 99), Ok(Field::Integer(12)));
        let refusal = integer("1.5", "Integer", -99, 99).expect_err("a point");
        assert_eq!(refusal.message, "Invalid digit, Value '.', Pos 1, Type: Integer");
    }

    proptest::proptest! {
        #[test]
        fn a_decimal_keeps_its_digits(number in -999_999_999_i64..=999_999_999, extra in 0_u32..4) {
            let sign = if number < 0 { "-" } else { "" };
            let (whole, fraction) = (number.abs() / 100_000, number.abs() % 100_000);
            let text = format!("{sign}{whole}.{fraction:05}{}", "0".repeat(extra as usize));
            proptest::prop_assert_eq!(decimal(&text, 9, 5, false), Ok(Field::Decimal(number.into())));
            proptest::prop_assert_eq!(decimal(&text, 9, 5, true), Ok(Field::Decimal(number.into())));
        }
    }
}
