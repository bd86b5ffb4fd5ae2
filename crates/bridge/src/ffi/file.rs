//! Descriptors that Python objects own, duplicated so that Rust can own one too.

use std::ffi::c_int;
use std::os::fd::{BorrowedFd, OwnedFd};

use pyo3_ffi as ffi;

use super::object::{Obj, Raised};

/// A duplicate of the descriptor that `object.fileno()` gives. `None` if there is none (no such method, a closed file, a
/// file in memory): then the object can only be iterated.
pub fn duplicate_descriptor(object: &Obj) -> Option<OwnedFd> {
    // SAFETY: rule 1. PyObject_AsFileDescriptor calls fileno() and checks its result; the descriptor is open at this moment
    // and stays so during the duplication, because the GIL (or the object's lock) keeps other threads from closing it.
    unsafe {
        let descriptor: c_int = ffi::PyObject_AsFileDescriptor(object.as_ptr());
        if descriptor < 0 {
            ffi::PyErr_Clear();
            return None;
        }
        rustix::io::fcntl_dupfd_cloexec(BorrowedFd::borrow_raw(descriptor), 3).ok()
    }
}

/// Where a file object stands (`object.tell()`), in bytes; `None` if it cannot tell.
pub fn position(object: &Obj) -> Option<u64> {
    let position = tell(object);
    if position.is_err() {
        // SAFETY: rule 1.
        unsafe { ffi::PyErr_Clear() };
    }
    position.ok()
}

fn tell(object: &Obj) -> Result<u64, Raised> {
    let position = object.attr(&Obj::interned(c"tell")?)?.call0()?;
    // SAFETY: rule 1; -1 with an exception set is the error.
    let position = unsafe { ffi::PyLong_AsLongLong(position.as_ptr()) };
    u64::try_from(position).map_err(|_| Raised)
}
