//! An owned reference to a Python object and the few operations the request path needs, as safe methods.

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use pyo3_ffi as ffi;

/// A Python exception is set in this thread (rule 3 of the folder).
#[derive(Debug)]
pub struct Raised;

/// One owned reference.
pub struct Obj {
    pointer: NonNull<ffi::PyObject>,
    /// Objects belong to the interpreter this thread is attached to.
    not_send: PhantomData<*mut ()>,
}

impl Obj {
    /// Takes over the reference that a C API function returned; NULL means that it raised.
    ///
    /// # Safety
    /// `pointer` is NULL or a reference that the caller owns.
    pub unsafe fn from_owned(pointer: *mut ffi::PyObject) -> Result<Obj, Raised> {
        NonNull::new(pointer).map(|pointer| Obj { pointer, not_send: PhantomData }).ok_or(Raised)
    }

    /// Makes an own reference of a borrowed one.
    ///
    /// # Safety
    /// `pointer` points to a live object.
    pub unsafe fn from_borrowed(pointer: *mut ffi::PyObject) -> Obj {
        // SAFETY: the caller's promise; a non-null live object can be referenced once more.
        let pointer = unsafe {
            ffi::Py_INCREF(pointer);
            NonNull::new_unchecked(pointer)
        };
        Obj { pointer, not_send: PhantomData }
    }

    /// The pointer, still owned by `self`.
    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.pointer.as_ptr()
    }

    /// Gives the reference away.
    pub fn into_ptr(self) -> *mut ffi::PyObject {
        let pointer = self.pointer.as_ptr();
        std::mem::forget(self);
        pointer
    }

    /// `None`.
    pub fn none() -> Obj {
        // SAFETY: None is immortal or at least alive as long as its interpreter.
        unsafe { Obj::from_borrowed(ffi::Py_None()) }
    }

    /// `True` or `False`.
    pub fn bool(value: bool) -> Obj {
        // SAFETY: rule 1; the singletons outlive us.
        unsafe { Obj::from_borrowed(if value { ffi::Py_True() } else { ffi::Py_False() }) }
    }

    /// A str of latin-1 bytes: PEP 3333's "native string".
    pub fn latin1(bytes: &[u8]) -> Result<Obj, Raised> {
        // SAFETY: rule 1; pointer and length are those of a live slice.
        unsafe {
            Obj::from_owned(ffi::PyUnicode_DecodeLatin1(
                bytes.as_ptr().cast(),
                bytes.len() as ffi::Py_ssize_t,
                ptr::null(),
            ))
        }
    }

    /// A str of UTF-8 text.
    pub fn str(text: &str) -> Result<Obj, Raised> {
        // SAFETY: rule 1; a str is valid UTF-8 of that length.
        unsafe {
            Obj::from_owned(ffi::PyUnicode_FromStringAndSize(
                text.as_ptr().cast(),
                text.len() as ffi::Py_ssize_t,
            ))
        }
    }

    /// An interned str. Never of what a client sent: interned strings may live for ever.
    pub fn interned(text: &CStr) -> Result<Obj, Raised> {
        // SAFETY: rule 1; a NUL-terminated string.
        unsafe { Obj::from_owned(ffi::PyUnicode_InternFromString(text.as_ptr())) }
    }

    /// A bytes object.
    pub fn bytes(bytes: &[u8]) -> Result<Obj, Raised> {
        // SAFETY: rule 1; pointer and length are those of a live slice.
        unsafe {
            Obj::from_owned(ffi::PyBytes_FromStringAndSize(
                bytes.as_ptr().cast(),
                bytes.len() as ffi::Py_ssize_t,
            ))
        }
    }

    /// The contents of a bytes object (or a subclass), else `None`.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        // SAFETY: rule 1; the type is checked before its fields are read; bytes are immutable and live as long as `self`.
        unsafe {
            if ffi::PyBytes_Check(self.as_ptr()) == 0 {
                return None;
            }
            let data = ffi::PyBytes_AS_STRING(self.as_ptr()).cast::<u8>();
            Some(std::slice::from_raw_parts(data, ffi::Py_SIZE(self.as_ptr()) as usize))
        }
    }

    /// The latin-1 bytes of a str, or `None` if it is no str or has characters above U+00FF.
    pub fn as_latin1(&self) -> Option<&[u8]> {
        // SAFETY: rule 1; the type and the kind are checked before the data is read; str data is immutable.
        unsafe {
            let object = self.as_ptr();
            if ffi::PyUnicode_Check(object) == 0 || ffi::PyUnicode_KIND(object) != ffi::PyUnicode_1BYTE_KIND {
                return None;
            }
            let data = ffi::PyUnicode_1BYTE_DATA(object);
            Some(std::slice::from_raw_parts(data, ffi::PyUnicode_GET_LENGTH(object) as usize))
        }
    }

    /// Is it `None`?
    pub fn is_none(&self) -> bool {
        // SAFETY: comparing addresses.
        self.as_ptr() == unsafe { ffi::Py_None() }
    }

    /// Is it an instance of exactly this type?
    pub fn is_exactly(&self, class: &Obj) -> bool {
        // SAFETY: rule 1; reading the type of a live object.
        unsafe { ffi::Py_TYPE(self.as_ptr()).cast() == class.as_ptr() }
    }

    /// A new dict.
    pub fn dict() -> Result<Obj, Raised> {
        // SAFETY: rule 1.
        unsafe { Obj::from_owned(ffi::PyDict_New()) }
    }

    /// A tuple of two ints.
    pub fn pair(first: i32, second: i32) -> Result<Obj, Raised> {
        // SAFETY: rule 1; PyTuple_Pack takes its own references to its arguments.
        unsafe {
            let first = Obj::from_owned(ffi::PyLong_FromLong(first.into()))?;
            let second = Obj::from_owned(ffi::PyLong_FromLong(second.into()))?;
            Obj::from_owned(ffi::PyTuple_Pack(2, first.as_ptr(), second.as_ptr()))
        }
    }

    /// A shallow copy of a dict.
    pub fn copy_dict(&self) -> Result<Obj, Raised> {
        // SAFETY: rule 1; a non-dict raises.
        unsafe { Obj::from_owned(ffi::PyDict_Copy(self.as_ptr())) }
    }

    /// `self[key] = value` for a dict.
    pub fn set_item(&self, key: &Obj, value: &Obj) -> Result<(), Raised> {
        // SAFETY: rule 1; a non-dict raises.
        checked(unsafe { ffi::PyDict_SetItem(self.as_ptr(), key.as_ptr(), value.as_ptr()) }).map(drop)
    }

    /// `self.setdefault(key, value)` for a dict: the value that is there already, or `None` if `value` was put there.
    pub fn set_default(&self, key: &Obj, value: &Obj) -> Result<Option<Obj>, Raised> {
        // SAFETY: rule 1; a non-dict raises; the result is borrowed from the dict, which `self` keeps alive.
        unsafe {
            let found = ffi::PyDict_SetDefault(self.as_ptr(), key.as_ptr(), value.as_ptr());
            if found.is_null() {
                return Err(Raised);
            }
            Ok((found != value.as_ptr()).then(|| Obj::from_borrowed(found)))
        }
    }

    /// All keys and values of a dict; none if it is no dict.
    pub fn dict_items(&self) -> Vec<(Obj, Obj)> {
        let mut items = Vec::new();
        let mut position: ffi::Py_ssize_t = 0;
        let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: rule 1; the references are borrowed from the dict, which cannot change before they are own ones.
        unsafe {
            if ffi::PyDict_Check(self.as_ptr()) == 0 {
                return items;
            }
            while ffi::PyDict_Next(self.as_ptr(), &raw mut position, &raw mut key, &raw mut value) != 0 {
                items.push((Obj::from_borrowed(key), Obj::from_borrowed(value)));
            }
        }
        items
    }

    /// `getattr(self, name)`.
    pub fn attr(&self, name: &Obj) -> Result<Obj, Raised> {
        // SAFETY: rule 1.
        unsafe { Obj::from_owned(ffi::PyObject_GetAttr(self.as_ptr(), name.as_ptr())) }
    }

    /// `getattr(self, name, None)`, telling a missing attribute from a raising one.
    pub fn optional_attr(&self, name: &Obj) -> Result<Option<Obj>, Raised> {
        match self.attr(name) {
            Ok(value) => Ok(Some(value)),
            // SAFETY: rules 1 and 3.
            Err(Raised) if unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) } != 0 => {
                // SAFETY: rule 1.
                unsafe { ffi::PyErr_Clear() };
                Ok(None)
            }
            Err(Raised) => Err(Raised),
        }
    }

    /// `self()`.
    pub fn call0(&self) -> Result<Obj, Raised> {
        // SAFETY: rule 1.
        unsafe { Obj::from_owned(ffi::PyObject_CallNoArgs(self.as_ptr())) }
    }

    /// `self(*arguments)` for two arguments, by vectorcall (PEP 590).
    pub fn call2(&self, first: &Obj, second: &Obj) -> Result<Obj, Raised> {
        // One free slot before the arguments lets a bound method put its `self` there without copying.
        let mut arguments = [ptr::null_mut(), first.as_ptr(), second.as_ptr()];
        // SAFETY: rule 1; the array outlives the call, and slot 0 may be written to, as the offset flag promises.
        unsafe {
            Obj::from_owned(ffi::PyObject_Vectorcall(
                self.as_ptr(),
                arguments.as_mut_ptr().add(1),
                2 | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET,
                ptr::null_mut(),
            ))
        }
    }

    /// `iter(self)`.
    pub fn iterate(&self) -> Result<Obj, Raised> {
        // SAFETY: rule 1.
        unsafe { Obj::from_owned(ffi::PyObject_GetIter(self.as_ptr())) }
    }

    /// `next(self)`; `None` at the end.
    pub fn next(&self) -> Result<Option<Obj>, Raised> {
        // SAFETY: rule 1; `self` is an iterator (it came from `iter`), NULL without an exception is its end.
        unsafe {
            let item = ffi::PyIter_Next(self.as_ptr());
            if !item.is_null() {
                return Obj::from_owned(item).map(Some);
            }
            if ffi::PyErr_Occurred().is_null() { Ok(None) } else { Err(Raised) }
        }
    }

    /// The items of an exact list or tuple, as far as it is one now: `(item, is_last)` for `index`.
    pub fn sequence_item(&self, index: usize) -> Option<(Obj, bool)> {
        // SAFETY: rule 1; types and bounds are checked on each call, since the application may change its list meanwhile.
        unsafe {
            let object = self.as_ptr();
            let index = index as ffi::Py_ssize_t;
            let length = ffi::Py_SIZE(object);
            if index >= length {
                return None;
            }
            let item = if ffi::PyList_CheckExact(object) != 0 {
                ffi::PyList_GET_ITEM(object, index)
            } else {
                ffi::PyTuple_GET_ITEM(object, index)
            };
            Some((Obj::from_borrowed(item), index + 1 == length))
        }
    }

    /// Is it exactly a list or a tuple?
    pub fn is_sequence(&self) -> bool {
        // SAFETY: rule 1.
        unsafe { ffi::PyList_CheckExact(self.as_ptr()) != 0 || ffi::PyTuple_CheckExact(self.as_ptr()) != 0 }
    }

    /// Does nobody but the caller hold a reference?
    pub fn is_unshared(&self) -> bool {
        self.reference_count() == 1
    }

    /// How many references there are, the caller's included.
    pub fn reference_count(&self) -> isize {
        // SAFETY: rule 1.
        unsafe { ffi::Py_REFCNT(self.as_ptr()) }
    }

    /// `repr(self)` as Rust text, for messages; a placeholder if that raises.
    pub fn repr(&self) -> String {
        // SAFETY: rule 1.
        if let Ok(repr) = unsafe { Obj::from_owned(ffi::PyObject_Repr(self.as_ptr())) } {
            repr.text()
        } else {
            // SAFETY: rule 1.
            unsafe { ffi::PyErr_Clear() };
            "an object whose repr() raises".to_owned()
        }
    }

    /// `str(self)` as Rust text, whatever it takes; empty if even that raises.
    pub fn text(&self) -> String {
        // SAFETY: rule 1; the UTF-8 data lives as long as the str, which is copied from before it is dropped.
        unsafe {
            let Ok(text) = Obj::from_owned(ffi::PyObject_Str(self.as_ptr())) else {
                ffi::PyErr_Clear();
                return String::new();
            };
            let mut length: ffi::Py_ssize_t = 0;
            let data = ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut length);
            if data.is_null() {
                ffi::PyErr_Clear();
                return String::new();
            }
            let bytes = std::slice::from_raw_parts(data.cast::<u8>(), length as usize);
            String::from_utf8_lossy(bytes).into_owned()
        }
    }
}

impl Clone for Obj {
    fn clone(&self) -> Obj {
        // SAFETY: `self` keeps the object alive.
        unsafe { Obj::from_borrowed(self.as_ptr()) }
    }
}

impl Drop for Obj {
    fn drop(&mut self) {
        // SAFETY: rules 1 and 2: attached, and this reference is ours.
        unsafe { ffi::Py_DECREF(self.as_ptr()) }
    }
}

/// Turns the C API's -1 into `Raised`; anything else is a truth value.
pub fn checked(status: c_int) -> Result<bool, Raised> {
    if status < 0 { Err(Raised) } else { Ok(status != 0) }
}

/// Imports `module` and takes `name` from it.
pub fn import(module: &CStr, name: &CStr) -> Result<Obj, Raised> {
    // SAFETY: rule 1; NUL-terminated names.
    unsafe {
        let module = Obj::from_owned(ffi::PyImport_ImportModule(module.as_ptr()))?;
        Obj::from_owned(ffi::PyObject_GetAttrString(module.as_ptr(), name.as_ptr()))
    }
}
