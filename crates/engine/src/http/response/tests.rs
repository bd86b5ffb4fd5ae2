//! Rows for response heads: status and fields of an application in, the bytes on the wire or the refusal out.

use super::{ResponseError, ResponseHead};
use crate::http::{BodyFraming, ResponseContext, Version, encode_chunk_prefix, encode_informational};

const CONTEXT: ResponseContext<'static> = ResponseContext {
    request_version: Version::Http11,
    is_head: false,
    keep_alive: true,
    date: b"D",
    server: b"tricorn",
};

fn head(status: &str, fields: &[(&str, &str)]) -> Result<ResponseHead, ResponseError> {
    let mut head = ResponseHead::new(status.as_bytes())?;
    for (name, value) in fields {
        head.add(name.as_bytes(), value.as_bytes())?;
    }
    Ok(head)
}

/// Encodes and shows the lines joined by `|`.
fn encode(status: &str, fields: &[(&str, &str)], context: &ResponseContext<'_>) -> (String, BodyFraming) {
    let head = head(status, fields).expect("a valid head");
    let mut out = Vec::new();
    let framing = head.encode(context, &mut out);
    let text = String::from_utf8(out).expect("ASCII");
    let lines = text.strip_suffix("\r\n\r\n").expect("an empty line at the end");
    (lines.replace("\r\n", "|"), framing)
}

#[test]
fn heads_by_version_status_and_method() {
    use BodyFraming::{Chunked, Length, None, UntilClose};
    let (keep, close) = (CONTEXT, ResponseContext { keep_alive: false, ..CONTEXT });
    let head = ResponseContext { is_head: true, ..CONTEXT };
    let old = ResponseContext { request_version: Version::Http10, ..CONTEXT };
    let old_head = ResponseContext { is_head: true, ..old };
    let length: &[_] = &[("content-length", "5")];
    for (status, fields, context, start, connection, end, framing) in [
        ("200 OK", length, keep, "1.1 200 OK", "keep-alive", "|content-length: 5", Length(5)),
        ("200 OK", length, close, "1.1 200 OK", "close", "|content-length: 5", Length(5)),
        ("200 OK", length, old, "1.0 200 OK", "keep-alive", "|content-length: 5", Length(5)),
        ("200 OK", &[], keep, "1.1 200 OK", "keep-alive", "|Transfer-Encoding: chunked", Chunked),
        ("200 OK", &[], close, "1.1 200 OK", "close", "|Transfer-Encoding: chunked", Chunked),
        ("200 OK", &[], old, "1.0 200 OK", "close", "", UntilClose),
        ("200 OK", length, head, "1.1 200 OK", "keep-alive", "|content-length: 5", None),
        ("200 OK", &[], head, "1.1 200 OK", "keep-alive", "", None),
        ("200 OK", &[], old_head, "1.0 200 OK", "keep-alive", "", None),
        ("304 Not Modified", length, keep, "1.1 304 Not Modified", "keep-alive", "|content-length: 5", None),
        ("204 No Content", length, keep, "1.1 204 No Content", "keep-alive", "", None),
        ("204 No Content", &[], old, "1.0 204 No Content", "keep-alive", "", None),
        ("103 Early Hints", length, keep, "1.1 103 Early Hints", "keep-alive", "", None),
        ("200", &[], keep, "1.1 200 ", "keep-alive", "|Transfer-Encoding: chunked", Chunked),
        ("200 ", &[], keep, "1.1 200 ", "keep-alive", "|Transfer-Encoding: chunked", Chunked),
        ("299 a\tb", &[], keep, "1.1 299 a\tb", "keep-alive", "|Transfer-Encoding: chunked", Chunked),
    ] {
        let expected = format!("HTTP/{start}|Server: tricorn|Date: D|Connection: {connection}{end}");
        assert_eq!(encode(status, fields, &context), (expected, framing), "{status} {fields:?} {context:?}");
    }
}

#[test]
fn fields_in_order_without_those_of_the_connection() {
    for (fields, sent) in [
        (vec![("X-A", "b"), ("x-a", " c\t")], "|X-A: b|x-a: c"),
        (vec![("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], "|Set-Cookie: a=1|Set-Cookie: b=2"),
        (vec![("X-Empty", "")], "|X-Empty: "),
        (vec![("Connection", "close"), ("keep-alive", "a"), ("TE", "a"), ("Trailers", "a")], ""),
        (vec![("Transfer-Encoding", "chunked"), ("Server", "a"), ("DATE", "a"), ("Upgrade", "h2c")], ""),
        (vec![("Proxy-Authenticate", "a"), ("Proxy-Authorization", "a"), ("Trailer", "a")], "|Trailer: a"),
        (vec![("Content-Length", "5"), ("content-length", "05"), ("A", "b")], "|Content-Length: 5|A: b"),
    ] {
        let (lines, _) = encode("200 OK", &fields, &CONTEXT);
        let (_, after) = lines.split_once("|Connection: keep-alive").expect("the server's own lines");
        assert_eq!(after.trim_start_matches("|Transfer-Encoding: chunked"), sent, "{fields:?}");
    }
}

#[test]
fn an_upgrade_to_websocket_passes() {
    let fields = [("Upgrade", "WebSocket"), ("Connection", "Upgrade"), ("Content-Length", "0"), ("A", "b")];
    let expected = "HTTP/1.1 101 Switching Protocols|Server: tricorn|Date: D|Connection: upgrade|Upgrade: WebSocket|A: b";
    let context = ResponseContext { keep_alive: false, ..CONTEXT };
    assert_eq!(
        encode("101 Switching Protocols", &fields, &context),
        (expected.to_owned(), BodyFraming::None)
    );
}

#[test]
fn what_is_refused() {
    for (status, fields, expected) in [
        ("20 OK", vec![], "Invalid response status: '20 OK'"),
        ("", vec![], "Invalid response status: ''"),
        ("2000 OK", vec![], "Invalid response status: '2000 OK'"),
        ("200OK", vec![], "Invalid response status: '200OK'"),
        ("+20 OK", vec![], "Invalid response status: '+20 OK'"),
        ("099 Low", vec![], "Invalid response status: '099 Low'"),
        ("200 OK\r\nX: y", vec![], "Invalid response status: '200 OK\\r\\nX: y'"),
        ("200 OK", vec![("", "a")], "Invalid response header name: ''"),
        ("200 OK", vec![("A B", "a")], "Invalid response header name: 'A B'"),
        ("200 OK", vec![("A:", "a")], "Invalid response header name: 'A:'"),
        ("200 OK", vec![("A", "b\r\nC: d")], "Invalid response header value of 'A'"),
        ("200 OK", vec![("A", "b\0")], "Invalid response header value of 'A'"),
        ("200 OK", vec![("Server", "b\n")], "Invalid response header value of 'Server'"),
        ("200 OK", vec![("Content-Length", "-1")], "Invalid Content-Length: '-1'"),
        ("200 OK", vec![("Content-Length", "1_0")], "Invalid Content-Length: '1_0'"),
        ("200 OK", vec![("Content-Length", "")], "Invalid Content-Length: ''"),
        (
            "200 OK",
            vec![("Content-Length", "1"), ("Content-Length", "2")],
            "Content-Length: '2' contradicts the one before it",
        ),
    ] {
        let error = head(status, &fields).expect_err("an invalid head");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn what_the_log_and_the_hooks_can_see() {
    let mut head =
        head("404 Not Found", &[("A", " b "), ("Date", "x"), ("Content-Length", "007")]).expect("valid");
    assert_eq!(head.status_code(), 404);
    assert_eq!(head.status_line(), b"404 Not Found");
    assert_eq!(head.content_length(), Some(7));
    let fields: Vec<_> = head.fields().collect();
    assert_eq!(fields, [(b"A".as_slice(), b"b".as_slice()), (b"Content-Length", b"007")]);
    assert_eq!(head.field(b"a"), Some(b"b".as_slice()));
    head.restart(b"204 No Content").expect("valid");
    assert_eq!((head.status_code(), head.content_length(), head.fields().len()), (204, None, 0));
    assert!(head.is_bodiless());
}

#[test]
fn chunk_prefixes_are_upper_case_hexadecimal() {
    for (length, expected) in
        [(1, "1\r\n"), (10, "A\r\n"), (16, "10\r\n"), (255, "FF\r\n"), (65_536, "10000\r\n")]
    {
        let mut out = Vec::new();
        encode_chunk_prefix(length, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}

#[test]
fn early_hints_are_written_whole_or_not_at_all() {
    let mut out = b"before".to_vec();
    let fields = [(b"Link".as_slice(), b" </a>; rel=preload ".as_slice()), (b"A", b"b")];
    encode_informational(b"103 Early Hints", fields, &mut out).expect("valid");
    assert_eq!(out, b"beforeHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nA: b\r\n\r\n");
    let before = out.clone();
    let bad = [(b"A".as_slice(), b"b".as_slice()), (b"C", b"d\r\ne")];
    encode_informational(b"103 Early Hints", bad, &mut out).expect_err("a control byte");
    assert_eq!(out, before);
}
