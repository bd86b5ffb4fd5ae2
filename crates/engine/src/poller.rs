//! epoll(7): who wants to know of which socket, and the batch of events that was reported last. Holding the poller is
//! holding the lead: whoever has it waits for events and takes them one at a time; what it leaves in the batch is there
//! for the next leader.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

use crate::slots::{Seen, Token};

/// Events taken from the kernel at once. Small, because what is in the batch is no other worker's any more.
const BATCH: usize = 64;

/// Events that may wait in the batch while the runners are away; beyond that they wait in the kernel.
const BATCH_MAX: usize = 1024;

/// Tokens of listeners and of the wake-up descriptor: generations a connection's slot does not reach in practice, told
/// apart by the index.
const SPECIAL: u64 = 0xffff_ffff << 32;
const WAKE: u64 = SPECIAL | 0xffff_ffff;
const SIBLINGS: u64 = SPECIAL | 0xffff_fffe;

/// One event.
#[derive(Clone, Copy)]
pub(crate) enum Happened {
    /// Somebody called `Interest::wake`.
    Woken,
    /// This listener has a connection to accept.
    Incoming(usize),
    /// A sibling has handed a connection over.
    HandedOver,
    /// This connection's socket moved.
    Moved(Token, Seen),
}

/// What waiting gave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled {
    Events,
    Interrupted,
}

/// The epoll descriptor: registrations, from any thread.
pub(crate) struct Interest {
    epoll: OwnedFd,
    wake: OwnedFd,
}

impl Interest {
    pub fn new() -> rustix::io::Result<Interest> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &wake, EventData::new_u64(WAKE), EventFlags::IN)?;
        Ok(Interest { epoll, wake })
    }

    /// Listeners are level-triggered and exclusive: of all processes that wait, the kernel wakes one (`epoll_ctl(2)`).
    pub fn watch_listener(&self, listener: &impl AsFd, index: usize) -> rustix::io::Result<()> {
        let data = EventData::new_u64(SPECIAL | index as u64);
        epoll::add(&self.epoll, listener, data, EventFlags::IN | EventFlags::EXCLUSIVE)
    }

    /// The siblings' queue, like a listener.
    pub fn watch_siblings(&self, receiver: &impl AsFd) -> rustix::io::Result<()> {
        let data = EventData::new_u64(SIBLINGS);
        epoll::add(&self.epoll, receiver, data, EventFlags::IN | EventFlags::EXCLUSIVE)
    }

    pub fn unwatch(&self, socket: &impl AsFd) {
        // ENOENT means that it was not watched: the wish is fulfilled.
        let _ = epoll::delete(&self.epoll, socket);
    }

    /// Connections are edge-triggered and registered once; writability is added when a socket was first found full.
    pub fn watch(&self, socket: &impl AsFd, token: Token, with_writing: bool) -> rustix::io::Result<()> {
        epoll::add(&self.epoll, socket, EventData::new_u64(token.to_u64()), connection_flags(with_writing))
    }

    pub fn watch_writing(&self, socket: &impl AsFd, token: Token) -> rustix::io::Result<()> {
        epoll::modify(&self.epoll, socket, EventData::new_u64(token.to_u64()), connection_flags(true))
    }

    /// Its descriptors.
    pub fn descriptors(&self) -> [RawFd; 2] {
        [self.epoll.as_raw_fd(), self.wake.as_raw_fd()]
    }

    /// Ends the wait of whoever leads.
    pub fn wake(&self) {
        // EAGAIN means that the counter is full, so the descriptor is readable, which is all that is wanted.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}

fn connection_flags(with_writing: bool) -> EventFlags {
    let reading = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
    if with_writing { reading | EventFlags::OUT } else { reading }
}

/// The last batch of events. Exclusive: whoever holds it leads.
pub(crate) struct Batch {
    events: Vec<(u64, EventFlags)>,
    next: usize,
}

impl Batch {
    pub fn new() -> Batch {
        Batch { events: Vec::with_capacity(BATCH), next: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.next == self.events.len()
    }

    /// How many events wait in the batch.
    pub fn len(&self) -> usize {
        self.events.len() - self.next
    }

    /// Waits for events; `left_ms`: at most so long, `None`: for ever.
    pub fn poll(&mut self, interest: &Interest, left_ms: Option<u64>) -> rustix::io::Result<Polled> {
        let timeout = left_ms.map(|left_ms| Timespec {
            tv_sec: (left_ms / 1000) as i64,
            tv_nsec: (left_ms % 1000 * 1_000_000) as i64,
        });
        self.events.clear();
        self.next = 0;
        self.wait(interest, timeout.as_ref())
    }

    /// Adds what has happened meanwhile, without waiting.
    pub fn poll_more(&mut self, interest: &Interest) -> rustix::io::Result<Polled> {
        self.events.drain(..self.next);
        self.next = 0;
        self.wait(interest, Some(&Timespec::default()))
    }

    /// May more be added?
    pub fn has_room(&self) -> bool {
        self.len() < BATCH_MAX
    }

    /// Puts events of connections back that cannot be seen to now.
    pub fn put_back(&mut self, events: &[(Token, Seen)]) {
        self.events.extend(events.iter().map(|(token, seen)| (token.to_u64(), seen.flags())));
    }

    fn wait(&mut self, interest: &Interest, timeout: Option<&Timespec>) -> rustix::io::Result<Polled> {
        let mut buffer = [MaybeUninit::<Event>::uninit(); BATCH];
        match epoll::wait(&interest.epoll, &mut buffer, timeout) {
            Ok((events, _)) => {
                // Copied field by field: the kernel's struct is packed.
                self.events.extend(events.iter().map(|event| ({ event.data }.u64(), { event.flags })));
                Ok(Polled::Events)
            }
            Err(Errno::INTR) => Ok(Polled::Interrupted),
            Err(error) => Err(error),
        }
    }

    /// The next event of the batch.
    pub fn take(&mut self, interest: &Interest) -> Option<Happened> {
        let (data, flags) = *self.events.get(self.next)?;
        self.next += 1;
        if data == WAKE {
            let _ = rustix::io::read(&interest.wake, &mut [0_u8; 8]);
            return Some(Happened::Woken);
        }
        if data == SIBLINGS {
            return Some(Happened::HandedOver);
        }
        if data & SPECIAL == SPECIAL {
            return Some(Happened::Incoming((data & !SPECIAL) as usize));
        }
        Some(Happened::Moved(Token::from_u64(data), Seen::of(flags)))
    }
}

impl Seen {
    fn of(flags: EventFlags) -> Seen {
        let is_error = flags.intersects(EventFlags::HUP | EventFlags::ERR);
        Seen {
            is_readable: flags.intersects(EventFlags::IN) || is_error,
            is_hangup: flags.intersects(EventFlags::RDHUP) || is_error,
            is_writable: flags.intersects(EventFlags::OUT) || is_error,
        }
    }

    fn flags(self) -> EventFlags {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, self.is_readable);
        flags.set(EventFlags::RDHUP, self.is_hangup);
        flags.set(EventFlags::OUT, self.is_writable);
        flags
    }
}
