//! Bytes: which class each one belongs to, and scans that stop at the first byte outside a class.
//!
//! Called by every parser and encoder of this module. Tables instead of comparisons, because these loops see every
//! byte of every head. It knows single bytes and lists only; what they mean is the callers' business.

const TOKEN: u8 = 1;
const UNDERSCORE: u8 = 2;
const LOWER_OR_HASH: u8 = 4;
const HEX: u8 = 8;
const REG_NAME: u8 = 16;
const FIELD_VALUE: u8 = 32;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = class_of(code as u8);
        code += 1;
    }
    table
}

const fn class_of(byte: u8) -> u8 {
    let is_word = byte.is_ascii_alphanumeric();
    let is_token = is_word || is_one_of(byte, b"!#$%&'*+-.^_`|~");
    // RFC 3986 section 3.2.2: unreserved and sub-delims; the comma is left out because a Host with a comma is two
    // hosts to some readers. Percent-encoded bytes are checked by their own rule.
    let is_reg_name = is_word || is_one_of(byte, b"-._~!$&'()*+;=");
    (if is_token { TOKEN } else { 0 })
        | (if byte == b'_' { UNDERSCORE } else { 0 })
        | (if byte.is_ascii_lowercase() || byte == b'#' { LOWER_OR_HASH } else { 0 })
        | (if byte.is_ascii_hexdigit() { HEX } else { 0 })
        | (if is_reg_name { REG_NAME } else { 0 })
        | (if is_control(byte) { 0 } else { FIELD_VALUE })
}

const fn is_one_of(byte: u8, set: &[u8]) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}

/// Control bytes that may not stand in a field value (RFC 9110 section 5.5); HTAB may.
const fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// Whether the byte is a `tchar` of RFC 9110 section 5.6.2.
pub fn is_token_byte(byte: u8) -> bool {
    CLASS[byte as usize] & TOKEN != 0
}

/// Whether the bytes are a `token` of RFC 9110 section 5.6.2: not empty, only `tchar`.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && token_length(bytes).0 == bytes.len()
}

/// Whether the byte may stand in a field value (RFC 9110 section 5.5: VCHAR, SP, HTAB, obs-text).
pub fn is_field_value_byte(byte: u8) -> bool {
    CLASS[byte as usize] & FIELD_VALUE != 0
}

/// Whether all bytes may stand in a field value.
pub fn is_field_value(bytes: &[u8]) -> bool {
    first_control(bytes).is_none()
}

/// Whether a method has the letters that no registered method has: lowercase and `#`.
pub(super) fn has_lowercase_or_hash(method: &[u8]) -> bool {
    method.iter().fold(0, |seen, &byte| seen | CLASS[byte as usize]) & LOWER_OR_HASH != 0
}

/// Whether the byte may stand unencoded in a host name (RFC 3986 section 3.2.2, without the comma).
pub(super) fn is_reg_name_byte(byte: u8) -> bool {
    CLASS[byte as usize] & REG_NAME != 0
}

/// Whether the byte is a hexadecimal digit.
pub(super) fn is_hex_digit(byte: u8) -> bool {
    CLASS[byte as usize] & HEX != 0
}

/// The first byte that may not stand in a field value: a control byte other than HTAB, or DEL.
#[inline]
pub(super) fn first_control(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&word) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(word);
        let hits = below_space(word) | equal_to_delete(word);
        if hits == 0 {
            at += 8;
            continue;
        }
        at += first_byte(hits);
        if bytes[at] != b'\t' {
            return Some(at);
        }
        at += 1;
    }
    bytes[at..].iter().position(|&byte| is_control(byte)).map(|found| at + found)
}

/// The first byte of a request line that is neither a space nor visible ASCII.
#[inline]
pub(super) fn first_outside_request_line(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&word) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(word);
        let hits = below_space(word) | equal_to_delete(word) | (word & HIGH_BITS);
        if hits != 0 {
            return Some(at + first_byte(hits));
        }
        at += 8;
    }
    let is_outside = |byte: u8| byte.wrapping_sub(0x20) > 0x5e;
    bytes[at..].iter().position(|&byte| is_outside(byte)).map(|found| at + found)
}

// Eight bytes at once, without vector instructions. In each result the high bit of a byte is set where the byte hits;
// above the lowest hit there may be false ones (borrows), so only the lowest counts.

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = LOW_BITS << 7;

fn below_space(word: u64) -> u64 {
    word.wrapping_sub(LOW_BITS * 0x20) & !word & HIGH_BITS
}

fn equal_to_delete(word: u64) -> u64 {
    let difference = word ^ (LOW_BITS * 0x7f);
    difference.wrapping_sub(LOW_BITS) & !difference & HIGH_BITS
}

/// The index of the lowest byte with its high bit set; little-endian, so the first in memory.
fn first_byte(hits: u64) -> usize {
    hits.trailing_zeros() as usize / 8
}

/// The length of the token at the beginning, and whether it has an underscore.
#[inline]
pub(super) fn token_length(bytes: &[u8]) -> (usize, bool) {
    let mut seen = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let class = CLASS[byte as usize];
        if class & TOKEN == 0 {
            return (at, seen & UNDERSCORE != 0);
        }
        seen |= class;
    }
    (bytes.len(), seen & UNDERSCORE != 0)
}

/// Removes optional whitespace (SP and HTAB, nothing else: RFC 9110 section 5.6.3) from both ends.
pub(super) fn trim_ows(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&byte| !is_ows(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|&byte| !is_ows(byte)).map_or(start, |last| last + 1);
    &bytes[start..end]
}

/// Whether the byte is optional whitespace.
pub(super) fn is_ows(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The members of a comma-separated list, trimmed, empty ones included (RFC 9110 section 5.6.1).
pub(super) fn list_members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim_ows)
}

/// Parses `1*DIGIT` into a number that also fits a file offset (at most 2^63 - 1).
///
/// No sign, no prefix, no separator: what `int()` of Python or `strtoll` of C would also take is refused.
pub(super) fn parse_length(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    i64::try_from(value).is_ok().then_some(value)
}

/// The value of a hexadecimal digit.
pub(super) fn hex_value(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Decodes `%hh` of a path or a part of it and appends the bytes to `out`; a malformed `%` stays as it is
/// (like `urllib.parse.unquote_to_bytes`, which Gunicorn uses).
pub fn percent_decode(path: &[u8], out: &mut Vec<u8>) {
    let mut rest = path;
    while let Some(at) = memchr::memchr(b'%', rest) {
        out.extend_from_slice(&rest[..at]);
        let decoded = match rest[at + 1..] {
            [high, low, ..] => hex_value(high).zip(hex_value(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        out.push(decoded.unwrap_or(b'%'));
        rest = &rest[at + if decoded.is_some() { 3 } else { 1 }..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::{first_control, first_outside_request_line, parse_length, token_length, trim_ows};

    /// A byte of every value at every place of a longer text, so that each lane of the wide scans is met.
    #[test]
    fn wide_scans_agree_with_single_bytes() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut text = *b"abc\tdef!ghi~jk lm|no";
                text[place] = byte;
                let control = text.iter().position(|&byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f);
                assert_eq!(first_control(&text), control, "{byte:#x} at {place}");
                let outside = text.iter().position(|byte| !(0x20..=0x7e).contains(byte));
                assert_eq!(first_outside_request_line(&text), outside, "{byte:#x} at {place}");
            }
        }
    }

    #[test]
    fn tokens_are_those_of_the_rfc() {
        let tokens: Vec<u8> = (0..=u8::MAX).filter(|&byte| token_length(&[byte]).0 == 1).collect();
        let rest: Vec<u8> = tokens.iter().copied().filter(|byte| !byte.is_ascii_alphanumeric()).collect();
        assert_eq!(rest, b"!#$%&'*+-.^_`|~");
        assert_eq!(tokens.len(), rest.len() + 62);
        assert_eq!(token_length(b"A-B_C: d"), (5, true));
        assert_eq!(token_length(b"A-B: _"), (3, false));
    }

    #[test]
    fn lengths_are_plain_decimal_numbers() {
        for (digits, expected) in [
            ("0", Some(0)),
            ("0010", Some(10)),
            ("9223372036854775807", Some(i64::MAX as u64)),
            ("9223372036854775808", None),
            ("18446744073709551617", None),
            ("", None),
            ("+1", None),
            ("1 ", None),
            ("\u{b2}", None),
        ] {
            assert_eq!(parse_length(digits.as_bytes()), expected, "{digits}");
        }
    }

    #[test]
    fn only_space_and_tab_are_trimmed() {
        for (text, expected) in
            [(" \ta b\t ", "a b"), ("", ""), (" \t", ""), ("\u{b}a\u{a0}", "\u{b}a\u{a0}")]
        {
            assert_eq!(trim_ows(text.as_bytes()), expected.as_bytes());
        }
    }
}
