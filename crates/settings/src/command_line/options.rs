//! The clap command, made of the rows of `TABLE`.
//!
//! Also answers which option a word means, with abbreviations as argparse allows them; `manners` and `refusal` ask that.

use clap::{Arg, ArgAction, Command};

use crate::kind::Kind;
use crate::python;
use crate::setting::{Default, Section, Setting, Since};
use crate::table::TABLE;
use crate::value::Value;

/// The id of the positional arguments.
pub(super) const POSITIONALS: &str = "args";

/// The columns of `--help`: argparse's, when it does not know the terminal.
const HELP_COLUMNS: usize = 80;

/// The usage line, without a newline.
pub(super) fn usage(program: &str) -> String {
    format!("usage: {program} [OPTIONS] [APP_MODULE]")
}

/// The parser for everything `TABLE` declares.
pub(super) fn command(program: &str) -> Command {
    let command = Command::new("tricorn")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .version(crate::VERSION)
        .infer_long_args(true)
        .args_override_self(true)
        .term_width(HELP_COLUMNS)
        .help_template(format!("{}\n\n{{all-args}}\n", usage(program)))
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).help("show this help and exit"))
        .arg(
            Arg::new("version")
                .short('v')
                .long("version")
                .action(ArgAction::Version)
                .help("show the version and exit"),
        )
        .arg(
            Arg::new(POSITIONALS)
                .num_args(0..)
                .action(ArgAction::Append)
                .allow_negative_numbers(true)
                .hide(true),
        );
    let in_order =
        Section::ALL.iter().flat_map(|section| TABLE.iter().filter(move |row| row.section == *section));
    command.args(in_order.filter(|row| !row.flags.is_empty()).map(option))
}

fn option(row: &'static Setting) -> Arg {
    let mut longs = row.long_flags();
    let arg = Arg::new(row.name)
        .long(longs.next().expect("every row with flags has a long one"))
        .visible_aliases(longs)
        .help(format!("{} [{}]", row.summary(), default_text(row)))
        .help_heading(row.section.title());
    let arg = if let Some(short) = row.short_flag() { arg.short(short) } else { arg };
    if !takes_value(row) {
        return arg.action(ArgAction::SetTrue);
    }
    let is_list = matches!(row.kind, Kind::Texts | Kind::Files);
    let arg = arg.value_name(row.metavar).allow_negative_numbers(true).action(if is_list {
        ArgAction::Append
    } else {
        ArgAction::Set
    });
    if has_optional_value(row) {
        arg.num_args(0..=1).require_equals(true).default_missing_value("auto")
    } else {
        arg
    }
}

/// The default as `--help` shows it: what the row writes, before the environment is asked.
fn default_text(row: &Setting) -> String {
    match row.default {
        Default::None => "None".to_owned(),
        Default::Bool(is_on) => python::text(&Value::Bool(is_on)),
        Default::Int(number)
            if matches!(row.kind, Kind::Int { cli: crate::CliInt::Octal, .. }) && number != 0 =>
        {
            format!("{number:#o}")
        }
        Default::Int(number) => number.to_string(),
        Default::Text(text) => text.to_owned(),
        Default::Texts(texts) => {
            python::text(&Value::List(texts.iter().map(|&text| text.to_owned()).collect()))
        }
        Default::Pairs(_) => "{}".to_owned(),
        Default::WorkingDirectory => ".".to_owned(),
        Default::EffectiveUser => "own user".to_owned(),
        Default::EffectiveGroup => "own group".to_owned(),
    }
}

/// Whether the option is followed by a value.
pub(super) fn takes_value(row: &Setting) -> bool {
    !matches!(row.kind, Kind::Switch | Kind::OffSwitch)
}

/// Whether the value may be left out.
pub(super) fn has_optional_value(row: &Setting) -> bool {
    row.name == "proxy_protocol"
}

/// What a long option's name (without dashes) can mean: one row if it is exact or an unambiguous abbreviation.
pub(super) enum Meaning {
    /// `--help` or `--version`.
    Builtin,
    /// This setting.
    One(&'static Setting),
    /// Nothing.
    Unknown,
    /// Several options, with their dashes.
    Ambiguous(Vec<String>),
}

/// Resolves a long option's name.
pub(super) fn long_option(name: &str) -> Meaning {
    let exact = TABLE.iter().find(|row| row.long_flags().any(|long| long == name));
    if let Some(row) = exact {
        return Meaning::One(row);
    }
    let builtins: Vec<&str> = ["help", "version"].into_iter().filter(|long| long.starts_with(name)).collect();
    let rows: Vec<(&str, &'static Setting)> = TABLE
        .iter()
        .filter_map(|row| row.long_flags().find(|long| long.starts_with(name)).map(|long| (long, row)))
        .collect();
    if let (true, Some((_, row))) = (builtins.is_empty(), gunicorns(&rows)) {
        return Meaning::One(row);
    }
    match (builtins.len(), rows.as_slice()) {
        (0, []) => Meaning::Unknown,
        (1, []) => Meaning::Builtin,
        (0, [(_, row)]) => Meaning::One(row),
        _ => {
            let longs = builtins.into_iter().chain(rows.iter().map(|(long, _)| *long));
            Meaning::Ambiguous(longs.map(|long| format!("--{long}")).collect())
        }
    }
}

/// The long option that an abbreviation of several means, for clap, which knows no preference.
pub(super) fn preferred_long(name: &str) -> Option<&'static str> {
    match long_option(name) {
        Meaning::One(row) if row.long_flags().all(|long| long != name) => {
            row.long_flags().find(|long| long.starts_with(name))
        }
        _ => None,
    }
}

/// Of several options the one that Gunicorn has: a setting of ours takes no abbreviation away from its settings.
fn gunicorns<'a>(rows: &[(&'a str, &'static Setting)]) -> Option<(&'a str, &'static Setting)> {
    let mut theirs = rows.iter().filter(|(_, row)| matches!(row.since, Since::Gunicorn(_)));
    theirs.next().copied().filter(|_| theirs.next().is_none())
}

/// The row of a short option.
pub(super) fn short_option(letter: char) -> Option<&'static Setting> {
    TABLE.iter().find(|row| row.short_flag() == Some(letter))
}
