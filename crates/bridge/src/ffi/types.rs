//! The native types of the request path, made once per interpreter. They are heap types without process-global state, so
//! every interpreter can have its own.

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::ptr;

use pyo3_ffi as ffi;

use super::handle::{Handle, VECTORCALL_OFFSET, dealloc};
use super::object::{Obj, Raised};
use super::{input, socket};

/// The handle types of one interpreter.
pub struct Types {
    pub start_response: Obj,
    pub write: Obj,
    pub early_hints: Obj,
    pub input: Obj,
    pub socket: Obj,
}

impl Types {
    /// Makes the types in the interpreter the thread is attached to.
    pub fn new() -> Result<Types, Raised> {
        Ok(Types {
            start_response: callable(c"tricorn._core.StartResponse", START_RESPONSE_DOC)?,
            write: callable(
                c"tricorn._core.Write",
                c"write(data, /)\n--\n\nSends data (PEP 3333, the write() callable).",
            )?,
            early_hints: callable(c"tricorn._core.EarlyHints", EARLY_HINTS_DOC)?,
            input: input::make_type()?,
            socket: socket::make_type()?,
        })
    }
}

const START_RESPONSE_DOC: &CStr =
    c"start_response(status, headers, exc_info=None, /)\n--\n\nBegins the response (PEP 3333) and returns write().";
const EARLY_HINTS_DOC: &CStr =
    c"early_hints(headers, /)\n--\n\nSends 103 Early Hints (RFC 8297) with these (name, value) pairs.";

/// A slot of a type specification.
pub fn slot(slot: c_int, function: *mut c_void) -> ffi::PyType_Slot {
    ffi::PyType_Slot { slot, pfunc: function }
}

/// The slot that ends a specification.
pub fn last_slot() -> ffi::PyType_Slot {
    slot(0, ptr::null_mut())
}

/// Makes a handle type of these slots, which end with `last_slot`.
pub fn make(name: &CStr, flags: c_uint, slots: &mut [ffi::PyType_Slot]) -> Result<Obj, Raised> {
    let mut spec = ffi::PyType_Spec {
        name: name.as_ptr(),
        basicsize: size_of::<Handle>() as c_int,
        itemsize: 0,
        // Instances come from Rust only: Python cannot make one without a transaction.
        flags: ffi::Py_TPFLAGS_DEFAULT as c_uint | DISALLOW_INSTANTIATION | flags,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: rule 1; the specification is complete and its strings are static. Before 3.12 the name is kept by address.
    unsafe { Obj::from_owned(ffi::PyType_FromSpec(&raw mut spec)) }
}

/// `Py_TPFLAGS_DISALLOW_INSTANTIATION` (3.10+).
const DISALLOW_INSTANTIATION: c_uint = 1 << 7;

fn callable(name: &'static CStr, doc: &'static CStr) -> Result<Obj, Raised> {
    let mut members = [
        ffi::PyMemberDef {
            name: c"__vectorcalloffset__".as_ptr(),
            type_code: ffi::Py_T_PYSSIZET,
            offset: VECTORCALL_OFFSET,
            flags: ffi::Py_READONLY,
            doc: ptr::null(),
        },
        ffi::PyMemberDef::default(),
    ];
    make(
        name,
        ffi::Py_TPFLAGS_HAVE_VECTORCALL as c_uint,
        &mut [
            slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
            slot(ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void),
            slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
            slot(ffi::Py_tp_doc, doc.as_ptr().cast_mut().cast()),
            last_slot(),
        ],
    )
}
