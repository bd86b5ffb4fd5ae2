//! Rows for request heads: bytes in, the decisions or the refusal out, each row whole and byte by byte.

use crate::http::{Framing, HeadParser, HeaderMap, ParseError, RequestHead, Rules, Version};

/// The decisions as one line: method, path, query, version, framing, persistence, flags, then the fields.
fn describe(head: &RequestHead) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut words = vec![text(head.method()), text(head.path())];
    if !head.query().is_empty() {
        words.push(format!("?{}", text(head.query())));
    }
    words.push(match head.version() {
        Version::Http10 => "1.0".to_owned(),
        Version::Http11 => "1.1".to_owned(),
    });
    match head.framing() {
        Framing::None => {}
        Framing::Length(length) => words.push(format!("length={length}")),
        Framing::Chunked => words.push("chunked".to_owned()),
    }
    let flags = [
        (!head.is_keep_alive(), "close"),
        (head.expects_continue(), "continue"),
        (head.wants_upgrade(), "upgrade"),
        (head.scheme_is_https() == Some(true), "https"),
        (head.scheme_is_https() == Some(false), "http"),
    ];
    words.extend(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| (*name).to_owned()));
    let fields = head.fields().filter(|(name, _)| !name.eq_ignore_ascii_case(b"host"));
    words.extend(fields.map(|(name, value)| format!("[{}={}]", text(name), text(value))));
    words.join(" ")
}

fn describe_result(result: Result<Option<usize>, ParseError>, head: &RequestHead) -> String {
    match result {
        Ok(Some(_)) => describe(head),
        Ok(None) => "more".to_owned(),
        Err(error) => format!("{} {error}", error.status().code()),
    }
}

/// Parses whole and byte by byte; both must give the expected description.
fn check_with(rules: &Rules, is_trusted: bool, bytes: &[u8], expected: &str) {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    let mut head = RequestHead::new();
    let whole = HeadParser::new().parse(bytes, rules, is_trusted, &mut head);
    if let Ok(Some(taken)) = whole {
        assert_eq!(taken, bytes.len(), "{shown}");
    }
    assert_eq!(describe_result(whole, &head), expected, "{shown}");
    let mut parser = HeadParser::new();
    let mut result = Ok(None);
    for end in 0..=bytes.len() {
        result = parser.parse(&bytes[..end], rules, is_trusted, &mut head);
        if !matches!(result, Ok(None)) {
            break;
        }
    }
    assert_eq!(describe_result(result, &head), expected, "byte by byte: {shown}");
}

/// A row with the default rules and an untrusted peer; `{}` in the request becomes `Host: a`.
fn check(request: &str, expected: &str) {
    let bytes = request.replace("{}", "\r\nHost: a");
    check_with(&Rules::default(), false, bytes.as_bytes(), expected);
}

#[test]
fn request_lines() {
    for (line, expected) in [
        ("GET /a/b?c=d&e HTTP/1.1", "GET /a/b ?c=d&e 1.1"),
        ("GET /a?b?c HTTP/1.1", "GET /a ?b?c 1.1"),
        ("GET /? HTTP/1.1", "GET / 1.1"),
        ("GET //a//b HTTP/1.1", "GET //a//b 1.1"),
        ("GET /a;b=c HTTP/1.1", "GET /a;b=c 1.1"),
        ("GET /a%2Fb HTTP/1.0", "GET /a%2Fb 1.0 close"),
        ("GET /a:b://c HTTP/1.1", "GET /a:b://c 1.1"),
        ("GET / HTTP/1.9", "GET / 1.1"),
        ("\r\nGET / HTTP/1.1", "GET / 1.1"),
        ("M-SEARCH / HTTP/1.1", "M-SEARCH / 1.1"),
        ("ABCDEFGHIJKLMNOPQRST / HTTP/1.1", "ABCDEFGHIJKLMNOPQRST / 1.1"),
        ("OPTIONS * HTTP/1.1", "OPTIONS * 1.1"),
        ("GET http://a HTTP/1.1", "GET  1.1"),
        ("GET HTTP://A/b?c HTTP/1.1", "GET /b ?c 1.1"),
        ("GET http://a:80/ HTTP/1.1", "GET / 1.1"),
        ("GET https://a:443?b HTTP/1.1", "GET  ?b 1.1"),
        ("CONNECT a.test:443 HTTP/1.1", "CONNECT 443 1.1 close"),
        ("CONNECT 10.0.0.1:443 HTTP/1.1", "CONNECT 10.0.0.1:443 1.1 close"),
        ("CONNECT [::1]:443 HTTP/1.1", "CONNECT [::1]:443 1.1 close"),
        ("GET", "400 Invalid HTTP request line: 'GET'"),
        ("GET /", "400 Invalid HTTP request line: 'GET /'"),
        (" / HTTP/1.1", "400 Invalid HTTP method: ''"),
        (" GET / HTTP/1.1", "400 Invalid HTTP Version: '/ HTTP/1.1'"),
        ("GET / HTTP/1.1 ", "400 Invalid HTTP Version: 'HTTP/1.1 '"),
        ("GET /  HTTP/1.1", "400 Invalid HTTP Version: ' HTTP/1.1'"),
        ("GET  / HTTP/1.1", "400 Invalid HTTP Version: '/ HTTP/1.1'"),
        ("GET  HTTP/1.1", "400 Invalid HTTP request line: 'GET  HTTP/1.1'"),
        ("GET / HTTP/1.x", "400 Invalid HTTP Version: 'HTTP/1.x'"),
        ("GET / HTTP/0.9", "400 Invalid HTTP Version: 'HTTP/0.9'"),
        ("GET / HTTP/3.0", "505 Invalid HTTP Version: 'HTTP/3.0'"),
        ("PRI * HTTP/2.0", "505 Invalid HTTP Version: 'HTTP/2.0'"),
        ("GE / HTTP/1.1", "400 Invalid HTTP method: 'GE'"),
        ("ABCDEFGHIJKLMNOPQRSTU / HTTP/1.1", "400 Invalid HTTP method: 'ABCDEFGHIJKLMNOPQRSTU'"),
        ("Get / HTTP/1.1", "400 Invalid HTTP method: 'Get'"),
        ("G#T / HTTP/1.1", "400 Invalid HTTP method: 'G#T'"),
        ("G:T / HTTP/1.1", "400 Invalid HTTP method: 'G:T'"),
        ("GET * HTTP/1.1", "400 Invalid HTTP request line: target '*'"),
        ("GET a HTTP/1.1", "400 Invalid HTTP request line: target 'a'"),
        ("GET /a#b HTTP/1.1", "400 Invalid HTTP request line: target '/a#b'"),
        ("GET ws://a/ HTTP/1.1", "400 Invalid HTTP request line: target 'ws://a/'"),
        ("GET http://u@a/ HTTP/1.1", "400 Invalid HTTP request line: target 'http://u@a/'"),
        (
            "GET http://b/ HTTP/1.1",
            "400 Invalid HTTP Header: 'HOST' ('a' is not the host of the request target)",
        ),
        ("CONNECT a HTTP/1.1", "400 Invalid HTTP request line: target 'a'"),
        ("CONNECT a: HTTP/1.1", "400 Invalid HTTP request line: target 'a:'"),
        ("CONNECT /a HTTP/1.1", "400 Invalid HTTP request line: target '/a'"),
        ("CONNECT http://a:80 HTTP/1.1", "400 Invalid HTTP request line: target 'http://a:80'"),
        ("\r\n\r\nGET / HTTP/1.1", "400 Invalid HTTP request line: '\\r'"),
        ("GET /\t HTTP/1.1", "400 Invalid HTTP request line: 'GET /\\t'"),
        ("G'T\u{1} / HTTP/1.1", "400 Invalid HTTP request line: \"G'T\\x01\""),
    ] {
        check(&format!("{line}{{}}\r\n\r\n"), expected);
    }
    check_with(
        &Rules::default(),
        false,
        &[0x16, 3, 1, 2, 0],
        "400 Invalid HTTP request line: a TLS handshake on a plain port",
    );
    check_with(&Rules::default(), false, b"G\xe9", "400 Invalid HTTP request line: 'G\u{e9}'");
}

#[test]
fn field_lines() {
    for (lines, expected) in [
        ("A: b", "GET / 1.1 [A=b]"),
        ("a:b", "GET / 1.1 [a=b]"),
        ("A:", "GET / 1.1 [A=]"),
        ("A: \t ", "GET / 1.1 [A=]"),
        ("A: \t b \t c \t", "GET / 1.1 [A=b \t c]"),
        ("A: b:c", "GET / 1.1 [A=b:c]"),
        ("A: 1\r\nA: 2", "GET / 1.1 [A=1] [A=2]"),
        ("A: 0123456789\tabcdefghij\t", "GET / 1.1 [A=0123456789\tabcdefghij]"),
        ("A-B_C: d", "GET / 1.1"),
        ("A", "400 Invalid HTTP Header: 'A\\r'"),
        (": b", "400 Invalid HTTP Header: ':'"),
        ("A : b", "400 Invalid HTTP header name: 'A '"),
        ("A(: b", "400 Invalid HTTP header name: 'A('"),
        ("A: b\u{1}", "400 Invalid HTTP Header: 'A'"),
        ("A: b\u{7f}", "400 Invalid HTTP Header: 'A'"),
        ("A: b\nC: d", "400 Invalid HTTP Header: bare CR or LF in 'A: b\\n'"),
        ("A: b\rC: d", "400 Invalid HTTP Header: bare CR or LF in 'A: b\\r'"),
        ("A: b\r\n\rC", "400 Invalid HTTP Header: bare CR or LF in '\\r'"),
        ("\nA: b", "400 Invalid HTTP Header: bare CR or LF in '\\n'"),
        ("A: b\r\n c", "400 Obsolete line folding is unacceptable: 'A'"),
        ("Authorization: a\r\nauthorization: a", "400 Invalid HTTP Header: 'authorization' (more than one)"),
        ("Content-Type: a\r\nContent-type: a", "400 Invalid HTTP Header: 'Content-type' (more than one)"),
        ("Host: a", "400 Invalid HTTP Header: 'Host' (more than one)"),
    ] {
        check(&format!("GET / HTTP/1.1{{}}\r\n{lines}\r\n\r\n"), expected);
    }
    check("GET / HTTP/1.1\r\n A: b\r\n\r\n", "400 Invalid HTTP Header: ' '");
}

#[test]
fn framing_persistence_and_expectation() {
    for (lines, expected) in [
        ("Content-Length: 0", "1.1 [Content-Length=0]"),
        ("Content-Length: 007", "1.1 length=7 [Content-Length=007]"),
        (
            "Content-Length: 9223372036854775807",
            "1.1 length=9223372036854775807 [Content-Length=9223372036854775807]",
        ),
        (
            "Content-Length: 9223372036854775808",
            "400 Invalid HTTP Header: 'CONTENT-LENGTH' ('9223372036854775808')",
        ),
        ("Content-Length:", "400 Invalid HTTP Header: 'CONTENT-LENGTH' ('')"),
        ("Content-Length: 0x1", "400 Invalid HTTP Header: 'CONTENT-LENGTH' ('0x1')"),
        (
            "Content-Length: 1\r\nContent-Length: 1",
            "400 Invalid HTTP Header: 'Content-Length' (more than one)",
        ),
        ("Transfer-Encoding: Chunked", "1.1 chunked [Transfer-Encoding=Chunked]"),
        ("Transfer-Encoding: gzip, chunked", "501 Unsupported transfer coding: 'gzip'"),
        ("Transfer-Encoding: br", "501 Unsupported transfer coding: 'br'"),
        ("Transfer-Encoding: gzip", "400 Invalid HTTP Header: 'TRANSFER-ENCODING' ('gzip')"),
        (
            "Transfer-Encoding: chunked, gzip",
            "400 Invalid HTTP Header: 'TRANSFER-ENCODING' ('chunked, gzip')",
        ),
        ("Transfer-Encoding: chunked;a=b", "400 Invalid HTTP Header: 'TRANSFER-ENCODING' ('chunked;a=b')"),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 1",
            "400 Invalid HTTP Header: 'TRANSFER-ENCODING' ('chunked')",
        ),
        ("Connection: Close", "1.1 close [Connection=Close]"),
        ("Connection: a\r\nConnection: b , close", "1.1 close [Connection=a] [Connection=b , close]"),
        ("Connection: closed", "1.1 [Connection=closed]"),
        ("Connection: upgrade\r\nUpgrade: b", "1.1 upgrade [Connection=upgrade] [Upgrade=b]"),
        ("Upgrade: b", "1.1 [Upgrade=b]"),
        ("Expect: 100-Continue", "1.1 [Expect=100-Continue]"),
        (
            "Expect: 100-continue\r\nContent-Length: 1",
            "1.1 length=1 continue [Expect=100-continue] [Content-Length=1]",
        ),
        ("Expect: 200-ok", "417 Unable to comply with expectation: '200-ok'"),
    ] {
        let expected =
            if expected.starts_with("1.1") { format!("PUT / {expected}") } else { expected.to_owned() };
        check(&format!("PUT / HTTP/1.1{{}}\r\n{lines}\r\n\r\n"), &expected);
    }
    for (lines, expected) in [
        ("Connection: Keep-Alive", "PUT / 1.0 [Connection=Keep-Alive]"),
        ("Connection: keep-alive, close", "PUT / 1.0 close [Connection=keep-alive, close]"),
        ("Connection: upgrade\r\nUpgrade: b", "PUT / 1.0 close [Connection=upgrade] [Upgrade=b]"),
        (
            "Expect: 100-continue\r\nContent-Length: 1",
            "PUT / 1.0 length=1 close [Expect=100-continue] [Content-Length=1]",
        ),
        ("Expect: 200-ok", "PUT / 1.0 close [Expect=200-ok]"),
        ("Transfer-Encoding: chunked", "400 Invalid HTTP Header: 'TRANSFER-ENCODING' ('chunked')"),
    ] {
        check(&format!("PUT / HTTP/1.0\r\n{lines}\r\n\r\n"), expected);
    }
}

#[test]
fn host_is_needed_and_must_be_one() {
    for (head, expected) in [
        ("GET / HTTP/1.1\r\n\r\n", "400 Invalid HTTP Header: 'HOST' (missing)"),
        ("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / 1.1"),
        (
            "GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n",
            "400 Invalid HTTP Header: 'HOST' ('' is not the host of the request target)",
        ),
        ("GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", "400 Invalid HTTP Header: 'HOST' ('a/b')"),
    ] {
        check(head, expected);
    }
    let rules = Rules { permit_missing_host: true, ..Rules::default() };
    check_with(&rules, false, b"GET / HTTP/1.1\r\n\r\n", "GET / 1.1");
    check_with(&rules, false, b"GET http://a/ HTTP/1.1\r\n\r\n", "GET / 1.1");
    check_with(
        &rules,
        false,
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "400 Invalid HTTP Header: 'HOST' ('a b')",
    );
}

#[test]
fn limits() {
    let rules = Rules { request_line_bytes_max: 20, fields_max: 2, field_bytes_max: 10, ..Rules::default() };
    for (request, expected) in [
        ("GET /4567890 HTTP/1.0\r\n\r\n", "414 Request Line is too large (21 > 20)"),
        ("GET /456789 HTTP/1.0\r\n\r\n", "GET /456789 1.0 close"),
        ("GET /45678901234567890", "414 Request Line is too large (21 > 20)"),
        ("\r\nGET /456789 HTTP/1.0\r\n\r\n", "GET /456789 1.0 close"),
        ("GET / HTTP/1.0\r\nA: 45678\r\n\r\n", "GET / 1.0 close [A=45678]"),
        ("GET / HTTP/1.0\r\nA: 456789\r\n\r\n", "431 limit request headers fields size"),
        ("GET / HTTP/1.0\r\nA: 456789\u{1}\r\n\r\n", "400 Invalid HTTP Header: 'A'"),
        ("GET / HTTP/1.0\r\nA: 1\r\nB: 2\r\n\r\n", "GET / 1.0 close [A=1] [B=2]"),
        ("GET / HTTP/1.0\r\nA: 1\r\nB: 2\r\nC", "431 limit request headers fields"),
    ] {
        check_with(&rules, false, request.as_bytes(), expected);
    }
    let mut endless = b"GET / HTTP/1.0\r\nA: ".to_vec();
    endless.resize(endless.len() + 128 * 1024, b'x');
    check_with(&rules, false, &endless, "more");
    endless.resize(endless.len() + 10, b'x');
    check_with(&rules, false, &endless, "431 limit request headers fields size");
    let rules = Rules { body_bytes_max: 5, ..Rules::default() };
    let body = |length: u8| format!("PUT / HTTP/1.0\r\nContent-Length: {length}\r\n\r\n");
    check_with(&rules, false, body(5).as_bytes(), "PUT / 1.0 length=5 close [Content-Length=5]");
    check_with(&rules, false, body(6).as_bytes(), "413 Request body is too large (limit 5 bytes)");
}

#[test]
fn relaxations() {
    let base = Rules::default;
    for (rules, request, expected) in [
        (
            Rules { permit_unconventional_http_method: true, ..base() },
            "g# / HTTP/1.0\r\n\r\n",
            "g# / 1.0 close",
        ),
        (
            Rules { permit_unconventional_http_method: true, ..base() },
            "g( / HTTP/1.0\r\n\r\n",
            "400 Invalid HTTP method: 'g('",
        ),
        (
            Rules { permit_unconventional_http_method: true, casefold_http_method: true, ..base() },
            "connect a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            "CONNECT 1 1.1 close",
        ),
        (
            Rules { casefold_http_method: true, ..base() },
            "get / HTTP/1.0\r\n\r\n",
            "400 Invalid HTTP method: 'get'",
        ),
        (
            Rules { permit_unconventional_http_version: true, ..base() },
            "GET / HTTP/0.9\r\n\r\n",
            "GET / 1.0 close",
        ),
        (
            Rules { permit_unconventional_http_version: true, ..base() },
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            "GET / 1.1",
        ),
        (
            Rules { permit_unconventional_http_version: true, ..base() },
            "GET / HTTP/1\r\n\r\n",
            "400 Invalid HTTP Version: 'HTTP/1'",
        ),
        (
            Rules { strip_header_spaces: true, ..base() },
            "GET / HTTP/1.0\r\nA \t: b\r\n\r\n",
            "GET / 1.0 close [A=b]",
        ),
        (
            Rules { strip_header_spaces: true, ..base() },
            "GET / HTTP/1.0\r\nA b: c\r\n\r\n",
            "400 Invalid HTTP header name: 'A b'",
        ),
        (
            Rules { strip_header_spaces: true, ..base() },
            "GET / HTTP/1.0\r\n : c\r\n\r\n",
            "400 Invalid HTTP Header: ' '",
        ),
    ] {
        check_with(&rules, false, request.as_bytes(), expected);
    }
}

#[test]
fn folding_where_it_is_permitted() {
    let rules = Rules { permit_obsolete_folding: true, field_bytes_max: 40, ..Rules::default() };
    for (lines, expected) in [
        ("A: b\r\n c\r\n\t d \r\nE: f", "GET / 1.0 close [A=b c d] [E=f]"),
        ("A:\r\n b", "GET / 1.0 close [A=b]"),
        ("A: b\r\n \r\n c", "GET / 1.0 close [A=b c]"),
        ("A:\r\n \r\nB: c", "GET / 1.0 close [A=] [B=c]"),
        ("A: b\r\n c\r\nD: e\r\n f", "GET / 1.0 close [A=b c] [D=e f]"),
        ("Content-Length:\r\n 5", "GET / 1.0 length=5 close [Content-Length=5]"),
        ("Content-Length: 5\r\n 6", "400 Invalid HTTP Header: 'CONTENT-LENGTH' ('5 6')"),
        ("Transfer-Encoding:\r\n chunked", "400 Invalid HTTP Header: 'TRANSFER-ENCODING' ('chunked')"),
        ("A: b\r\n c\u{1}", "400 Invalid HTTP Header: 'A'"),
        ("A: 4567890123456789\r\n 2345678901234567", "GET / 1.0 close [A=4567890123456789 2345678901234567]"),
        ("A: 4567890123456789\r\n 23456789012345678", "431 limit request headers fields size"),
    ] {
        let request = format!("GET / HTTP/1.0\r\n{lines}\r\n\r\n");
        check_with(&rules, false, request.as_bytes(), expected);
    }
    check_with(&rules, false, b"GET / HTTP/1.0\r\n A: b\r\n\r\n", "400 Invalid HTTP Header: ' '");
}

#[test]
fn underscores_and_forwarder_headers() {
    let mapped = |header_map| Rules { header_map, ..Rules::default() };
    let all = Rules { forwarder_headers: vec![b"*".to_vec()], ..Rules::default() };
    for (rules, is_trusted, line, expected) in [
        (mapped(HeaderMap::Drop), true, "A_B: c", "GET / 1.0 close"),
        (mapped(HeaderMap::Refuse), true, "A_B: c", "400 Invalid HTTP header name: 'A_B'"),
        (mapped(HeaderMap::Dangerous), false, "A_B: c", "GET / 1.0 close [A_B=c]"),
        (mapped(HeaderMap::Drop), true, "Script_Name: /c", "GET / 1.0 close [Script_Name=/c]"),
        (mapped(HeaderMap::Drop), false, "SCRIPT_NAME: /c", "GET / 1.0 close"),
        (mapped(HeaderMap::Refuse), true, "SCRIPT_NAME: /c", "GET / 1.0 close [SCRIPT_NAME=/c]"),
        (mapped(HeaderMap::Refuse), false, "SCRIPT_NAME: /c", "400 Invalid HTTP header name: 'SCRIPT_NAME'"),
        (mapped(HeaderMap::Refuse), false, "Script-Name: /c", "GET / 1.0 close [Script-Name=/c]"),
        (all.clone(), true, "A_B: c", "GET / 1.0 close [A_B=c]"),
        (all, false, "A_B: c", "GET / 1.0 close"),
    ] {
        let request = format!("GET / HTTP/1.0\r\n{line}\r\n\r\n");
        check_with(&rules, is_trusted, request.as_bytes(), expected);
    }
}

#[test]
fn the_scheme_of_a_trusted_peer() {
    for (is_trusted, lines, expected) in [
        (true, "X-Forwarded-Proto: https", "https"),
        (true, "x-forwarded-proto: HTTPS", "http"),
        (true, "X-Forwarded-Proto: http", "http"),
        (true, "X-Forwarded-Ssl: on\r\nX-Forwarded-Proto: https", "https"),
        (true, "X-Forwarded-Ssl: on\r\nX-Forwarded-Proto: http", "400 Contradictory scheme headers"),
        (true, "X-Forwarded-For: https", ""),
        (false, "X-Forwarded-Proto: https", ""),
    ] {
        let request = format!("GET / HTTP/1.0\r\n{lines}\r\n\r\n");
        let mut head = RequestHead::new();
        let result = HeadParser::new().parse(request.as_bytes(), &Rules::default(), is_trusted, &mut head);
        let found = match (result, head.scheme_is_https()) {
            (Err(error), _) => format!("{} {error}", error.status().code()),
            (Ok(_), None) => String::new(),
            (Ok(_), Some(is_https)) => if is_https { "https" } else { "http" }.to_owned(),
        };
        assert_eq!(found, expected, "{lines}");
    }
}

#[test]
fn buffers_are_reused_and_nothing_of_the_last_request_stays() {
    let rules = Rules::default();
    let (mut parser, mut head) = (HeadParser::new(), RequestHead::new());
    let first = b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Type: c\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(parser.parse(first, &rules, true, &mut head), Ok(Some(first.len())));
    assert_eq!(head.content_type(), Some(b"c".as_slice()));
    assert_eq!(head.content_length(), Some(b"3".as_slice()));
    assert_eq!(head.host(), Some(b"a".as_slice()));
    assert_eq!(head.field(b"HOST"), Some(b"a".as_slice()));
    let capacity = head.bytes.capacity();
    let second = b"HEAD / HTTP/1.0\r\n\r\n";
    assert_eq!(parser.parse(second, &rules, true, &mut head), Ok(Some(second.len())));
    assert_eq!(describe(&head), "HEAD / 1.0 close");
    assert!(head.is_head() && !head.is_connect());
    assert_eq!((head.content_type(), head.content_length(), head.host()), (None, None, None));
    assert_eq!(head.bytes.capacity(), capacity);
    assert_eq!(head.target(), b"/");
    assert_eq!(head.version_text(), b"HTTP/1.0");
}

#[test]
fn a_refused_request_leaves_a_parser_that_can_be_reset() {
    let rules = Rules::default();
    let (mut parser, mut head) = (HeadParser::new(), RequestHead::new());
    let refused =
        parser.parse(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nA : b\r\n", &rules, true, &mut head);
    assert!(refused.is_err());
    assert_eq!(head.fields().len(), 0, "half a head is no head");
    parser.reset();
    let next = b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(parser.parse(next, &rules, true, &mut head), Ok(Some(next.len())));
    assert_eq!(describe(&head), "GET /b 1.1");
}

#[test]
fn paths_are_decoded_as_bytes() {
    for (path, expected) in [
        ("/a", b"/a".as_slice()),
        ("/%e2%82%AC", b"/\xe2\x82\xac"),
        ("/%2F%25", b"//%"),
        ("/%zz%", b"/%zz%"),
        ("/%2", b"/%2"),
        ("/%%41", b"/%A"),
        ("/a+b", b"/a+b"),
        ("/%00", b"/\0"),
    ] {
        let mut head = RequestHead::new();
        let request = format!("GET {path}?%41 HTTP/1.0\r\n\r\n");
        let parsed = HeadParser::new().parse(request.as_bytes(), &Rules::default(), false, &mut head);
        assert_eq!(parsed, Ok(Some(request.len())));
        let mut decoded = Vec::new();
        head.decode_path(&mut decoded);
        assert_eq!(decoded, expected, "{path}");
    }
}
