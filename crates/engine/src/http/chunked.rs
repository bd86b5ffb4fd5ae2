//! The chunked coding, incrementally (RFC 9112 section 7.1).
//!
//! Called by the connection with whatever arrived; hands out slices of the same input, so data is never copied here.
//! Chunk lines and their extensions are read by `chunk_line`, trailers by the same scanner as heads and kept for
//! whoever asks. It counts data and overhead against the rules, and does not know what the data is.

mod chunk_line;

use self::chunk_line::ChunkLine;
use super::error::{Excerpt, ParseError};
use super::fields::{FieldScanner, JoinedValues, Scan, ScannedField};
use super::framing::is_underscore_kept;
use super::head::Field;
use super::rules::Rules;

/// Extension bytes that a whole body may carry (as hyper): without a bound, one byte of data could cost kilobytes.
const EXTENSION_BYTES_MAX: usize = 16 * 1024;

/// Fields that would change framing, routing or identity after the fact (RFC 9110 section 6.5.1).
const FORBIDDEN_TRAILERS: [&[u8]; 6] =
    [b"host", b"content-length", b"transfer-encoding", b"trailer", b"authorization", b"te"];

/// One step of decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkStep<'a> {
    /// How many bytes of the input this step took.
    pub consumed: usize,
    /// Body bytes, a slice of the input; empty when there were none yet.
    pub data: &'a [u8],
    /// The body and its trailers are complete; what follows in the input is the next request.
    pub is_finished: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Line,
    Data(u64),
    DataCr,
    DataLf,
    Trailers,
    Finished,
}

/// A decoder of one chunked body.
#[derive(Clone, Debug, Default)]
pub struct ChunkedDecoder {
    stage: Stage,
    line: ChunkLine,
    extension_bytes: usize,
    body_bytes: u64,
    scanner: FieldScanner,
    trailer_bytes: Vec<u8>,
    trailers: Vec<Field>,
    joined: JoinedValues,
}

impl ChunkedDecoder {
    /// A decoder at the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes up to the next piece of data, the end of the body, or the end of the input, whichever comes first.
    ///
    /// The caller goes on with `input[consumed..]` until `is_finished`, or until a step consumes everything; then it
    /// needs more bytes. An error is final.
    pub fn decode<'a>(&mut self, input: &'a [u8], rules: &Rules) -> Result<ChunkStep<'a>, ParseError> {
        let mut at = 0;
        while at < input.len() {
            match self.stage {
                Stage::Line => at += self.read_line(&input[at..], rules)?,
                Stage::Data(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - at);
                    let left = left - taken as u64;
                    self.stage = if left == 0 { Stage::DataCr } else { Stage::Data(left) };
                    let data = &input[at..at + taken];
                    return Ok(ChunkStep { consumed: at + taken, data, is_finished: false });
                }
                Stage::DataCr | Stage::DataLf => {
                    self.read_terminator(input[at])?;
                    at += 1;
                }
                Stage::Trailers => at += self.read_trailers(&input[at..], rules)?,
                Stage::Finished => break,
            }
        }
        Ok(ChunkStep { consumed: at, data: &[], is_finished: self.stage == Stage::Finished })
    }

    /// What it means that the client ended its side now: an answer if only the final CRLF is missing, else nothing,
    /// because the client is gone in the middle of its data.
    pub fn end_of_input(&self) -> Option<ParseError> {
        (self.stage == Stage::Trailers).then_some(ParseError::ChunksTruncated)
    }

    /// The trailer fields in wire order; none before the body is finished. They are never merged into the head.
    pub fn trailers(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        let bytes = &self.trailer_bytes;
        let fields = if self.stage == Stage::Finished { self.trailers.as_slice() } else { &[] };
        fields.iter().map(move |field| (field.name.of(bytes), field.value.of(bytes)))
    }

    fn read_line(&mut self, input: &[u8], rules: &Rules) -> Result<usize, ParseError> {
        for (at, &byte) in input.iter().enumerate() {
            let is_complete = self.line.push(byte, rules.field_bytes_max)?;
            if self.extension_bytes + self.line.extension_bytes() > EXTENSION_BYTES_MAX {
                return Err(ParseError::ChunkOverhead);
            }
            if is_complete {
                self.start_chunk(rules)?;
                return Ok(at + 1);
            }
        }
        Ok(input.len())
    }

    fn start_chunk(&mut self, rules: &Rules) -> Result<(), ParseError> {
        let line = std::mem::take(&mut self.line);
        self.extension_bytes += line.extension_bytes();
        self.body_bytes = self.body_bytes.saturating_add(line.size());
        if rules.is_body_too_large(self.body_bytes) {
            return Err(ParseError::BodyTooLarge(rules.body_bytes_max));
        }
        self.stage = match line.size() {
            0 => Stage::Trailers,
            size => Stage::Data(size),
        };
        Ok(())
    }

    fn read_terminator(&mut self, byte: u8) -> Result<(), ParseError> {
        self.stage = match (self.stage, byte) {
            (Stage::DataCr, b'\r') => Stage::DataLf,
            (Stage::DataLf, b'\n') => Stage::Line,
            (Stage::DataLf, _) => return Err(ParseError::ChunkTerminator(Excerpt::of(&[b'\r', byte]))),
            _ => return Err(ParseError::ChunkTerminator(Excerpt::of(&[byte]))),
        };
        Ok(())
    }

    /// Collects the trailer section, which may come in pieces, and returns how much of the input belongs to it.
    fn read_trailers(&mut self, input: &[u8], rules: &Rules) -> Result<usize, ParseError> {
        let before = self.trailer_bytes.len();
        if before == 0 && input.starts_with(b"\r\n") {
            self.stage = Stage::Finished;
            return Ok(2);
        }
        self.trailer_bytes.extend_from_slice(input);
        loop {
            match self.scanner.scan(&self.trailer_bytes, rules)? {
                Scan::More => return Ok(input.len()),
                Scan::Field(field) => self.add_trailer(field, rules)?,
                Scan::End(end) => {
                    self.trailer_bytes.truncate(end);
                    self.joined.place(&mut self.trailer_bytes, &mut self.trailers);
                    self.stage = Stage::Finished;
                    return Ok(end - before);
                }
            }
        }
    }

    fn add_trailer(&mut self, scanned: ScannedField, rules: &Rules) -> Result<(), ParseError> {
        let mut field = scanned.field;
        let name = field.name.of(&self.trailer_bytes);
        if FORBIDDEN_TRAILERS.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden)) {
            return Err(ParseError::ForbiddenTrailer(Excerpt::of(name)));
        }
        // A trailer is nobody's forwarder header, so the peer's trust does not matter here.
        if !scanned.has_underscore || is_underscore_kept(name, rules, false)? {
            if scanned.is_folded {
                let value = field.value.of(&self.trailer_bytes);
                self.joined.join(&mut field, value);
            }
            self.trailers.push(field);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
