//! What kinds accept and what they say when they refuse. Agreement with Gunicorn is checked in `tests/gunicorn.rs`.

use std::path::Path;

use crate::kind::{Base, python_int};
use crate::table::setting;
use crate::value::{Arity, Foreign, ForeignKind, Value};

fn foreign(kind: ForeignKind, arity: Option<u8>) -> Value {
    Value::Foreign(Foreign { id: 7, label: "thing".to_owned(), arity: arity.map(Arity), kind })
}

fn texts(items: &[&str]) -> Value {
    Value::List(items.iter().map(|&item| item.to_owned()).collect())
}

fn check(name: &str, value: Value) -> Result<Value, String> {
    setting(name).expect("the test names a setting").kind.check(value, Path::new("/"))
}

#[test]
fn right_values_are_normalised() {
    for (name, value, expected) in [
        ("workers", Value::from("0x10"), Value::Int(16)),
        ("workers", Value::Bool(true), Value::Int(1)),
        ("daemon", Value::from(" True "), Value::Bool(true)),
        ("daemon", Value::None, Value::None),
        ("pidfile", Value::from(" /run/x "), Value::from("/run/x")),
        ("bind", Value::from(":80"), texts(&[":80"])),
        ("bind", Value::None, texts(&[])),
        ("forwarded_allow_ips", Value::from("10.0.0.0/8, *"), texts(&["10.0.0.0/8", "*"])),
        ("forwarder_headers", Value::from("A,,B "), texts(&["A", "B"])),
        ("proxy_protocol", Value::Bool(true), Value::from("auto")),
        ("proxy_protocol", Value::from(" V1"), Value::from("v1")),
        ("header_map", Value::None, Value::None),
        ("body_spool", Value::from("Stream"), Value::from("stream")),
        ("http_protocols", Value::from("H2, h1"), texts(&["h2", "h1"])),
        ("user", Value::from("12"), Value::Int(12)),
        ("user", Value::from("www-data"), Value::from("www-data")),
        ("user", Value::None, Value::Int(i64::from(rustix::process::geteuid().as_raw()))),
        ("group", Value::None, Value::Int(i64::from(rustix::process::getegid().as_raw()))),
        ("chdir", Value::from("/../tmp/./x/.."), Value::from("/tmp")),
        ("ssl_version", Value::from("TLS"), Value::from("TLS")),
        ("worker_class", foreign(ForeignKind::Class, None), foreign(ForeignKind::Class, None)),
        ("logconfig_dict", foreign(ForeignKind::Dict, None), foreign(ForeignKind::Dict, None)),
        ("pre_fork", foreign(ForeignKind::Callable, Some(2)), foreign(ForeignKind::Callable, Some(2))),
        ("pre_fork", foreign(ForeignKind::Callable, None), foreign(ForeignKind::Callable, None)),
        ("pre_fork", Value::from("pkg.mod.hook"), Value::from("pkg.mod.hook")),
        ("post_request", foreign(ForeignKind::Callable, Some(3)), foreign(ForeignKind::Callable, Some(3))),
        (
            "nworkers_changed",
            foreign(ForeignKind::Callable, Some(3)),
            foreign(ForeignKind::Callable, Some(3)),
        ),
    ] {
        assert_eq!(check(name, value.clone()), Ok(expected), "{name} = {value:?}");
    }
}

#[test]
fn wrong_values_are_told_what_would_be_right() {
    for (name, value, expected) in [
        ("workers", Value::from("many"), "must be a whole number, 0 or more"),
        ("workers", Value::Int(-1), "must be a whole number, 0 or more"),
        ("workers", Value::None, "must be a whole number, 0 or more"),
        ("workers", Value::from("9223372036854775808"), "must be a whole number, 0 or more"),
        ("workers", foreign(ForeignKind::Other, None), "must be a whole number, 0 or more"),
        ("http2_max_frame_size", Value::Int(1), "must be a whole number from 16384 to 16777215"),
        ("http2_max_concurrent_streams", Value::Int(0), "must be a whole number, 1 or more"),
        ("daemon", Value::Int(1), "must be True or False, or the text 'true' or 'false'"),
        ("daemon", Value::from("yes"), "must be True or False, or the text 'true' or 'false'"),
        ("pidfile", Value::Int(1), "must be a text, not int"),
        ("syslog", foreign(ForeignKind::Other, None), "must be True or False, or the text 'true' or 'false'"),
        ("bind", Value::Int(80), "must be a text or a list of texts, not int"),
        ("bind", foreign(ForeignKind::Other, None), "must be a text or a list of texts, not object"),
        (
            "reload_extra_files",
            Value::from("/no/such"),
            "file '/no/such' does not exist (entries with * ? [ are patterns and may match nothing)",
        ),
        (
            "forwarded_allow_ips",
            Value::from("10.0.0.1/8"),
            "'10.0.0.1/8' has bits beyond its prefix; the network is 10.0.0.0/8",
        ),
        (
            "proxy_allow_ips",
            Value::from("proxy.local"),
            "'proxy.local' is no IP address, network (10.0.0.0/8) or *",
        ),
        ("forwarded_allow_ips", texts(&["::1"]), "must be one text with commas, 'A,B', not list"),
        ("proxy_protocol", Value::from("v3"), "must be one of off, v1, v2, auto"),
        ("body_spool", Value::None, "must be one of file, stream"),
        ("reload_engine", Value::from("Auto"), "must be one of auto, poll, inotify"),
        ("http_protocols", Value::from("h3"), "'h3' is no protocol; must be h1, h2 or both with a comma"),
        ("http_protocols", Value::from("h1,h1"), "'h1' stands there twice"),
        ("http_protocols", Value::Int(1), "must be one text with commas, 'h2,h1', not int"),
        (
            "worker_class",
            foreign(ForeignKind::Callable, Some(0)),
            "must be a class or the text that names one, not a callable",
        ),
        (
            "pre_fork",
            foreign(ForeignKind::Callable, Some(1)),
            "must be a callable with 2 positional parameters, not 1",
        ),
        (
            "on_exit",
            foreign(ForeignKind::Callable, Some(0)),
            "must be a callable with 1 positional parameter, not 0",
        ),
        (
            "post_request",
            foreign(ForeignKind::Callable, Some(1)),
            "must be a callable with 2 or 3 or 4 positional parameters, not 1",
        ),
        ("on_exit", Value::None, "must be a callable with 1 positional parameter, not None"),
        (
            "on_exit",
            Value::from("hook"),
            "must be a callable with 1 positional parameter, or the dotted path of one (package.module.object)",
        ),
        ("secure_scheme_headers", foreign(ForeignKind::Dict, None), "must be a dict of texts only"),
        ("logconfig_dict", Value::from("x"), "must be a dict, not str"),
        ("user", Value::Int(-1), "must be the name of a user, or its number, 0 to 4294967295"),
        ("group", Value::Bool(true), "must be the name of a group, or its number, 0 to 4294967295"),
        ("group", Value::from("4294967296"), "must be a group name, or a group number of at most 4294967295"),
        ("user", Value::from(""), "must be the name of a user, or its number, 0 to 4294967295"),
        ("chdir", Value::from("no/such"), "there is no directory '/no/such'"),
        ("chdir", Value::None, "must be the path of a directory, not None"),
        ("statsd_host", Value::from("host:port"), "must be HOST:PORT, [v6]:PORT or unix://PATH"),
    ] {
        assert_eq!(check(name, value.clone()), Err(expected.to_owned()), "{name} = {value:?}");
    }
}

#[test]
fn numbers_are_read_as_python_reads_them() {
    for (text, decimal, prefix, octal) in [
        ("0", Some(0), Some(0), Some(0)),
        ("42", Some(42), Some(42), Some(42)),
        (" -7\n", Some(-7), Some(-7), Some(-7)),
        ("+7", Some(7), Some(7), Some(7)),
        ("022", Some(22), None, Some(18)),
        ("000", Some(0), Some(0), Some(0)),
        ("00_0", Some(0), Some(0), Some(0)),
        ("0x1F", None, Some(31), Some(31)),
        ("0o17", None, Some(15), Some(15)),
        ("0B11", None, Some(3), Some(3)),
        ("0x_1", None, Some(1), Some(1)),
        ("0x", None, None, None),
        ("0x-1", None, None, None),
        ("-0x1", None, Some(-1), Some(-1)),
        ("1_000", Some(1000), Some(1000), Some(1000)),
        ("1__0", None, None, None),
        ("_1", None, None, None),
        ("1_", None, None, None),
        ("--1", None, None, None),
        ("+-1", None, None, None),
        ("089", Some(89), None, None),
        ("", None, None, None),
        ("-", None, None, None),
        ("1.0", None, None, None),
        ("9223372036854775807", Some(i64::MAX), Some(i64::MAX), Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN), Some(i64::MIN), Some(i64::MIN)),
        ("9223372036854775808", None, None, None),
        ("é", None, None, None),
    ] {
        assert_eq!(python_int(text, Base::Decimal), decimal, "{text:?} decimal");
        assert_eq!(python_int(text, Base::Prefix), prefix, "{text:?} prefix");
        assert_eq!(python_int(text, Base::Octal), octal, "{text:?} octal");
    }
}
