//! The table of workers: who lives, since when, in which state.
//!
//! Bookkeeping only. The master decides what happens to a worker; this file knows how to find, count and
//! signal one. A worker stays in the table until it is reaped, so a pid in the table cannot belong to anybody
//! else, and signals go through a pidfd all the same, in case user code reaps behind our back.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};

use crate::fork::send_signal;
use crate::host::ChildView;
use crate::scoreboard::WorkerSlot;

/// What the master has done with a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It loads or serves.
    Kept,
    /// SIGTERM (or SIGQUIT) was sent; SIGKILL follows at this time.
    Retiring { kill_at_ms: u64 },
    /// It made no progress; see `Sentence`. Its successor is on the way.
    Condemned(Sentence),
    /// SIGKILL was sent. It may still take a while (state D, proc(5)); it counts no more.
    Killed,
}

/// The way out for a worker that is stuck: dump, abort, kill, each with time to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// SIGABRT is still to be sent.
    pub abort_at_ms: Option<u64>,
    pub kill_at_ms: u64,
}

/// A child as the master sees it.
pub(crate) struct WorkerHandle {
    pub pid: u32,
    pub age: u64,
    pub generation: u64,
    pub slot: WorkerSlot,
    /// Which scoreboard and which of its slots.
    pub place: (u64, usize),
    /// Our end; `None` after its end of file.
    pub lifeline: Option<OwnedFd>,
    pub lifeline_lost_ms: Option<u64>,
    pub spawned_ms: u64,
    pub ready_ms: Option<u64>,
    pub state: State,
    /// Failures in a row of the workers in this place before it.
    pub failures: u32,
    /// The last deadly signal that we sent.
    pub sent: Option<i32>,
    /// Its place has been given to a vacancy already.
    pub is_replaced: bool,
    pidfd: OwnedFd,
}

/// What `WorkerHandle::new` needs to know.
pub(crate) struct Birth {
    pub pid: u32,
    pub age: u64,
    pub generation: u64,
    pub slot: WorkerSlot,
    pub place: (u64, usize),
    pub lifeline: OwnedFd,
    pub spawned_ms: u64,
    pub failures: u32,
}

impl WorkerHandle {
    /// Fails if there is no descriptor for the pidfd; the caller then has a child it must not keep.
    pub fn new(birth: Birth) -> io::Result<WorkerHandle> {
        let pid = Pid::from_raw(birth.pid as i32).expect("fork gives a positive pid");
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(WorkerHandle {
            pid: birth.pid,
            age: birth.age,
            generation: birth.generation,
            slot: birth.slot,
            place: birth.place,
            lifeline: Some(birth.lifeline),
            lifeline_lost_ms: None,
            spawned_ms: birth.spawned_ms,
            ready_ms: None,
            state: State::Kept,
            failures: birth.failures,
            sent: None,
            is_replaced: false,
            pidfd,
        })
    }

    /// Sends a signal to exactly this process. Fails with ESRCH if it is gone.
    pub fn signal(&mut self, number: i32) -> io::Result<()> {
        let is_deadly = number != crate::fork::dump_signal() && number != nix::libc::SIGUSR1;
        if is_deadly {
            self.sent = Some(number);
        }
        send_signal(&self.pidfd, number)
    }

    /// It counts: neither told to stop, nor stuck, nor killed.
    pub fn is_kept(&self) -> bool {
        self.state == State::Kept
    }

    pub fn is_ready(&self) -> bool {
        self.ready_ms.is_some()
    }

    /// Somebody else has waited for it (ECHILD), so that waitpid(-1) will never report it.
    pub fn is_stolen(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::PidFd(self.pidfd.as_fd()), options).is_err_and(|errno| errno == Errno::CHILD)
    }

    pub fn view(&self) -> ChildView {
        let aborted = !matches!(self.state, State::Kept);
        ChildView { pid: self.pid, age: self.age, booted: self.is_ready(), aborted }
    }
}

/// All workers, oldest first.
#[derive(Default)]
pub(crate) struct Children {
    list: Vec<WorkerHandle>,
}

impl Children {
    pub fn add(&mut self, handle: WorkerHandle) {
        let index = self.list.partition_point(|other| other.age < handle.age);
        self.list.insert(index, handle);
    }

    pub fn remove(&mut self, pid: u32) -> Option<WorkerHandle> {
        let index = self.list.iter().position(|handle| handle.pid == pid)?;
        Some(self.list.remove(index))
    }

    pub fn iter(&self) -> impl Iterator<Item = &WorkerHandle> {
        self.list.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut WorkerHandle> {
        self.list.iter_mut()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The lowest of `count` slots of scoreboard `board` that no worker of the table uses.
    pub fn free_slot(&self, board: u64, count: usize) -> Option<usize> {
        (0..count).find(|index| self.list.iter().all(|handle| handle.place != (board, *index)))
    }

    /// Forgets everybody, in a child: closes our ends of the lifelines and the pidfds, and signals nobody.
    pub fn forget(&mut self) {
        self.list = Vec::new();
    }
}
