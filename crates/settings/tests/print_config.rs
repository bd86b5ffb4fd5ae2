//! `--print-config` as a whole, against a committed text.

use tricorn_settings::{Arity, Foreign, ForeignKind, Settings, Source, Value, print_config};

const EXPECTED: &str = include_str!("print_config.txt");

fn foreign(label: &str, kind: ForeignKind) -> Value {
    Value::Foreign(Foreign { id: 1, label: label.to_owned(), arity: Some(Arity(1)), kind })
}

#[test]
fn every_setting_is_printed_as_python_would() {
    let mut settings = Settings::with_defaults(&|_| None).expect("the defaults are right");
    for (name, value) in [
        ("chdir", Value::from("/")),
        ("user", Value::Int(0)),
        ("group", Value::from("staff")),
        ("bind", Value::List(vec![":80".to_owned(), "it's".to_owned()])),
        ("secure_scheme_headers", Value::Map(vec![("X-PROTO".to_owned(), "https".to_owned())])),
        ("logconfig_dict", foreign("{'version': 1}", ForeignKind::Dict)),
        ("logger_class", foreign("MyLogger", ForeignKind::Class)),
        ("on_starting", foreign("setup.<locals>.start", ForeignKind::Callable)),
        ("when_ready", Value::from("my.hooks.ready")),
        ("statsd_host", Value::from("[::1]:9125")),
        ("sendfile", Value::Bool(true)),
        ("ssl_version", foreign("_SSLMethod.PROTOCOL_TLS_SERVER", ForeignKind::Other)),
    ] {
        settings.set(name, value, Source::Program).expect("the test's value is right");
    }
    assert_eq!(print_config(&settings) + "\n", EXPECTED);
}
