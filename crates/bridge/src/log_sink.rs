//! The error log of this process, for whoever has no handle of it: Python's `_core.log`, hooks, the panic hook.

use std::sync::{Arc, PoisonError, RwLock};

use tricorn_logs::{ErrorLog, Level};

static ERRORS: RwLock<Option<Arc<ErrorLog>>> = RwLock::new(None);

/// From now on this is the error log.
pub fn set(errors: Arc<ErrorLog>) {
    *ERRORS.write().unwrap_or_else(PoisonError::into_inner) = Some(errors);
}

/// One record; to standard error as it is while there is no log yet.
pub fn log(level: Level, message: &str) {
    match current() {
        Some(errors) => errors.log(level, message),
        None => eprintln!("{message}"),
    }
}

/// The same for a line that its caller counts by itself for statsd.
pub fn record(level: Level, message: &str) {
    match current() {
        Some(errors) => errors.record(level, message),
        None => eprintln!("{message}"),
    }
}

/// Text as it is: no time, no level.
pub fn write_raw(text: &str) {
    match current() {
        Some(errors) => errors.write_raw(text.as_bytes()),
        None => eprint!("{text}"),
    }
}

/// The process ends: what waits is written now.
pub fn flush() {
    if let Some(errors) = current() {
        errors.flush();
    }
}

/// The log itself, so that the lock is not held while a logger in Python runs.
fn current() -> Option<Arc<ErrorLog>> {
    ERRORS.read().unwrap_or_else(PoisonError::into_inner).clone()
}
