//! Whatever is given, there is an answer: no combination of odd words or values panics, and every refusal is one line.

use std::ffi::OsString;

use tricorn_settings::{
    Arity, Config, Foreign, ForeignKind, Settings, Source, TABLE, Value, parse_args, parse_command_args,
    print_config,
};

const WORDS: &[&str] = &[
    "",
    "-",
    "--",
    "---",
    "=",
    "--=",
    "-=",
    "-w",
    "-w=",
    "-wx",
    "-D",
    "-DD",
    "-D-",
    "-Dé",
    "-é",
    "--é",
    "--w",
    "--workers",
    "--workers=",
    "--proxy-protocol",
    "--proxy-p=",
    "--no-sendfile",
    "--no-sendfile=1",
    "-1",
    "-1.5",
    "- a",
    "-b c",
    "--bind= x",
    "auto",
    "é",
    "\0",
    "-h",
    "-v",
    "--help=1",
    "-5w",
];

#[test]
fn pairs_of_words_have_an_outcome() {
    for first in WORDS {
        for second in WORDS.iter().step_by(3) {
            let args = [first, second].map(OsString::from);
            if let Err(exit) = parse_args(&args, "tricorn") {
                assert!(
                    exit.text.ends_with('\n') && (exit.code == 2) == exit.is_error,
                    "{first:?} {second:?}: {exit:?}"
                );
                assert!(
                    !exit.is_error || exit.text.lines().count() == 2,
                    "{first:?} {second:?}: {}",
                    exit.text
                );
            }
        }
        if let Err(error) = parse_command_args(first) {
            assert!(!error.to_string().contains('\n'), "{first:?}: {error}");
        }
    }
}

fn values() -> Vec<Value> {
    let texts = [
        "",
        " ",
        "\0",
        "\n",
        "é",
        "0",
        "-0",
        "0x",
        "9999999999999999999",
        "*",
        "/",
        "//",
        "::/0",
        "/8",
        "1.1.1.1/",
        ":",
        "[",
        "]",
        "[]",
        "[]:",
        "unix:",
        "fd://",
        "tcp://",
        ".",
        "..",
        "a.b",
        "egg:",
        "egg:gunicorn#",
        "true",
        "h1,h2",
        "a=b",
        "=",
        "off",
        "[é]:1",
    ];
    let mut values: Vec<Value> = texts.into_iter().map(Value::from).collect();
    values.extend(texts.map(|text| Value::List(vec![text.to_owned()])));
    values.extend([
        Value::None,
        Value::Bool(true),
        Value::Bool(false),
        Value::List(Vec::new()),
        Value::Map(Vec::new()),
    ]);
    values.extend([0, 1, -1, i64::MAX, i64::MIN].map(Value::Int));
    values.push(Value::Map(vec![("a\n".to_owned(), "'\"".to_owned())]));
    for kind in [ForeignKind::Callable, ForeignKind::Class, ForeignKind::Dict, ForeignKind::Other] {
        for arity in [None, Some(Arity(0)), Some(Arity(2))] {
            values.push(Value::Foreign(Foreign { id: 0, label: "x\ny".to_owned(), arity, kind }));
        }
    }
    values
}

#[test]
fn every_value_of_every_setting_has_an_outcome() {
    let defaults = Settings::with_defaults(&|_| None).expect("the defaults are right");
    let values = values();
    for row in TABLE {
        for value in &values {
            let mut settings = defaults.clone();
            let result = settings.set(row.name, value.clone(), Source::Program);
            let result = result.and_then(|()| Config::from_settings(&settings).map(|_| ()));
            if let Err(error) = result {
                assert!(!error.to_string().contains('\n'), "{} = {value:?}: {error}", row.name);
                assert!(!error.wants().is_empty(), "{} = {value:?}", row.name);
            }
        }
        assert!(!print_config(&defaults).is_empty());
    }
}
