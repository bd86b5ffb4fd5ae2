//! Everything that runs per request and touches Python objects, on the raw C API. The only folder of this crate with
//! `unsafe`. Its safe surface rests on three rules, which every SAFETY comment in it refers to:
//!
//! 1. *Attached*: every function here is called by a thread that is attached to its interpreter, except inside
//!    [`gil::Detachable`]'s `detached`, where no Python object is touched. `Obj` is neither `Send` nor `Sync`.
//! 2. *Owned*: an [`object::Obj`] owns exactly one reference. Borrowed pointers never outlive the `Obj` they came from.
//! 3. *Raised*: `Err(Raised)` means that the interpreter's error indicator is set, and is returned at once to code that
//!    either handles it ([`error::Caught`]) or hands NULL to Python.

pub mod convert;
pub mod environ;
pub mod error;
pub mod file;
pub mod fork;
pub mod gil;
pub mod handle;
pub mod header_names;
pub mod input;
pub mod object;
pub mod signals;
pub mod socket;
pub mod start_response;
pub mod tcp_info;
pub mod transaction;
pub mod types;
