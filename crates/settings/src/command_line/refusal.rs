//! What is said about a command line that is not right, in argparse's words where it has some.
//!
//! clap says which rule was broken; the texts are ours, because they name the nearest option.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::command_line::options::{Meaning, long_option, short_option};
use crate::error::nearest;
use crate::setting::Setting;
use crate::table::TABLE;

/// One line without a newline.
pub(super) fn reason(error: &Error) -> String {
    let argument = text(error, ContextKind::InvalidArg);
    let value = text(error, ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument => unknown(&argument),
        ErrorKind::InvalidValue
        | ErrorKind::NoEquals
        | ErrorKind::TooFewValues
        | ErrorKind::WrongNumberOfValues => {
            format!("argument {}: expected one argument", flags_of(&argument))
        }
        ErrorKind::TooManyValues => {
            format!("argument {}: ignored explicit argument '{value}'", flags_of(&argument))
        }
        _ => error
            .render()
            .to_string()
            .trim_start_matches("error: ")
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn text(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    }
}

fn unknown(argument: &str) -> String {
    let name = argument.split_once('=').map_or(argument, |(name, _)| name);
    if let Some(long) = name.strip_prefix("--")
        && let Meaning::Ambiguous(candidates) = long_option(long)
    {
        return format!("ambiguous option: {name} could match {}", candidates.join(", "));
    }
    let flags = TABLE.iter().flat_map(|row| row.flags.iter().copied()).filter(|flag| flag.starts_with("--"));
    let near = if name.starts_with("--") { nearest(name, flags) } else { None };
    match near.or_else(|| flag_of_setting(name)) {
        Some(near) => format!("unrecognized argument: {argument}; did you mean {near}?"),
        None => format!("unrecognized argument: {argument}"),
    }
}

/// `--worker_class` and `--preload_app` are spelled like the setting.
fn flag_of_setting(name: &str) -> Option<&'static str> {
    let name = name.trim_start_matches('-').replace('-', "_");
    TABLE.iter().find(|row| row.name == name).and_then(|row| row.flags.last().copied())
}

/// All spellings of the option that clap describes as `--workers <INT>`.
fn flags_of(described: &str) -> String {
    let flag = described.split([' ', '=', '[']).next().unwrap_or(described);
    let row: Option<&Setting> = match (flag.strip_prefix("--"), flag.strip_prefix('-')) {
        (Some(long), _) => match long_option(long) {
            Meaning::One(row) => Some(row),
            _ => None,
        },
        (None, Some(short)) => short.chars().next().and_then(short_option),
        (None, None) => None,
    };
    row.map_or_else(|| flag.to_owned(), |row| row.flags.join("/"))
}
