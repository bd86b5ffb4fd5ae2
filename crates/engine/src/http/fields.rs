//! Field lines, one after the other, up to the empty line: used for heads and for trailer sections.
//!
//! Incremental: it remembers how far it has looked, so that a sender of single bytes costs linear time, and every
//! error depends only on the bytes up to the one that makes it certain, never on how the bytes arrived. What a field
//! means, and which ones may occur, is the callers' business.

use super::error::{Excerpt, ParseError};
use super::grammar::{first_control, is_ows, token_length, trim_ows};
use super::head::{Field, Span};
use super::rules::Rules;

/// How far beyond its limit a field without end is still read. The answer is 431 at its end, or 400 if it turns out to
/// be malformed before that; only a line longer than this is refused without having seen its end.
const OVERSIZE_BYTES_MAX: usize = 128 * 1024;

/// No section is longer, whatever the settings multiply to: spans are 32-bit offsets.
const SECTION_BYTES_HARD_MAX: usize = 64 * 1024 * 1024;

/// What the scanner found.
pub(super) enum Scan {
    /// The bytes end before the next event.
    More,
    /// One complete field.
    Field(ScannedField),
    /// The section is complete; the next byte that does not belong to it has this offset.
    End(usize),
}

/// A field as it stands in the bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScannedField {
    /// Name, and value without the whitespace at its ends.
    pub field: Field,
    /// Whether the name has an underscore.
    pub has_underscore: bool,
    /// Whether the value has line folds inside; `unfold` joins it.
    pub is_folded: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    LineStart,
    Name,
    SpaceAfterName,
    Value,
}

/// The state between two calls with a growing prefix of the same bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct FieldScanner {
    stage: Stage,
    line_start: usize,
    field_start: usize,
    scanned: usize,
    name: Span,
    has_underscore: bool,
    value_start: usize,
    count: usize,
    /// A field whose next line is not known yet; used only where folding is permitted.
    held: Option<ScannedField>,
}

impl FieldScanner {
    /// A scanner whose first line begins at this offset.
    pub(super) fn starting_at(offset: usize) -> Self {
        FieldScanner { line_start: offset, ..Self::default() }
    }

    /// Looks for the next event in `bytes`, which must begin with the bytes of the previous calls.
    #[inline]
    pub(super) fn scan(&mut self, bytes: &[u8], rules: &Rules) -> Result<Scan, ParseError> {
        match self.scan_plain_line(bytes, rules) {
            Some(field) => Ok(Scan::Field(field)),
            None => self.scan_any(bytes, rules),
        }
    }

    /// The usual case in one go: a complete, valid line that lies in the bytes already. Whatever else it is, `scan_any`
    /// finds out from the start of the line, and goes on from there when more bytes arrive; so nothing is looked at
    /// more than twice.
    #[inline]
    fn scan_plain_line(&mut self, bytes: &[u8], rules: &Rules) -> Option<ScannedField> {
        if !matches!(self.stage, Stage::LineStart)
            || rules.permit_obsolete_folding
            || self.count == rules.fields_max
        {
            return None;
        }
        let start = self.line_start;
        let end = bytes.len().min(start.saturating_add(rules.field_bytes_max)).min(SECTION_BYTES_HARD_MAX);
        let line = bytes.get(start..end)?;
        let (name_length, has_underscore) = token_length(line);
        let after_name = line.get(name_length..)?;
        if name_length == 0 || after_name.first() != Some(&b':') {
            return None;
        }
        let value_length = first_control(&after_name[1..])?;
        if !after_name[1 + value_length..].starts_with(b"\r\n") {
            return None;
        }
        let name_end = start + name_length;
        let at = name_end + 1 + value_length;
        self.count += 1;
        self.line_start = at + 2;
        self.name = Span::new(start, name_end);
        let field = Field { name: self.name, value: trimmed(bytes, name_end + 1, at) };
        Some(ScannedField { field, has_underscore, is_folded: false })
    }

    fn scan_any(&mut self, bytes: &[u8], rules: &Rules) -> Result<Scan, ParseError> {
        loop {
            let event = match self.stage {
                Stage::LineStart => self.start_line(bytes, rules)?,
                Stage::Name => self.scan_name(bytes, rules)?,
                Stage::SpaceAfterName => self.scan_space(bytes, rules)?,
                Stage::Value => self.scan_value(bytes, rules)?,
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    fn start_line(&mut self, bytes: &[u8], rules: &Rules) -> Result<Option<Scan>, ParseError> {
        let start = self.line_start;
        let Some(&first) = bytes.get(start) else { return Ok(Some(Scan::More)) };
        if is_ows(first) {
            return self.start_continuation(bytes, rules).map(|()| None);
        }
        if let Some(field) = self.held.take() {
            return Ok(Some(Scan::Field(field)));
        }
        if first == b'\r' {
            return match bytes.get(start + 1) {
                None => Ok(Some(Scan::More)),
                Some(b'\n') => Ok(Some(Scan::End(start + 2))),
                Some(_) => Err(ParseError::LineEnd(Excerpt::of(&bytes[start..=start]))),
            };
        }
        if self.count == rules.fields_max {
            return Err(ParseError::TooManyFields);
        }
        self.count += 1;
        self.field_start = start;
        self.has_underscore = false;
        self.scanned = start;
        self.stage = Stage::Name;
        Ok(None)
    }

    fn start_continuation(&mut self, bytes: &[u8], rules: &Rules) -> Result<(), ParseError> {
        if self.count == 0 {
            return Err(ParseError::Header(Excerpt::of(&bytes[self.line_start..=self.line_start])));
        }
        if !rules.permit_obsolete_folding {
            return Err(ParseError::ObsoleteFolding(Excerpt::of(self.name.of(bytes))));
        }
        self.scanned = self.line_start + 1;
        self.stage = Stage::Value;
        Ok(())
    }

    fn scan_name(&mut self, bytes: &[u8], rules: &Rules) -> Result<Option<Scan>, ParseError> {
        let window = self.window(bytes, rules);
        let (length, has_underscore) = token_length(window);
        self.has_underscore |= has_underscore;
        if length == window.len() {
            return self.wait(length, rules);
        }
        let at = self.scanned + length;
        let has_name = at > self.line_start;
        self.scanned = at + 1;
        match bytes[at] {
            b':' if has_name => {
                self.name = Span::new(self.line_start, at);
                self.value_start = at + 1;
                self.stage = Stage::Value;
                Ok(None)
            }
            b' ' | b'\t' if has_name && rules.strip_header_spaces => {
                self.name = Span::new(self.line_start, at);
                self.stage = Stage::SpaceAfterName;
                Ok(None)
            }
            _ => Err(self.name_error(bytes, at)),
        }
    }

    fn scan_space(&mut self, bytes: &[u8], rules: &Rules) -> Result<Option<Scan>, ParseError> {
        let window = self.window(bytes, rules);
        let Some(length) = window.iter().position(|&byte| !is_ows(byte)) else {
            return self.wait(window.len(), rules);
        };
        let at = self.scanned + length;
        if bytes[at] != b':' {
            return Err(self.name_error(bytes, at));
        }
        self.scanned = at + 1;
        self.value_start = at + 1;
        self.stage = Stage::Value;
        Ok(None)
    }

    fn scan_value(&mut self, bytes: &[u8], rules: &Rules) -> Result<Option<Scan>, ParseError> {
        let window = self.window(bytes, rules);
        let Some(length) = first_control(window) else {
            return self.wait(window.len(), rules);
        };
        let at = self.scanned + length;
        match (bytes[at], bytes.get(at + 1)) {
            (b'\r', None) => {
                self.scanned = at;
                Ok(Some(Scan::More))
            }
            (b'\r', Some(b'\n')) => self.end_line(bytes, at, rules),
            (b'\r' | b'\n', _) => Err(ParseError::LineEnd(Excerpt::of(&bytes[self.line_start..=at]))),
            _ => Err(ParseError::Header(Excerpt::of(self.name.of(bytes)))),
        }
    }

    /// The line ends with the CRLF at `at`.
    fn end_line(&mut self, bytes: &[u8], at: usize, rules: &Rules) -> Result<Option<Scan>, ParseError> {
        if at + 2 - self.field_start > rules.field_bytes_max {
            return Err(ParseError::FieldTooLarge);
        }
        let is_folded = self.line_start != self.field_start;
        let field = Field { name: self.name, value: trimmed(bytes, self.value_start, at) };
        self.line_start = at + 2;
        self.stage = Stage::LineStart;
        let field = ScannedField { field, has_underscore: self.has_underscore, is_folded };
        if rules.permit_obsolete_folding {
            self.held = Some(field);
            return Ok(None);
        }
        Ok(Some(Scan::Field(field)))
    }

    /// The bytes not looked at yet, up to where an oversized field is refused unseen.
    fn window<'a>(&self, bytes: &'a [u8], rules: &Rules) -> &'a [u8] {
        let end = self.refused_at(rules).min(bytes.len());
        &bytes[self.scanned.min(end)..end]
    }

    /// Everything up to here was fine but unfinished: more bytes, unless there were too many already.
    fn wait(&mut self, looked_at: usize, rules: &Rules) -> Result<Option<Scan>, ParseError> {
        self.scanned += looked_at;
        if self.scanned >= self.refused_at(rules) {
            return Err(ParseError::FieldTooLarge);
        }
        Ok(Some(Scan::More))
    }

    fn refused_at(&self, rules: &Rules) -> usize {
        let oversized = rules.field_bytes_max.saturating_add(OVERSIZE_BYTES_MAX);
        self.field_start.saturating_add(oversized).min(SECTION_BYTES_HARD_MAX)
    }

    fn name_error(&self, bytes: &[u8], at: usize) -> ParseError {
        let line = Excerpt::of(&bytes[self.line_start..=at]);
        match bytes[at] {
            b'\n' => ParseError::LineEnd(line),
            b'\r' | b':' => ParseError::Header(line),
            _ => ParseError::HeaderName(line),
        }
    }
}

#[inline]
fn trimmed(bytes: &[u8], mut start: usize, mut end: usize) -> Span {
    while start < end && is_ows(bytes[start]) {
        start += 1;
    }
    while end > start && is_ows(bytes[end - 1]) {
        end -= 1;
    }
    Span::new(start, end)
}

/// Marks a value that lies among the joined ones until its section is complete.
const JOINED: u32 = 1 << 31;

/// Folded values with their folds removed, kept apart until all received bytes are in their final buffer.
#[derive(Clone, Debug, Default)]
pub(super) struct JoinedValues {
    bytes: Vec<u8>,
}

impl JoinedValues {
    /// Joins the parts of a folded value by one space each (RFC 9112 section 5.2), lets the field point to the result,
    /// and returns it.
    pub(super) fn join(&mut self, field: &mut Field, value: &[u8]) -> &[u8] {
        let start = self.bytes.len();
        for line in value.split(|&byte| byte == b'\n') {
            let part = trim_ows(line.strip_suffix(b"\r").unwrap_or(line));
            if self.bytes.len() > start && !part.is_empty() {
                self.bytes.push(b' ');
            }
            self.bytes.extend_from_slice(part);
        }
        let span = Span::new(start, self.bytes.len());
        field.value = if span.start == span.end {
            Span { start: field.name.end, end: field.name.end }
        } else {
            Span { start: span.start | JOINED, end: span.end | JOINED }
        };
        &self.bytes[start..]
    }

    /// Appends all joined values to `bytes` and lets their fields point there; forgets them.
    pub(super) fn place(&mut self, bytes: &mut Vec<u8>, fields: &mut [Field]) {
        if self.bytes.is_empty() {
            return;
        }
        let base = bytes.len() as u32;
        bytes.append(&mut self.bytes);
        for Field { value, .. } in fields {
            if value.end & JOINED != 0 {
                *value = Span { start: base + (value.start & !JOINED), end: base + (value.end & !JOINED) };
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }
}
