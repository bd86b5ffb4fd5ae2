//! `access_log_format`, compiled once: Python's %-format over Gunicorn's atoms.
//!
//! [`AccessFormat::compile`] reads the text into pieces; [`render`](super::render) fills them. Gunicorn finds a broken format
//! at each request and logs a traceback; here it is an error at start that names the place.
//!
//! A format that looks like a JSON object (its literal text begins with `{` and ends with `}`) gets JSON escaping, so that
//! no client can break the line. There an atom outside quotes stands for a whole JSON value: a number stays one, text is
//! quoted, what is missing is `null`.

use std::fmt;

use super::record::FieldKind;
use super::spec::Spec;
use crate::escape::Escape;

/// A compiled `access_log_format`.
#[derive(Debug, Clone)]
pub struct AccessFormat {
    pub(super) pieces: Vec<Piece>,
    pub(super) escape: Escape,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Literal(String),
    Value { atom: Atom, spec: Spec, place: Place },
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In plain text, or inside the quotes of a JSON string.
    Text,
    /// Outside quotes in JSON: the value has to bring its own.
    JsonValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Atom {
    RemoteAddr,
    Ident,
    User,
    Time,
    RequestLine,
    Status,
    Method,
    Path,
    Query,
    Protocol,
    Sent,
    Referer,
    Agent,
    Seconds,
    Millis,
    Micros,
    Decimal,
    Pid,
    Field(FieldKind, String),
    Unknown,
}

/// An `access_log_format` that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    /// Where the faulty conversion begins, in characters from 0.
    pub index: usize,
    /// The faulty conversion.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "access_log_format: at index {}, '{}': {}", self.index, self.text, self.reason)
    }
}

impl std::error::Error for FormatError {}

impl AccessFormat {
    /// Gunicorn's default format.
    pub const DEFAULT: &str = r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#;

    /// Compiles a format; unknown atoms are no error (they render `-`), broken conversions are.
    pub fn compile(format: &str) -> Result<AccessFormat, FormatError> {
        let mut pieces = Vec::new();
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            push_literal(&mut pieces, &rest[..at]);
            let conversion = &rest[at..];
            let (piece, length) = conversion_at(conversion).map_err(|(length, reason)| FormatError {
                index: format[..format.len() - conversion.len()].chars().count(),
                text: conversion[..length].to_owned(),
                reason,
            })?;
            match piece {
                Piece::Literal(text) => push_literal(&mut pieces, &text),
                value @ Piece::Value { .. } => pieces.push(value),
            }
            rest = &conversion[length..];
        }
        push_literal(&mut pieces, rest);
        let escape = if is_json_object(&pieces) { Escape::Json } else { Escape::Plain };
        if escape == Escape::Json {
            place_in_json(&mut pieces);
        }
        Ok(AccessFormat { pieces, escape })
    }

    /// The names (in lower case) the format asks of one kind: what the caller has to have at hand when it logs.
    pub fn names(&self, kind: FieldKind) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(move |piece| match piece {
            Piece::Value { atom: Atom::Field(of_kind, name), .. } if *of_kind == kind => Some(name.as_str()),
            _ => None,
        })
    }
}

/// The piece at the head of `text`, which begins with `%`, and the bytes it takes; or the bytes and the reason of its fault.
fn conversion_at(text: &str) -> Result<(Piece, usize), (usize, String)> {
    let fault = |length: usize, reason: &str| Err((length, reason.to_owned()));
    if text.starts_with("%%") {
        return Ok((Piece::Literal("%".to_owned()), 2));
    }
    let Some(after_key) = text.strip_prefix("%(") else {
        let (_, length) = Spec::parse(&text[1..]).map_err(|(length, reason)| (1 + length, reason))?;
        return fault(1 + length, "it names no atom; write %(name)s, or %% for a percent sign");
    };
    let Some(key_bytes) = closing_parenthesis(after_key) else {
        return fault(text.len(), "the parenthesis is never closed");
    };
    let atom = Atom::named(&after_key[..key_bytes]);
    let spec_at = 2 + key_bytes + 1;
    let (spec, length) =
        Spec::parse(&text[spec_at..]).map_err(|(length, reason)| (spec_at + length, reason))?;
    let length = spec_at + length;
    if spec.wants_number() && !atom.is_number() {
        return fault(length, "this atom is text, which has only the conversions s, r and a");
    }
    Ok((Piece::Value { atom, spec, place: Place::Text }, length))
}

/// Where the key ends; Python lets parentheses nest inside it.
fn closing_parenthesis(text: &str) -> Option<usize> {
    let mut depth = 1;
    text.bytes().position(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

impl Atom {
    fn named(key: &str) -> Atom {
        match key {
            "h" => Atom::RemoteAddr,
            "l" => Atom::Ident,
            "u" => Atom::User,
            "t" => Atom::Time,
            "r" => Atom::RequestLine,
            "s" => Atom::Status,
            "m" => Atom::Method,
            "U" => Atom::Path,
            "q" => Atom::Query,
            "H" => Atom::Protocol,
            "b" | "B" => Atom::Sent,
            "f" => Atom::Referer,
            "a" => Atom::Agent,
            "T" => Atom::Seconds,
            "M" => Atom::Millis,
            "D" => Atom::Micros,
            "L" => Atom::Decimal,
            "p" => Atom::Pid,
            _ => Atom::field(key).unwrap_or(Atom::Unknown),
        }
    }

    /// `{name}i`, in any case.
    fn field(key: &str) -> Option<Atom> {
        let (name, suffix) = key.strip_prefix('{')?.rsplit_once('}')?;
        let kind = match suffix {
            "i" | "I" => FieldKind::Request,
            "o" | "O" => FieldKind::Response,
            "e" | "E" => FieldKind::Environ,
            _ => return None,
        };
        Some(Atom::Field(kind, name.to_lowercase()))
    }

    /// Whether `%(..)d` and its like make sense. Python refuses them for `s`, `b` and `L`, which are text there.
    fn is_number(&self) -> bool {
        matches!(
            self,
            Atom::Status | Atom::Sent | Atom::Seconds | Atom::Millis | Atom::Micros | Atom::Decimal
        )
    }
}

fn push_literal(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Literal(before)) => before.push_str(text),
        _ => pieces.push(Piece::Literal(text.to_owned())),
    }
}

fn is_json_object(pieces: &[Piece]) -> bool {
    let (Some(Piece::Literal(first)), Some(Piece::Literal(last))) = (pieces.first(), pieces.last()) else {
        return false;
    };
    first.trim_start().starts_with('{') && last.trim_end().ends_with('}')
}

/// Finds out for each value whether it stands inside a JSON string.
fn place_in_json(pieces: &mut [Piece]) {
    let mut is_in_string = false;
    for piece in pieces {
        match piece {
            Piece::Literal(text) => {
                let mut is_escaped = false;
                for byte in text.bytes() {
                    match byte {
                        b'"' if !is_escaped => is_in_string = !is_in_string,
                        _ => {}
                    }
                    is_escaped = byte == b'\\' && !is_escaped;
                }
            }
            Piece::Value { place, .. } if !is_in_string => *place = Place::JsonValue,
            Piece::Value { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
