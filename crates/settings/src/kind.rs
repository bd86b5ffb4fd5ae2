//! Which values a setting takes, and how they are normalised.
//!
//! One variant per validator of Gunicorn 27.0.1 (`config.py`, `validate_*`), with its decisions about types and spellings.
//! `Settings::set` calls [`Kind::check`]; a refusal is the text of what would be right. Whether values of different settings
//! fit together is `Config`'s business, and names of users, hosts and modules are resolved by those who use them.

mod number;

mod network;

use std::path::{Component, Path, PathBuf};

use crate::value::{ForeignKind, Value};

pub(crate) use network::{StatsdAddress, statsd_address, trust_network};
pub(crate) use number::{Base, python_int};

/// The sort of a setting.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A bool; its flag stores `True`.
    Switch,
    /// A bool; its flag stores `False`.
    OffSwitch,
    /// A whole number between `min` and `max`, both included.
    Int {
        /// Smallest right value.
        min: i64,
        /// Largest right value.
        max: i64,
        /// How the command line writes it.
        cli: CliInt,
    },
    /// Text, trimmed.
    Text,
    /// A list of texts; its flag may be repeated. A single text is a list of one.
    Texts,
    /// Like `Texts`; entries without `*?[` must exist.
    Files,
    /// Text with commas, stored as a list.
    CommaList,
    /// Text with commas: IP addresses, networks or `*`, stored as a list.
    Peers,
    /// One of some words.
    Word(&'static Words),
    /// A comma list of `h1` and `h2`, each at most once.
    HttpProtocols,
    /// A class, or the text that names one.
    Class,
    /// A callable with one of these numbers of positional parameters, or the dotted path of one.
    Hook(&'static [u8]),
    /// A dict of texts.
    Pairs,
    /// Any dict.
    Dict,
    /// A user: number or name. `None` is the user who started the program.
    User,
    /// A group: number or name. `None` is the group of the user who started the program.
    Group,
    /// A directory that exists, stored absolute.
    Directory,
    /// `HOST:PORT`, `[v6]:PORT` or `unix://PATH`.
    StatsdAddress,
    /// Whatever Python's ssl module calls a protocol; not looked at.
    SslVersion,
}

/// How the command line writes a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CliInt {
    /// Plain decimal.
    Decimal,
    /// With a prefix 0x, 0o or 0b; a leading 0 means octal.
    Octal,
    /// As in a config file's text: with a prefix, no leading 0.
    Text,
}

/// The words of a [`Kind::Word`].
#[derive(Debug)]
pub struct Words {
    /// Accepted spelling and stored word.
    pub spellings: &'static [(&'static str, &'static str)],
    /// What Python's `None` means.
    pub on_none: OnNone,
    /// What `True` and `False` mean, if they are accepted.
    pub on_bool: Option<[&'static str; 2]>,
    /// Whether case and surrounding space count.
    pub is_exact: bool,
}

/// What `None` means to a [`Words`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNone {
    /// It stays `None`.
    Kept,
    /// It is wrong.
    Refused,
    /// It means this word.
    Means(&'static str),
}

impl Words {
    /// The words that can be stored, each once.
    pub fn stored(&self) -> Vec<&'static str> {
        let mut words = Vec::new();
        for (_, word) in self.spellings {
            if !words.contains(word) {
                words.push(*word);
            }
        }
        words
    }

    /// The stored word that `text` spells.
    pub fn find(&self, text: &str) -> Option<&'static str> {
        let folded = if self.is_exact { text.to_owned() } else { text.trim().to_lowercase() };
        self.spellings.iter().find(|(spelling, _)| *spelling == folded).map(|(_, word)| *word)
    }
}

/// A refusal: what would be right.
type Wants = String;

impl Kind {
    /// The normalised value, or what would be right. `cwd` is what relative paths start from.
    pub(crate) fn check(&self, value: Value, cwd: &Path) -> Result<Value, Wants> {
        match self {
            Kind::Switch | Kind::OffSwitch => check_bool(value),
            Kind::Int { min, max, .. } => number::check(value, *min, *max),
            Kind::Text => check_text(value),
            Kind::Texts => check_texts(value),
            Kind::Files => check_files(value, cwd),
            Kind::CommaList => check_comma_list(value),
            Kind::Peers => check_peers(value),
            Kind::Word(words) => check_word(&value, words),
            Kind::HttpProtocols => check_http_protocols(value),
            Kind::Class => check_class(value),
            Kind::Hook(arities) => check_hook(value, arities),
            Kind::Pairs => check_dict(value, false),
            Kind::Dict => check_dict(value, true),
            Kind::User => check_owner(value, "user", || rustix::process::geteuid().as_raw()),
            Kind::Group => check_owner(value, "group", || rustix::process::getegid().as_raw()),
            Kind::Directory => check_directory(value, cwd),
            Kind::StatsdAddress => network::check_statsd(value),
            Kind::SslVersion => Ok(value),
        }
    }
}

fn check_bool(value: Value) -> Result<Value, Wants> {
    let wants = "must be True or False, or the text 'true' or 'false'";
    match value {
        Value::None | Value::Bool(_) => Ok(value),
        Value::Str(text) => match text.trim().to_lowercase().as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(wants.to_owned()),
        },
        _ => Err(wants.to_owned()),
    }
}

fn check_text(value: Value) -> Result<Value, Wants> {
    match value {
        Value::None => Ok(Value::None),
        Value::Str(text) => Ok(Value::Str(text.trim().to_owned())),
        other => Err(format!("must be a text, not {}", other.type_name())),
    }
}

/// Python's falsy values are the empty list, as in Gunicorn.
fn check_texts(value: Value) -> Result<Value, Wants> {
    let items = match value {
        Value::None | Value::Bool(false) | Value::Int(0) => Vec::new(),
        Value::Str(text) if text.is_empty() => Vec::new(),
        Value::Map(pairs) if pairs.is_empty() => Vec::new(),
        Value::Str(text) => vec![text],
        Value::List(items) => items,
        other => return Err(format!("must be a text or a list of texts, not {}", other.type_name())),
    };
    Ok(Value::List(items.iter().map(|item| item.trim().to_owned()).collect()))
}

fn check_files(value: Value, cwd: &Path) -> Result<Value, Wants> {
    let files = check_texts(value)?;
    let is_missing = |file: &&String| {
        let is_pattern = file.contains(['*', '?', '[']);
        file.is_empty() || !is_pattern && !cwd.join(file).exists()
    };
    let missing = files.as_list().iter().find(is_missing);
    match missing {
        Some(file) => Err(format!(
            "file '{file}' does not exist (entries with * ? [ are patterns and may match nothing)"
        )),
        None => Ok(files),
    }
}

/// Gunicorn takes no list here, only text; empty pieces are dropped before the pieces are trimmed.
fn check_comma_list(value: Value) -> Result<Value, Wants> {
    match value {
        Value::None => Ok(Value::List(Vec::new())),
        Value::Str(text) => {
            let pieces = text.trim().split(',').filter(|piece| !piece.is_empty());
            Ok(Value::List(pieces.map(|piece| piece.trim().to_owned()).collect()))
        }
        other => Err(format!("must be one text with commas, 'A,B', not {}", other.type_name())),
    }
}

fn check_peers(value: Value) -> Result<Value, Wants> {
    let list = check_comma_list(value)?;
    for entry in list.as_list() {
        if entry != "*" {
            trust_network(entry)?;
        }
    }
    Ok(list)
}

fn check_word(value: &Value, words: &Words) -> Result<Value, Wants> {
    let wants = || format!("must be one of {}", words.stored().join(", "));
    let word = match (value, words.on_none, words.on_bool) {
        (Value::None, OnNone::Kept, _) => return Ok(Value::None),
        (Value::None, OnNone::Means(word), _) => Some(word),
        (Value::Bool(is_on), _, Some([on, off])) => Some(if *is_on { on } else { off }),
        (Value::Str(text), ..) => words.find(text),
        _ => None,
    };
    word.map(Value::from).ok_or_else(wants)
}

fn check_http_protocols(value: Value) -> Result<Value, Wants> {
    let text = match value {
        Value::None => String::new(),
        Value::Str(text) => text,
        other => return Err(format!("must be one text with commas, 'h2,h1', not {}", other.type_name())),
    };
    let mut protocols: Vec<String> = Vec::new();
    for piece in text.split(',').map(str::trim).filter(|piece| !piece.is_empty()) {
        let protocol = piece.to_lowercase();
        if protocol != "h1" && protocol != "h2" {
            return Err(format!("'{protocol}' is no protocol; must be h1, h2 or both with a comma"));
        }
        if protocols.contains(&protocol) {
            return Err(format!("'{protocol}' stands there twice"));
        }
        protocols.push(protocol);
    }
    if protocols.is_empty() {
        protocols.push("h1".to_owned());
    }
    Ok(Value::List(protocols))
}

/// Functions are called by the bridge before they come here, as Gunicorn does; their result is the class.
fn check_class(value: Value) -> Result<Value, Wants> {
    match value {
        Value::Foreign(ref foreign) if foreign.kind == ForeignKind::Class => Ok(value),
        Value::None | Value::Str(_) => check_text(value),
        other => Err(format!("must be a class or the text that names one, not {}", other.type_name())),
    }
}

fn check_hook(value: Value, arities: &[u8]) -> Result<Value, Wants> {
    let counts = arities.iter().map(u8::to_string).collect::<Vec<_>>().join(" or ");
    let plural = if counts == "1" { "" } else { "s" };
    let wants = format!("must be a callable with {counts} positional parameter{plural}");
    match value {
        Value::Str(path) => match path.rsplit_once('.') {
            Some((module, object)) if !module.is_empty() && !object.is_empty() => Ok(Value::Str(path)),
            _ => Err(format!("{wants}, or the dotted path of one (package.module.object)")),
        },
        Value::Foreign(foreign) if matches!(foreign.kind, ForeignKind::Callable | ForeignKind::Class) => {
            match foreign.arity {
                Some(arity) if !arities.contains(&arity.0) => Err(format!("{wants}, not {}", arity.0)),
                _ => Ok(Value::Foreign(foreign)),
            }
        }
        other => Err(format!("{wants}, not {}", other.type_name())),
    }
}

fn check_dict(value: Value, takes_any: bool) -> Result<Value, Wants> {
    match value {
        Value::Map(_) => Ok(value),
        Value::Foreign(ref foreign) if foreign.kind == ForeignKind::Dict => {
            if takes_any {
                Ok(value)
            } else {
                Err("must be a dict of texts only".to_owned())
            }
        }
        other => Err(format!("must be a dict, not {}", other.type_name())),
    }
}

fn check_owner(value: Value, noun: &str, own_id: impl Fn() -> u32) -> Result<Value, Wants> {
    match value {
        Value::None => Ok(Value::Int(i64::from(own_id()))),
        Value::Int(id) if u32::try_from(id).is_ok() => Ok(value),
        Value::Str(ref text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => text
            .parse::<u32>()
            .map(|id| Value::Int(i64::from(id)))
            .map_err(|_| format!("must be a {noun} name, or a {noun} number of at most {}", u32::MAX)),
        Value::Str(ref name) if !name.is_empty() => Ok(value),
        _ => Err(format!("must be the name of a {noun}, or its number, 0 to {}", u32::MAX)),
    }
}

fn check_directory(value: Value, cwd: &Path) -> Result<Value, Wants> {
    let Value::Str(text) = value else {
        return Err(format!("must be the path of a directory, not {}", value.type_name()));
    };
    let path = normal(&cwd.join(text.trim()));
    let Some(absolute) = path.to_str().filter(|_| path.is_dir()) else {
        return Err(format!("there is no directory '{}'", path.display()));
    };
    Ok(Value::from(absolute))
}

/// `os.path.normpath`: `.` and `..` are resolved in the text, symbolic links are not followed.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests;
