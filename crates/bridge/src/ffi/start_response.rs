//! `start_response`, `write` and `wsgi.early_hints`: what an application calls to answer (PEP 3333, RFC 8297).

use std::sync::Arc;

use pyo3_ffi as ffi;
use tricorn_engine::http::encode_informational;
use tricorn_engine::{Exchange, Response};

use super::error::{Builtin, raise, raise_again};
use super::gil::Detachable;
use super::handle::{self, guarded};
use super::object::{Obj, Raised};
use super::transaction::Transaction;
use super::types::Types;

/// The callables of one transaction.
pub struct Callables {
    pub start_response: Obj,
    pub early_hints: Obj,
}

impl Callables {
    /// New callables for `transaction`.
    pub fn new(types: &Types, transaction: &Arc<Transaction>) -> Result<Callables, Raised> {
        let write = handle::make(&types.write, Some(call_write), transaction, None)?;
        let start = Some(call_start_response as ffi::vectorcallfunc);
        Ok(Callables {
            start_response: handle::make(&types.start_response, start, transaction, Some(write))?,
            early_hints: handle::make(&types.early_hints, Some(call_early_hints), transaction, None)?,
        })
    }

    /// Does the application hold none of them any more?
    pub fn are_unshared(&self, types: &Types) -> bool {
        let write = handle::companion(&self.start_response, &types.start_response);
        // The look itself holds the second reference to `write`.
        let is_write_unshared = write.is_none_or(|write| write.reference_count() == 2);
        is_write_unshared && self.start_response.is_unshared() && self.early_hints.is_unshared()
    }
}

/// Arguments of a vectorcall, borrowed from the caller's array.
struct Arguments {
    values: *const *mut ffi::PyObject,
    positional: usize,
    names: *mut ffi::PyObject,
}

impl Arguments {
    /// # Safety
    /// The three are what a vectorcall function was called with (PEP 590).
    unsafe fn new(values: *const *mut ffi::PyObject, nargsf: usize, names: *mut ffi::PyObject) -> Arguments {
        // SAFETY: plain arithmetic on the count.
        let positional = unsafe { ffi::PyVectorcall_NARGS(nargsf) } as usize;
        Arguments { values, positional, names }
    }

    /// The positional argument `index`, or the one named `name`.
    fn find(&self, index: usize, name: &str) -> Option<Obj> {
        if index < self.positional {
            return Some(self.value(index));
        }
        let position = self.names().position(|found| found.as_latin1() == Some(name.as_bytes()))?;
        Some(self.value(self.positional + position))
    }

    fn value(&self, index: usize) -> Obj {
        // SAFETY: the caller passed that many live arguments; every index used here was checked against the count.
        unsafe { Obj::from_borrowed(*self.values.add(index)) }
    }

    fn names(&self) -> impl Iterator<Item = Obj> + use<> {
        let names = if self.names.is_null() {
            None
        } else {
            // SAFETY: a tuple of str, one for each argument behind the positional ones.
            Some(unsafe { Obj::from_borrowed(self.names) })
        };
        let mut at = 0;
        std::iter::from_fn(move || {
            let (name, _) = names.as_ref()?.sequence_item(at)?;
            at += 1;
            Some(name)
        })
    }

    fn count(&self) -> usize {
        self.positional + self.names().count()
    }
}

/// Runs `work` with the transaction of `callable` and the arguments it was called with.
///
/// # Safety
/// `callable` is a live instance made by `handle::make`; the other three are what a vectorcall function was called with.
unsafe fn called(
    callable: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
    work: impl FnOnce(&Transaction, &Arguments) -> Result<Obj, Raised>,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise.
    let (transaction, arguments) =
        unsafe { (handle::transaction(callable), Arguments::new(values, nargsf, names)) };
    guarded(|| work(transaction, &arguments))
}

unsafe extern "C" fn call_start_response(
    callable: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter passes a live instance of the type, and arguments as PEP 590 describes them.
    unsafe {
        called(callable, values, nargsf, names, |transaction, arguments| {
            start(transaction, arguments)?;
            handle::own_companion(callable).ok_or_else(|| raise(Builtin::Runtime, "this request is over"))
        })
    }
}

fn start(transaction: &Transaction, arguments: &Arguments) -> Result<(), Raised> {
    let headers = arguments.find(1, "headers").or_else(|| arguments.find(1, "response_headers"));
    let (Some(status), Some(headers), 2..=3) = (arguments.find(0, "status"), headers, arguments.count())
    else {
        let message = "start_response() takes status, headers and an optional exc_info";
        return Err(raise(Builtin::Type, message));
    };
    let exc_info = arguments.find(2, "exc_info").filter(|exc_info| !exc_info.is_none());
    transaction.with(|exchange, has_head| {
        restart(exchange, has_head, exc_info.as_ref())?;
        fill(exchange, &status, &headers)?;
        *has_head = true;
        Ok(())
    })
}

/// PEP 3333: a second call needs `exc_info`; once bytes are out the exception is raised again.
fn restart(exchange: &mut Exchange, has_head: &mut bool, exc_info: Option<&Obj>) -> Result<(), Raised> {
    match exc_info {
        Some(exc_info) if exchange.state() != Response::Unsent => Err(raise_again(exc_info)),
        None if *has_head => Err(raise(Builtin::Assertion, "Response headers already set!")),
        _ => {
            *has_head = false;
            Ok(())
        }
    }
}

fn fill(exchange: &mut Exchange, status: &Obj, headers: &Obj) -> Result<(), Raised> {
    let Some(status) = status.as_latin1() else {
        return Err(raise(
            Builtin::Type,
            &format!("status must be a str like '200 OK', not {}", status.repr()),
        ));
    };
    let head = exchange.response_head_mut();
    head.restart(status).map_err(|error| raise(Builtin::Value, &error.to_string()))?;
    if head.status_code() < 200 && head.status_code() != 101 {
        let message = "an interim status (1xx) cannot end a request; see wsgi.early_hints";
        return Err(raise(Builtin::Value, message));
    }
    each_pair(headers, |name, value| {
        head.add(name, value).map_err(|error| raise(Builtin::Value, &error.to_string()))
    })
}

/// Calls `take` with each of `pairs`: (name, value), lists or tuples of latin-1 str.
fn each_pair(pairs: &Obj, mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Raised>) -> Result<(), Raised> {
    each(pairs, |pair| {
        let both = pair.is_sequence().then(|| (pair.sequence_item(0), pair.sequence_item(1)));
        let Some((Some((name, _)), Some((value, true)))) = both else {
            return Err(raise(
                Builtin::Type,
                &format!("a header must be a (name, value) pair, not {}", pair.repr()),
            ));
        };
        let (Some(name), Some(value)) = (name.as_latin1(), value.as_latin1()) else {
            let message = format!("a header's name and value must be latin-1 str, not {}", pair.repr());
            return Err(raise(Builtin::Type, &message));
        };
        take(name, value)
    })
}

/// Calls `take` with each item of an iterable; a list or a tuple, which almost all are, is walked by index.
fn each(items: &Obj, mut take: impl FnMut(&Obj) -> Result<(), Raised>) -> Result<(), Raised> {
    if items.is_sequence() {
        let mut at = 0;
        while let Some((item, _)) = items.sequence_item(at) {
            take(&item)?;
            at += 1;
        }
        return Ok(());
    }
    let iterator = items.iterate()?;
    while let Some(item) = iterator.next()? {
        take(&item)?;
    }
    Ok(())
}

unsafe extern "C" fn call_write(
    callable: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as in `call_start_response`.
    unsafe { called(callable, values, nargsf, names, write) }
}

fn write(transaction: &Transaction, arguments: &Arguments) -> Result<Obj, Raised> {
    let (Some(data), 1) = (arguments.find(0, "data"), arguments.count()) else {
        return Err(raise(Builtin::Type, "write() takes exactly one argument"));
    };
    let Some(bytes) = data.as_bytes() else {
        return Err(raise(Builtin::Type, &format!("write() needs bytes, not {}", data.repr())));
    };
    if bytes.is_empty() {
        return Ok(Obj::none());
    }
    transaction.answering(|exchange, _| {
        exchange
            .send(&mut Detachable::new(None), bytes, false)
            .map_err(|_| raise(Builtin::Os, "the client closed the connection"))
    })?;
    Ok(Obj::none())
}

unsafe extern "C" fn call_early_hints(
    callable: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as in `call_start_response`.
    unsafe { called(callable, values, nargsf, names, early_hints) }
}

fn early_hints(transaction: &Transaction, arguments: &Arguments) -> Result<Obj, Raised> {
    let (Some(headers), 1) = (arguments.find(0, "headers"), arguments.count()) else {
        return Err(raise(Builtin::Type, "early_hints() takes a list of (name, value) pairs"));
    };
    let mut fields = Vec::new();
    each(&headers, |pair| {
        fields.push(hint(pair)?);
        Ok(())
    })?;
    let mut encoded = Vec::new();
    let borrowed = fields.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
    encode_informational(b"103 Early Hints", borrowed, &mut encoded)
        .map_err(|error| raise(Builtin::Value, &error.to_string()))?;
    // A client that is gone shows when the response is sent.
    transaction.with(|exchange, _| Ok(exchange.send_interim(&encoded).is_ok()))?;
    Ok(Obj::none())
}

/// Name and value of a hint: any pair of str or bytes, in any mixture (Gunicorn takes both for hints).
fn hint(pair: &Obj) -> Result<(Vec<u8>, Vec<u8>), Raised> {
    let parts = pair.iterate()?;
    let text = || {
        let part = parts.next()?;
        let bytes = part.as_ref().and_then(|part| part.as_bytes().or_else(|| part.as_latin1()));
        Ok(bytes.map(<[u8]>::to_vec))
    };
    let (Some(name), Some(value)) = (text()?, text()?) else {
        return Err(raise(Builtin::Type, "a hint must be a (name, value) pair of latin-1 str or bytes"));
    };
    Ok((name, value))
}
