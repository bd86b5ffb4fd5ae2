//! Signals as values: the names the server knows and the queue that a handler fills.
//!
//! Used by the master, and by a worker once it can act on signals itself. A handler only enqueues; what a
//! signal means is decided where the queue is drained. There is one queue per process, since a signal has one
//! disposition per process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::libc;
use nix::sys::signal::SigSet;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::fork::{Disposition, dump_signal, is_default, is_queue, set_disposition, set_queue};

/// The signals that mean something to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the signal of its name; master/events.rs is the table of meanings")]
pub enum Signal {
    Hup,
    Int,
    Quit,
    Abrt,
    Usr1,
    Usr2,
    Term,
    Chld,
    Ttin,
    Ttou,
    Winch,
}

/// Signal, number, and name as in "Handling signal: term".
const NAMES: [(Signal, i32, &str); 11] = [
    (Signal::Hup, libc::SIGHUP, "hup"),
    (Signal::Int, libc::SIGINT, "int"),
    (Signal::Quit, libc::SIGQUIT, "quit"),
    (Signal::Abrt, libc::SIGABRT, "abrt"),
    (Signal::Usr1, libc::SIGUSR1, "usr1"),
    (Signal::Usr2, libc::SIGUSR2, "usr2"),
    (Signal::Term, libc::SIGTERM, "term"),
    (Signal::Chld, libc::SIGCHLD, "chld"),
    (Signal::Ttin, libc::SIGTTIN, "ttin"),
    (Signal::Ttou, libc::SIGTTOU, "ttou"),
    (Signal::Winch, libc::SIGWINCH, "winch"),
];

impl Signal {
    /// Every signal of the table.
    pub const ALL: [Signal; 11] = {
        let mut all = [Signal::Hup; 11];
        let mut index = 0;
        while index < all.len() {
            all[index] = NAMES[index].0;
            index += 1;
        }
        all
    };

    fn row(self) -> (Signal, i32, &'static str) {
        NAMES[self as usize]
    }

    /// The kernel's number, signal(7).
    pub fn number(self) -> i32 {
        self.row().1
    }

    /// Lower-case name without "SIG".
    pub fn name(self) -> &'static str {
        self.row().2
    }

    fn from_number(number: i32) -> Option<Signal> {
        NAMES.iter().find(|row| row.1 == number).map(|row| row.0)
    }
}

/// The signals of a process in the order they arrived, none merged by us (the kernel itself merges equal
/// signals that are pending at the same time).
///
/// A worker is forked without a queue, its signals as `Seat` describes them, and makes one after its
/// application is loaded, for TERM, INT, QUIT and USR1 (and ABRT if it has something to say before it ends).
pub struct SignalQueue {
    read_end: OwnedFd,
    write_end: OwnedFd,
    signals: Vec<Signal>,
}

impl SignalQueue {
    /// Takes over `signals`: from now on they are only enqueued. Replaces the handlers they had and an
    /// earlier queue of this process. Fails if there is no descriptor left, or for signals that cannot be
    /// caught.
    pub fn new(signals: &[Signal]) -> io::Result<SignalQueue> {
        let (read_end, write_end) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        set_queue(Some(&write_end));
        for signal in signals {
            set_disposition(signal.number(), Disposition::Enqueue)?;
        }
        unblock(signals)?;
        Ok(SignalQueue { read_end, write_end, signals: signals.to_vec() })
    }

    /// Readable while a signal waits.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.read_end.as_fd()
    }

    /// Takes out all that wait, oldest first. Never blocks.
    pub fn drain(&self) -> Vec<Signal> {
        let mut drained = Vec::new();
        let mut bytes = [0; 256];
        while let Ok(count) = rustix::io::read(&self.read_end, &mut bytes) {
            drained.extend(bytes[..count].iter().filter_map(|byte| Signal::from_number(i32::from(*byte))));
            if count < bytes.len() {
                break;
            }
        }
        drained
    }
}

/// A process inherits its signal mask: one that was started by a thread with blocked signals would hear
/// nothing.
fn unblock(signals: &[Signal]) -> io::Result<()> {
    let named = signals.iter().filter_map(|signal| nix::sys::signal::Signal::try_from(signal.number()).ok());
    Ok(named.collect::<SigSet>().thread_unblock()?)
}

impl Drop for SignalQueue {
    /// Gives the signals back to the kernel's defaults, except those that another queue has taken over since.
    fn drop(&mut self) {
        if is_queue(&self.write_end) {
            for signal in &self.signals {
                let _ = set_disposition(signal.number(), Disposition::Default);
            }
            set_queue(None);
        }
    }
}

/// Signals that are the master's business. A worker lets them pass, also when somebody sends them to all
/// processes of the server (`pkill -HUP`).
const MASTER_ONLY: [Signal; 5] = [Signal::Hup, Signal::Usr2, Signal::Ttin, Signal::Ttou, Signal::Winch];

/// What a child does with its signals before it has a queue of its own. Called in the child with all signals
/// blocked:
/// - HUP, USR2, TTIN, TTOU, WINCH are disregarded for its whole life (by an empty handler, which a program
///   executed by the application does not inherit);
/// - TERM, INT and CHLD have the kernel's default, so that TERM ends a worker that still loads its
///   application;
/// - QUIT too, but the master sends TERM instead to a worker that is not ready, since QUIT leaves a core
///   dump;
/// - USR1 is disregarded until the worker has a log to reopen;
/// - ABRT stays as it is, and so does the dump signal if somebody has set a handler before the fork.
///
/// A worker makes a `SignalQueue` for TERM, INT, QUIT and USR1 after its application is loaded.
pub(crate) fn reset_in_child() {
    for signal in Signal::ALL.into_iter().filter(|signal| *signal != Signal::Abrt) {
        let is_disregarded = MASTER_ONLY.contains(&signal) || signal == Signal::Usr1;
        let disposition = if is_disregarded { Disposition::Disregard } else { Disposition::Default };
        // Fails for no signal of the table (sigaction(2): only KILL and STOP are refused).
        let _ = set_disposition(signal.number(), disposition);
    }
    // Until the worker can dump its stacks, the request to do so must not end it.
    if is_default(dump_signal()) {
        let _ = set_disposition(dump_signal(), Disposition::Disregard);
    }
    set_queue(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_number_are_kept() {
        // The only test of this process that catches signals: there is one queue per process.
        use rustix::process::{Signal as KillSignal, getpid, kill_process};
        SigSet::all().thread_block().expect("a mask");
        let queue = SignalQueue::new(&[Signal::Ttin, Signal::Ttou, Signal::Winch]).expect("descriptors");
        let mask = SigSet::thread_get_mask().expect("a mask");
        assert!(!mask.contains(nix::sys::signal::SIGTTIN) && mask.contains(nix::sys::signal::SIGHUP));
        let sent =
            [KillSignal::TTIN, KillSignal::TTIN, KillSignal::WINCH, KillSignal::TTOU, KillSignal::TTIN];
        for (index, signal) in sent.iter().enumerate() {
            kill_process(getpid(), *signal).expect("ourselves");
            while rustix::io::ioctl_fionread(queue.descriptor()).expect("a pipe") <= index as u64 {
                std::thread::yield_now();
            }
        }
        let drained = [Signal::Ttin, Signal::Ttin, Signal::Winch, Signal::Ttou, Signal::Ttin];
        assert_eq!(queue.drain(), drained);
        assert_eq!(queue.drain(), []);
    }

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for signal in Signal::ALL {
            assert_eq!(signal.row().0, signal);
            assert_eq!(Signal::from_number(signal.number()), Some(signal));
        }
        assert_eq!((Signal::Term.name(), Signal::Winch.name()), ("term", "winch"));
    }
}
