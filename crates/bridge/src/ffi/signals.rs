//! Python's own signal handlers, run at a moment of our choosing.

use pyo3_ffi as ffi;

use super::object::Raised;

/// Runs the Python handlers of signals that have arrived; only the main thread of the main interpreter has any.
pub fn run_handlers() -> Result<(), Raised> {
    // SAFETY: rule 1.
    if unsafe { ffi::PyErr_CheckSignals() } < 0 { Err(Raised) } else { Ok(()) }
}
