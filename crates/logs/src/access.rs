//! The access log: what is known of a finished exchange, the format it is written in, and the buffered log.
//!
//! A contents page; each noun has its own file.

mod basic_auth;
mod format;
mod log;
mod record;
mod render;
mod spec;

pub use format::{AccessFormat, FormatError};
pub use log::{AccessLog, AccessLogOptions};
pub use record::{AccessRecord, FieldKind, Text};
