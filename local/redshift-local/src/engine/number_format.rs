//! `TO_CHAR` of a number: `999.99`, `$9,999`, `S00`, `9999PR`.

/// Writes a number by a pattern.
pub(crate) fn format(number: f64, pattern: &str) -> String {
    let upper = pattern.to_uppercase();
    if upper.trim_start_matches("FM") == "RN" {
        let numeral = roman(number.round());
        return if pattern.ends_with('n') { numeral.to_lowercase() } else { numeral };
    }
    let fill = !upper.contains("FM");
    let body = upper.replace("FM", "");
    let (sign_first, sign_last) = (body.starts_with('S'), body.len() > 1 && body.ends_with('S'));
    let (angle, minus) = (body.ends_with("PR"), body.ends_with("MI"));
    let picture: Vec<char> = body
        .trim_end_matches("PR")
        .trim_end_matches("MI")
        .chars()
        .filter(|c| "90.,DG".contains(*c))
        .collect();
    let currency = if body.contains('$') || body.contains('L') { "$" } else { "" };
    let point = picture.iter().position(|c| matches!(c, '.' | 'D')).unwrap_or(picture.len());
    let places = picture[point..].iter().filter(|c| matches!(c, '9' | '0')).count();
    let rounded = format!("{:.places$}", number.abs());
    let (whole, fraction) = rounded.split_once('.').unwrap_or((&rounded, ""));
    let Some(whole) = whole_part(whole, &picture[..point]) else {
        return "#".repeat(picture.len() + 1);
    };
    let width = picture[..point].len();
    let mut text = whole;
    if point < picture.len() {
        text = format!("{text}.{fraction}");
    }
    let negative = number < 0.0 && text.chars().any(|c| matches!(c, '1'..='9'));
    let body_text = text;
    let signed = if sign_first || body.starts_with("$S") {
        format!("{currency}{}{body_text}", if negative { "-" } else { "+" })
    } else if sign_last {
        format!("{currency}{body_text}{}", if negative { "-" } else { "+" })
    } else if angle {
        let text = if negative { format!("<{body_text}>") } else { format!(" {body_text} ") };
        format!("{currency}{text}")
    } else if minus {
        format!("{currency}{body_text}{}", if negative { "-" } else { " " })
    } else {
        format!("{}{currency}{body_text}", if negative { "-" } else { "" })
    };
    if !fill {
        return signed.trim().to_owned();
    }
    // A place for the sign, and one for each digit that the number does not have.
    let places = width + picture.len().saturating_sub(point) + currency.len() + 1;
    if angle || minus { signed } else { format!("{signed:>places$}") }
}

fn roman(number: f64) -> String {
    const NUMERALS: [(f64, &str); 13] = [
        (1000.0, "M"),
        (900.0, "CM"),
        (500.0, "D"),
        (400.0, "CD"),
        (100.0, "C"),
        (90.0, "XC"),
        (50.0, "L"),
        (40.0, "XL"),
        (10.0, "X"),
        (9.0, "IX"),
        (5.0, "V"),
        (4.0, "IV"),
        (1.0, "I"),
    ];
    if !(1.0..=3999.0).contains(&number) {
        return "#".repeat(15);
    }
    let mut left = number;
    let mut text = String::new();
    for (value, numeral) in NUMERALS {
        while left >= value {
            text += numeral;
            left -= value;
        }
    }
    text
}

/// The digits before the point, grouped and padded; `None` when there are too many.
fn whole_part(digits: &str, picture: &[char]) -> Option<String> {
    let places = picture.iter().filter(|c| matches!(c, '9' | '0')).count();
    let digits = digits.trim_start_matches('0');
    if digits.len() > places {
        return None;
    }
    let forced = picture.iter().position(|c| *c == '0');
    let mut remaining: Vec<char> = digits.chars().collect();
    let mut reversed = Vec::new();
    for (position, symbol) in picture.iter().enumerate().rev() {
        let zero = forced.is_some_and(|first| position >= first);
        match symbol {
            ',' | 'G' if !remaining.is_empty() || zero => reversed.push(','),
            ',' | 'G' => {}
            _ => match remaining.pop() {
                Some(digit) => reversed.push(digit),
                None if zero => reversed.push('0'),
                None => {}
            },
        }
    }
    let mut text: String = reversed.into_iter().rev().collect();
    if text.is_empty() && picture.is_empty() {
        text.push('0');
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn a_number_is_written_by_its_picture() {
        assert_eq!(format(125.8, "999.99"), " 125.80");
        assert_eq!(format(-125.8, "999D99"), "-125.80");
        assert_eq!(format(1234.5, "9,999.9"), " 1,234.5");
        assert_eq!(format(5.0, "000"), " 005");
        assert_eq!(format(-5.0, "999PR"), "<5>");
        assert_eq!(format(12.0, "FM999"), "12");
    }
}
