//! Prints what the protocol layer costs, in nanoseconds per head, chunk and response.
//!
//! `cargo run --release -p tricorn-engine --example http_speed`. One thread, warm caches, no sockets: a lower bound of
//! what a connection pays, for comparing two versions of the parser on one machine, not two machines.

use std::hint::black_box;
use std::time::Instant;

use tricorn_engine::http::{
    ChunkedDecoder, HeadParser, RequestHead, ResponseContext, ResponseHead, Rules, Version,
    encode_chunk_prefix,
};

const ROUNDS: usize = 200;
const REPEATS: u32 = 5_000;

const SMALL: &[u8] = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: wrk/4.2\r\nAccept: */*\r\n\
    Connection: keep-alive\r\n\r\n";

const BROWSER: &[u8] = b"GET /articles/2026/11/some-title?page=2&sort=new HTTP/1.1\r\n\
    Host: www.example.test\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://www.example.test/articles\r\n\
    Connection: keep-alive\r\n\
    Cookie: session=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.XmNK3GpH3Ys_7wsYBfq4C3M6goz71I7dTgUkuIa5lyQ; theme=dark\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    X-Forwarded-For: 203.0.113.7\r\n\
    X-Forwarded-Proto: https\r\n\
    \r\n";

fn main() {
    for (name, bytes) in [("4 fields", SMALL), ("14 fields", BROWSER)] {
        for is_trusted in [false, true] {
            let title = format!("parse, {name}, {} bytes, trusted {is_trusted}", bytes.len());
            measure(&title, &mut parse(bytes, is_trusted));
        }
        measure(&format!("parse, {name}, byte by byte"), &mut parse_trickle(bytes));
    }
    measure("chunked, 8 chunks of 512 bytes", &mut chunked());
    measure("response, 3 fields", &mut respond());
}

/// Prints the best of some rounds: everything above it is the machine's noise.
fn measure(title: &str, work: &mut dyn FnMut()) {
    let round = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..REPEATS).for_each(|_| work());
        start.elapsed().as_nanos() / u128::from(REPEATS)
    };
    let best = (0..ROUNDS).map(|_| round(work)).min().unwrap_or(0);
    println!("{best:>6} ns  {title}");
}

fn parse(bytes: &[u8], is_trusted: bool) -> impl FnMut() {
    let (mut parser, mut head, rules) = (HeadParser::new(), RequestHead::new(), Rules::default());
    move || {
        let taken = parser.parse(black_box(bytes), &rules, is_trusted, &mut head);
        assert_eq!(black_box(taken), Ok(Some(bytes.len())));
        black_box(&head);
    }
}

fn parse_trickle(bytes: &[u8]) -> impl FnMut() {
    let (mut parser, mut head, rules) = (HeadParser::new(), RequestHead::new(), Rules::default());
    move || {
        for end in 1..=bytes.len() {
            let taken = parser.parse(black_box(&bytes[..end]), &rules, false, &mut head);
            assert_eq!(black_box(taken).is_ok_and(|taken| taken.is_some()), end == bytes.len());
        }
    }
}

fn chunked() -> impl FnMut() {
    let mut bytes = Vec::new();
    for _ in 0..8 {
        encode_chunk_prefix(512, &mut bytes);
        bytes.extend_from_slice(&[b'x'; 512]);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    let rules = Rules::default();
    move || {
        let mut decoder = ChunkedDecoder::new();
        let mut rest = black_box(bytes.as_slice());
        loop {
            let step = decoder.decode(rest, &rules).expect("valid chunks");
            rest = &rest[step.consumed..];
            if black_box(step).is_finished {
                break;
            }
        }
        assert!(rest.is_empty());
    }
}

fn respond() -> impl FnMut() {
    let mut head = ResponseHead::new(b"200 OK").expect("a valid status");
    let mut out = Vec::new();
    let context = ResponseContext {
        request_version: Version::Http11,
        is_head: false,
        keep_alive: true,
        date: b"Sun, 06 Nov 1994 08:49:37 GMT",
        server: b"tricorn",
    };
    move || {
        out.clear();
        head.restart(black_box(b"200 OK")).expect("a valid status");
        for (name, value) in
            [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "13"), ("X-A", "b")]
        {
            head.add(black_box(name.as_bytes()), black_box(value.as_bytes())).expect("a valid field");
        }
        black_box(head.encode(&context, &mut out));
        black_box(&out);
    }
}
