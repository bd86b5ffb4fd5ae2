//! Text made harmless for a log: what a client sent must not end a line, drive a terminal or leave a JSON string.
//!
//! Used for the values in an access line and, as [`Printable`], by whoever puts a client's bytes into an error message.
//! It does not decide which of the three ways a value needs; the compiled format does.
//!
//! Bytes are latin-1, as WSGI and Python have them (PEP 3333): byte N is U+00NN, written as UTF-8. The C1 controls
//! U+0080..U+009F are escaped too: U+009B opens an escape sequence on many terminals just as ESC `[` does.

use std::fmt;

/// How the value stands in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Gunicorn's `\"`, and `\xHH` for controls. A backslash stays what it is, as in Gunicorn.
    Plain,
    /// The inside of a JSON string (RFC 8259 section 7).
    Json,
    /// Only controls, for error messages: newline and tab stay, tracebacks need them.
    Message,
}

impl Escape {
    fn is_kept(self, c: char) -> bool {
        match c {
            '"' | '\n' | '\t' => self == Escape::Message,
            '\\' => self != Escape::Json,
            _ => !c.is_control(),
        }
    }

    /// Appends one character.
    pub(crate) fn push(self, c: char, out: &mut Vec<u8>) {
        if self.is_kept(c) {
            push_char(c, out);
            return;
        }
        match (self, c) {
            (_, '"') => out.extend_from_slice(b"\\\""),
            (Escape::Json, '\\') => out.extend_from_slice(b"\\\\"),
            (Escape::Json, '\n') => out.extend_from_slice(b"\\n"),
            (Escape::Json, '\r') => out.extend_from_slice(b"\\r"),
            (Escape::Json, '\t') => out.extend_from_slice(b"\\t"),
            (Escape::Json, _) => out.extend_from_slice(b"\\u00"),
            _ => out.extend_from_slice(b"\\x"),
        }
        if !matches!((self, c), (_, '"') | (Escape::Json, '\\' | '\n' | '\r' | '\t')) {
            push_hex(c as u8, out); // every control character is below U+00A0
        }
    }

    /// Appends latin-1 bytes.
    pub(crate) fn push_latin1(self, bytes: &[u8], out: &mut Vec<u8>) {
        if is_kept_by_all(bytes) {
            out.extend_from_slice(bytes);
        } else {
            for &byte in bytes {
                self.push(char::from(byte), out);
            }
        }
    }

    /// Appends Unicode text.
    pub(crate) fn push_str(self, text: &str, out: &mut Vec<u8>) {
        if is_kept_by_all(text.as_bytes()) {
            out.extend_from_slice(text.as_bytes());
        } else {
            text.chars().for_each(|c| self.push(c, out));
        }
    }
}

/// Whether every way copies these bytes as they are; the common case. Without an early exit, so that the compiler compares
/// many bytes at a time (the example `access_line_cost` shows the difference).
fn is_kept_by_all(bytes: &[u8]) -> bool {
    let found = bytes.iter().fold(0, |found, byte| {
        found | u8::from(!(b' '..0x7f).contains(byte)) | u8::from(*byte == b'"') | u8::from(*byte == b'\\')
    });
    found == 0
}

pub(crate) fn push_char(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

pub(crate) fn push_hex(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

/// A client's bytes (latin-1) inside an error message: no control character, no line end, gets out of it.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(self.0.len());
        Escape::Plain.push_latin1(self.0, &mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::{Escape, Printable};

    fn check(escape: Escape, bytes: &[u8], expected: &str) {
        let mut from_latin1 = Vec::new();
        escape.push_latin1(bytes, &mut from_latin1);
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        let mut from_text = Vec::new();
        escape.push_str(&text, &mut from_text);
        assert_eq!(String::from_utf8(from_latin1).as_deref(), Ok(expected), "{escape:?} {bytes:?}");
        assert_eq!(String::from_utf8(from_text).as_deref(), Ok(expected), "{escape:?} {text:?}");
    }

    #[test]
    fn each_way_keeps_what_it_may_and_escapes_the_rest() {
        for (escape, bytes, expected) in [
            (Escape::Plain, b"/a?b=c" as &[u8], "/a?b=c"),
            (Escape::Plain, b"a\"b\\c", r#"a\"b\c"#),
            (Escape::Plain, b"\r\n\t\x1b[2J\x00\x7f", r"\x0d\x0a\x09\x1b[2J\x00\x7f"),
            (Escape::Plain, b"caf\xe9 \x9b", r"café \x9b"),
            (Escape::Json, b"a\"b\\c", r#"a\"b\\c"#),
            (Escape::Json, b"\r\n\t\x1b\x00\x7f\x85\xe9", r"\r\n\t\u001b\u0000\u007f\u0085é"),
            (Escape::Message, b"a\n\t\"b\\\x1b[0m\r", "a\n\t\"b\\\\x1b[0m\\x0d"),
        ] {
            check(escape, bytes, expected);
        }
    }

    #[test]
    fn every_latin1_byte_stays_parseable_json() {
        for byte in 0..=255_u8 {
            let mut out = b"\"".to_vec();
            Escape::Json.push_latin1(&[byte], &mut out);
            out.push(b'"');
            let back: String = serde_json::from_slice(&out).expect("an escaped byte is a JSON string");
            assert_eq!(back, char::from(byte).to_string());
        }
    }

    #[test]
    fn printable_has_no_line_end() {
        assert_eq!(Printable(b"x\r\n[1] [INFO] forged").to_string(), r"x\x0d\x0a[1] [INFO] forged");
    }
}
