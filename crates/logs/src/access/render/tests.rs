//! Lines against those of a real Gunicorn (testdata/access.jsonl), and what is deliberately different.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::Value;

use crate::access::{AccessFormat, AccessRecord, FieldKind, Text};
use crate::clock::{AccessStamp, LocalClock};

const GOLDEN: &str = include_str!("../../../testdata/access.jsonl");

/// An exchange as generate.py describes it.
#[derive(Deserialize)]
struct Exchange {
    name: String,
    environ: serde_json::Map<String, Value>,
    request: Vec<(String, String)>,
    response: Vec<(String, String)>,
    status: String,
    sent: Option<u64>,
    elapsed: (u64, u32),
}

#[derive(Deserialize)]
struct Row {
    record: String,
    format: String,
    zone: String,
    time: u64,
    line: Option<String>,
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("the golden texts are latin-1")).collect()
}

fn last_of<'a>(fields: &'a [(String, String)], name: &str) -> Option<Text<'a>> {
    let (_, value) = fields.iter().rev().find(|(field, _)| field.eq_ignore_ascii_case(name))?;
    Some(Text::Unicode(Cow::Borrowed(value)))
}

impl Exchange {
    fn environ(&self, name: &str) -> Option<Vec<u8>> {
        self.environ.get(name).map(|value| latin1(value.as_str().expect("environ values are texts")))
    }

    fn line(&self, format: &AccessFormat, zone: &str, time: u64) -> String {
        let must = |name: &str| self.environ(name).expect("every exchange has a request line");
        let (method, uri, path) = (must("REQUEST_METHOD"), must("RAW_URI"), must("PATH_INFO"));
        let (query, protocol) = (must("QUERY_STRING"), must("SERVER_PROTOCOL"));
        let [authorization, referer, agent] =
            ["HTTP_AUTHORIZATION", "HTTP_REFERER", "HTTP_USER_AGENT"].map(|name| self.environ(name));
        let record = AccessRecord {
            remote_addr: self.environ.get("REMOTE_ADDR").and_then(Value::as_str),
            authorization: authorization.as_deref(),
            time: UNIX_EPOCH + Duration::from_secs(time),
            method: &method,
            uri: &uri,
            path: &path,
            query: &query,
            protocol: &protocol,
            status: self.status[..3].parse().expect("a status begins with three digits"),
            sent_bytes: self.sent,
            referer: referer.as_deref(),
            agent: agent.as_deref(),
            elapsed: Duration::from_secs(self.elapsed.0) + Duration::from_micros(u64::from(self.elapsed.1)),
            pid: 4242,
            request_field: &|name| last_of(&self.request, name),
            response_field: &|name| last_of(&self.response, name),
            environ: &|name| {
                let (_, value) = self.environ.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
                value.as_str().map(|text| Text::Unicode(Cow::Borrowed(text)))
            },
        };
        let mut stamp = AccessStamp::default();
        let mut out = Vec::new();
        format.render(&record, stamp.at(record.time, &LocalClock::in_zone(zone)), &mut out);
        String::from_utf8(out).expect("a line is UTF-8")
    }
}

fn exchanges() -> Vec<Exchange> {
    GOLDEN.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn every_line_is_gunicorns() {
    let exchanges = exchanges();
    let mut compared = 0;
    for line in GOLDEN.lines().skip(exchanges.len()) {
        let row: Row = serde_json::from_str(line).expect("after the exchanges come rows");
        let exchange =
            exchanges.iter().find(|exchange| exchange.name == row.record).expect("rows name exchanges");
        let compiled = AccessFormat::compile(&row.format);
        if row.format == "%(B)d" || (row.format == "%(B)s" && exchange.sent.is_none()) {
            // Python's None: `None` as text, a traceback as a number. Here it is the `-` of everything that is missing.
            let expected = exchange.sent.map_or("-".to_owned(), |sent| sent.to_string());
            let format = compiled.expect("%(B)s and %(B)d are sound");
            assert_eq!(exchange.line(&format, &row.zone, row.time), expected);
        } else if let Some(expected) = &row.line {
            let format = compiled.unwrap_or_else(|e| panic!("{:?} is sound: {e}", row.format));
            assert_eq!(
                &exchange.line(&format, &row.zone, row.time),
                expected,
                "{:?} of {}",
                row.format,
                row.record
            );
        } else {
            assert!(compiled.is_err(), "Gunicorn logs a traceback for {:?}", row.format);
        }
        compared += 1;
    }
    assert!(compared > 500, "only {compared} golden lines were read");
}

/// A record of which each test changes what it is about.
fn record<'a>() -> AccessRecord<'a> {
    AccessRecord {
        remote_addr: Some("192.0.2.1"),
        authorization: None,
        time: UNIX_EPOCH,
        method: b"GET",
        uri: b"/",
        path: b"/",
        query: b"",
        protocol: b"HTTP/1.1",
        status: 200,
        sent_bytes: Some(5),
        referer: None,
        agent: None,
        elapsed: Duration::from_micros(1_234_567),
        pid: 7,
        request_field: &|_| None,
        response_field: &|_| None,
        environ: &|_| None,
    }
}

fn check(format: &str, record: &AccessRecord<'_>, expected: &str) {
    let compiled = AccessFormat::compile(format).unwrap_or_else(|e| panic!("{format:?} is sound: {e}"));
    let mut out = Vec::new();
    compiled.render(record, "[now]", &mut out);
    assert_eq!(String::from_utf8(out).as_deref(), Ok(expected), "{format:?}");
}

#[test]
fn no_control_byte_of_a_client_reaches_the_line() {
    for byte in (0..0x20).chain(0x7f..=0x9f) {
        let value = [b'a', byte, b'b'];
        let (path, field) = (&value[..], &|_: &str| Some(Text::Latin1(b"\r\n\x1b")));
        let record = AccessRecord {
            uri: path,
            path,
            query: path,
            referer: Some(path),
            agent: Some(path),
            request_field: field,
            response_field: field,
            environ: field,
            ..record()
        };
        let format = "%(r)s %(U)s %(q)s %(f)s %(a)s %(a)9s %(a)r %({x}i)s %({x}o)s %({x}e)s";
        for format in [format, &format!("{{\"all\": \"{format}\"}}")] {
            let mut out = Vec::new();
            AccessFormat::compile(format).expect("the format is sound").render(&record, "[now]", &mut out);
            let line = String::from_utf8(out).expect("a line is UTF-8");
            assert!(!line.chars().any(char::is_control), "byte {byte:#04x}: {line:?}");
        }
    }
    check("%(U)s", &AccessRecord { path: b"/echo/\r\nX-Inj:1", ..record() }, r"/echo/\x0d\x0aX-Inj:1");
}

#[test]
fn latin1_becomes_utf8() {
    check("%(U)s", &AccessRecord { path: "/é".as_bytes(), ..record() }, "/\u{c3}\u{a9}");
    check("%(a)s", &AccessRecord { agent: Some(b"caf\xe9"), ..record() }, "café");
}

#[test]
fn durations_do_not_wrap_after_a_day() {
    let elapsed = Duration::from_micros(90_000_000_001);
    check(
        "%(T)s %(M)s %(D)s %(L)s",
        &AccessRecord { elapsed, ..record() },
        "90000 90000000 90000000001 90000.000001",
    );
}

#[test]
fn numbers_that_are_text_in_gunicorn_may_be_formatted_as_numbers() {
    let missing = AccessRecord { sent_bytes: None, ..record() };
    check("%(s)d %(b)05d %(L).3f %(L)d", &record(), "200 00005 1.235 1");
    check("[%(b)5d] %(b)s %(B)s", &missing, "[    -] - -");
}

#[test]
fn a_cut_never_leaves_half_an_escape() {
    check("%(a).2s|", &AccessRecord { agent: Some(b"a\"b"), ..record() }, r#"a\"|"#);
    check(r#"{"a": "%(a).1s"}"#, &AccessRecord { agent: Some(b"\\\\"), ..record() }, r#"{"a": "\\"}"#);
}

#[test]
fn a_json_format_gives_json_whatever_a_client_sends() {
    let hostile: Vec<u8> =
        (0..=255).rev().chain(b"\", \"admin\": true, \"x\": \"\\".iter().copied()).collect();
    let record = AccessRecord {
        uri: &hostile,
        agent: Some(&hostile),
        sent_bytes: None,
        request_field: &|_| Some(Text::Unicode(Cow::Borrowed("\u{2028}\"\u{1f600}"))),
        ..record()
    };
    let format = r#" {"r": "%(r)s", "a": %(a)s, "f": %(f)s, "s": %(s)s, "b": %(b)s, "L": %(L)s, "i": "%({x}i)s", "\"%%": "%(a)10.3r", "p": %(p)4s, "n": [%(b)3s], "m": %(m)5s} "#;
    let mut out = Vec::new();
    AccessFormat::compile(format).expect("the format is sound").render(&record, "[now]", &mut out);
    let json: Value =
        serde_json::from_slice(&out).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out)));
    let text: String = hostile.iter().map(|&byte| char::from(byte)).collect();
    for (key, expected) in [
        ("r", Value::from(format!("GET {text} HTTP/1.1"))),
        ("a", Value::from(text.as_str())),
        ("f", Value::Null),
        ("s", Value::from(200)),
        ("b", Value::Null),
        ("L", Value::from(1.234_567)),
        ("i", Value::from("\u{2028}\"\u{1f600}")),
        ("\"%", Value::from("       \u{ff}\u{fe}\u{fd}")),
        ("p", Value::from("<7>")),
        ("n", Value::from(vec![Value::Null])),
        ("m", Value::from("GET")),
    ] {
        assert_eq!(json[key], expected, "{key}");
    }
}

#[test]
fn a_format_that_only_mentions_braces_is_not_json() {
    check("%({x}i)s {%(h)s", &record(), "- {192.0.2.1");
    check("{%(a)s} -", &AccessRecord { agent: Some(b"\\"), ..record() }, r"{\} -");
}

#[test]
fn a_format_says_which_names_it_needs() {
    let format = AccessFormat::compile("%({X-A}i)s %({wsgi.errors}e)s %({Y}o)s %({x-b}I)s")
        .expect("the format is sound");
    for (kind, names) in [
        (FieldKind::Request, &["x-a", "x-b"] as &[&str]),
        (FieldKind::Response, &["y"]),
        (FieldKind::Environ, &["wsgi.errors"]),
    ] {
        assert_eq!(format.names(kind).collect::<Vec<_>>(), names, "{kind:?}");
    }
}
