//! The account of lines that could not be written: how many, since when, and what was already said about it.
//!
//! Kept by each [`Sink`](crate::sink::Sink)'s owner; it counts and words the two notices (lines are being lost, lines were
//! lost), it does not write them.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::Relaxed};

use rustix::io::Errno;

use crate::bounded;

#[derive(Default)]
pub(crate) struct Loss {
    total: AtomicU64,
    unreported: AtomicU64,
    is_failing: AtomicBool,
    /// Why the first of a row was lost, until it is announced; 0 when there is nothing to announce.
    unannounced_errno: AtomicI32,
}

impl Loss {
    /// Counts lost lines. The first since lines last went out are announced, see [`Loss::take_announcement`].
    pub(crate) fn add(&self, lines: u64, errno: Errno) {
        self.total.fetch_add(lines, Relaxed);
        self.unreported.fetch_add(lines, Relaxed);
        if !self.is_failing.swap(true, Relaxed) {
            self.unannounced_errno.store(errno.raw_os_error(), Relaxed);
        }
    }

    /// Once for each row of losses: why its first line was lost.
    pub(crate) fn take_announcement(&self) -> Option<Errno> {
        let errno = self.unannounced_errno.swap(0, Relaxed);
        (errno != 0).then(|| Errno::from_raw_os_error(errno))
    }

    /// Counts messages that syslog did not get: no notice follows, for there is no line to put it before.
    pub(crate) fn count_silently(&self, messages: u64) {
        self.total.fetch_add(messages, Relaxed);
    }

    /// Lines go out again.
    pub(crate) fn end(&self) {
        self.is_failing.store(false, Relaxed);
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Relaxed)
    }

    /// Lines lost since the process began (a child inherits its parent's count).
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }

    /// Takes the number of lost lines that no notice has named yet.
    pub(crate) fn take_unreported(&self) -> u64 {
        if self.unreported.load(Relaxed) == 0 { 0 } else { self.unreported.swap(0, Relaxed) }
    }

    /// The notice that named them was lost as well.
    pub(crate) fn put_back(&self, lines: u64) {
        self.unreported.fetch_add(lines, Relaxed);
    }

    /// In a forked child: what the parent lost is the parent's to report.
    pub(crate) fn forget(&self) {
        self.unreported.store(0, Relaxed);
        self.is_failing.store(false, Relaxed);
    }
}

/// The notice of a first loss; `log` is `the error log` or `the access log`, with its name.
pub(crate) fn are_being_lost(log: &str, errno: Errno) -> String {
    format!("{log} cannot be written: {}; lines are dropped until it can", bounded::reason(errno))
}

/// `1 log line was lost`, `12 log lines were lost`
pub(crate) fn were_lost(lines: u64) -> String {
    if lines == 1 { "1 log line was lost".to_owned() } else { format!("{lines} log lines were lost") }
}
