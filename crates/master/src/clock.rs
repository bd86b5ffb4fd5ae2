//! The one clock of the master and of the scoreboard: `CLOCK_MONOTONIC` in whole milliseconds.
//!
//! Called by the master's loop, by workers that write heartbeats and by whoever reads the scoreboard. All
//! processes of one machine share this clock, so a time written by a worker can be compared by the master.
//! Wall-clock time is not kept here: the log sink stamps its own lines.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of `CLOCK_MONOTONIC` (`clock_gettime(2)`); at least 1, since 0 means "never" in the
/// scoreboard.
pub fn monotonic_ms() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let whole_ms = now.tv_sec as u64 * 1000;
    (whole_ms + now.tv_nsec as u64 / 1_000_000).max(1)
}

/// Milliseconds as a log line tells them: `1.2 s`.
pub(crate) fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}
