//! Kinds that several rows share, and the words that settings with a fixed choice take.
//!
//! Spellings and the meaning of `None`, `True` and `False` are those of Gunicorn 27.0.1's validators.

use crate::kind::{CliInt, Kind, OnNone, Words};

/// A whole number, 0 or more; plain decimal on the command line.
pub(super) const COUNT: Kind = Kind::Int { min: 0, max: i64::MAX, cli: CliInt::Decimal };

/// A whole number, 0 or more, that the command line passes on as text.
pub(super) const COUNT_AS_TEXT: Kind = Kind::Int { min: 0, max: i64::MAX, cli: CliInt::Text };

/// Mode bits: on the command line, a leading 0 means octal.
pub(super) const OCTAL: Kind = Kind::Int { min: 0, max: i64::MAX, cli: CliInt::Octal };

const fn choice(spellings: &'static [(&'static str, &'static str)], on_none: OnNone) -> Words {
    Words { spellings, on_none, on_bool: None, is_exact: false }
}

pub(super) static RELOAD_ENGINES: Words = Words {
    spellings: &[("auto", "auto"), ("poll", "poll"), ("inotify", "inotify")],
    on_none: OnNone::Refused,
    on_bool: None,
    is_exact: true,
};

pub(super) static PROXY_MODES: Words = Words {
    spellings: &[
        ("off", "off"),
        ("v1", "v1"),
        ("v2", "v2"),
        ("auto", "auto"),
        ("false", "off"),
        ("0", "off"),
        ("none", "off"),
        ("true", "auto"),
        ("1", "auto"),
    ],
    on_none: OnNone::Means("off"),
    on_bool: Some(["auto", "off"]),
    is_exact: false,
};

pub(super) static HEADER_MAPS: Words =
    choice(&[("drop", "drop"), ("refuse", "refuse"), ("dangerous", "dangerous")], OnNone::Kept);

pub(super) static ASGI_LOOPS: Words =
    choice(&[("auto", "auto"), ("asyncio", "asyncio"), ("uvloop", "uvloop")], OnNone::Means("auto"));

pub(super) static ASGI_LIFESPANS: Words =
    choice(&[("auto", "auto"), ("on", "on"), ("off", "off")], OnNone::Means("auto"));

pub(super) static HTTP_PARSERS: Words =
    choice(&[("auto", "auto"), ("fast", "fast"), ("python", "python")], OnNone::Means("auto"));

pub(super) static HTTP2_CLEARTEXTS: Words = Words {
    spellings: &[
        ("off", "off"),
        ("prior-knowledge", "prior-knowledge"),
        ("upgrade", "upgrade"),
        ("both", "both"),
    ],
    on_none: OnNone::Means("off"),
    on_bool: Some(["prior-knowledge", "off"]),
    is_exact: false,
};

pub(super) static LINE_FORMATS: Words = choice(&[("text", "text"), ("json", "json")], OnNone::Refused);

pub(super) static BODY_SPOOLS: Words = choice(&[("file", "file"), ("stream", "stream")], OnNone::Refused);
