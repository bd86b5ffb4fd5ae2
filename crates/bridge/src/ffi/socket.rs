//! `gunicorn.socket`: stands for the client's socket until somebody looks at it. Then it becomes a real Python socket over
//! a duplicate of the descriptor, made by `tricorn.raw_socket`; requests that never look pay nothing for it. Under TLS it
//! answers questions about the session (`tricorn.tls_facts`) and becomes a socket pair only for what else it is asked.

use std::ffi::c_void;
use std::os::fd::IntoRawFd;
use std::sync::Arc;

use pyo3_ffi as ffi;
use tricorn_engine::{Exchange, TlsFacts};

use super::error::{Builtin, raise};
use super::handle::{self, guarded};
use super::object::{Obj, Raised, import};
use super::transaction::Transaction;
use super::types::{self, last_slot, slot};

/// The `gunicorn.socket` of `transaction`.
pub fn make(class: &Obj, transaction: &Arc<Transaction>) -> Result<Obj, Raised> {
    handle::make(class, None, transaction, None)
}

/// The type of `gunicorn.socket`.
pub fn make_type() -> Result<Obj, Raised> {
    types::make(
        c"tricorn._core.LazySocket",
        0,
        &mut [
            slot(ffi::Py_tp_dealloc, handle::dealloc as *mut c_void),
            slot(ffi::Py_tp_getattro, getattr as *mut c_void),
            slot(
                ffi::Py_tp_doc,
                c"The client's socket, made when it is first used.".as_ptr().cast_mut().cast(),
            ),
            last_slot(),
        ],
    )
}

unsafe extern "C" fn getattr(object: *mut ffi::PyObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls it with an instance and a str, both alive during the call.
    let (transaction, name) = unsafe { (handle::transaction(object), Obj::from_borrowed(name)) };
    guarded(|| {
        if name
            .as_latin1()
            .is_some_and(|name| name.starts_with(b"__") && name != b"__enter__" && name != b"__exit__")
        {
            // What Python itself asks of every object (its class, its repr) needs no socket.
            // SAFETY: rule 1; the generic lookup on a live object.
            return unsafe { Obj::from_owned(ffi::PyObject_GenericGetAttr(object, name.as_ptr())) };
        }
        if let Some(fact) = fact(transaction, &name)? {
            return Ok(fact);
        }
        real_socket(transaction)?.attr(&name)
    })
}

/// What `name` is if it asks about TLS, and the connection has it.
fn fact(transaction: &Transaction, name: &Obj) -> Result<Option<Obj>, Raised> {
    if transaction.raw_socket().is_some() {
        return Ok(None);
    }
    let Some(facts) = transaction.with(|exchange, _| Ok(exchange.tls_facts()))? else { return Ok(None) };
    facts_object(&facts)?.optional_attr(name)
}

/// The `TlsFacts` of Python.
fn facts_object(facts: &TlsFacts) -> Result<Obj, Raised> {
    let values = Obj::dict()?;
    values.set_item(&Obj::interned(c"version")?, &Obj::str(facts.version)?)?;
    values.set_item(&Obj::interned(c"cipher")?, &Obj::str(facts.cipher)?)?;
    values.set_item(&Obj::interned(c"bits")?, &Obj::str(&facts.cipher_bits.to_string())?)?;
    let protocol = facts.protocol.as_deref().map_or_else(|| Ok(Obj::none()), Obj::latin1)?;
    values.set_item(&Obj::interned(c"protocol")?, &protocol)?;
    let certificate = facts.client_chain.first().map_or_else(|| Ok(Obj::none()), |der| Obj::bytes(der))?;
    import(c"tricorn.tls_facts", c"TlsFacts")?.call2(&values, &certificate)
}

fn real_socket(transaction: &Transaction) -> Result<Obj, Raised> {
    if let Some(socket) = transaction.raw_socket() {
        return Ok(socket);
    }
    let socket = transaction.answering(|exchange, _| {
        if let Some(facts) = exchange.tls_facts() {
            return secure_socket(exchange, &facts);
        }
        let (descriptor, pending) = exchange
            .share_socket()
            .map_err(|error| raise(Builtin::Os, &format!("cannot duplicate the client's socket: {error}")))?;
        let open = import(c"tricorn.raw_socket", c"open_socket")?;
        // SAFETY: rule 1; PyLong_FromLong gives an own reference.
        let number = unsafe { Obj::from_owned(ffi::PyLong_FromLong(descriptor.into_raw_fd().into())) }?;
        open.call2(&number, &Obj::bytes(&pending)?)
    })?;
    transaction.keep_raw_socket(socket.clone());
    Ok(socket)
}

fn secure_socket(exchange: &mut Exchange, facts: &TlsFacts) -> Result<Obj, Raised> {
    let refused =
        |error: std::io::Error| raise(Builtin::Os, &format!("cannot lend the client's connection: {error}"));
    let facts = facts_object(facts)?;
    let client = exchange.duplicate_socket().map_err(refused)?;
    let (plaintext, _) = exchange.share_socket().map_err(refused)?;
    let descriptors = Obj::pair(plaintext.into_raw_fd(), client.into_raw_fd())?;
    import(c"tricorn.raw_socket", c"open_secure")?.call2(&descriptors, &facts)
}
