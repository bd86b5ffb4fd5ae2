//! Lines to a syslog daemon, byte for byte as Gunicorn sends them through Python's `SysLogHandler`.
//!
//! Used by both logs next to their sink. One message is `<PRI>tricorn.NAME.error: [pid] text` and a NUL, without date and
//! host (the daemon adds both; RFC 3164 section 4.3 allows it). It never waits and never reports an error for a line:
//! what cannot be sent is counted.
//!
//! Why not the `syslog` crate: its RFC 3164 lines carry a date and a host name (from another date crate), its sockets block, a
//! stream is not reconnected, and names are resolved when it connects. What is left to write is this small file.

mod address;
mod link;

use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::level::Level;
pub use address::SyslogAddress;
use link::Link;

/// A syslog facility, by number (RFC 3164 section 4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facility(u8);

/// The names Gunicorn knows, and no others.
const FACILITIES: [(&str, u8); 21] = [
    ("auth", 4),
    ("authpriv", 10),
    ("cron", 9),
    ("daemon", 3),
    ("ftp", 11),
    ("kern", 0),
    ("lpr", 6),
    ("mail", 2),
    ("news", 7),
    ("security", 4), // an old name of auth
    ("syslog", 5),
    ("user", 1),
    ("uucp", 8),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

impl Facility {
    /// The facility of this name, in any case.
    pub fn from_setting(name: &str) -> Result<Facility, SyslogError> {
        let lower = name.to_ascii_lowercase();
        match FACILITIES.iter().find(|(known, _)| *known == lower) {
            Some((_, number)) => Ok(Facility(*number)),
            None => Err(SyslogError::Facility(name.to_owned())),
        }
    }
}

/// A syslog setting that cannot be used.
#[derive(Debug)]
pub enum SyslogError {
    /// `syslog_addr` has none of the forms; the text and what is wrong with it.
    Address(String, &'static str),
    /// The host of `syslog_addr` has no address; the text and the resolver's word.
    Resolve(String, io::Error),
    /// `syslog_facility` is not one of the 21 names.
    Facility(String),
}

impl SyslogError {
    /// The setting to correct.
    pub fn setting(&self) -> &'static str {
        match self {
            SyslogError::Address(..) | SyslogError::Resolve(..) => "syslog_addr",
            SyslogError::Facility(_) => "syslog_facility",
        }
    }
}

/// What is wrong; whoever shows it names setting and value.
impl fmt::Display for SyslogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyslogError::Address(_, wrong) => f.write_str(wrong),
            SyslogError::Resolve(_, source) => write!(f, "cannot be resolved: {source}"),
            SyslogError::Facility(name) => {
                write!(f, "unknown facility name '{name}'; known are")?;
                FACILITIES.iter().try_for_each(|(known, _)| write!(f, " {known}"))
            }
        }
    }
}

impl std::error::Error for SyslogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let SyslogError::Resolve(_, source) = self { Some(source) } else { None }
    }
}

/// Where and as whom to send; resolved and checked, so that opening a log with it cannot fail.
#[derive(Debug, Clone)]
pub struct SyslogOptions {
    /// `syslog_addr`.
    pub address: SyslogAddress,
    /// `syslog_facility`.
    pub facility: Facility,
    /// The middle of `tricorn.NAME.error: `, see [`SyslogOptions::name`].
    pub name: String,
}

impl SyslogOptions {
    /// From the texts of the four settings. Resolves the host's name, which may take as long as the resolver likes:
    /// call it at start.
    pub fn from_settings(
        addr: &str,
        facility: &str,
        prefix: Option<&str>,
        proc_name: &str,
    ) -> Result<SyslogOptions, SyslogError> {
        let facility = Facility::from_setting(facility)?;
        let name = match prefix {
            Some(prefix) if !prefix.is_empty() => prefix.to_owned(),
            _ => proc_name.replace(':', "."),
        };
        Ok(SyslogOptions { address: SyslogAddress::resolve(addr)?, facility, name })
    }
}

/// One of the two senders, `error` or `access`.
pub(crate) struct Syslog {
    facility: u8,
    ident: String,
    link: Mutex<Link>,
}

impl Syslog {
    pub(crate) fn new(options: &SyslogOptions, kind: &str) -> Syslog {
        Syslog {
            facility: options.facility.0,
            ident: format!("tricorn.{}.{kind}: ", options.name),
            link: Mutex::new(Link::new(options.address.clone())),
        }
    }

    /// Sends one message; how many were lost by that.
    pub(crate) fn send(&self, level: Level, pid: u32, text: &[u8]) -> u64 {
        let priority = (self.facility << 3) | level.syslog_severity();
        let mut frame = format!("<{priority}>{}[{pid}] ", self.ident).into_bytes();
        frame.extend_from_slice(text);
        frame.push(0);
        self.link.lock().unwrap_or_else(PoisonError::into_inner).send(&frame, pid)
    }

    /// Gives a stream that is still connecting, or slow, this long to take what is queued; how many messages it lost.
    pub(crate) fn flush(&self, patience: Duration) -> u64 {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).flush(patience)
    }

    /// The open socket, if there is one.
    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).descriptor()
    }
}

#[cfg(test)]
mod tests;
