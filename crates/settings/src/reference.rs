//! The reference page of the settings, generated from the table.
//!
//! `examples/reference.rs` prints it into docs/reference/settings.md; a test fails if that file is not current.

use crate::kind::{CliInt, Kind};
use crate::setting::{Default, Effect, Scope, Section, Setting, Since};
use crate::table::TABLE;
use crate::value::Value;

const INTRODUCTION: &str = "\
# Settings

<!-- Generated from the table of crates/settings. Change the table, then run:
     cargo run -p tricorn-settings --example reference > docs/reference/settings.md -->

A setting gets its value from these layers; a later one wins:

1. its default, which an environment variable may change where the setting says so;
2. the program that embeds the server;
3. the config file;
4. the options in the environment variable `GUNICORN_CMD_ARGS`;
5. the command line.

A list given by a later layer replaces the earlier list. Long options may be abbreviated as long as one option is meant.
*Scope* says who uses the value: *launch* values are used once, while the command starts; a reload (SIGHUP) applies *master* values
to the master and *worker* values to the workers it starts.
Settings marked *no effect yet* are accepted and validated; if one is set, the start says so.
";

/// The whole page, in Markdown.
pub fn settings_reference() -> String {
    let mut parts = vec![INTRODUCTION.to_owned()];
    for section in Section::ALL {
        parts.push(format!("## {}\n", section.title()));
        parts.extend(TABLE.iter().filter(|row| row.section == section).map(entry));
    }
    parts.join("\n")
}

fn entry(row: &Setting) -> String {
    let mut lines = vec![format!("### `{}`\n\n{}\n", row.name, row.help.replace('\n', " "))];
    if !row.flags.is_empty() {
        let metavar = if row.metavar.is_empty() { String::new() } else { format!(" {}", row.metavar) };
        let flags: Vec<String> = row.flags.iter().map(|flag| format!("`{flag}{metavar}`")).collect();
        lines.push(format!("- Command line: {}", flags.join(", ")));
    }
    lines.push(format!("- Value: {}", values(row.kind)));
    lines.push(format!("- Default: {}", default(row)));
    lines.push(format!("- Scope: {}", scope(row.scope)));
    match row.effect {
        Effect::Active => {}
        Effect::NotYet => lines.push("- **No effect yet**".to_owned()),
        Effect::Moot(reason) => lines.push(format!("- No effect: {reason}")),
    }
    match row.since {
        Since::Gunicorn(None) => {}
        Since::Gunicorn(Some(version)) => lines.push(format!("- Since: Gunicorn {version}")),
        Since::Tricorn(version) => lines.push(format!("- Since: Tricorn {version} (not in Gunicorn)")),
    }
    lines.join("\n") + "\n"
}

fn values(kind: Kind) -> String {
    match kind {
        Kind::Switch | Kind::OffSwitch => "`True` or `False`".to_owned(),
        Kind::Int { min, max: i64::MAX, cli } => format!("whole number, {min} or more{}", int_note(cli)),
        Kind::Int { min, max, cli } => format!("whole number from {min} to {max}{}", int_note(cli)),
        Kind::Text => "text".to_owned(),
        Kind::Texts => "list of texts".to_owned(),
        Kind::Files => "list of paths and patterns".to_owned(),
        Kind::CommaList => "text with commas".to_owned(),
        Kind::Peers => "text with commas: IP addresses, networks (10.0.0.0/8) or `*`".to_owned(),
        Kind::Word(words) => {
            words.stored().iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        Kind::HttpProtocols => "`h1`, `h2` or both with a comma".to_owned(),
        Kind::Class => "name or import path of a class, or a class".to_owned(),
        Kind::Hook(arities) => {
            let counts: Vec<String> = arities.iter().map(u8::to_string).collect();
            format!("callable with {} parameter(s), or its dotted path", counts.join(", "))
        }
        Kind::Pairs => "dict of texts".to_owned(),
        Kind::Dict => "dict".to_owned(),
        Kind::User => "name or number of a user".to_owned(),
        Kind::Group => "name or number of a group".to_owned(),
        Kind::Directory => "path of a directory".to_owned(),
        Kind::StatsdAddress => "`HOST:PORT`, `[v6]:PORT` or `unix://PATH`".to_owned(),
        Kind::SslVersion => "anything".to_owned(),
    }
}

fn int_note(cli: CliInt) -> &'static str {
    if cli == CliInt::Octal { "; prefixes 0x, 0o, 0b" } else { "" }
}

fn default(row: &Setting) -> String {
    let text = match row.default {
        Default::None if matches!(row.kind, Kind::Hook(_)) => "nothing is called".to_owned(),
        Default::None => "not set".to_owned(),
        Default::Int(number) if matches!(row.kind, Kind::Int { cli: CliInt::Octal, .. }) => {
            format!("`{number:#o}`")
        }
        Default::Bool(is_on) => code(&Value::Bool(is_on)),
        Default::Int(number) => code(&Value::Int(number)),
        Default::Text(text) => code(&Value::from(text)),
        Default::Texts(texts) => code(&Value::List(texts.iter().map(|&text| text.to_owned()).collect())),
        Default::Pairs(pairs) => {
            code(&Value::Map(pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()))
        }
        Default::WorkingDirectory => "the directory of the start".to_owned(),
        Default::EffectiveUser => "the user who starts the server".to_owned(),
        Default::EffectiveGroup => "the group of the user who starts the server".to_owned(),
    };
    match row.environment {
        Some(from) => format!("{text}, or what the environment variable `{}` says", from.variable),
        None => text,
    }
}

fn code(value: &Value) -> String {
    format!("`{}`", crate::python::repr(value))
}

fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Launch => "launch",
        Scope::Master => "master",
        Scope::Worker => "worker",
    }
}
