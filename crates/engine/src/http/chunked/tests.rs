//! Rows for chunked bodies: bytes in, data, trailers and the unread rest or the refusal out, whole and in pieces.

use super::ChunkedDecoder;
use crate::http::{HeaderMap, ParseError, Rules};

/// What decoding pieces of this size gives: data, trailers, and how many bytes were taken by the body.
fn decode(bytes: &[u8], size: usize, rules: &Rules) -> Result<String, ParseError> {
    let mut decoder = ChunkedDecoder::new();
    let (mut data, mut taken) = (Vec::new(), 0);
    let mut is_finished = false;
    for piece in bytes.chunks(size) {
        let mut rest = piece;
        while !rest.is_empty() && !is_finished {
            let step = decoder.decode(rest, rules)?;
            assert!(step.consumed > 0 && step.data.len() <= step.consumed, "a step that takes nothing");
            data.extend_from_slice(step.data);
            rest = &rest[step.consumed..];
            taken += step.consumed;
            is_finished = step.is_finished;
        }
    }
    let mut words = vec![String::from_utf8_lossy(&data).into_owned()];
    for (name, value) in decoder.trailers() {
        words.push(format!("[{}={}]", String::from_utf8_lossy(name), String::from_utf8_lossy(value)));
    }
    words.push(if is_finished { format!("rest {}", bytes.len() - taken) } else { "more".to_owned() });
    if let Some(error) = decoder.end_of_input() {
        words.push(format!("at the end {}", error.status().code()));
    }
    Ok(words.join(" "))
}

fn check_with(rules: &Rules, bytes: &str, expected: &str) {
    for size in [bytes.len().max(1), 1, 2, 3, 7] {
        let found = match decode(bytes.as_bytes(), size, rules) {
            Ok(found) => found,
            Err(error) => format!("{} {error}", error.status().code()),
        };
        let shown = &bytes[..bytes.len().min(80)];
        assert_eq!(found, expected, "{shown:?} in pieces of {size}");
    }
}

#[test]
fn bodies() {
    for (bytes, expected) in [
        ("0\r\n\r\n", " rest 0"),
        ("0\r\n\r\nGET", " rest 3"),
        ("5\r\nhello\r\n0\r\n\r\n", "hello rest 0"),
        ("5\r\nhello\r\n3\r\nabc\r\n000\r\n\r\n\r\n", "helloabc rest 2"),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789 rest 0"),
        ("0000000000000001\r\nx\r\n0\r\n\r\n", "x rest 0"),
        ("", " more"),
        ("5", " more"),
        ("5\r\nhel", "hel more"),
        ("5\r\nhello", "hello more"),
        ("5\r\nhello\r\n", "hello more"),
        ("5\r\nhello\r\n0", "hello more"),
        ("5\r\nhello\r\n0\r\n", "hello more at the end 400"),
        ("5\r\nhello\r\n0\r\n\r", "hello more at the end 400"),
        ("7fffffffffffffff\r\nx", "x more"),
        ("8000000000000000\r\n", "400 Invalid chunk size: b'8000000000000000'"),
        ("00000000000000001\r\n", "400 Invalid chunk size: b'00000000000000001'"),
        ("\r\n", "400 Invalid chunk size: b'\\r'"),
        ("5\n", "400 Invalid chunk size: b'5\\n'"),
        ("5\r\r", "400 Invalid chunk size: b'5\\r\\r'"),
        ("5 \r\n", "400 Invalid chunk size: b'5 \\r'"),
        ("-5\r\n", "400 Invalid chunk size: b'-'"),
        ("0x5\r\n", "400 Invalid chunk size: b'0x'"),
        ("5\r\nhelloo", "400 Invalid chunk terminator is not '\\r\\n': b'o'"),
        ("5\r\nhello\ro", "400 Invalid chunk terminator is not '\\r\\n': b'\\ro'"),
        ("5\r\nhello\n", "400 Invalid chunk terminator is not '\\r\\n': b'\\n'"),
    ] {
        check_with(&Rules::default(), bytes, expected);
    }
}

#[test]
fn extensions() {
    for good in [
        "1;a",
        "1;a=b",
        "1;a=\"b\"",
        "1 \t;\ta \t= b",
        "1;a;b=c;d",
        "1;a=\"\"",
        "1;a=\"\\\"\\;\";b",
        "1;a=\"\t;\u{e9}\"",
        "1;a ;b",
        "1;a=\"b\" ;c",
        "1;a=b ; c",
    ] {
        check_with(&Rules::default(), &format!("{good}\r\nx\r\n0;z\r\n\r\n"), "x rest 0");
    }
    for (bad, seen) in [
        ("1;\r", "1;\\r"),
        ("1; \r", "1; \\r"),
        ("1;a=\r", "1;a=\\r"),
        ("1;a= \r", "1;a= \\r"),
        ("1;a \r", "1;a \\r"),
        ("1;a=b \r", "1;a=b \\r"),
        ("1;a=\"b\" \r", "1;a=\"b\" \\r"),
        ("1;=b", "1;="),
        ("1;a b", "1;a b"),
        ("1;a=b c", "1;a=b c"),
        ("1;a=\"b\r", "1;a=\"b\\r"),
        ("1;a=\"b\n", "1;a=\"b\\n"),
        ("1;a=\"b\\\r", "1;a=\"b\\\\\\r"),
        ("1;a=\"b\"c", "1;a=\"b\"c"),
        ("1;;a", "1;;"),
        ("1;a\n", "1;a\\n"),
        ("1;a\u{0}", "1;a\\x00"),
    ] {
        check_with(&Rules::default(), bad, &format!("400 Invalid chunk size: b'{seen}'"));
    }
}

#[test]
fn a_chunk_line_has_the_bound_of_a_field() {
    let rules = Rules { field_bytes_max: 20, ..Rules::default() };
    check_with(&rules, "1;a=56789012345678\r\nx\r\n0\r\n\r\n", "x rest 0");
    check_with(&rules, "1;a=567890123456789\r\n", "400 Invalid chunk size: b'1;a=567890123456789\\r\\n'");
    check_with(&rules, "1;a=56789012345678901", "400 Invalid chunk size: b'1;a=56789012345678901'");
}

#[test]
fn all_extensions_of_a_body_share_one_bound() {
    let chunk = format!("1;{}\r\nx\r\n", "a".repeat(511));
    let fine = format!("{}0\r\n\r\n", chunk.repeat(32));
    check_with(&Rules::default(), &fine, &format!("{} rest 0", "x".repeat(32)));
    let over = format!("{}0;a\r\n\r\n", chunk.repeat(32));
    check_with(&Rules::default(), &over, "400 Invalid chunk size: too many chunk extensions");
}

#[test]
fn trailers() {
    for (lines, expected) in [
        ("A: b", "[A=b] rest 1"),
        ("A: b\r\nC:\td\t", "[A=b] [C=d] rest 1"),
        ("Cookie: a=1", "[Cookie=a=1] rest 1"),
        ("A_B: c", "rest 1"),
        ("Content-Length: 5", "400 Invalid HTTP Header: 'Content-Length' (in a trailer)"),
        ("HOST: a", "400 Invalid HTTP Header: 'HOST' (in a trailer)"),
        ("Transfer-Encoding: a", "400 Invalid HTTP Header: 'Transfer-Encoding' (in a trailer)"),
        ("Trailer: a", "400 Invalid HTTP Header: 'Trailer' (in a trailer)"),
        ("Authorization: a", "400 Invalid HTTP Header: 'Authorization' (in a trailer)"),
        ("TE: a", "400 Invalid HTTP Header: 'TE' (in a trailer)"),
        ("A : b", "400 Invalid HTTP header name: 'A '"),
        ("A: b\r\n c", "400 Obsolete line folding is unacceptable: 'A'"),
        (" A: b", "400 Invalid HTTP Header: ' '"),
        ("A: b\nC: d", "400 Invalid HTTP Header: bare CR or LF in 'A: b\\n'"),
        ("\rA: b", "400 Invalid HTTP Header: bare CR or LF in '\\r'"),
    ] {
        let expected =
            if expected.starts_with("400") { expected.to_owned() } else { format!("x {expected}") };
        check_with(&Rules::default(), &format!("1\r\nx\r\n0\r\n{lines}\r\n\r\nG"), &expected);
    }
    let refusing = Rules { header_map: HeaderMap::Refuse, ..Rules::default() };
    check_with(&refusing, "0\r\nA_B: c\r\n\r\n", "400 Invalid HTTP header name: 'A_B'");
    let folding = Rules { permit_obsolete_folding: true, ..Rules::default() };
    // A fuzzer found it: asking for trailers while a folded one was still kept apart was a panic.
    check_with(&folding, "0\r\nA: b\r\n\tc\r\nD", " more at the end 400");
    check_with(&folding, "0\r\nA: b\r\n\tc\r\nD:\r\n \r\n\r\nG", " [A=b c] [D=] rest 1");
    let narrow = Rules { fields_max: 1, field_bytes_max: 10, ..Rules::default() };
    check_with(&narrow, "0\r\nA: b\r\n\r\n", " [A=b] rest 0");
    check_with(&narrow, "0\r\nA: b\r\nB: c\r\n\r\n", "431 limit request headers fields");
    check_with(&narrow, "0\r\nA: 456789\r\n\r\n", "431 limit request headers fields size");
}

#[test]
fn the_body_limit_counts_data_only() {
    let rules = Rules { body_bytes_max: 5, ..Rules::default() };
    check_with(&rules, "2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n", "hello [A=b] rest 0");
    check_with(&rules, "2\r\nhe\r\n4\r\nllo!", "413 Request body is too large (limit 5 bytes)");
    check_with(&rules, "7fffffffffffffff\r\n", "413 Request body is too large (limit 5 bytes)");
}

#[test]
fn data_is_a_slice_of_the_input() {
    let input = b"5\r\nhello\r\n0\r\n\r\n";
    let step = ChunkedDecoder::new().decode(input, &Rules::default()).expect("valid");
    assert_eq!(step.data.as_ptr(), input[3..].as_ptr());
    assert_eq!((step.consumed, step.data, step.is_finished), (8, b"hello".as_slice(), false));
}
