//! The process-wide system calls that need `unsafe`: fork, signal dispositions, real-time signals, the
//! environment.
//!
//! Called by the signal queue (dispositions) and by the master (fork). No policy here: who is forked, what a
//! signal means and what a child does is decided by the callers. signal-hook is not used for three reasons:
//! it never gives a signal back (a child could not return SIGTERM to its default while it loads the
//! application), it also runs the handler it found (Python's SIGINT), and one pipe per signal loses the order
//! between signals.

pub(crate) mod descriptors;

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, sigprocmask};
use nix::unistd::{ForkResult, fork};

/// What the kernel does when a signal arrives.
#[derive(Clone, Copy)]
pub(crate) enum Disposition {
    /// The kernel's default.
    Default,
    /// A handler that does nothing: unlike `SIG_IGN` it is not inherited by programs that the application
    /// executes.
    Disregard,
    /// A handler that writes the signal's number into the queue.
    Enqueue,
}

/// Write end of the signal queue of this process, -1 if there is none.
static QUEUE: AtomicI32 = AtomicI32::new(-1);

/// The process that made the queue.
static QUEUE_OWNER: AtomicU32 = AtomicU32::new(0);

/// Where `Disposition::Enqueue` writes. The caller keeps the descriptor open until it passes `None`.
pub(crate) fn set_queue(write_end: Option<&OwnedFd>) {
    QUEUE_OWNER.store(std::process::id(), Ordering::SeqCst);
    QUEUE.store(write_end.map_or(-1, AsRawFd::as_raw_fd), Ordering::SeqCst);
}

/// `write_end` is the queue of this process.
pub(crate) fn is_queue(write_end: &OwnedFd) -> bool {
    QUEUE.load(Ordering::SeqCst) == write_end.as_raw_fd()
}

extern "C" fn enqueue(number: c_int) {
    if QUEUE_OWNER.load(Ordering::SeqCst) != std::process::id() {
        return belong_to_yourself(number);
    }
    let raw = QUEUE.load(Ordering::SeqCst);
    if raw >= 0 {
        // SAFETY: `set_queue` promises that the descriptor stays open while it is stored.
        let fd = unsafe { BorrowedFd::borrow_raw(raw) };
        // One write(2) by a raw system call: async-signal-safe and without a trace in errno. A full pipe (64
        // KiB of unread signals) drops the signal, which the thousands before it have already announced.
        let _ = rustix::io::write(fd, &[number as u8]);
    }
}

/// A hook or the application has forked this process, and the queue it shares is that of its parent, for whom the signal
/// was not meant: one that asks for the end does what it does by default, when the handler that called this returns.
/// Others, which somebody sends to all processes of a server (`pkill -HUP`), would end it too, and mean nothing here.
fn belong_to_yourself(number: c_int) {
    if ![libc::SIGTERM, libc::SIGINT, libc::SIGQUIT, libc::SIGABRT].contains(&number) {
        return;
    }
    if let Ok(signal) = nix::sys::signal::Signal::try_from(number) {
        // Both calls are async-signal-safe, and cannot fail for a signal that was caught.
        let _ = set_disposition(number, Disposition::Default);
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), signal);
    }
}

extern "C" fn disregard(_number: c_int) {}

/// Sets what signal `number` does in this process.
pub(crate) fn set_disposition(number: i32, disposition: Disposition) -> io::Result<()> {
    let handler = match disposition {
        Disposition::Default => SigHandler::SigDfl,
        Disposition::Disregard => SigHandler::Handler(disregard),
        Disposition::Enqueue => SigHandler::Handler(enqueue),
    };
    // SA_RESTART: user code in hooks need not know EINTR. The queue wakes a poll(2) by its descriptor. SA_NOCLDSTOP: a child
    // that is stopped has not ended.
    let flags = SaFlags::SA_RESTART | SaFlags::SA_NOCLDSTOP;
    let action = libc::sigaction::from(SigAction::new(handler, flags, SigSet::empty()));
    // SAFETY: `action` is a valid sigaction whose handlers only make async-signal-safe calls; the old one is
    // not wanted.
    let result = unsafe { libc::sigaction(number, &raw const action, std::ptr::null_mut()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Nobody has set a handler for signal `number`, nor ignores it.
pub(crate) fn is_default(number: i32) -> bool {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    let mut present = libc::sigaction::from(default);
    // SAFETY: a null action only asks, and `present` has room for the answer.
    let result = unsafe { libc::sigaction(number, std::ptr::null(), &raw mut present) };
    result == 0 && present.sa_sigaction == libc::SIG_DFL
}

/// Which side of a fork this is.
pub(crate) enum Side {
    /// The parent, with the child's pid.
    Parent(u32),
    /// The child. All signals are blocked; `before_unblocked` has run.
    Child,
}

/// fork(2) with all signals blocked, so that the child never runs a handler of its parent: in the child
/// `in_child` runs first and sets new dispositions, then the mask of before is restored on both sides.
pub(crate) fn fork_blocked(in_child: impl FnOnce()) -> io::Result<Side> {
    let mut mask_before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut mask_before))?;
    // SAFETY: the master has one thread (invariant 2 of the design), so no lock can be held by a thread that
    // the child lacks; the child may therefore run any code.
    let forked = unsafe { fork() };
    if let Ok(ForkResult::Child) = forked {
        in_child();
    }
    let restored = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask_before), None);
    let side = match forked? {
        ForkResult::Parent { child } => Side::Parent(child.as_raw() as u32),
        ForkResult::Child => Side::Child,
    };
    restored.expect("a mask that the kernel gave is a valid mask");
    Ok(side)
}

/// Ends the process at once: no destructors, no atexit handlers, no flushing of what the parent had buffered.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) takes any code and does not return.
    unsafe { libc::_exit(code) }
}

/// The number of the signal that asks a worker for a dump of its stacks: SIGRTMIN+5.
pub fn dump_signal() -> i32 {
    libc::SIGRTMIN() + 5
}

/// `pidfd_send_signal(2)` with any signal number, also a real-time one, which rustix cannot name.
pub(crate) fn send_signal(pidfd: impl AsFd, number: i32) -> io::Result<()> {
    // SAFETY: the number is one of the master's signals or SIGRTMIN+5; none of them is reserved by the C
    // library.
    let signal = unsafe { rustix::process::Signal::from_raw_unchecked(number) };
    Ok(rustix::process::pidfd_send_signal(pidfd, signal)?)
}

/// Removes variables from the C environment, so that children do not see them.
pub(crate) fn remove_variables(names: &[&str]) {
    for name in names {
        // SAFETY: the master has one thread, nobody reads the environment meanwhile.
        unsafe { std::env::remove_var(name) };
    }
}

/// Takes over a descriptor that the process was started with, if `check` finds it to be what it should be,
/// and makes it close-on-exec. `check` sees it before it is ours, so that a wrong number does not close
/// somebody else's file.
///
/// The caller names each descriptor once, and `check` refuses everything that this process may have opened
/// itself.
pub(crate) fn adopt_descriptor<T, E>(
    raw: i32,
    check: impl FnOnce(BorrowedFd<'_>) -> Result<T, E>,
) -> Result<(OwnedFd, T), E> {
    // SAFETY: borrowed for the calls of `check`, which answer EBADF if it is not open; -1 alone may not be
    // borrowed, and the caller passes no negative number.
    let borrowed = unsafe { BorrowedFd::borrow_raw(raw) };
    let found = check(borrowed)?;
    // It cannot fail on a descriptor that is open.
    let _ = rustix::io::fcntl_setfd(borrowed, rustix::io::FdFlags::CLOEXEC);
    // SAFETY: `check` has found it open, and the caller promises that it has no other owner.
    Ok((unsafe { OwnedFd::from_raw_fd(raw) }, found))
}
