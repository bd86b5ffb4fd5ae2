//! Exceptions: setting them from Rust, and taking one out of the interpreter to look at it.

use std::ffi::{CStr, CString};
use std::ptr;

use pyo3_ffi as ffi;

use super::object::{Obj, Raised};

/// Which built-in exception to raise.
#[derive(Clone, Copy)]
pub enum Builtin {
    Assertion,
    Os,
    Runtime,
    Type,
    Value,
}

/// Raises a built-in exception with this text.
pub fn raise(kind: Builtin, message: &str) -> Raised {
    // SAFETY: rule 1; reading the static exception objects of this interpreter.
    let class = unsafe {
        match kind {
            Builtin::Assertion => ffi::PyExc_AssertionError,
            Builtin::Os => ffi::PyExc_OSError,
            Builtin::Runtime => ffi::PyExc_RuntimeError,
            Builtin::Type => ffi::PyExc_TypeError,
            Builtin::Value => ffi::PyExc_ValueError,
        }
    };
    raise_class(class, message)
}

/// Raises `class(message)`.
pub fn raise_object(class: &Obj, message: &str) -> Raised {
    raise_class(class.as_ptr(), message)
}

fn raise_class(class: *mut ffi::PyObject, message: &str) -> Raised {
    let text = CString::new(message.replace('\0', "\\x00")).unwrap_or_default();
    // SAFETY: rule 1; a live class and a NUL-terminated text.
    unsafe { ffi::PyErr_SetString(class, text.as_ptr()) };
    Raised
}

/// Restores an exception from the triple that `sys.exc_info()` gave (PEP 3333's `exc_info`).
pub fn raise_again(exc_info: &Obj) -> Raised {
    // SAFETY: rule 1; the tuple and its length are checked before its items are read; PyErr_Restore takes over three
    // references, of which value and traceback may be NULL.
    unsafe {
        let triple = exc_info.as_ptr();
        if ffi::PyTuple_Check(triple) == 0 || ffi::Py_SIZE(triple) != 3 {
            return raise(Builtin::Type, "exc_info must be a tuple of three, as sys.exc_info() returns it");
        }
        let item = |index| {
            let item = ffi::PyTuple_GET_ITEM(triple, index);
            if item == ffi::Py_None() { ptr::null_mut() } else { Obj::from_borrowed(item).into_ptr() }
        };
        ffi::PyErr_Restore(item(0), item(1), item(2));
    }
    Raised
}

/// An exception taken out of the interpreter, normalised and with its traceback attached.
pub struct Caught {
    value: Obj,
}

impl Caught {
    /// Takes the exception that `Raised` stands for.
    pub fn take(_raised: Raised) -> Caught {
        // SAFETY: rules 1 and 3. Fetch hands over up to three references; normalising gives an instance in `value`.
        unsafe {
            let (mut class, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            ffi::PyErr_Fetch(&raw mut class, &raw mut value, &raw mut traceback);
            ffi::PyErr_NormalizeException(&raw mut class, &raw mut value, &raw mut traceback);
            let class = Obj::from_owned(class);
            let traceback = Obj::from_owned(traceback);
            let value = match Obj::from_owned(value) {
                Ok(value) => value,
                Err(Raised) => class.unwrap_or_else(|Raised| Obj::none()),
            };
            if let Ok(traceback) = &traceback {
                ffi::PyException_SetTraceback(value.as_ptr(), traceback.as_ptr());
            }
            Caught { value }
        }
    }

    /// The exception object.
    pub fn value(&self) -> &Obj {
        &self.value
    }

    /// Puts it back as the current exception.
    pub fn raise(self) -> Raised {
        // SAFETY: rule 1; PyErr_SetObject takes its own references.
        unsafe {
            ffi::PyErr_SetObject(ffi::Py_TYPE(self.value.as_ptr()).cast(), self.value.as_ptr());
        }
        Raised
    }

    /// Is it an instance of this built-in class?
    pub fn is(&self, class: Class) -> bool {
        // SAFETY: rule 1; static exception classes.
        let class = unsafe {
            match class {
                Class::StopIteration => ffi::PyExc_StopIteration,
                Class::SystemExit => ffi::PyExc_SystemExit,
            }
        };
        // SAFETY: rule 1; both are live objects.
        unsafe { ffi::PyErr_GivenExceptionMatches(self.value.as_ptr(), class) != 0 }
    }

    /// Is it an instance of `class`?
    pub fn is_a(&self, class: &Obj) -> bool {
        // SAFETY: rule 1; both are live objects.
        unsafe { ffi::PyErr_GivenExceptionMatches(self.value.as_ptr(), class.as_ptr()) != 0 }
    }

    /// The traceback as Python prints it.
    pub fn traceback(&self) -> String {
        let formatted = format_exception(&self.value);
        formatted.unwrap_or_else(|raised| {
            let again = Caught::take(raised);
            format!("{} (its traceback could not be formatted: {})", self.value.text(), again.value.text())
        })
    }
}

/// Classes that decide what becomes of a request.
#[derive(Clone, Copy)]
pub enum Class {
    StopIteration,
    SystemExit,
}

fn format_exception(value: &Obj) -> Result<String, Raised> {
    let format = super::object::import(TRACEBACK, c"format_exception")?;
    // The three-argument form works on every supported Python; class and traceback come from the value.
    let class = value.attr(&Obj::interned(c"__class__")?)?;
    let traceback = value.attr(&Obj::interned(c"__traceback__")?)?;
    // SAFETY: rule 1; the sentinel NULL ends the arguments.
    let lines = unsafe {
        Obj::from_owned(ffi::PyObject_CallFunctionObjArgs(
            format.as_ptr(),
            class.as_ptr(),
            value.as_ptr(),
            traceback.as_ptr(),
            ptr::null_mut::<ffi::PyObject>(),
        ))?
    };
    let iterator = lines.iterate()?;
    let mut text = String::new();
    while let Some(line) = iterator.next()? {
        text.push_str(&line.text());
    }
    Ok(text.trim_end().to_owned())
}

const TRACEBACK: &CStr = c"traceback";
