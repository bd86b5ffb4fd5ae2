//! `wsgi.input`: the request's body as a file-like object (PEP 3333): read, readline, readlines, iteration. The bytes are in
//! memory or in a spool file; with `body_spool = stream` they may still be on their way, and reading waits for them without
//! the GIL.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use pyo3_ffi as ffi;
use tricorn_engine::{BodyError, Exchange};

use super::error::{Builtin, raise, raise_object};
use super::gil::Detachable;
use super::handle::{self, guarded};
use super::object::{Obj, Raised, import};
use super::transaction::Transaction;
use super::types::{self, last_slot, slot};

/// The `wsgi.input` of `transaction`.
pub fn make(class: &Obj, transaction: &Arc<Transaction>) -> Result<Obj, Raised> {
    handle::make(class, None, transaction, None)
}

/// The type of `wsgi.input`.
pub fn make_type() -> Result<Obj, Raised> {
    // The interpreter keeps the address of the table as long as the type lives: it must never be freed.
    let methods = Box::leak(Box::new([
        method(
            c"read",
            read,
            c"read(size=-1, /)\n--\n\nUp to size bytes; everything if size is None or negative.",
        ),
        method(
            c"readline",
            readline,
            c"readline(size=-1, /)\n--\n\nOne line, its end included, of at most size bytes.",
        ),
        method(
            c"readlines",
            readlines,
            c"readlines(hint=-1, /)\n--\n\nAll lines that are left; the hint is ignored.",
        ),
        ffi::PyMethodDef::zeroed(),
    ]));
    types::make(
        c"tricorn._core.Input",
        0,
        &mut [
            slot(ffi::Py_tp_dealloc, handle::dealloc as *mut c_void),
            slot(ffi::Py_tp_iter, ffi::PyObject_SelfIter as *mut c_void),
            slot(ffi::Py_tp_iternext, next_line as *mut c_void),
            slot(ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
            slot(
                ffi::Py_tp_doc,
                c"The body of a request (wsgi.input of PEP 3333).".as_ptr().cast_mut().cast(),
            ),
            last_slot(),
        ],
    )
}

type FastMethod =
    unsafe extern "C" fn(*mut ffi::PyObject, *mut *mut ffi::PyObject, ffi::Py_ssize_t) -> *mut ffi::PyObject;

fn method(
    name: &'static std::ffi::CStr,
    function: FastMethod,
    doc: &'static std::ffi::CStr,
) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFast: function },
        ml_flags: ffi::METH_FASTCALL,
        ml_doc: doc.as_ptr(),
    }
}

/// The one optional size argument: `None` for everything.
///
/// # Safety
/// `values` holds `count` live arguments.
unsafe fn size(values: *mut *mut ffi::PyObject, count: ffi::Py_ssize_t) -> Result<Option<usize>, Raised> {
    if count > 1 {
        return Err(raise(Builtin::Type, "takes at most one argument: a size"));
    }
    if count == 0 {
        return Ok(None);
    }
    // SAFETY: the caller's promise; PyNumber_AsSsize_t raises for what is no integer, and clips instead of overflowing
    // when the exception class is NULL.
    unsafe {
        let value = Obj::from_borrowed(*values);
        if value.is_none() {
            return Ok(None);
        }
        let size = ffi::PyNumber_AsSsize_t(value.as_ptr(), ptr::null_mut());
        if size == -1 && !ffi::PyErr_Occurred().is_null() {
            return Err(Raised);
        }
        Ok(usize::try_from(size).ok())
    }
}

/// Runs `work` with the transaction of `object` and the size that was asked for; without one it is the greatest there is.
///
/// # Safety
/// `object` is a live instance, and `values` holds `count` live arguments.
unsafe fn sized(
    object: *mut ffi::PyObject,
    values: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    work: impl FnOnce(&Transaction, usize) -> Result<Obj, Raised>,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise.
    let (transaction, size) = unsafe { (handle::transaction(object), size(values, count)) };
    guarded(|| work(transaction, size?.unwrap_or(usize::MAX)))
}

unsafe extern "C" fn read(
    object: *mut ffi::PyObject,
    values: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    let work = |transaction: &Transaction, size| transaction.reading(|exchange| read_up_to(exchange, size));
    // SAFETY: the interpreter calls it with an instance and `count` arguments.
    unsafe { sized(object, values, count, work) }
}

unsafe extern "C" fn readline(
    object: *mut ffi::PyObject,
    values: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    let work = |transaction: &Transaction, size| transaction.reading(|exchange| line(exchange, size));
    // SAFETY: as in `read`.
    unsafe { sized(object, values, count, work) }
}

unsafe extern "C" fn readlines(
    object: *mut ffi::PyObject,
    values: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: as in `read`. The hint is checked and ignored.
    unsafe { sized(object, values, count, |transaction, _| all_lines(transaction)) }
}

fn all_lines(transaction: &Transaction) -> Result<Obj, Raised> {
    // SAFETY: rule 1.
    let lines = unsafe { Obj::from_owned(ffi::PyList_New(0)) }?;
    loop {
        let line = transaction.reading(|exchange| line(exchange, usize::MAX))?;
        if line.as_bytes().is_none_or(<[u8]>::is_empty) {
            return Ok(lines);
        }
        // SAFETY: rule 1; a list and an object.
        if unsafe { ffi::PyList_Append(lines.as_ptr(), line.as_ptr()) } < 0 {
            return Err(Raised);
        }
    }
}

unsafe extern "C" fn next_line(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls it with an instance.
    let transaction = unsafe { handle::transaction(object) };
    let mut is_end = false;
    let line = guarded(|| {
        let line = transaction.reading(|exchange| line(exchange, usize::MAX))?;
        is_end = line.as_bytes().is_none_or(<[u8]>::is_empty);
        Ok(line)
    });
    if is_end {
        // NULL without an exception is the end of the iteration.
        // SAFETY: an own reference.
        drop(unsafe { Obj::from_owned(line) });
        return ptr::null_mut();
    }
    line
}

/// Up to `size` bytes; fewer only at the end of the body.
fn read_up_to(exchange: &mut Exchange, size: usize) -> Result<Obj, Raised> {
    if size == 0 {
        return Obj::bytes(b"");
    }
    let mut gate = Detachable::new(None);
    let first = fill(exchange, &mut gate)?;
    let at_hand = first.len().min(size);
    if at_hand == size || first.is_empty() {
        let piece = Obj::bytes(&first[..at_hand])?;
        exchange.consume_body(at_hand);
        return Ok(piece);
    }
    let mut gathered = Vec::new();
    while gathered.len() < size {
        let piece = fill(exchange, &mut gate)?;
        let count = piece.len().min(size - gathered.len());
        if count == 0 {
            break;
        }
        gathered.extend_from_slice(&piece[..count]);
        exchange.consume_body(count);
    }
    Obj::bytes(&gathered)
}

/// One line with its LF, of at most `size` bytes; empty at the end of the body.
fn line(exchange: &mut Exchange, size: usize) -> Result<Obj, Raised> {
    let mut gate = Detachable::new(None);
    let mut gathered = Vec::new();
    while gathered.len() < size {
        let piece = fill(exchange, &mut gate)?;
        let within = &piece[..piece.len().min(size - gathered.len())];
        let (count, is_line) = match within.iter().position(|&byte| byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (within.len(), false),
        };
        if count == 0 {
            break;
        }
        gathered.extend_from_slice(&within[..count]);
        exchange.consume_body(count);
        if is_line {
            break;
        }
    }
    Obj::bytes(&gathered)
}

fn fill<'a>(exchange: &'a mut Exchange, gate: &mut Detachable) -> Result<&'a [u8], Raised> {
    exchange.fill_body(gate).map_err(|error| broken(&error))
}

/// The exception for a body that cannot be read to its end. All are `OSError`s; the runner tells them apart by class.
fn broken(error: &BodyError) -> Raised {
    let (class, message) = match error {
        BodyError::Incomplete => (
            c"ClientDisconnected",
            "the client closed the connection before its body was complete".to_owned(),
        ),
        BodyError::Timeout => {
            (c"BodyTimeout", "the client sent nothing for longer than the body timeout".to_owned())
        }
        BodyError::Malformed(error) => (c"InvalidBody", error.to_string()),
        BodyError::Spool(error) => {
            return raise(Builtin::Os, &format!("the spooled body cannot be read: {error}"));
        }
    };
    match import(c"tricorn.errors", class) {
        Ok(class) => raise_object(&class, &message),
        Err(raised) => raised,
    }
}
