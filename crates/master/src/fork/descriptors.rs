//! The descriptors that survive exec(2): the standard streams and those that are named, nothing else.
//!
//! Called in the forked child that becomes the new master (`master/reexec.rs`), right before exec. Whatever a
//! library has opened without close-on-exec is marked here, so that the new master holds no file, no socket
//! and no connection that it does not know of.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::libc;

/// First descriptor behind the standard streams.
const FIRST: i32 = 3;

/// Marks every descriptor from 3 on close-on-exec, except `kept`, which lose the mark.
pub(crate) fn keep_across_exec(kept: &[BorrowedFd<'_>]) -> io::Result<()> {
    mark_all()?;
    for fd in kept {
        rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())?;
    }
    Ok(())
}

/// The same, but `kept` survive under the numbers 3, 4, ... in this order, as `sd_listen_fds(3)` wants them.
/// Whatever had these numbers in this process is closed.
pub(crate) fn keep_from_three(kept: &[BorrowedFd<'_>]) -> io::Result<()> {
    mark_all()?;
    let behind = FIRST + kept.len() as i32;
    // Out of the way first: one of them may have a number that another is to get.
    let copies =
        kept.iter().map(|fd| rustix::io::fcntl_dupfd_cloexec(fd, behind)).collect::<Result<Vec<_>, _>>()?;
    for (number, copy) in (FIRST..).zip(&copies) {
        // SAFETY: dup2(2) takes any numbers. It closes what `number` was, which only this process used: it is
        // about to be replaced, and the caller touches no descriptor but its report, which lies behind.
        let result = unsafe { libc::dup2(copy.as_raw_fd(), number) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// `close_range(2)` with `CLOSE_RANGE_CLOEXEC` (Linux 5.11), else one by one.
fn mark_all() -> io::Result<()> {
    // SAFETY: `close_range` with this flag closes nothing; it only sets the mark on descriptors that are
    // open.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST as libc::c_uint,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC as libc::c_uint,
        )
    };
    if result == 0 { Ok(()) } else { mark_each() }
}

fn mark_each() -> io::Result<()> {
    let mut open: Vec<i32> = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        open.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    for number in open.into_iter().filter(|number| *number >= FIRST) {
        // SAFETY: borrowed for one fcntl(2), which answers EBADF for the listing's own descriptor, closed by
        // now.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsFd, OwnedFd};

    use super::*;

    fn is_kept(fd: impl AsFd) -> bool {
        let flags = rustix::io::fcntl_getfd(fd).expect("open");
        !flags.contains(rustix::io::FdFlags::CLOEXEC)
    }

    /// Both ways of marking, on descriptors of our own. Other tests of this process run in processes of their
    /// own (nextest) or do not execute anything.
    #[test]
    fn only_what_is_named_survives() {
        let (one, other): (OwnedFd, OwnedFd) = rustix::pipe::pipe().expect("descriptors");
        for mark in [mark_all, mark_each] {
            rustix::io::fcntl_setfd(&one, rustix::io::FdFlags::empty()).expect("open");
            rustix::io::fcntl_setfd(&other, rustix::io::FdFlags::empty()).expect("open");
            assert!(is_kept(&one) && is_kept(&other));
            mark().expect("Linux");
            assert!(!is_kept(&one) && !is_kept(&other));
        }
        keep_across_exec(&[one.as_fd()]).expect("Linux");
        assert!(is_kept(&one) && !is_kept(&other));
    }
}
