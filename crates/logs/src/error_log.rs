//! The error log: one write per record, to a stream (or two, by level) or a file, and to syslog.
//!
//! The master and every worker log through one shared reference; so do the threads of a worker. It holds no buffer, so a
//! crash loses nothing, and no lock (but the syslog socket's), so a fork is safe; the pid is asked for each record.
//! A line that cannot be written within a moment (`outlet`) is dropped and counted, the first of a row is announced on stderr, and
//! the next line that goes out is preceded by a notice. It does not catch panics or tracebacks: it gets their text.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use crate::clock::LocalClock;
use crate::escape::Escape;
use crate::level::Level;
use crate::line::{LineFormat, Stamp};
use crate::open::{OpenError, Owner};
use crate::outlet::Outlet;
use crate::relay::Relay;
use crate::sink::{Dash, Sink};
use crate::statsd::Statsd;
use crate::syslog::{Syslog, SyslogOptions};

/// How long what a syslog stream has not taken yet may take at exit.
const FLUSH_PATIENCE: Duration = Duration::from_millis(500);

/// What [`ErrorLog::open`] needs of the settings.
#[derive(Debug, Clone)]
pub struct ErrorLogOptions {
    /// `errorlog`: `-` is stderr, anything else a path; `None` writes nowhere but to syslog.
    pub errorlog: Option<String>,
    /// `log_split`: what is milder than a warning goes to stdout. Only for an error log that is stderr.
    pub is_split: bool,
    /// `error_log_format`: what lines look like, but for syslog, whose form is its own.
    pub format: LineFormat,
    /// `loglevel`, see [`Level::from_setting`].
    pub level: Level,
    /// `user` and `group`, when the process may give files away.
    pub owner: Option<Owner>,
    /// Set when `syslog` is on.
    pub syslog: Option<SyslogOptions>,
    /// Counts the server's own lines, if `statsd_host` is set.
    pub statsd: Option<Arc<Statsd>>,
}

impl ErrorLogOptions {
    /// Lines of text from `INFO` on, to `errorlog` and nowhere else.
    pub fn to(errorlog: impl Into<String>) -> ErrorLogOptions {
        ErrorLogOptions {
            errorlog: Some(errorlog.into()),
            is_split: false,
            format: LineFormat::Text,
            level: Level::Info,
            owner: None,
            syslog: None,
            statsd: None,
        }
    }
}

/// The open error log.
pub struct ErrorLog {
    threshold: Level,
    main: Outlet,
    /// Where lines milder than warnings go, if not there.
    mild: Option<Outlet>,
    format: LineFormat,
    syslog: Option<Syslog>,
    clock: LocalClock,
    captures_stdio: AtomicBool,
    statsd: Option<Arc<Statsd>>,
    /// Who writes in our place; then nothing here is used but the threshold.
    relay: Option<Box<dyn Relay>>,
}

impl ErrorLog {
    /// Opens the file, if it is one. The error names the setting and the path; nothing but the file is created.
    pub fn open(options: &ErrorLogOptions) -> Result<ErrorLog, OpenError> {
        let sink = Sink::open("errorlog", options.errorlog.as_deref(), Dash::Stderr, options.owner)?;
        Ok(ErrorLog {
            threshold: options.level,
            mild: (options.is_split && sink.is_stderr()).then(|| Outlet::new(Sink::stdout())),
            main: Outlet::new(sink),
            format: options.format,
            syslog: options.syslog.as_ref().map(|syslog| Syslog::new(syslog, "error")),
            clock: LocalClock::of_system(),
            captures_stdio: AtomicBool::new(false),
            statsd: options.statsd.clone(),
            relay: None,
        })
    }

    /// A log whose lines somebody else writes: the relay gets those of this level and above.
    pub fn relayed(level: Level, relay: Box<dyn Relay>) -> ErrorLog {
        ErrorLog {
            threshold: level,
            main: Outlet::new(Sink::nowhere()),
            mild: None,
            format: LineFormat::Text,
            syslog: None,
            clock: LocalClock::of_system(),
            captures_stdio: AtomicBool::new(false),
            statsd: None,
            relay: Some(relay),
        }
    }

    /// Whether a record of this level would be written; asked before an expensive message is made.
    pub fn enabled(&self, level: Level) -> bool {
        level >= self.threshold
    }

    /// Writes one record. Newlines and tabs in the message stay (tracebacks), other control characters are escaped.
    /// A client's bytes belong into a [`Printable`](crate::Printable), which escapes newlines as well.
    pub fn log(&self, level: Level, message: &str) {
        if let Some(statsd) = &self.statsd {
            statsd.logged(level, message);
        }
        self.record(level, message);
    }

    /// The same for a line of somebody who does the counting for statsd by itself, or is not to be counted.
    pub fn record(&self, level: Level, message: &str) {
        if !self.enabled(level) {
            return;
        }
        match &self.relay {
            Some(relay) => relay.record(level, message),
            None => self.log_at(SystemTime::now(), std::process::id(), level, message),
        }
    }

    fn log_at(&self, time: SystemTime, pid: u32, level: Level, message: &str) {
        if let Some(syslog) = &self.syslog {
            let mut text = Vec::with_capacity(message.len());
            Escape::Message.push_str(message, &mut text);
            match syslog.send(level, pid, &text) {
                0 => {}
                lost => self.main.loss.count_silently(lost),
            }
        }
        let stamp = Stamp { format: self.format, clock: &self.clock, time, pid };
        self.outlet(level).write(&stamp, level, message);
    }

    fn outlet(&self, level: Level) -> &Outlet {
        self.mild.as_ref().filter(|_| level < Level::Warning).unwrap_or(&self.main)
    }

    /// Writes an application's own text (`wsgi.errors`) as it is, without a date and at every level; as JSON it is one
    /// record of the level ERROR per call. Not sent to syslog, as in Gunicorn.
    pub fn write_raw(&self, text: &[u8]) {
        if let Some(relay) = &self.relay {
            return relay.raw(&String::from_utf8_lossy(text));
        }
        match self.format {
            LineFormat::Text => self.main.write_raw(text),
            LineFormat::Json => {
                let text = String::from_utf8_lossy(text);
                // `print` writes the end of its line by itself.
                if !text.trim().is_empty() {
                    let (time, pid) = (SystemTime::now(), std::process::id());
                    let stamp = Stamp { format: self.format, clock: &self.clock, time, pid };
                    self.main.write(&stamp, Level::Error, &text);
                }
            }
        }
    }

    /// Opens the file anew (USR1, after a rotation), and with it redirected standard streams. On failure the old file stays
    /// in use.
    pub fn reopen(&self) -> Result<(), OpenError> {
        if let Some(relay) = &self.relay {
            relay.reopen();
            return Ok(());
        }
        self.main.sink.reopen()?;
        if self.captures_stdio.load(Relaxed) {
            // A refusal is not possible here: both descriptors are valid, and dup2 needs no new one.
            drop(self.redirect_standard_streams());
        }
        Ok(())
    }

    /// Asks the system for its time zone again; call it when the application has been imported, which may set `TZ`.
    pub fn refresh_time_zone(&self) {
        self.clock.refresh();
    }

    /// Gives a syslog stream that is slow, or still connecting, a moment (500 ms) to take the last lines; call it at exit.
    pub fn flush(&self) {
        if let Some(relay) = &self.relay {
            relay.flush();
        }
        if let Some(syslog) = &self.syslog {
            self.main.loss.count_silently(syslog.flush(FLUSH_PATIENCE));
        }
    }

    /// Lines that could not be written since the process began.
    pub fn dropped(&self) -> u64 {
        self.main.loss.total() + self.mild.as_ref().map_or(0, |mild| mild.loss.total())
    }

    /// The descriptors that must stay open while others are closed (daemonizing); not the standard streams.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let syslog = self.syslog.as_ref().and_then(Syslog::descriptor);
        self.main.sink.own_descriptor().into_iter().chain(syslog).collect()
    }

    fn redirect_standard_streams(&self) -> io::Result<()> {
        let redirect = |fd: BorrowedFd<'_>| -> io::Result<()> {
            if !self.main.sink.is_stdout() {
                rustix::stdio::dup2_stdout(fd)?;
            }
            rustix::stdio::dup2_stderr(fd)?;
            Ok(())
        };
        self.main.sink.with_descriptor(redirect).unwrap_or(Ok(()))
    }
}

/// `capture_output`: makes stdout and stderr of the process the error log's file, now and after each `reopen`. Nothing
/// happens when the error log is stderr, or nowhere, as in Gunicorn.
pub fn redirect_stdio(log: &ErrorLog) -> io::Result<()> {
    let sink = &log.main.sink;
    if sink.is_stderr() || sink.is_nowhere() {
        return Ok(());
    }
    log.captures_stdio.store(true, Relaxed);
    log.redirect_standard_streams()
}

#[cfg(test)]
mod tests;
