//! The request head, incrementally: from the first byte of a request to the empty line.
//!
//! Called by the connection with everything received since the start of the request, again and again as bytes arrive.
//! It owns the position, so every byte is looked at once; it allocates nothing once the head's buffers have grown.
//! Every refusal depends only on the bytes up to the one that makes it certain.

use super::error::{Excerpt, ParseError};
use super::fields::{FieldScanner, JoinedValues, Scan, ScannedField};
use super::framing::{Gathered, is_underscore_kept};
use super::grammar::first_outside_request_line;
use super::head::{Field, KEPT_FIELDS_MAX, RequestHead, Span};
use super::request_line::RequestLine;
use super::rules::Rules;

/// So many left-out fields of one head are reported; more say nothing new.
const LEFT_OUT_MAX: usize = 8;

/// The first byte of a TLS record that carries a handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    Start,
    RequestLine,
    Fields,
}

/// An incremental parser of one request head after the other.
#[derive(Clone, Debug, Default)]
pub struct HeadParser {
    stage: Stage,
    line_start: usize,
    scanned: usize,
    line: RequestLine,
    fields: FieldScanner,
    gathered: Gathered,
    found: Vec<Field>,
    joined: JoinedValues,
    /// The names of fields that were left out, of this head or the one just completed.
    left_out: Vec<Span>,
}

impl HeadParser {
    /// A parser at the start of a request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes back to the start of a request; needed after an error or when a head is abandoned, done by itself after a
    /// complete head.
    pub fn reset(&mut self) {
        self.stage = Stage::Start;
        self.gathered = Gathered::default();
        self.found.clear();
        self.found.shrink_to(KEPT_FIELDS_MAX);
        self.joined.clear();
    }

    /// Parses a head from `bytes`: everything received since the start of this request, the same prefix at every call.
    ///
    /// `Ok(Some(n))`: complete, `head` is filled and took `n` bytes. `Ok(None)`: more bytes are needed; `head` is
    /// empty meanwhile. An error is final for the connection.
    pub fn parse(
        &mut self,
        bytes: &[u8],
        rules: &Rules,
        is_trusted_peer: bool,
        head: &mut RequestHead,
    ) -> Result<Option<usize>, ParseError> {
        if let Stage::Start = self.stage {
            head.clear();
            if !self.start(bytes)? {
                return Ok(None);
            }
        }
        if let Stage::RequestLine = self.stage
            && !self.scan_request_line(bytes, rules)?
        {
            return Ok(None);
        }
        let input = Input { bytes, rules, is_trusted_peer };
        loop {
            match self.fields.scan(bytes, rules)? {
                Scan::More => return Ok(None),
                Scan::Field(field) => self.add_field(field, &input)?,
                Scan::End(taken) => return self.finish(&bytes[..taken], rules, head).map(|()| Some(taken)),
            }
        }
    }

    /// The names of the fields that were left out of the head just completed because of their underscores, the first few;
    /// `bytes` are those given to `parse`. Mostly there are none.
    pub fn left_out<'a>(&'a self, bytes: &'a [u8]) -> impl ExactSizeIterator<Item = &'a [u8]> {
        self.left_out.iter().map(|name| name.of(bytes))
    }

    /// Skips one empty line, which RFC 9112 section 2.2 wants tolerated; a second one is refused as a bare CR.
    fn start(&mut self, bytes: &[u8]) -> Result<bool, ParseError> {
        self.line_start = match bytes {
            [] | [b'\r'] => return Ok(false),
            [b'\r', b'\n', ..] => 2,
            [TLS_HANDSHAKE, ..] => return Err(ParseError::TlsHandshake),
            _ => 0,
        };
        self.scanned = self.line_start;
        self.stage = Stage::RequestLine;
        self.left_out.clear();
        Ok(true)
    }

    /// Returns whether the line is complete.
    fn scan_request_line(&mut self, bytes: &[u8], rules: &Rules) -> Result<bool, ParseError> {
        let max = rules.request_line_bytes();
        let end = bytes.len().min(self.line_start + max + 1);
        let Some(length) = first_outside_request_line(&bytes[self.scanned..end]) else {
            self.scanned = end;
            if end - self.line_start > max {
                return Err(ParseError::RequestLineTooLong(max));
            }
            return Ok(false);
        };
        let at = self.scanned + length;
        match (bytes[at], bytes.get(at + 1)) {
            (b'\r', None) if at > self.line_start => {
                self.scanned = at;
                Ok(false)
            }
            (b'\r', Some(b'\n')) if at > self.line_start => {
                self.line = RequestLine::parse(bytes, self.line_start, at, rules)?;
                self.fields = FieldScanner::starting_at(at + 2);
                self.stage = Stage::Fields;
                Ok(true)
            }
            _ => Err(ParseError::RequestLine(Excerpt::of(&bytes[self.line_start..=at]))),
        }
    }

    fn add_field(&mut self, scanned: ScannedField, input: &Input<'_>) -> Result<(), ParseError> {
        let mut field = scanned.field;
        let mut value = field.value.of(input.bytes);
        if scanned.is_folded {
            value = self.joined.join(&mut field, value);
        }
        let name = field.name.of(input.bytes);
        if input.is_trusted_peer {
            self.gathered.note_scheme(name, value, input.rules)?;
        }
        if !scanned.has_underscore || is_underscore_kept(name, input.rules, input.is_trusted_peer)? {
            self.gathered.note(self.found.len(), name, value)?;
            self.found.push(field);
        } else if self.left_out.len() < LEFT_OUT_MAX {
            self.left_out.push(field.name);
        }
        Ok(())
    }

    fn finish(&mut self, bytes: &[u8], rules: &Rules, head: &mut RequestHead) -> Result<(), ParseError> {
        head.bytes.extend_from_slice(bytes);
        self.joined.place(&mut head.bytes, &mut self.found);
        std::mem::swap(&mut head.fields, &mut self.found);
        if rules.casefold_http_method {
            let method = self.line.method;
            head.bytes[method.start as usize..method.end as usize].make_ascii_uppercase();
        }
        self.gathered.settle(&self.line, rules, head)?;
        self.reset();
        Ok(())
    }
}

/// What one call of `parse` was given.
struct Input<'a> {
    bytes: &'a [u8],
    rules: &'a Rules,
    is_trusted_peer: bool,
}

#[cfg(test)]
mod tests;
