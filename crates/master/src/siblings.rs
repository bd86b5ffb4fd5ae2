//! What the workers of one server have in common beside its listeners: a queue through which they hand each other
//! connections, and the knowledge whether there is anybody to hand one to. The queue is a pair of unix sockets made before
//! the first fork, so that workers of all generations share it; what goes through it is the workers' own affair.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::scoreboard::Scoreboard;

/// The two ends of the queue.
pub(crate) struct Handover {
    sender: OwnedFd,
    receiver: OwnedFd,
}

impl Handover {
    /// A queue of whole messages that nobody waits for. Fails as socketpair(2) does.
    pub fn new() -> io::Result<Handover> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (sender, receiver) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok(Handover { sender, receiver })
    }

    /// The part of the worker in slot `own` of `board`.
    pub fn into_siblings(self, board: Scoreboard, own: usize) -> Siblings {
        let Handover { sender, receiver } = self;
        Siblings { sender, receiver, others: Others { board, own } }
    }
}

/// A worker's view of the other workers.
pub struct Siblings {
    /// What is sent here...
    pub sender: OwnedFd,
    /// ... comes out here, at any one of the workers. Both are non-blocking and close-on-exec.
    pub receiver: OwnedFd,
    /// Who could take it.
    pub others: Others,
}

/// The other workers of the scoreboard.
#[derive(Clone, Copy)]
pub struct Others {
    board: Scoreboard,
    own: usize,
}

impl Others {
    /// Does another worker serve, without being about to go? Costs a look at one cache line per slot.
    pub fn is_any_serving(&self) -> bool {
        (0..self.board.workers_max())
            .any(|index| index != self.own && self.board.worker(index).is_taking_work())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_are_those_that_serve_and_stay() {
        let board = Scoreboard::new(2, 1).expect("a small mapping");
        let others = Others { board, own: 0 };
        let sibling = board.worker(board.workers_max() - 1);
        board.worker(0).set_ready();
        assert!(!others.is_any_serving(), "only this one");
        sibling.set_ready();
        assert!(others.is_any_serving());
        sibling.set_leaving();
        assert!(!others.is_any_serving(), "the other one is about to go");
        sibling.clear();
        sibling.set_ready();
        sibling.set_server_stopping();
        assert!(!others.is_any_serving(), "the server stops");
    }
}
