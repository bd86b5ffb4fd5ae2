//! How an engine is to end: what it still takes, and how long it may last. Given to `Engine::drain`, read by the engine.

use std::time::Duration;

/// A draining engine keeps idle connections this long: a request may be on its way already (RFC 9112 9.5).
const DRAIN_LINGER: Duration = Duration::from_secs(2);

/// How an engine is to end.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// Also accept and serve what waits in the listeners' backlogs: no other process will, or may have been told of it.
    pub takes_backlog: bool,
    /// Keep idle connections for a moment. If not, a client that reuses one finds it closed, and never gets an answer of
    /// a process that is outdated.
    pub spares_idle: bool,
    /// When to stop even though connections are still open; `None`: when the last one ends.
    pub limit: Option<Duration>,
}

impl Drain {
    /// How long a connection that is idle now and has had so many requests is kept. One that waits for its first has been
    /// given no chance yet.
    pub(crate) fn idle_linger(drain: Option<Drain>, served: u64) -> Duration {
        if served > 0 && drain.is_some_and(|drain| !drain.spares_idle) {
            return Duration::ZERO;
        }
        drain.and_then(|drain| drain.limit).map_or(DRAIN_LINGER, |limit| limit.min(DRAIN_LINGER))
    }
}
