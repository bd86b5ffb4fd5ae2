//! The table against Gunicorn 27.0.1: names, flags, defaults, what its validators accept, what its parser makes of a command line.
//!
//! The expectations in `gunicorn/*.tsv` were extracted from the program by `gunicorn/extract.py`. Every deliberate difference is
//! a row below, with its reason; a difference that no longer exists fails too.

use std::collections::BTreeMap;
use std::ffi::OsString;

use tricorn_settings::{
    Foreign, ForeignKind, Kind, Section, Settings, Since, Source, TABLE, Value, parse_args, print_config,
    setting,
};

const SETTINGS: &str = include_str!("gunicorn/settings.tsv");
const VALUES: &str = include_str!("gunicorn/values.tsv");
const COMMAND_LINES: &str = include_str!("gunicorn/command_lines.tsv");

/// Defaults that are ours.
const DEFAULTS_THAT_DIFFER: &[(&str, &str)] =
    &[("default_proc_name", "tricorn"), ("keepalive", "75"), ("logger_class", "tricorn.glogging.Logger")];

/// Setting and value that Gunicorn accepts and we refuse, or the other way round.
const VALUES_THAT_DIFFER: &[(&str, &str)] = &[
    // Gunicorn iterates whatever it is given, and takes a dict's keys for a list.
    ("bind", "{'A': 'b'}"),
    ("bind", "{'A': 'b', 'C': 'd'}"),
];

/// Command lines with another outcome.
const COMMAND_LINES_THAT_DIFFER: &[(&str, &str)] = &[
    // clap reads it as options; an application's name does not begin with a dash.
    ("'a b' '-a b'", "exit 2"),
];

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().filter(|line| !line.starts_with("# ")).map(|line| line.split('\t').collect())
}

/// The expectations were extracted in the root directory; no test of this file works in another one.
fn defaults() -> Settings {
    std::env::set_current_dir("/").expect("the root directory is there");
    Settings::with_defaults(&|_| None).expect("without environment the defaults are right")
}

/// The value as `--print-config` shows it.
fn printed(settings: &Settings, name: &str) -> String {
    let config = print_config(settings);
    let lines = config.lines().map(|line| line.split_once(" = ").expect("every line has a value"));
    let mut values = lines.filter(|(key, _)| key.trim_end() == name).map(|(_, value)| value.to_owned());
    values.next().expect("every setting is printed")
}

#[test]
fn every_setting_of_gunicorn_has_its_row() {
    let mut count = 0;
    for row in rows(SETTINGS) {
        let [name, section, flags, metavar, action, kind, ..] = row[..] else {
            panic!("a short row: {row:?}")
        };
        let ours = setting(name).unwrap_or_else(|| panic!("no row for {name}"));
        assert_eq!(ours.section.title(), section, "{name}");
        assert_eq!(ours.flags.join(" "), flags, "{name}");
        if !metavar.is_empty() {
            assert_eq!(ours.metavar, metavar, "{name}");
        }
        assert_eq!(action, action_of(ours.kind), "{name}");
        assert_eq!(kind, validator_of(name, ours.kind), "{name}");
        assert!(matches!(ours.since, Since::Gunicorn(_)), "{name}");
        count += 1;
    }
    assert_eq!(count, 120);
    let ours: Vec<&str> =
        TABLE.iter().filter(|row| matches!(row.since, Since::Tricorn(_))).map(|row| row.name).collect();
    assert_eq!(ours.len() + count, TABLE.len(), "ours: {ours:?}");
}

fn action_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Switch => "store_true",
        Kind::OffSwitch => "store_const",
        Kind::Texts | Kind::Files => "append",
        _ => "",
    }
}

fn validator_of(name: &str, kind: Kind) -> &'static str {
    match kind {
        Kind::Switch | Kind::OffSwitch => "bool",
        Kind::Int { min: 0, max: i64::MAX, .. } => "pos_int",
        Kind::Int { min: 1, .. } => "http2_stream_limit",
        Kind::Int { min: 0, .. } => "http2_window_size",
        Kind::Int { .. } => "http2_frame_size",
        Kind::Text => "string",
        Kind::Texts => "list_string",
        Kind::Files => "list_of_files_or_patterns",
        Kind::CommaList => "string_to_list",
        Kind::Peers => "string_to_addr_list",
        Kind::Word(_) => match name {
            "header_map" => "header_map_behaviour",
            "proxy_protocol" => "proxy_protocol",
            "reload_engine" => "reload_engine",
            "asgi_loop" => "asgi_loop",
            "asgi_lifespan" => "asgi_lifespan",
            "http_parser" => "http_parser",
            "http2_cleartext" => "http2_cleartext",
            other => panic!("{other} is no choice of Gunicorn's"),
        },
        Kind::HttpProtocols => "http_protocols",
        Kind::Class => "class",
        Kind::Hook([2, 3, 4]) => "post_request",
        Kind::Hook(_) => "callable",
        Kind::Pairs | Kind::Dict => "dict",
        Kind::User => "user",
        Kind::Group => "group",
        Kind::Directory => "chdir",
        Kind::StatsdAddress => "statsd_address",
        Kind::SslVersion => "ssl_version",
    }
}

#[test]
fn rows_of_a_section_stand_in_gunicorns_order() {
    for section in Section::ALL {
        let theirs: Vec<&str> =
            rows(SETTINGS).filter(|row| row[1] == section.title()).map(|row| row[0]).collect();
        let ours: Vec<&str> = TABLE
            .iter()
            .filter(|row| row.section == section && matches!(row.since, Since::Gunicorn(_)))
            .map(|row| row.name)
            .collect();
        assert_eq!(ours, theirs, "{section:?}");
    }
}

#[test]
fn defaults_are_those_of_gunicorn() {
    let settings = defaults();
    let ours: BTreeMap<&str, &str> = DEFAULTS_THAT_DIFFER.iter().copied().collect();
    for row in rows(SETTINGS) {
        let (name, value) = (row[0], row[7]);
        if value == "computed" {
            continue;
        }
        let expected = ours.get(name).copied().unwrap_or(value);
        assert_eq!(printed(&settings, name), expected, "{name}");
        assert!(!ours.contains_key(name) || expected != value, "{name} does not differ any more");
    }
}

#[test]
fn validators_accept_what_gunicorns_accept() {
    let inputs: Vec<&str> = rows(VALUES).filter(|row| row[0] == "*").map(|row| row[1]).collect();
    let mut accepted: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for row in rows(VALUES).filter(|row| row[0] != "*") {
        accepted.entry(row[0]).or_default().insert(row[1], row[2]);
    }
    let mut wrong = Vec::new();
    for (name, outcomes) in &accepted {
        for input in &inputs {
            let mut settings = defaults();
            let result = settings.set(name, literal(input), Source::Program);
            let ours = result.ok().map(|()| printed(&settings, name));
            let theirs = outcomes.get(input).map(|text| (*text).to_owned());
            let is_listed = VALUES_THAT_DIFFER.contains(&(*name, *input));
            if (ours == theirs) == is_listed {
                wrong.push(format!("{name} = {input}: ours {ours:?}, theirs {theirs:?}"));
            }
        }
    }
    assert!(accepted.len() > 20 && inputs.len() > 100, "the table is not complete");
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// The Python literals that extract.py writes: no escapes, no nesting.
fn literal(text: &str) -> Value {
    match text {
        "None" => Value::None,
        "True" => Value::Bool(true),
        "False" => Value::Bool(false),
        _ if text.starts_with('\'') => Value::Str(unquoted(text)),
        _ if text.starts_with('[') => Value::List(items(text).map(unquoted).collect()),
        _ if text.starts_with('{') => Value::Map(items(text).map(pair).collect()),
        _ => text.parse().map_or_else(|_| foreign(text), Value::Int),
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text[1..text.len() - 1].split(", ").filter(|item| !item.is_empty())
}

fn pair(text: &str) -> (String, String) {
    let (key, value) = text.split_once(": ").expect("a pair has a colon");
    (unquoted(key), unquoted(value))
}

fn unquoted(text: &str) -> String {
    text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).expect("a text has quotes").to_owned()
}

fn foreign(label: &str) -> Value {
    Value::Foreign(Foreign { id: 1, label: label.to_owned(), arity: None, kind: ForeignKind::Other })
}

#[test]
fn command_lines_mean_what_argparse_makes_of_them() {
    let ours: BTreeMap<&str, &str> = COMMAND_LINES_THAT_DIFFER.iter().copied().collect();
    let mut wrong = Vec::new();
    for row in rows(COMMAND_LINES) {
        let expected = ours.get(row[0]).copied().unwrap_or(row[1]);
        let outcome = outcome(row[0]);
        if outcome != expected {
            wrong.push(format!("{}\n  ours     {outcome}\n  expected {expected}", row[0]));
        }
        assert!(!ours.contains_key(row[0]) || outcome != row[1], "{} does not differ any more", row[0]);
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// As extract.py writes it: options by name, then the positionals.
fn outcome(line: &str) -> String {
    let args: Vec<OsString> = words(line).into_iter().map(OsString::from).collect();
    match parse_args(&args, "tricorn") {
        Err(exit) => format!("exit {}", exit.code),
        Ok(parsed) => {
            let mut texts: Vec<String> =
                parsed.values.iter().map(|(name, value)| format!("{name}={}", python(value))).collect();
            texts.sort();
            texts.push(format!("args={}", python(&Value::List(parsed.positionals))));
            texts.join("; ")
        }
    }
}

/// Splits at spaces outside single quotes; the lines use no other quoting.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<Option<String>> = vec![None];
    for (i, part) in line.split('\'').enumerate() {
        for (j, piece) in part.split(' ').enumerate() {
            if i % 2 == 1 {
                let word = words.last_mut().expect("there is always a word").get_or_insert_default();
                word.push_str(if j > 0 { " " } else { "" });
                word.push_str(piece);
            } else {
                if j > 0 {
                    words.push(None);
                }
                if !piece.is_empty() {
                    words.last_mut().expect("there is always a word").get_or_insert_default().push_str(piece);
                }
            }
        }
    }
    words.into_iter().flatten().collect()
}

fn python(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Str(text) => format!("'{text}'"),
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| format!("'{item}'")).collect::<Vec<_>>().join(", "))
        }
        other => panic!("the command line makes no {other:?}"),
    }
}
