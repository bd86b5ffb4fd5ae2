//! One chunk line: size, extensions, CRLF (RFC 9112 sections 7.1 and 7.1.1), byte by byte.
//!
//! Owned by the chunked decoder. Extensions are checked against their grammar and dropped: a parser that skips to the
//! line end can be made to disagree with one that does not about where the line ends.

use crate::http::error::{Excerpt, ParseError};
use crate::http::grammar::{hex_value, is_field_value_byte, is_ows, is_token_byte};

/// Digits of a size; the largest accepted size, 2^63 - 1, has 16.
const SIZE_DIGITS_MAX: u8 = 16;
/// Bytes of a line kept for the error message.
const SEEN_BYTES_MAX: usize = 32;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Size,
    /// Whitespace after size or a complete extension: only `;` may follow.
    SpaceBeforeSemicolon,
    /// After `;`, perhaps after whitespace: a name must follow.
    NameStart,
    Name,
    /// Whitespace after a name: `=` or `;` may follow.
    SpaceAfterName,
    /// After `=`, perhaps after whitespace: a value must follow.
    ValueStart,
    Token,
    Quoted,
    QuotedPair,
    /// After the closing quote.
    ValueEnd,
    LineFeed,
}

/// The state of the line that is being read.
#[derive(Clone, Debug, Default)]
pub(super) struct ChunkLine {
    stage: Stage,
    size: u64,
    digits: u8,
    length: usize,
    extension_bytes: usize,
    seen: [u8; SEEN_BYTES_MAX],
}

impl ChunkLine {
    /// The size announced by a complete line.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes between size and CRLF so far.
    pub(super) fn extension_bytes(&self) -> usize {
        self.extension_bytes
    }

    /// Takes one byte and tells whether it completed the line; `line_bytes_max` includes the CRLF.
    pub(super) fn push(&mut self, byte: u8, line_bytes_max: usize) -> Result<bool, ParseError> {
        if let Some(slot) = self.seen.get_mut(self.length) {
            *slot = byte;
        }
        self.length += 1;
        if self.length > line_bytes_max {
            return Err(self.error());
        }
        if self.stage == Stage::LineFeed {
            return if byte == b'\n' { Ok(true) } else { Err(self.error()) };
        }
        if self.stage == Stage::Size && self.push_digit(byte)? {
            return Ok(false);
        }
        if self.digits == 0 {
            return Err(self.error());
        }
        self.stage = next_stage(self.stage, byte).ok_or_else(|| self.error())?;
        if self.stage != Stage::LineFeed {
            self.extension_bytes += 1;
        }
        Ok(false)
    }

    /// Adds a digit to the size; returns whether the byte was one.
    fn push_digit(&mut self, byte: u8) -> Result<bool, ParseError> {
        let Some(digit) = hex_value(byte) else { return Ok(false) };
        self.digits += 1;
        // 2^63 and above does not fit a file offset; the 16th digit may only follow a small first one.
        if self.digits > SIZE_DIGITS_MAX || self.size > i64::MAX as u64 >> 4 {
            return Err(self.error());
        }
        self.size = self.size << 4 | u64::from(digit);
        Ok(true)
    }

    fn error(&self) -> ParseError {
        ParseError::ChunkSize(Excerpt::of(&self.seen[..self.length.min(SEEN_BYTES_MAX)]))
    }
}

/// The grammar: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`; nothing is an error.
fn next_stage(stage: Stage, byte: u8) -> Option<Stage> {
    match stage {
        Stage::NameStart | Stage::SpaceAfterName | Stage::ValueStart | Stage::SpaceBeforeSemicolon
            if is_ows(byte) =>
        {
            Some(stage)
        }
        Stage::NameStart | Stage::Name if is_token_byte(byte) => Some(Stage::Name),
        Stage::Name if is_ows(byte) => Some(Stage::SpaceAfterName),
        Stage::Name | Stage::SpaceAfterName if byte == b'=' => Some(Stage::ValueStart),
        Stage::SpaceAfterName | Stage::SpaceBeforeSemicolon if byte == b';' => Some(Stage::NameStart),
        Stage::ValueStart if byte == b'"' => Some(Stage::Quoted),
        Stage::ValueStart | Stage::Token if is_token_byte(byte) => Some(Stage::Token),
        Stage::Quoted if byte == b'"' => Some(Stage::ValueEnd),
        Stage::Quoted if byte == b'\\' => Some(Stage::QuotedPair),
        Stage::Quoted | Stage::QuotedPair if is_field_value_byte(byte) => Some(Stage::Quoted),
        Stage::Size | Stage::Name | Stage::Token | Stage::ValueEnd => after_value(byte),
        _ => None,
    }
}

/// What may follow a size or a complete extension.
fn after_value(byte: u8) -> Option<Stage> {
    match byte {
        b'\r' => Some(Stage::LineFeed),
        b';' => Some(Stage::NameStart),
        b' ' | b'\t' => Some(Stage::SpaceBeforeSemicolon),
        _ => None,
    }
}
