//! The table of connections: which are resting in the engine, which are away with a thread that drives or answers them.
//! A token names a slot and its generation, so that an event for a connection that is gone finds nothing. The table is
//! locked for moments only; when the next deadline is due can be asked without the lock, because every request asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::connection::Connection;
use crate::wire::Wire;

/// After a sweep the next one is not before this many milliseconds: many staggered deadlines must not cost one each.
const SWEEP_PAUSE_MS: u64 = 100;

/// Names one connection for as long as it lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Token {
    index: u32,
    generation: u32,
}

impl Token {
    pub fn from_u64(bits: u64) -> Token {
        Token { index: bits as u32, generation: (bits >> 32) as u32 }
    }

    pub fn to_u64(self) -> u64 {
        u64::from(self.index) | u64::from(self.generation) << 32
    }

    /// The slot's place in the table: small, and no other open connection's.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// What the poller saw on a socket while its connection was away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub is_readable: bool,
    pub is_hangup: bool,
    pub is_writable: bool,
}

impl Seen {
    fn merge(&mut self, other: Seen) {
        self.is_readable |= other.is_readable;
        self.is_hangup |= other.is_hangup;
        self.is_writable |= other.is_writable;
    }

    /// Are there bytes to read, and is the peer still there? On an idle connection that is its next request.
    pub fn is_request(self) -> bool {
        self.is_readable && !self.is_hangup
    }

    fn is_any(self) -> bool {
        self.is_readable || self.is_hangup || self.is_writable
    }
}

/// What an event found.
pub(crate) enum Found {
    Connection(Box<Connection>),
    /// Away: the event was noted; bytes may be waiting in this wire's queue.
    Away(Arc<Wire>),
    Nobody,
}

/// What putting a connection back led to.
pub(crate) enum Rested {
    Yes,
    /// The poller saw something meanwhile: drive it again.
    Again(Box<Connection>, Seen),
}

/// All connections of one engine.
#[derive(Default)]
pub(crate) struct Connections {
    slots: Mutex<Slots>,
    /// A copy of the table's own, written under its lock.
    next_due_ms: AtomicU64,
}

impl Connections {
    /// Connections that are open, resting or away.
    pub fn open(&self) -> usize {
        lock(&self.slots).open
    }

    /// Gives a new connection its token; it is away (with the caller) from the start.
    pub fn admit(&self, connection: &mut Connection) {
        connection.token = lock(&self.slots).occupy(connection.wire.clone());
    }

    /// An event for `token`: takes the connection if it rests, notes the event if it is away.
    pub fn take(&self, token: Token, event: Seen) -> Found {
        let mut slots = lock(&self.slots);
        let Some(slot) = slots.slot(token) else { return Found::Nobody };
        if let Some(connection) = slot.send_away() {
            return Found::Connection(connection);
        }
        match &slot.wire {
            Some(wire) => {
                slot.seen.merge(event);
                Found::Away(wire.clone())
            }
            None => Found::Nobody,
        }
    }

    /// Puts a connection back to rest, unless something was seen while it was away.
    pub fn rest(&self, connection: Box<Connection>) -> Rested {
        let mut slots = lock(&self.slots);
        let Some(slot) = slots.slot(connection.token) else { return Rested::Yes };
        let seen = std::mem::take(&mut slot.seen);
        if seen.is_any() {
            return Rested::Again(connection, seen);
        }
        let due_ms = connection.deadline_ms;
        slot.deadline_ms = due_ms;
        slot.resting = Some(connection);
        let next_due_ms = self.next_due_ms();
        if due_ms != 0 && (next_due_ms == 0 || due_ms < next_due_ms) {
            self.next_due_ms.store(due_ms, Ordering::Relaxed);
        }
        Rested::Yes
    }

    /// Forgets a connection.
    pub fn dismiss(&self, token: Token) {
        lock(&self.slots).vacate(token);
    }

    /// When the next deadline is due (0 = none). It may be early: then a sweep finds nothing and looks again.
    pub fn next_due_ms(&self) -> u64 {
        self.next_due_ms.load(Ordering::Relaxed)
    }

    /// Takes every resting connection whose deadline has passed.
    #[expect(clippy::vec_box, reason = "connections stay where they are; only their boxes move")]
    pub fn sweep(&self, now_ms: u64) -> Vec<Box<Connection>> {
        let mut slots = lock(&self.slots);
        let due_ms = self.next_due_ms();
        if due_ms == 0 || now_ms < due_ms {
            return Vec::new();
        }
        let is_due = |slot: &&mut Slot| slot.deadline_ms != 0 && slot.deadline_ms <= now_ms;
        let due = slots.table.iter_mut().filter(is_due).filter_map(Slot::send_away).collect();
        let next_ms = slots.table.iter().map(|slot| slot.deadline_ms).filter(|due_ms| *due_ms != 0).min();
        let next_ms = next_ms.map_or(0, |next_ms| next_ms.max(now_ms + SWEEP_PAUSE_MS));
        self.next_due_ms.store(next_ms, Ordering::Relaxed);
        due
    }

    /// Takes every connection that is idle between two requests.
    #[expect(clippy::vec_box, reason = "as for `sweep`")]
    pub fn take_idle(&self) -> Vec<Box<Connection>> {
        let mut slots = lock(&self.slots);
        slots.table.iter_mut().filter(|slot| slot.is_idle()).filter_map(Slot::send_away).collect()
    }

    /// Takes the connection that has been idle longest. Deadlines do not say which: that of a first request is another
    /// setting's than that of the next.
    pub fn take_longest_idle(&self) -> Option<Box<Connection>> {
        let mut slots = lock(&self.slots);
        let idle = slots.table.iter_mut().filter(|slot| slot.is_idle());
        idle.min_by_key(|slot| slot.resting.as_ref().map(|connection| connection.idle_since_ms))?.send_away()
    }
}

/// One place. Free: no wire. Away: a wire, nobody resting. A sweep touches nothing but this array.
#[derive(Default)]
struct Slot {
    generation: u32,
    seen: Seen,
    /// The resting connection's deadline, 0 if it has none or is away.
    deadline_ms: u64,
    resting: Option<Box<Connection>>,
    wire: Option<Arc<Wire>>,
}

impl Slot {
    fn is_idle(&self) -> bool {
        self.resting.as_ref().is_some_and(|connection| connection.is_idle())
    }

    fn send_away(&mut self) -> Option<Box<Connection>> {
        self.deadline_ms = 0;
        self.resting.take()
    }
}

#[derive(Default)]
struct Slots {
    table: Vec<Slot>,
    free: Vec<u32>,
    open: usize,
}

impl Slots {
    fn occupy(&mut self, wire: Arc<Wire>) -> Token {
        let index = self.free.pop().unwrap_or_else(|| {
            self.table.push(Slot::default());
            self.table.len() as u32 - 1
        });
        let slot = &mut self.table[index as usize];
        slot.wire = Some(wire);
        self.open += 1;
        Token { index, generation: slot.generation }
    }

    fn vacate(&mut self, token: Token) {
        let Some(slot) = self.slot(token).filter(|slot| slot.wire.is_some()) else { return };
        *slot = Slot { generation: slot.generation.wrapping_add(1), ..Slot::default() };
        self.free.push(token.index);
        self.open -= 1;
    }

    fn slot(&mut self, token: Token) -> Option<&mut Slot> {
        self.table.get_mut(token.index()).filter(|slot| slot.generation == token.generation)
    }
}

/// Locks; a panic while a lock was held leaves data that is still consistent (no lock is held across foreign code).
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
