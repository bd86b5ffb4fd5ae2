//! Error and access log lines: levels, formats, sinks.
//!
//! The master and every worker hold one [`ErrorLog`] (a line per write) and workers hold one [`AccessLog`] (buffered, the
//! owner flushes it on a tick). Formats and atoms are Gunicorn's; dates come from `jiff` alone.
//! Absences: no thread, no Python, no process or socket but the syslog one, no setting of its own, no lock that a fork of
//! the single-threaded master could catch held, and no write that can wait for ever.

#![forbid(unsafe_code)]

mod clock;
mod level;

mod access;
mod error_log;
mod line;
mod relay;
mod statsd;
mod syslog;

mod bounded;
mod escape;
mod loss;
mod novelty;
mod open;
mod outlet;
mod sink;

pub use access::{AccessFormat, AccessLog, AccessLogOptions, AccessRecord, FieldKind, FormatError, Text};
pub use error_log::{ErrorLog, ErrorLogOptions, redirect_stdio};
pub use escape::Printable;
pub use level::Level;
pub use line::LineFormat;
pub use novelty::Novelty;
pub use open::{OpenError, Owner};
pub use relay::Relay;
pub use statsd::{Statsd, StatsdAddress, StatsdOptions};
pub use syslog::{Facility, SyslogAddress, SyslogError, SyslogOptions};
