//! The command line and the text of `GUNICORN_CMD_ARGS`, turned into values by name.
//!
//! clap does the parsing, from options made of `TABLE`; the files beside this one give it argparse's manners: what clap would
//! read differently is rewritten before (`manners`), and errors are worded after (`refusal`). Values are only typed here;
//! `Settings::set` validates them. Nothing is printed and nothing exits: a [`CliExit`] says what the caller should do.

mod options;

mod manners;

mod refusal;

mod words;

use std::ffi::OsString;

use clap::ArgMatches;
use clap::error::ErrorKind;

use crate::error::{SettingError, one_line};
use crate::kind::{Base, CliInt, Kind, python_int};
use crate::setting::Setting;
use crate::table::TABLE;
use crate::value::Value;

/// What the options say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Settings that were given, in the order of the table, with the value of the last option that gave them.
    pub values: Vec<(&'static str, Value)>,
    /// What is no option; the first is the application.
    pub positionals: Vec<String>,
}

impl Parsed {
    /// The value of a setting, if it was given.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(given, _)| *given == name).map(|(_, value)| value)
    }
}

/// The command line asks for an exit: help, version, or a usage error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CliExit {
    /// What to print, its last newline included.
    pub text: String,
    /// Whether it goes to standard error; else to standard output.
    pub is_error: bool,
    /// The exit code: 0, or 2 for a usage error.
    pub code: u8,
}

/// Why no values came out.
enum Refusal {
    Help(String),
    Version,
    Usage(String),
}

/// Parses a command line without its program name. `program` is the name to show in help and errors.
///
/// # Errors
/// Help and version are asked for, or the command line is not right.
pub fn parse_args(args: &[OsString], program: &str) -> Result<Parsed, CliExit> {
    parse(args, program).map_err(|refusal| match refusal {
        Refusal::Help(text) => CliExit { text, is_error: false, code: 0 },
        Refusal::Version => {
            CliExit { text: format!("{program} (version {})\n", crate::VERSION), is_error: false, code: 0 }
        }
        Refusal::Usage(reason) => {
            let text = format!("{}\n{program}: error: {}\n", options::usage(program), one_line(&reason));
            CliExit { text, is_error: true, code: 2 }
        }
    })
}

/// Parses the text of `GUNICORN_CMD_ARGS`, split into words as a POSIX shell does (Python's `shlex.split`). Positionals are
/// returned too; Gunicorn ignores them.
///
/// # Errors
/// A quotation without end, an option that does not exist or lacks its value, `--help` and `--version`.
pub fn parse_command_args(text: &str) -> Result<Parsed, SettingError> {
    let words = words::split(text).map_err(SettingError::command_text)?;
    let args: Vec<OsString> = words.into_iter().map(OsString::from).collect();
    parse(&args, "tricorn").map_err(|refusal| match refusal {
        Refusal::Help(_) => SettingError::command_text("--help only works on the command line"),
        Refusal::Version => SettingError::command_text("--version only works on the command line"),
        Refusal::Usage(reason) => SettingError::command_text(reason),
    })
}

fn parse(args: &[OsString], program: &str) -> Result<Parsed, Refusal> {
    let args = text_of(args)?;
    let matches = options::command(program).try_get_matches_from(manners::rewrite(args)).map_err(
        |error| match error.kind() {
            ErrorKind::DisplayHelp => Refusal::Help(error.render().to_string()),
            ErrorKind::DisplayVersion => Refusal::Version,
            _ => Refusal::Usage(refusal::reason(&error)),
        },
    )?;
    let mut values = Vec::new();
    for row in TABLE.iter().filter(|row| !row.flags.is_empty() && matches.contains_id(row.name)) {
        if let Some(value) = value_of(row, &matches)? {
            values.push((row.name, value));
        }
    }
    let positionals = positionals(&matches)?;
    Ok(Parsed { values, positionals })
}

/// Python would keep bytes that are no UTF-8; settings are text, so they are refused.
fn text_of(args: &[OsString]) -> Result<Vec<String>, Refusal> {
    let texts = args.iter().map(|arg| {
        arg.to_str().map(str::to_owned).ok_or_else(|| {
            Refusal::Usage(format!("argument '{}' is not valid UTF-8", arg.to_string_lossy().escape_debug()))
        })
    });
    texts.collect()
}

/// The typed value of an option; `None` if it was not given.
fn value_of(row: &Setting, matches: &ArgMatches) -> Result<Option<Value>, Refusal> {
    match row.kind {
        Kind::Switch | Kind::OffSwitch => {
            Ok(matches.get_flag(row.name).then_some(Value::Bool(matches!(row.kind, Kind::Switch))))
        }
        Kind::Texts | Kind::Files => {
            Ok(matches.get_many::<String>(row.name).map(|items| Value::List(items.cloned().collect())))
        }
        Kind::Int { cli, .. } => {
            matches.get_one::<String>(row.name).map(|text| int_of(row, text, cli)).transpose()
        }
        _ => Ok(matches.get_one::<String>(row.name).map(|text| Value::Str(text.clone()))),
    }
}

fn int_of(row: &Setting, text: &str, cli: CliInt) -> Result<Value, Refusal> {
    let base = match cli {
        CliInt::Text => return Ok(Value::from(text)),
        CliInt::Decimal => Base::Decimal,
        CliInt::Octal => Base::Octal,
    };
    python_int(text, base).map(Value::Int).ok_or_else(|| {
        let wants = if cli == CliInt::Octal { "a number such as 022, 0o22 or 18" } else { "a whole number" };
        Refusal::Usage(format!("argument {}: '{text}' is not {wants}", row.flags.join("/")))
    })
}

/// argparse takes one run of positionals; what follows after an option is "unrecognized".
fn positionals(matches: &ArgMatches) -> Result<Vec<String>, Refusal> {
    let texts: Vec<String> = matches
        .get_many::<String>(options::POSITIONALS)
        .map(|texts| texts.cloned().collect())
        .unwrap_or_default();
    let indices: Vec<usize> =
        matches.indices_of(options::POSITIONALS).map(Iterator::collect).unwrap_or_default();
    let run = indices.windows(2).take_while(|pair| pair[1] == pair[0] + 1).count() + 1;
    if run < texts.len() {
        return Err(Refusal::Usage(format!("unrecognized arguments: {}", texts[run..].join(" "))));
    }
    Ok(texts)
}

#[cfg(test)]
mod tests;
