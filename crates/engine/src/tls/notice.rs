//! One voice for all workers: when a changed file cannot be used, each of them finds out, and one says so. What was said
//! last is kept in a few bytes of memory that fork shares, behind a record lock, which belongs to a process (fcntl(2)).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::OwnedFd;

use rustix::fs::{FlockOperation, MemfdFlags, fcntl_lock, memfd_create};
use rustix::io::Errno;

/// Shared by the processes that were forked after it was made.
pub(super) struct Notice {
    memory: Option<OwnedFd>,
}

impl Notice {
    /// A notice of nothing.
    pub fn new() -> Notice {
        // Without it every worker says what it found, which is no harm.
        Notice { memory: memfd_create("tricorn-tls", MemfdFlags::CLOEXEC).ok() }
    }

    /// Is the caller the first process to say `what`, of those that shared this?
    pub fn is_news(&self, what: &impl Hash) -> bool {
        let Some(memory) = &self.memory else { return true };
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        let new = hasher.finish().to_ne_bytes();
        // Not waiting, because the owner of the lock may be stopped: it is about to say the same.
        match fcntl_lock(memory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(error) => return !matches!(error, Errno::AGAIN | Errno::ACCESS),
        }
        let mut old = [0; 8];
        let is_known = rustix::io::pread(memory, &mut old, 0).is_ok_and(|count| count == 8) && old == new;
        let is_kept = is_known || rustix::io::pwrite(memory, &new, 0).is_ok();
        let _ = fcntl_lock(memory, FlockOperation::Unlock);
        !is_known || !is_kept
    }
}
