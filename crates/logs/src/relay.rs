//! Somebody else who writes the error log's lines: a `logger_class` of the user's, or Python's `logging` as `logconfig` set it up.
//!
//! Implemented by the bridge, called by [`ErrorLog`](crate::ErrorLog) from any thread of the process. What this crate says about
//! losses, stamps and escapes does not hold behind a relay.

use crate::level::Level;

/// Takes over what an error log is given.
pub trait Relay: Send + Sync {
    /// One record. Must not wait for another thread that may be logging, and never panics.
    fn record(&self, level: Level, message: &str);
    /// Text of an application as it is (`wsgi.errors`).
    fn raw(&self, text: &str);
    /// USR1: files are to be opened anew.
    fn reopen(&self);
    /// The process ends: what waits is to be written now.
    fn flush(&self);
}
