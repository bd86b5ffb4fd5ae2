//! What `CPython` wants to hear round fork(2), so that its locks, threads and random states are right in both processes.

use pyo3_ffi as ffi;

/// Right before fork(2).
pub fn before() {
    // SAFETY: rule 1, on the main thread of the main interpreter: the master has no other.
    unsafe { ffi::PyOS_BeforeFork() }
}

/// Right after it, in the parent.
pub fn after_in_parent() {
    // SAFETY: pairs with `before`.
    unsafe { ffi::PyOS_AfterFork_Parent() }
}

/// Right after it, in the child.
pub fn after_in_child() {
    // SAFETY: pairs with `before`.
    unsafe { ffi::PyOS_AfterFork_Child() }
}
