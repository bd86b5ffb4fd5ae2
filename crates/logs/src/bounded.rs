//! Writing to a descriptor without ever waiting for its reader longer than allowed.
//!
//! [`write`] is the only place of the crate that writes log bytes; [`sink`](crate::sink) decides where and keeps count.
//! It knows nothing of lines' meaning, only that a piece had better end with a newline.
//!
//! Why three ways. A regular file never blocks on a reader, and with `O_APPEND` one write(2) is placed as a whole, so
//! everything goes in one call. Pipes, sockets and terminals do block, and their descriptor is usually shared with other
//! processes (stderr of the master, of all workers, of the shell), so `O_NONBLOCK`, a property of the shared open file
//! description (fcntl(2)), must not be set behind their back. The wish not to wait is therefore given per call: send(2)
//! with `MSG_DONTWAIT` for sockets, pwritev2(2) with `RWF_NOWAIT` for pipes. Where the kernel does not know that flag for
//! the descriptor (terminals; pipes before Linux 6.5), the descriptor is opened once more through /proc, which gives a
//! description of our own that may be non-blocking. Where that is refused too (no /proc, a pipe made by another user),
//! poll(2) for `POLLOUT` goes before a plain write of at most `PIPE_BUF` bytes: Linux calls a pipe writable when a page is
//! free, and a page is `PIPE_BUF`, so that write waits only if another process takes the page in between.
//! Pieces of at most `PIPE_BUF` bytes are also what pipe(7) promises not to interleave. A single line that is longer goes out
//! in one call as well: Linux holds a pipe's lock until the pipe is full, so that it stays whole as long as the reader keeps up.

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use memchr::{memchr, memrchr};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::{Errno, ReadWriteFlags};
use rustix::net::SendFlags;
use rustix::pipe::PIPE_BUF;

/// What became of the bytes given to [`write`].
pub(crate) struct Written {
    /// The bytes that went out, counted from the front.
    pub(crate) bytes: usize,
    /// Why the rest did not; `AGAIN` means that the reader is too slow or stopped.
    pub(crate) stopped_by: Option<Errno>,
}

/// Writes `bytes`, waiting at most `patience` in all for a reader to make room (regular files excepted: the kernel
/// decides how long a disk takes).
pub(crate) fn write(fd: impl AsFd, bytes: &[u8], patience: Duration) -> Written {
    let fd = fd.as_fd();
    let way = Way::for_descriptor(fd);
    let deadline = Instant::now() + patience;
    let mut done = 0;
    while done < bytes.len() {
        let rest = &bytes[done..];
        let outcome = match way {
            Way::Whole => rustix::io::write(fd, rest),
            Way::Socket => rustix::net::send(fd, piece(rest), SendFlags::DONTWAIT | SendFlags::NOSIGNAL),
            Way::Pipe => write_without_waiting(fd, piece(rest)),
        };
        match outcome {
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if is_writable(fd, deadline.saturating_duration_since(Instant::now())) => {}
            Err(errno) => return Written { bytes: done, stopped_by: Some(errno) },
        }
    }
    Written { bytes: done, stopped_by: None }
}

/// Whether a write to this descriptor may have to wait for somebody to read.
pub(crate) fn has_reader(fd: impl AsFd) -> bool {
    Way::for_descriptor(fd.as_fd()) != Way::Whole
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Regular files, /dev/null and their like.
    Whole,
    Socket,
    /// Pipes and terminals.
    Pipe,
}

impl Way {
    /// Asked before each write: descriptors 1 and 2 change under us when the process daemonizes or captures output.
    fn for_descriptor(fd: BorrowedFd<'_>) -> Way {
        let Ok(stat) = rustix::fs::fstat(fd) else { return Way::Whole }; // the write will tell what is wrong
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Socket => Way::Socket,
            FileType::Fifo => Way::Pipe,
            FileType::CharacterDevice if std::io::IsTerminal::is_terminal(&fd) => Way::Pipe,
            _ => Way::Whole,
        }
    }
}

/// The next piece: whole lines of at most `PIPE_BUF` bytes in all, or one that is longer.
fn piece(rest: &[u8]) -> &[u8] {
    if rest.len() <= PIPE_BUF {
        return rest;
    }
    match memrchr(b'\n', &rest[..PIPE_BUF]) {
        Some(end) => &rest[..=end],
        None => memchr(b'\n', rest).map_or(rest, |end| &rest[..=end]),
    }
}

fn write_without_waiting(fd: BorrowedFd<'_>, piece: &[u8]) -> rustix::io::Result<usize> {
    // u64::MAX is the -1 of pwritev2(2): no offset, as write(2).
    match rustix::io::pwritev2(fd, &[IoSlice::new(piece)], u64::MAX, ReadWriteFlags::NOWAIT) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
        outcome => return outcome,
    }
    match open_own_description(fd) {
        Ok(own) => rustix::io::write(own, piece),
        Err(_) if is_writable(fd, Duration::ZERO) => {
            rustix::io::write(fd, &piece[..piece.len().min(PIPE_BUF)])
        }
        Err(_) => Err(Errno::AGAIN),
    }
}

/// The same pipe or terminal by another, non-blocking description. Costs two system calls, on old kernels only.
fn open_own_description(fd: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
}

/// Waits until `fd` takes bytes, at most `wait`. An error on the descriptor counts as yes: the write reports it.
fn is_writable(fd: BorrowedFd<'_>, wait: Duration) -> bool {
    let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
    let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
    matches!(rustix::event::poll(&mut fds, Some(&timeout)), Ok(count) if count > 0)
}

/// How many lines begin in `bytes`; the count of what is lost when they are not written.
pub(crate) fn line_count(bytes: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', bytes).count() as u64;
    ends + u64::from(bytes.last().is_some_and(|&byte| byte != b'\n'))
}

/// Why lines did not go out, in words.
pub(crate) fn reason(errno: Errno) -> String {
    match errno {
        Errno::AGAIN => "its reader is too slow or has stopped".to_owned(),
        other => std::io::Error::from(other).to_string(),
    }
}

#[cfg(test)]
mod tests;
