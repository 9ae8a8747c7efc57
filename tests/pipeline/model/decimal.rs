//! Decimals with five digits after the point; further digits are truncated.

use serde_json::value::RawValue;

/// Digits after the point.
const SCALE: i32 = 5;

/// A decimal, in hundred thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(pub i128);

impl Decimal {
    /// Reads a number as JSON spells it.
    pub fn new(raw: &RawValue) -> Self {
        let text = raw.get();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i32 = exponent.parse().expect("an exponent");
        let (sign, digits) = match mantissa.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let number: i128 = format!("{whole}{fraction}").parse().expect("digits");
        let shift = exponent - fraction.len() as i32 + SCALE;
        let power = 10i128.pow(shift.unsigned_abs());
        // Integer division truncates towards zero.
        Self(sign * if shift < 0 { number / power } else { number * power })
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.abs() / 100_000, self.0.abs() % 100_000);
        write!(formatter, "{sign}{whole}.{part:05}")
    }
}

#[test]
fn digits_beyond_the_fifth_are_truncated() {
    let cases = [
        ("218.93179", "218.93179"),
        ("218.9317999", "218.93179"),
        ("-0.0000199", "-0.00001"),
        ("-0.000009", "0.00000"),
        ("3", "3.00000"),
        ("2.1893179e2", "218.93179"),
    ];
    for (text, expected) in cases {
        let raw = RawValue::from_string(text.to_owned()).expect("a number");
        assert_eq!(Decimal::new(&raw).to_string(), expected, "{text}");
    }
}
