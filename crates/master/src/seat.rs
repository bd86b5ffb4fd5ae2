//! What a worker gets from its master: the `Seat`.
//!
//! Made in the child right after fork and moved into `Host::run_worker`. It is the whole contract between the
//! two processes: inherited listeners, a slot on the scoreboard, and the lifeline.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::process::{PidfdFlags, getpid, pidfd_open};

use crate::fork::{dump_signal, send_signal};
use crate::listener::ListenSocket;
use crate::privileges::Privileges;
use crate::scoreboard::WorkerSlot;
use crate::siblings::Siblings;

/// Byte on the lifeline: the worker serves.
pub(crate) const READY: u8 = b'r';
/// Byte on the lifeline: the worker wants a successor and goes on until told to stop.
pub(crate) const REPLACE: u8 = b's';
/// Byte on the lifeline: the worker drains, and what is left in it will not end.
pub(crate) const HOPELESS: u8 = b'h';

/// A worker's place in the server.
///
/// Signals of a worker before it makes a `SignalQueue`: TERM and INT end it (so that a stop while it loads is
/// at once), HUP, USR2, TTIN, TTOU, WINCH, USR1 and the dump signal do nothing, CHLD, QUIT and ABRT have the
/// kernel's default. With a queue only the queue's signals change. The master sends TERM to finish what runs,
/// QUIT to end soon, USR1 to reopen logs, and to one that is stuck `dump_signal()`, then ABRT, then KILL.
pub struct Seat {
    /// The server's listening sockets, non-blocking, shared with all workers.
    pub listeners: Vec<ListenSocket>,
    /// This worker's part of the scoreboard.
    pub slot: WorkerSlot,
    /// What it shares with the other workers. `None` once it was taken.
    pub siblings: Option<Siblings>,
    /// One end of a socket pair with the master. At its end of file the master is dead and the worker drains
    /// and goes.
    pub lifeline: OwnedFd,
    /// Serial number of the spawn, 1 for the first worker of this master.
    pub age: u64,
    /// The master's pid.
    pub ppid: u32,
    /// Runners this worker is to have.
    pub runners: usize,
    pub(crate) privileges: Privileges,
}

impl Seat {
    /// Tells the master that the application is loaded and the worker accepts. A worker that ends before this
    /// has failed to boot. Errors only if the master is gone.
    pub fn report_ready(&self) -> io::Result<()> {
        self.slot.beat(crate::monotonic_ms());
        self.slot.set_ready();
        self.send(READY)
    }

    /// Asks the master for a successor (`max_requests`, memory): the worker goes on serving until the master
    /// sends SIGTERM, which it does when the successor is ready. So recycling leaves no hole. Errors only if
    /// the master is gone.
    pub fn ask_replacement(&self) -> io::Result<()> {
        self.send(REPLACE)
    }

    /// Asks the master to end this worker now, as it ends one that is stuck: it was told to stop, and only requests are
    /// left that do not return. Errors only if the master is gone.
    pub fn give_up(&self) -> io::Result<()> {
        self.send(HOPELESS)
    }

    /// Has this process write the stacks of all its threads, if it has a handler for `dump_signal()`. Fails as
    /// `pidfd_open(2)` does.
    pub fn dump_stacks(&self) -> io::Result<()> {
        send_signal(pidfd_open(getpid(), PidfdFlags::empty())?, dump_signal())
    }

    fn send(&self, byte: u8) -> io::Result<()> {
        rustix::net::send(&self.lifeline, &[byte], rustix::net::SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Readable at the master's death, and never before.
    pub fn lifeline(&self) -> BorrowedFd<'_> {
        self.lifeline.as_fd()
    }

    /// Becomes the user and group of the settings: setgid or initgroups, then setuid. Called after the
    /// `post_fork` hook and before the application is loaded, as in Gunicorn. Fails as those calls do (EPERM
    /// without the privilege).
    pub fn drop_privileges(&self) -> io::Result<()> {
        self.privileges.apply()
    }
}
