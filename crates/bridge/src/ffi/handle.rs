//! Native objects that give Python access to one transaction: one C layout for all of them, told apart by their types
//! (`types`). Each holds a share of the transaction; the only Python reference is that of `start_response` to its `write`,
//! which holds none back, so none of them needs the cycle collector.

use std::mem::offset_of;
use std::ptr;
use std::sync::Arc;

use pyo3_ffi as ffi;

use super::object::{Obj, Raised};
use super::transaction::Transaction;

/// The C layout of a handle.
#[repr(C)]
pub struct Handle {
    base: ffi::PyObject,
    /// How it is called, for the types that are callable (PEP 590); unused by the others.
    vectorcall: Option<ffi::vectorcallfunc>,
    transaction: *const Transaction,
    /// What `start_response` returns; NULL for the other types.
    companion: *mut ffi::PyObject,
}

/// Where a callable handle keeps its entry point; `__vectorcalloffset__` of its type.
pub const VECTORCALL_OFFSET: ffi::Py_ssize_t = offset_of!(Handle, vectorcall) as ffi::Py_ssize_t;

/// Makes a handle of `class`, which `types` made with this layout.
pub fn make(
    class: &Obj,
    vectorcall: Option<ffi::vectorcallfunc>,
    transaction: &Arc<Transaction>,
    companion: Option<Obj>,
) -> Result<Obj, Raised> {
    let class_pointer: *mut ffi::PyTypeObject = class.as_ptr().cast();
    // SAFETY: rule 1; `class` is a heap type whose basic size is that of `Handle`, so the new object can hold one. The
    // fields behind the header are written before anything can read them.
    unsafe {
        let object = Obj::from_owned(ffi::PyType_GenericAlloc(class_pointer, 0))?;
        let handle: *mut Handle = object.as_ptr().cast();
        (&raw mut (*handle).vectorcall).write(vectorcall);
        (&raw mut (*handle).transaction).write(Arc::into_raw(transaction.clone()));
        (&raw mut (*handle).companion).write(companion.map_or(ptr::null_mut(), Obj::into_ptr));
        Ok(object)
    }
}

/// The companion of a handle, if it has one.
pub fn companion(handle: &Obj, class: &Obj) -> Option<Obj> {
    if !handle.is_exactly(class) {
        return None;
    }
    // SAFETY: the type was checked, so this is a live instance made by `make`.
    unsafe { own_companion(handle.as_ptr()) }
}

/// As `companion`, for a C entry point of the type itself.
///
/// # Safety
/// `object` is a live instance made by `make`.
pub unsafe fn own_companion(object: *mut ffi::PyObject) -> Option<Obj> {
    // SAFETY: the caller's promise; a handle owns its companion.
    unsafe {
        let companion = (*object.cast::<Handle>()).companion;
        (!companion.is_null()).then(|| Obj::from_borrowed(companion))
    }
}

/// The transaction of a handle.
///
/// # Safety
/// `object` is a live instance made by `make`; the caller keeps it alive while it uses the result.
pub unsafe fn transaction<'a>(object: *mut ffi::PyObject) -> &'a Transaction {
    // SAFETY: the caller's promise; the handle owns one count of the Arc until `dealloc`.
    unsafe { &*(*object.cast::<Handle>()).transaction }
}

/// `tp_dealloc` of all handle types.
pub unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the interpreter calls it once, for an object made by `make` whose last reference is gone. A heap type's
    // instance owns a reference to its type (bpo-35810).
    unsafe {
        let class = ffi::Py_TYPE(object);
        drop(Arc::from_raw((*object.cast::<Handle>()).transaction));
        ffi::Py_XDECREF((*object.cast::<Handle>()).companion);
        ffi::PyObject_Free(object.cast());
        ffi::Py_DECREF(class.cast());
    }
}

/// Runs `work` for a C entry point: NULL for `Raised`, and a panic becomes a `RuntimeError` instead of crossing the border.
pub fn guarded(work: impl FnOnce() -> Result<Obj, Raised>) -> *mut ffi::PyObject {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    let result = outcome.unwrap_or_else(|_| {
        Err(super::error::raise(
            super::error::Builtin::Runtime,
            "internal error in tricorn (a panic was caught)",
        ))
    });
    result.map_or(ptr::null_mut(), Obj::into_ptr)
}
