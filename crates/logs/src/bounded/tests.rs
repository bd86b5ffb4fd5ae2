//! Readers that stop, go away or were never there: a write ends in time and says how far it came.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::PIPE_BUF;

use super::{Written, line_count, piece, write};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);
const LINE: &[u8] = b"0123456789012345678901234567890123456789012345678901234567890123456789\n";

/// Writes lines until no more fit, and checks that this takes no longer than the patience (and some slack for a busy machine).
fn fill(fd: impl AsFd) -> usize {
    let lines = LINE.repeat(50_000);
    let begin = Instant::now();
    let Written { bytes, stopped_by } = write(fd, &lines, SHORT);
    assert_eq!(stopped_by, Some(Errno::AGAIN));
    assert!(begin.elapsed() < LONG, "the write waited {:?}", begin.elapsed());
    assert_eq!(bytes % LINE.len(), 0, "the write ended inside a line");
    assert!(bytes > 0);
    bytes
}

#[test]
fn a_full_pipe_stops_the_write_at_a_line_end() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let written = fill(&writer);
    drop(writer);
    let mut read = Vec::new();
    reader.read_to_end(&mut read).expect("a pipe can be read");
    assert_eq!(read.len(), written);
}

#[test]
fn a_full_socket_stops_the_write_at_a_line_end() {
    let (reader, writer) = UnixStream::pair().expect("a socket pair");
    fill(&writer);
    drop(reader);
    assert_eq!(write(&writer, LINE, SHORT).stopped_by, Some(Errno::PIPE));
}

#[test]
fn a_slow_reader_gets_everything_within_the_patience() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let lines = LINE.repeat(20_000);
    let read = std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).map(|_| read)
        });
        let written = write(&writer, &lines, LONG);
        drop(writer);
        assert_eq!((written.bytes, written.stopped_by), (lines.len(), None));
        reading.join().expect("the reader does not panic").expect("a pipe can be read")
    });
    assert!(read == lines);
}

#[test]
fn a_closed_pipe_and_a_full_disk_are_reported() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let full = OpenOptions::new().write(true).open("/dev/full").expect("/dev/full is there");
    let closed_for_writing = File::open("/dev/null").expect("/dev/null is there");
    for (fd, errno) in [
        (OwnedFd::from(writer), Errno::PIPE),
        (OwnedFd::from(full), Errno::NOSPC),
        (OwnedFd::from(closed_for_writing), Errno::BADF),
    ] {
        let written = write(&fd, LINE, SHORT);
        assert_eq!((written.bytes, written.stopped_by), (0, Some(errno)));
    }
}

/// Terminals do not know `RWF_NOWAIT`: this goes through the second description, as pipes do on old kernels.
#[test]
fn a_stopped_terminal_does_not_stop_us() {
    use rustix::termios::{Action, tcflow};
    let controller = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY)
        .expect("a terminal");
    rustix::pty::grantpt(&controller).expect("the terminal is ours");
    rustix::pty::unlockpt(&controller).expect("the terminal is ours");
    let path = rustix::pty::ptsname(&controller, Vec::new()).expect("the terminal has a name");
    let terminal =
        rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("the terminal opens");

    let written = write(&terminal, b"hello\n", SHORT);
    assert_eq!((written.bytes, written.stopped_by), (6, None));
    let mut screen = [0; 64];
    let count = rustix::io::read(&controller, &mut screen).expect("the screen shows it");
    assert_eq!(&screen[..count], b"hello\r\n");

    tcflow(&terminal, Action::OOff).expect("control-S");
    let begin = Instant::now();
    assert_eq!(write(&terminal, b"more\n", SHORT).stopped_by, Some(Errno::AGAIN));
    assert!(begin.elapsed() < LONG);
    tcflow(&terminal, Action::OOn).expect("control-Q");
    assert_eq!(write(&terminal, b"more\n", SHORT).stopped_by, None);
}

#[test]
fn pieces_are_lines_that_fit_a_pipe_or_one_that_does_not() {
    let long_line = vec![b'x'; 3 * PIPE_BUF];
    let long_line_and_more = [long_line.as_slice(), b"\nrest\n"].concat();
    let two_lines = [vec![b'x'; PIPE_BUF - 2], b"\nrest\n".to_vec()].concat();
    for (rest, expected) in [
        (b"a\nb" as &[u8], 3),
        (&long_line, long_line.len()),
        (&long_line_and_more, long_line.len() + 1),
        (&two_lines, PIPE_BUF - 1),
        (&LINE.repeat(100), PIPE_BUF / LINE.len() * LINE.len()),
    ] {
        assert_eq!(piece(rest).len(), expected);
    }
}

#[test]
fn lost_lines_are_counted_by_their_ends() {
    for (bytes, count) in [(b"" as &[u8], 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2)] {
        assert_eq!(line_count(bytes), count, "{bytes:?}");
    }
}
