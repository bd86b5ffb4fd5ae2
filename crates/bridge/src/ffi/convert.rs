//! Between the two ways this crate holds Python objects: `Obj` on the request path, `PyO3`'s `Py` on the control side.

use pyo3::prelude::*;

use super::object::Obj;

/// A `Py` of the same object.
pub fn to_py(py: Python<'_>, object: &Obj) -> Py<PyAny> {
    // SAFETY: `object` is alive; the result takes a reference of its own.
    unsafe { Bound::from_borrowed_ptr(py, object.as_ptr()) }.unbind()
}

/// An `Obj` of the same object; the thread is attached, as the token proves.
pub fn to_obj(object: &Bound<'_, PyAny>) -> Obj {
    // SAFETY: `object` is alive.
    unsafe { Obj::from_borrowed(object.as_ptr()) }
}
