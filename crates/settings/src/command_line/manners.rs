//! argparse's manners, where clap's differ: arguments are rewritten into what clap reads the same way.
//!
//! - An option with an optional value takes the next word only if that is one of its words: `--proxy-protocol app:app` names an
//!   application. (argparse takes any word, which Gunicorn's users ran into.)
//! - An abbreviation that means one of Gunicorn's options means it, whatever settings we have added.
//! - A word with a space in it is a value even if it begins with a dash: `--access-logformat '-- %(r)s'`.
//!
//! Only whole arguments are looked at; abbreviations count, combined short options are left to clap.

use crate::command_line::options::{
    Meaning, has_optional_value, long_option, preferred_long, short_option, takes_value,
};
use crate::kind::{Kind, Words};
use crate::setting::Setting;

/// The arguments for clap. Everything after `--` stays as it is.
pub(super) fn rewrite(args: Vec<String>) -> Vec<String> {
    let mut out = Vec::with_capacity(args.len());
    let mut rest = args.into_iter().peekable();
    while let Some(arg) = rest.next() {
        let arg = written_out(arg);
        if arg == "--" {
            out.push(arg);
            out.extend(rest);
            break;
        }
        let is_wanted = |next: &String| match bare_option(&arg) {
            Some(row) if has_optional_value(row) => {
                words(row).is_some_and(|words| words.find(next).is_some())
            }
            Some(row) if takes_value(row) => next.starts_with('-') && next.contains(' ') && !is_option(next),
            _ => false,
        };
        match rest.next_if(is_wanted) {
            Some(value) => out.push(format!("{arg}={value}")),
            None => out.push(arg),
        }
    }
    out
}

/// The argument with an abbreviated option written out, so that clap sees one where it would see several.
fn written_out(arg: String) -> String {
    let Some(long) = arg.strip_prefix("--").filter(|long| !long.is_empty()) else { return arg };
    let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
    match (preferred_long(name), value) {
        (None, _) => arg,
        (Some(full), None) => format!("--{full}"),
        (Some(full), Some(value)) => format!("--{full}={value}"),
    }
}

/// The option that an argument without a value of its own names.
fn bare_option(arg: &str) -> Option<&'static Setting> {
    if let Some(long) = arg.strip_prefix("--") {
        return if let Meaning::One(row) = long_option(long) { Some(row) } else { None };
    }
    let mut letters = arg.strip_prefix('-')?.chars();
    let row = short_option(letters.next()?)?;
    letters.next().is_none().then_some(row)
}

/// Whether argparse would take a word with a space for an option all the same: `--bind=a b`, `-ba b`.
fn is_option(arg: &str) -> bool {
    match arg.strip_prefix("--") {
        Some(long) => {
            let name = long.split_once('=').map_or(long, |(name, _)| name);
            !name.is_empty() && !matches!(long_option(name), Meaning::Unknown)
        }
        None => arg
            .chars()
            .nth(1)
            .is_some_and(|letter| letter == 'h' || letter == 'v' || short_option(letter).is_some()),
    }
}

fn words(row: &Setting) -> Option<&'static Words> {
    if let Kind::Word(words) = row.kind { Some(words) } else { None }
}
