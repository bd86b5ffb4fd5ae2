//! One access line: the pieces of an [`AccessFormat`] filled from an [`AccessRecord`] into a buffer.
//!
//! Called by [`AccessLog`](super::AccessLog) for each exchange. The usual conversions (`%(x)s`) go straight into the buffer; those
//! with a width, a precision or another type take a detour through a string.

use std::borrow::Cow;
use std::time::Duration;

use super::basic_auth;
use super::format::{AccessFormat, Atom, Piece, Place};
use super::record::{AccessRecord, Text};
use super::spec::{Kind, Spec};
use crate::escape::Escape;

/// The value of an atom.
enum Datum<'a> {
    Missing,
    Number(u64),
    Seconds(Duration),
    Pid(u32),
    Trusted(&'a str),
    Text(Text<'a>),
    RequestLine([&'a [u8]; 3]),
}

impl AccessFormat {
    /// Appends the line, without its newline. `stamp` is the value of `t`.
    pub(super) fn render(&self, record: &AccessRecord<'_>, stamp: &str, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Value { atom, spec, place } => {
                    let datum = evaluate(atom, record, stamp);
                    match (spec.is_bare(), place) {
                        (true, Place::Text) => datum.push(self.escape, out),
                        (true, Place::JsonValue) => datum.push_json_value(out),
                        (false, _) => datum.push_formatted(*spec, self.escape, *place, out),
                    }
                }
            }
        }
    }
}

fn evaluate<'a>(atom: &Atom, record: &'a AccessRecord<'_>, stamp: &'a str) -> Datum<'a> {
    let latin1 = |bytes: &'a [u8]| Datum::Text(Text::Latin1(bytes));
    let unicode = |text: &'a str| Datum::Text(Text::Unicode(Cow::Borrowed(text)));
    match atom {
        Atom::RemoteAddr => record.remote_addr.map_or(Datum::Missing, unicode),
        Atom::User => match record.authorization.and_then(basic_auth::user_of) {
            Some(user) => Datum::Text(Text::Unicode(Cow::Owned(user))),
            None => Datum::Missing,
        },
        Atom::Time => Datum::Trusted(stamp),
        Atom::RequestLine => Datum::RequestLine([record.method, record.uri, record.protocol]),
        Atom::Status => Datum::Number(u64::from(record.status)),
        Atom::Method => latin1(record.method),
        Atom::Path => latin1(record.path),
        Atom::Query => latin1(record.query),
        Atom::Protocol => latin1(record.protocol),
        Atom::Sent => record.sent_bytes.map_or(Datum::Missing, Datum::Number),
        Atom::Referer => record.referer.map_or(Datum::Missing, latin1),
        Atom::Agent => record.agent.map_or(Datum::Missing, latin1),
        Atom::Seconds => Datum::Number(record.elapsed.as_secs()),
        Atom::Millis => Datum::Number(record.elapsed.as_millis() as u64), // 64 bits hold 584 million years
        Atom::Micros => Datum::Number(record.elapsed.as_micros() as u64),
        Atom::Decimal => Datum::Seconds(record.elapsed),
        Atom::Pid => Datum::Pid(record.pid),
        Atom::Field(kind, name) => record.field(*kind, name).map_or(Datum::Missing, Datum::Text),
        Atom::Ident | Atom::Unknown => Datum::Missing,
    }
}

impl Datum<'_> {
    fn push(&self, escape: Escape, out: &mut Vec<u8>) {
        match self {
            Datum::Missing => out.push(b'-'),
            Datum::Number(number) => push_number(*number, out),
            Datum::Seconds(elapsed) => push_seconds(*elapsed, out),
            Datum::Pid(pid) => {
                out.push(b'<');
                push_number(u64::from(*pid), out);
                out.push(b'>');
            }
            Datum::Trusted(text) => out.extend_from_slice(text.as_bytes()),
            Datum::Text(Text::Latin1(bytes)) => escape.push_latin1(bytes, out),
            Datum::Text(Text::Unicode(text)) => escape.push_str(text, out),
            Datum::RequestLine([method, uri, protocol]) => {
                escape.push_latin1(method, out);
                out.push(b' ');
                escape.push_latin1(uri, out);
                out.push(b' ');
                escape.push_latin1(protocol, out);
            }
        }
    }

    fn push_json_value(&self, out: &mut Vec<u8>) {
        match self {
            Datum::Missing => out.extend_from_slice(b"null"),
            Datum::Number(_) | Datum::Seconds(_) => self.push(Escape::Json, out),
            _ => {
                out.push(b'"');
                self.push(Escape::Json, out);
                out.push(b'"');
            }
        }
    }

    fn push_formatted(&self, spec: Spec, escape: Escape, place: Place, out: &mut Vec<u8>) {
        let text = match (self, spec.kind) {
            (Datum::Number(number), Kind::Fixed) => spec.fraction(as_fraction(*number)),
            (Datum::Seconds(elapsed), Kind::Fixed) => spec.fraction(elapsed.as_secs_f64()),
            (Datum::Number(number), _) if spec.wants_number() => spec.integer(*number),
            (Datum::Seconds(elapsed), _) if spec.wants_number() => spec.integer(elapsed.as_secs()),
            (Datum::Missing, _) if place == Place::JsonValue => "null".to_owned(),
            (_, Kind::Repr | Kind::Ascii) if escape == Escape::Plain => {
                self.python_repr(spec.kind).chars().take(spec.precision.unwrap_or(usize::MAX)).collect()
            }
            (Datum::Text(_) | Datum::RequestLine(_) | Datum::Trusted(_) | Datum::Pid(_), _)
                if place == Place::JsonValue =>
            {
                format!("\"{}\"", self.cut_and_escaped(spec, escape))
            }
            _ => self.cut_and_escaped(spec, escape),
        };
        let padding = spec.width.saturating_sub(text.chars().count());
        let (before, after) = if spec.is_left { (0, padding) } else { (padding, 0) };
        out.resize(out.len() + before, b' ');
        out.extend_from_slice(text.as_bytes());
        out.resize(out.len() + after, b' ');
    }

    /// Cut first, escaped second: the other way round, as Gunicorn does it, a cut can leave half an escape behind.
    fn cut_and_escaped(&self, spec: Spec, escape: Escape) -> String {
        let mut out = Vec::new();
        let plain = self.plain();
        let cut = plain.chars().take(spec.precision.unwrap_or(usize::MAX));
        cut.for_each(|c| escape.push(c, &mut out));
        into_text(out)
    }

    /// The value without any escape.
    fn plain(&self) -> String {
        match self {
            Datum::Text(Text::Latin1(bytes)) => bytes.iter().map(|&byte| char::from(byte)).collect(),
            Datum::Text(Text::Unicode(text)) => text.as_ref().to_owned(),
            Datum::RequestLine(parts) => parts.join(&b' ').iter().map(|&byte| char::from(byte)).collect(),
            _ => {
                let mut out = Vec::new();
                self.push(Escape::Plain, &mut out);
                into_text(out)
            }
        }
    }

    /// Python's `repr()` or `ascii()` of the value after Gunicorn's escape of the double quote.
    fn python_repr(&self, kind: Kind) -> String {
        let text = self.plain();
        if matches!(self, Datum::Number(_)) {
            return text;
        }
        let text = text.replace('"', "\\\"");
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        let mut out = String::from(quote);
        for c in text.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c == quote => out.extend(['\\', c]),
                '\u{a0}' | '\u{ad}' => push_python_escape(c, &mut out), // latin-1 that Python calls not printable
                c if c.is_control() || (kind == Kind::Ascii && !c.is_ascii()) => {
                    push_python_escape(c, &mut out);
                }
                c => out.push(c),
            }
        }
        out.push(quote);
        out
    }
}

#[expect(clippy::cast_precision_loss, reason = "Python's %f of an integer rounds to a double as well")]
fn as_fraction(number: u64) -> f64 {
    number as f64
}

fn push_python_escape(c: char, out: &mut String) {
    let code = u32::from(c);
    let escape = match code {
        ..0x100 => format!("\\x{code:02x}"),
        0x100..0x10000 => format!("\\u{code:04x}"),
        0x10000.. => format!("\\U{code:08x}"),
    };
    out.push_str(&escape);
}

fn push_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Gunicorn's `"%d.%06d"`, without its wrap after a day.
fn push_seconds(elapsed: Duration, out: &mut Vec<u8>) {
    push_number(elapsed.as_secs(), out);
    let point_at = out.len();
    push_number(1_000_000 + u64::from(elapsed.subsec_micros()), out);
    out[point_at] = b'.'; // in place of the 1 that kept the zeros
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("escapes and digits are UTF-8")
}

#[cfg(test)]
mod tests;
