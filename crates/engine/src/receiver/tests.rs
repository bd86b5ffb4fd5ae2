//! A body in pieces of every size: where its bytes end up, when it is complete, and what is left for the next request.

use std::io::{Read, Seek};
use std::path::PathBuf;

use super::{Progress, ReceiveError, Receiver, Store};
use crate::http::{Framing, ParseError, Rules};
use crate::options::{EngineOptions, Spool};

const LIMIT: usize = 8;

fn options(spool: Spool) -> EngineOptions {
    EngineOptions {
        rules: Rules { body_bytes_max: 20, ..Rules::default() },
        header_timeout: None,
        body_timeout: None,
        write_timeout: None,
        keep_alive: None,
        body_buffer_bytes: LIMIT,
        spool,
        response_buffer_bytes: 0,
        response_batch: 1,
        connections_max: 1,
        proxy: None,
        tls: None,
        may_proxy: Box::new(|_| false),
        is_trusted: Box::new(|_| false),
        server: "test",
    }
}

fn spooling() -> EngineOptions {
    options(Spool::File(std::env::temp_dir()))
}

/// What was stored, and where, as a word.
fn stored(receiver: &mut Receiver) -> (&'static str, Vec<u8>) {
    match receiver.take_store() {
        Store::Memory(bytes) => ("memory", bytes),
        Store::File { mut file, bytes } => {
            let mut data = Vec::new();
            file.rewind().expect("a spool file can be read from its start");
            file.read_to_end(&mut data).expect("a spool file can be read");
            assert_eq!(data.len() as u64, bytes, "the count beside the file");
            ("file", data)
        }
    }
}

/// Feeds `input` in pieces of `size`; returns what is left behind the body, or `None` if the body is not complete.
fn feed(
    receiver: &mut Receiver,
    input: &[u8],
    size: usize,
    options: &EngineOptions,
) -> Result<Option<usize>, ReceiveError> {
    let mut taken = 0;
    for piece in input.chunks(size) {
        match receiver.take_in(piece, options)? {
            Progress::Complete(used) => return Ok(Some(input.len() - taken - used)),
            Progress::More => taken += piece.len(),
            Progress::Full(_) => panic!("a body that is spooled is never full"),
        }
    }
    Ok(None)
}

/// One row: in pieces of every size the body is complete, its data stored there, and `rest` bytes are not its own.
fn check(framing: Framing, input: &str, expected: (&str, &str), rest: Option<usize>) {
    let options = spooling();
    for size in 1..=input.len().max(1) {
        let mut receiver = Receiver::new(framing);
        let found = feed(&mut receiver, input.as_bytes(), size, &options);
        let Ok(found) = found else { panic!("{input:?} in pieces of {size} was refused") };
        assert_eq!(found, rest, "{input:?} in pieces of {size}");
        assert_eq!(receiver.is_complete(), rest.is_some(), "{input:?} in pieces of {size}");
        let (place, data) = stored(&mut receiver);
        let shown = String::from_utf8_lossy(&data).into_owned();
        assert_eq!((place, shown.as_str()), expected, "{input:?} in pieces of {size}");
    }
}

#[test]
fn a_declared_length() {
    for (length, input, expected, rest) in [
        (5, "hello", ("memory", "hello"), Some(0)),
        (5, "helloGET /", ("memory", "hello"), Some(5)),
        (6, "hello", ("memory", "hello"), None),
        // Exactly the limit stays in memory; one byte more does not.
        (8, "12345678", ("memory", "12345678"), Some(0)),
        (8, "12345678G", ("memory", "12345678"), Some(1)),
        (9, "123456789", ("file", "123456789"), Some(0)),
        (9, "123456789GET", ("file", "123456789"), Some(3)),
        (18, "123456789abcdefghi", ("file", "123456789abcdefghi"), Some(0)),
        (20, "123456789", ("file", "123456789"), None),
    ] {
        check(Framing::Length(length), input, expected, rest);
    }
}

#[test]
fn a_chunked_body() {
    for (input, expected, rest) in [
        ("0\r\n\r\n", ("memory", ""), Some(0)),
        ("5\r\nhello\r\n0\r\n\r\n", ("memory", "hello"), Some(0)),
        ("5\r\nhello\r\n0\r\n\r\nGET", ("memory", "hello"), Some(3)),
        ("5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n", ("memory", "helloabc"), Some(0)),
        ("5\r\nhello\r\n4\r\nabcd\r\n0\r\n\r\n", ("file", "helloabcd"), Some(0)),
        ("9\r\n123456789\r\n0\r\nA: b\r\n\r\nG", ("file", "123456789"), Some(1)),
        ("5\r\nhello\r\n", ("memory", "hello"), None),
        ("5\r\nhello\r\n0\r\n", ("memory", "hello"), None),
    ] {
        check(Framing::Chunked, input, expected, rest);
    }
}

#[test]
fn nothing_is_complete_at_once() {
    for framing in [Framing::None, Framing::Length(0)] {
        let mut receiver = Receiver::new(framing);
        assert!(matches!(receiver.take_in(b"GET", &spooling()), Ok(Progress::Complete(0))));
        assert!(receiver.is_complete());
        // A complete body takes nothing more, however often it is asked.
        assert!(matches!(receiver.take_in(b"GET", &spooling()), Ok(Progress::Complete(0))));
    }
    assert!(matches!(Receiver::new(Framing::Length(1)).take_in(b"", &spooling()), Ok(Progress::More)));
}

#[test]
fn a_buffer_of_nothing_spools_the_first_byte() {
    let options = EngineOptions { body_buffer_bytes: 0, ..spooling() };
    let mut receiver = Receiver::new(Framing::Length(1));
    assert!(matches!(receiver.take_in(b"x", &options), Ok(Progress::Complete(1))));
    assert_eq!(stored(&mut receiver), ("file", b"x".to_vec()));
}

/// A client that declares the greatest length and sends nothing must not cost its memory.
#[test]
fn little_is_reserved_for_a_great_length() {
    let mut receiver = Receiver::new(Framing::Length(u64::MAX));
    let Store::Memory(bytes) = receiver.take_store() else { panic!("nothing was stored yet") };
    assert!(bytes.capacity() <= 32 * 1024, "{} bytes were reserved", bytes.capacity());
}

/// The application runs while the rest is under way: each time it has read what is there, it takes the store and asks
/// for more.
#[test]
fn a_streamed_body_is_handed_over_piece_by_piece() {
    let options = options(Spool::Stream);
    let body = b"123456789abcdefgh";
    let mut receiver = Receiver::new(Framing::Length(body.len() as u64));
    // The limit is looked at between pieces: one piece is never cut.
    assert!(matches!(receiver.take_in(&body[..7], &options), Ok(Progress::More)));
    assert!(matches!(receiver.take_in(&body[7..9], &options), Ok(Progress::Full(2))));
    assert!(matches!(receiver.take_in(&body[9..], &options), Ok(Progress::Full(0))));
    assert_eq!(stored(&mut receiver), ("memory", b"123456789".to_vec()));
    assert!(!receiver.is_complete());
    assert!(matches!(receiver.take_in(&body[9..12], &options), Ok(Progress::More)));
    let more = [&body[12..], b"GET"].concat();
    assert!(matches!(receiver.take_in(&more, &options), Ok(Progress::Complete(5))));
    assert_eq!(stored(&mut receiver), ("memory", b"abcdefgh".to_vec()));
    assert_eq!(stored(&mut receiver), ("memory", Vec::new()), "a store is handed over once");
}

#[test]
fn a_streamed_chunk_at_the_limit_leaves_the_rest_of_the_input() {
    let options = options(Spool::Stream);
    let mut receiver = Receiver::new(Framing::Chunked);
    let input = b"8\r\n12345678\r\n1\r\n9\r\n0\r\n\r\nGET";
    let Ok(Progress::Full(used)) = receiver.take_in(input, &options) else { panic!("eight bytes are full") };
    assert_eq!(stored(&mut receiver), ("memory", b"12345678".to_vec()));
    let Ok(Progress::Complete(more)) = receiver.take_in(&input[used..], &options) else {
        panic!("the rest completes the body")
    };
    assert_eq!(stored(&mut receiver), ("memory", b"9".to_vec()));
    assert_eq!(&input[used + more..], b"GET");
}

/// A complete body is complete, not full, even if it ends exactly at the limit.
#[test]
fn a_streamed_body_of_exactly_the_limit_is_complete() {
    let mut receiver = Receiver::new(Framing::Length(LIMIT as u64));
    assert!(matches!(receiver.take_in(b"12345678", &options(Spool::Stream)), Ok(Progress::Complete(LIMIT))));
}

#[test]
fn what_the_end_of_input_means() {
    for (framing, input, is_answered) in [
        (Framing::Length(5), "", false),
        (Framing::Length(5), "hell", false),
        (Framing::Chunked, "", false),
        (Framing::Chunked, "5\r\nhel", false),
        (Framing::Chunked, "5\r\nhello\r\n", false),
        // The data is whole: this client waits for an answer, and forgot the last line.
        (Framing::Chunked, "5\r\nhello\r\n0\r\n", true),
        (Framing::Chunked, "5\r\nhello\r\n0\r\nA: b\r\n", true),
        (Framing::Chunked, "5\r\nhello\r\n0\r\n\r\n", false),
    ] {
        let mut receiver = Receiver::new(framing);
        assert!(receiver.take_in(input.as_bytes(), &spooling()).is_ok(), "{input:?}");
        let verdict = receiver.end_of_input();
        assert_eq!(verdict, is_answered.then_some(ParseError::ChunksTruncated), "{input:?}");
    }
}

#[test]
fn malformed_chunks_and_too_much_are_refused() {
    for (input, status) in [
        ("x\r\n", 400),
        ("5\r\nhelloX", 400),
        ("-1\r\n", 400),
        ("5\nhello", 400),
        ("0\r\nContent-Length: 3\r\n\r\n", 400),
        ("15\r\n", 413),                   // 21 bytes where 20 are allowed
        ("a\r\n0123456789\r\nb\r\n", 413), // and 21 in two chunks
    ] {
        for size in 1..=input.len() {
            let mut receiver = Receiver::new(Framing::Chunked);
            match feed(&mut receiver, input.as_bytes(), size, &spooling()) {
                Err(ReceiveError::Parse(error)) => {
                    assert_eq!(error.status().code(), status, "{input:?} in pieces of {size}");
                }
                Err(ReceiveError::Spool(error)) => panic!("{input:?}: {error}"),
                Ok(_) => panic!("{input:?} in pieces of {size} was taken"),
            }
            assert!(!receiver.is_complete());
        }
    }
}

#[test]
fn trailers_are_known_at_the_end() {
    let mut receiver = Receiver::new(Framing::Chunked);
    assert!(receiver.take_in(b"1\r\nx\r\n0\r\nChecksum: 7\r\n", &spooling()).is_ok());
    assert_eq!(receiver.trailers(), []);
    assert!(receiver.take_in(b"\r\n", &spooling()).is_ok());
    assert_eq!(receiver.trailers(), [(b"Checksum".to_vec(), b"7".to_vec())]);
    assert_eq!(Receiver::new(Framing::Length(3)).trailers(), []);
}

#[test]
fn a_folder_that_cannot_be_spooled_to_is_no_mistake_of_the_client() {
    let options = options(Spool::File(PathBuf::from("/no/such/folder")));
    let mut receiver = Receiver::new(Framing::Length(9));
    assert!(matches!(receiver.take_in(b"12345678", &options), Ok(Progress::More)), "it fits into memory");
    assert!(matches!(receiver.take_in(b"9", &options), Err(ReceiveError::Spool(_))));
}
