//! Rows for both versions of the PROXY header, each row whole and with every prefix before it.

use super::{ProxyMode, ProxyOutcome, ProxyParser};

fn describe(mode: ProxyMode, bytes: &[u8]) -> String {
    match ProxyParser::new(mode).parse(bytes) {
        Ok(None) => "more".to_owned(),
        Ok(Some(ProxyOutcome::Absent)) => "absent".to_owned(),
        Ok(Some(ProxyOutcome::Present { consumed, info })) => match info.addresses {
            None => format!("{consumed} {}", info.protocol),
            Some(ends) => format!("{consumed} {} {} {}", info.protocol, ends.source, ends.destination),
        },
        Err(error) => format!("{} {error}", error.status().code()),
    }
}

/// The first prefix that decides must decide the same as all the bytes.
fn check(mode: ProxyMode, bytes: &[u8], expected: &str) {
    assert_eq!(describe(mode, bytes), expected, "{bytes:?}");
    let first = (0..=bytes.len()).map(|end| describe(mode, &bytes[..end])).find(|found| found != "more");
    assert_eq!(first.unwrap_or("more".to_owned()), expected, "in pieces: {bytes:?}");
}

#[test]
fn version_1() {
    let long = "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    let all = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
    let overlong = format!("PROXY UNKNOWN {}", "x".repeat(93));
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    for (line, expected) in [
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 65535\r\nGET", "36 TCP4 1.2.3.4:1 5.6.7.8:65535"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 0 0\r\n", "32 TCP4 1.2.3.4:0 5.6.7.8:0"),
        ("PROXY TCP6 ::1 fe80::1 1 2\r\n", "28 TCP6 [::1]:1 [fe80::1]:2"),
        (long, &format!("104 TCP6 {all} {all}")),
        ("PROXY UNKNOWN\r\n", "15 UNKNOWN"),
        ("PROXY UNKNOWN a b c\r\n", "21 UNKNOWN"),
        (&longest, "107 UNKNOWN"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2", "more"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r", "more"),
        ("", "more"),
        ("PROXY", "more"),
        ("PROXZ", "absent"),
        ("POST / HTTP/1.1\r\n", "absent"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", "400 Invalid PROXY line: 'PROXY TCP4 1.2.3.4 5.6.7.8 1'"),
        (
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
            "400 Invalid PROXY line: 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3'",
        ),
        ("PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", "400 Invalid PROXY line: 'PROXY TCP4  1.2.3.4 5.6.7.8 1 2'"),
        ("PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n", "400 Invalid PROXY line: 'PROXY TCP4 01.2.3.4 5.6.7.8 1 2'"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", "400 Invalid PROXY line: 'PROXY TCP4 1.2.3.4 5.6.7.8 +1 2'"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", "400 Invalid PROXY line: 'PROXY TCP4 1.2.3.4 5.6.7.8 01 2'"),
        (
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
            "400 Invalid PROXY line: 'PROXY TCP4 1.2.3.4 5.6.7.8 1 65536'",
        ),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 \r\n", "400 Invalid PROXY line: 'PROXY TCP4 1.2.3.4 5.6.7.8 1 '"),
        ("PROXY TCP6 1.2.3.4 ::1 1 2\r\n", "400 Invalid PROXY line: 'PROXY TCP6 1.2.3.4 ::1 1 2'"),
        ("PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n", "400 Invalid PROXY line: 'PROXY tcp4 1.2.3.4 5.6.7.8 1 2'"),
        ("PROXY \r\n", "400 Invalid PROXY line: 'PROXY '"),
        (
            "PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n",
            "400 Invalid PROXY line: 'PROXY TCP4 1.2.3.4\\x00 5.6.7.8 1 2'",
        ),
        (&overlong, &format!("400 Invalid PROXY line: '{overlong}'")),
    ] {
        check(ProxyMode::V1, line.as_bytes(), expected);
        check(ProxyMode::Auto, line.as_bytes(), expected);
    }
}

/// A version 2 header with this command, family, announced length and block.
fn v2(command: u8, family: u8, length: u16, block: &[u8]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    bytes.extend_from_slice(&[command, family]);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(block);
    bytes
}

#[test]
fn version_2() {
    let v4: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8, 0, 80, 1, 187];
    let mut v6 = [0_u8; 36];
    (v6[15], v6[31], v6[33], v6[35]) = (1, 2, 3, 4);
    let with_tlv = [v4, &[4, 0, 3, b'a', b'b', b'c'], b"GET"].concat();
    let unsupported = "400 Invalid PROXY header: unsupported address family or transport";
    let short = "400 Invalid PROXY header: too short for its addresses";
    for (bytes, expected) in [
        (v2(0x21, 0x11, 12, v4), "28 TCP4 1.2.3.4:80 5.6.7.8:443"),
        (v2(0x21, 0x11, 18, &with_tlv), "34 TCP4 1.2.3.4:80 5.6.7.8:443"),
        (v2(0x21, 0x21, 36, &v6), "52 TCP6 [::1]:3 [::2]:4"),
        (v2(0x20, 0x00, 0, b""), "16 LOCAL"),
        (v2(0x20, 0x11, 12, v4), "28 LOCAL"),
        (v2(0x20, 0x99, 1, b"x"), "17 LOCAL"),
        (v2(0x21, 0x00, 0, b""), "16 UNSPEC"),
        (v2(0x21, 0x00, 3, b"abc"), "19 UNSPEC"),
        (v2(0x21, 0x11, 0xffff, v4), "more"),
        (v2(0x21, 0x11, 12, &v4[..11]), "more"),
        (b"\r\n\r\n\0\r\nQUIT\n".to_vec(), "more"),
        (b"\r\n\r\n\0\r\nQUIT!".to_vec(), "absent"),
        (b"\r\nGET / HTTP/1.1".to_vec(), "absent"),
        (v2(0x21, 0x11, 11, v4), short),
        (v2(0x21, 0x21, 35, &v6), short),
        (v2(0x21, 0x12, 12, v4), unsupported),
        (v2(0x21, 0x31, 216, &[0; 216]), unsupported),
        (v2(0x21, 0x01, 0, b""), unsupported),
        (v2(0x11, 0x11, 12, v4), "400 Invalid PROXY header: unsupported version or command"),
        (v2(0x22, 0x11, 12, v4), "400 Invalid PROXY header: unsupported version or command"),
    ] {
        check(ProxyMode::V2, &bytes, expected);
        check(ProxyMode::Auto, &bytes, expected);
    }
}

#[test]
fn only_the_wanted_version_is_looked_for() {
    let v1 = b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n";
    let v2 = v2(0x20, 0, 0, b"");
    for (mode, bytes, expected) in [
        (ProxyMode::Off, v1.as_slice(), "absent"),
        (ProxyMode::Off, v2.as_slice(), "absent"),
        (ProxyMode::Off, b"", "absent"),
        (ProxyMode::V1, v2.as_slice(), "absent"),
        (ProxyMode::V2, v1.as_slice(), "absent"),
        (ProxyMode::V2, v2.as_slice(), "16 LOCAL"),
    ] {
        assert_eq!(describe(mode, bytes), expected, "{mode:?} {bytes:?}");
    }
}
