//! Whole numbers as Python's `int(text, base)` reads them.
//!
//! Config files and `cfg.set` use base 0 (prefix decides), the command line plain decimal; see Gunicorn's `validate_pos_int`
//! and `auto_int`. Numbers above 64 bits are refused, which Python would keep.

use crate::value::Value;

/// The base of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// `int(text)`.
    Decimal,
    /// `int(text, 0)`: 0x, 0o and 0b prefixes, and no leading 0.
    Prefix,
    /// Like `Prefix`, but a leading 0 is an octal prefix (Gunicorn's `auto_int`).
    Octal,
}

/// The number a text writes; `None` if it writes none, or one above 64 bits.
pub(crate) fn python_int(text: &str, base: Base) -> Option<i64> {
    let text = text.trim();
    let (is_negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = radix_of(digits, base)?;
    let digits = without_underscores(digits)?;
    let sign = if is_negative { "-" } else { "" };
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// Splits a prefix off. An underscore may follow a prefix, as in Python.
fn radix_of(digits: &str, base: Base) -> Option<(u32, &str)> {
    if base == Base::Decimal {
        return Some((10, digits));
    }
    let bytes = digits.as_bytes();
    let radix = match (bytes.first(), bytes.get(1).map(u8::to_ascii_lowercase)) {
        (Some(b'0'), Some(b'x')) => 16,
        (Some(b'0'), Some(b'o')) => 8,
        (Some(b'0'), Some(b'b')) => 2,
        (Some(b'0'), Some(digit)) if base == Base::Octal && digit.is_ascii_digit() => {
            return Some((8, &digits[1..]));
        }
        (Some(b'0'), Some(_)) => {
            return digits.bytes().all(|byte| matches!(byte, b'0' | b'_')).then_some((10, digits));
        }
        _ => return Some((10, digits)),
    };
    let rest = &digits[2..];
    Some((radix, rest.strip_prefix('_').unwrap_or(rest)))
}

/// Single underscores between digits are allowed; a sign is not (it was taken off before).
fn without_underscores(digits: &str) -> Option<String> {
    let is_grouped = digits.split('_').all(|group| !group.is_empty());
    let has_sign = digits.starts_with(['+', '-']);
    (is_grouped && !has_sign).then(|| digits.replace('_', ""))
}

/// The check of `Kind::Int`.
pub(super) fn check(value: Value, min: i64, max: i64) -> Result<Value, String> {
    let number = match value {
        Value::Int(number) => Some(number),
        Value::Bool(is_on) => Some(i64::from(is_on)),
        Value::Str(text) => python_int(&text, Base::Prefix),
        _ => None,
    };
    match number {
        Some(number) if (min..=max).contains(&number) => Ok(Value::Int(number)),
        _ if max == i64::MAX => Err(format!("must be a whole number, {min} or more")),
        _ => Err(format!("must be a whole number from {min} to {max}")),
    }
}
