//! The access log: lines formatted into a buffer of the process, written in batches to a stream or a file, and to syslog.
//!
//! Runners call [`AccessLog::log`] when an exchange ends; the monitor's tick calls [`AccessLog::flush_if_older_than`]; the worker
//! calls [`AccessLog::flush`] at exit. The log has no thread and no timer of its own.
//!
//! Two locks: `fresh` holds the lines no one has written yet and is taken for the time of formatting one; `writing`
//! holds the batch on its way out. A runner that fills the buffer writes the batch, unless another thread is already
//! writing: so at most one runner stands at a slow disk, and none at a slow pipe (batches are offered, never waited for,
//! except at exit and before a reopen). What a pipe does not take stays and is offered again; above [`FRESH_BYTES_MAX`] new
//! lines are dropped and counted (at a disk, after a wait of 100 ms).
//!
//! Only whole lines are written, a file gets a batch in one `O_APPEND` write, a pipe in pieces of at most `PIPE_BUF`
//! bytes: so the lines of several processes do not mix. (A single line above `PIPE_BUF` on a pipe is the exception.)
//!
//! How often to flush: nobody watches a file, once a second will do; a terminal, a pipe or a socket has a reader, whom a
//! tenth of a second does not trouble. [`AccessLog::flush_interval_hint`] says which.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::format::AccessFormat;
use super::record::AccessRecord;
use crate::bounded;
use crate::clock::{AccessStamp, LocalClock};
use crate::level::Level;
use crate::loss::{Loss, are_being_lost, were_lost};
use crate::open::{OpenError, Owner};
use crate::sink::{Dash, Sink};
use crate::syslog::{Syslog, SyslogOptions};

/// A batch is offered to the sink when it has grown this large.
const BATCH_BYTES: usize = 64 * 1024;
/// Lines that wait beside a batch that cannot be written; more are dropped.
const FRESH_BYTES_MAX: usize = 1024 * 1024;
/// How often, and how far apart, a runner looks whether the thread at the disk has made room: 100 ms in all.
const ROOM_TRIES: u32 = 100;
const ROOM_PAUSE: Duration = Duration::from_millis(1);
/// How long `flush` waits in all for a slow reader.
const FLUSH_PATIENCE: Duration = Duration::from_millis(500);
const FILE_FLUSH_INTERVAL: Duration = Duration::from_secs(1);
const READER_FLUSH_INTERVAL: Duration = Duration::from_millis(100);

/// What [`AccessLog::open`] needs of the settings.
#[derive(Debug, Clone)]
pub struct AccessLogOptions {
    /// `accesslog`: `-` is stdout, anything else a path; `None` writes nowhere but to syslog.
    pub accesslog: Option<String>,
    /// `access_log_format`, compiled.
    pub format: AccessFormat,
    /// `user` and `group`, when the process may give files away.
    pub owner: Option<Owner>,
    /// Set when `syslog` is on and `disable_redirect_access_to_syslog` is not.
    pub syslog: Option<SyslogOptions>,
}

/// The open access log.
pub struct AccessLog {
    format: AccessFormat,
    sink: Sink,
    syslog: Option<Syslog>,
    clock: LocalClock,
    loss: Loss,
    fresh: Mutex<Fresh>,
    writing: Mutex<Batch>,
}

/// Lines nobody has written yet.
#[derive(Default)]
struct Fresh {
    lines: Vec<u8>,
    /// When the first of them came.
    since: Option<Instant>,
    /// The process whose lines these are.
    pid: u32,
    stamp: AccessStamp,
    /// The sink took less than it was offered: offer on the tick only, not at every line.
    is_stalled: bool,
}

/// Lines on their way out: what is left begins at `from`.
#[derive(Default)]
struct Batch {
    lines: Vec<u8>,
    from: usize,
    pid: u32,
}

impl AccessLog {
    /// Opens the file, if it is one. The error names the setting and the path; nothing but the file is created.
    pub fn open(options: AccessLogOptions) -> Result<AccessLog, OpenError> {
        Ok(AccessLog {
            sink: Sink::open("accesslog", options.accesslog.as_deref(), Dash::Stdout, options.owner)?,
            format: options.format,
            syslog: options.syslog.as_ref().map(|syslog| Syslog::new(syslog, "access")),
            clock: LocalClock::of_system(),
            loss: Loss::default(),
            fresh: Mutex::default(),
            writing: Mutex::default(),
        })
    }

    /// Whether a line would go anywhere; asked before a record is put together.
    pub fn is_enabled(&self) -> bool {
        !self.sink.is_nowhere() || self.syslog.is_some()
    }

    /// The format, to ask it for the names it needs.
    pub fn format(&self) -> &AccessFormat {
        &self.format
    }

    /// Formats one line into the buffer and writes the buffer when it is full. Never waits for a slow reader.
    pub fn log(&self, record: &AccessRecord<'_>) {
        if !self.is_enabled() {
            return;
        }
        let mut fresh = self.fresh_with_room();
        if fresh.pid != record.pid {
            fresh.adopt(record.pid);
        }
        let begin = fresh.lines.len();
        let is_full = begin >= FRESH_BYTES_MAX;
        let Fresh { lines, stamp, .. } = &mut *fresh;
        if !is_full || self.syslog.is_some() {
            self.format.render(record, stamp.at(record.time, &self.clock), lines);
        }
        let for_syslog = self.syslog.as_ref().map(|syslog| (syslog, lines[begin..].to_vec()));
        if is_full || self.sink.is_nowhere() {
            lines.truncate(begin);
        } else {
            lines.push(b'\n');
            fresh.since.get_or_insert_with(Instant::now);
        }
        let wants_write = fresh.lines.len() >= BATCH_BYTES && !fresh.is_stalled;
        drop(fresh);

        if is_full {
            self.loss.add(1, Errno::AGAIN);
        }
        if let Some((syslog, line)) = for_syslog {
            self.loss.count_silently(syslog.send(Level::Info, record.pid, &line));
        }
        if wants_write && let Ok(mut batch) = self.writing.try_lock() {
            self.write(&mut batch, Duration::ZERO);
        }
    }

    /// Writes what is buffered, waiting up to 500 ms for a slow reader: for exit. A tick uses
    /// [`flush_if_older_than`](AccessLog::flush_if_older_than), which never waits.
    pub fn flush(&self) {
        self.write(&mut self.writing(), FLUSH_PATIENCE);
        if let Some(syslog) = &self.syslog {
            self.loss.count_silently(syslog.flush(FLUSH_PATIENCE));
        }
    }

    /// Writes what is buffered if its first line is older than `age`, or if an earlier batch got stuck. Never waits for
    /// a reader. True when lines were offered.
    pub fn flush_if_older_than(&self, age: Duration) -> bool {
        let is_due = {
            let fresh = self.fresh();
            fresh.is_stalled || fresh.since.is_some_and(|since| since.elapsed() >= age)
        };
        if let Some(syslog) = &self.syslog {
            self.loss.count_silently(syslog.flush(Duration::ZERO));
        }
        match self.writing.try_lock() {
            Ok(mut batch) if is_due => {
                self.write(&mut batch, Duration::ZERO);
                true
            }
            _ => false,
        }
    }

    /// How often to call [`flush_if_older_than`](AccessLog::flush_if_older_than), and with which age: 100 ms when somebody
    /// reads along, 1 s for a file, `None` when the log is off.
    pub fn flush_interval_hint(&self) -> Option<Duration> {
        match (self.sink.is_nowhere(), self.sink.has_reader()) {
            (true, _) => self.syslog.as_ref().map(|_| FILE_FLUSH_INTERVAL), // a stream's queue
            (false, true) => Some(READER_FLUSH_INTERVAL),
            (false, false) => Some(FILE_FLUSH_INTERVAL),
        }
    }

    /// Writes what is buffered to the old file and opens the path anew (USR1, after a rotation). On failure the old file
    /// stays in use.
    pub fn reopen(&self) -> Result<(), OpenError> {
        let mut batch = self.writing(); // held through the swap, so that no batch is between the two files
        self.write(&mut batch, FLUSH_PATIENCE);
        self.sink.reopen()
    }

    /// In a forked child, before it logs: what the parent had buffered is the parent's to write.
    /// (A forgotten call does no harm: lines carry their process.)
    pub fn after_fork(&self) {
        self.fresh().adopt(std::process::id());
        let mut batch = self.writing();
        batch.clear();
        batch.pid = std::process::id();
        self.loss.forget();
    }

    /// Asks the system for its time zone again; call it when the application has been imported, which may set `TZ`.
    pub fn refresh_time_zone(&self) {
        self.clock.refresh();
        self.fresh().stamp.forget();
    }

    /// Lines that could not be written since the process began.
    pub fn dropped(&self) -> u64 {
        self.loss.total()
    }

    /// A sentence for the error log, once when lines begin to be lost and once when they go out again. Ask on each tick.
    pub fn take_notice(&self) -> Option<String> {
        let log = || format!("the access log {}", self.sink.name());
        if self.loss.is_failing() {
            return Some(are_being_lost(&log(), self.loss.take_announcement()?));
        }
        match self.loss.take_unreported() {
            0 => None,
            lines => Some(format!("{} is written again: {}", log(), were_lost(lines))),
        }
    }

    fn fresh(&self) -> MutexGuard<'_, Fresh> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fresh lines, below their bound if the disk allows. A full buffer means that another thread has been writing for
    /// long: that is worth a short wait, once in a row of losses. A reader that has stopped is not waited for.
    fn fresh_with_room(&self) -> MutexGuard<'_, Fresh> {
        let mut tries = 0;
        loop {
            let fresh = self.fresh();
            if fresh.lines.len() < FRESH_BYTES_MAX
                || fresh.is_stalled
                || self.loss.is_failing()
                || tries == ROOM_TRIES
            {
                return fresh;
            }
            drop(fresh);
            match self.writing.try_lock() {
                Ok(mut batch) => self.write(&mut batch, Duration::ZERO),
                Err(_) => std::thread::sleep(ROOM_PAUSE),
            }
            tries += 1;
        }
    }

    fn writing(&self) -> MutexGuard<'_, Batch> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers the sink what is left of the last batch, then the fresh lines.
    fn write(&self, batch: &mut Batch, patience: Duration) {
        let pid = std::process::id();
        if batch.pid != pid {
            batch.clear();
            batch.pid = pid;
        }
        let is_stalled = !self.write_batch(batch, patience) || {
            self.fresh().hand_over(batch, pid);
            !self.write_batch(batch, patience)
        };
        self.fresh().is_stalled = is_stalled;
    }

    /// True when the batch is empty afterwards: written, or lost because its sink fails in a way that waiting does not mend.
    fn write_batch(&self, batch: &mut Batch, patience: Duration) -> bool {
        let rest = &batch.lines[batch.from..];
        if rest.is_empty() {
            return true;
        }
        let written = self.sink.write(rest, patience);
        match written.stopped_by {
            None => self.loss.end(),
            Some(Errno::AGAIN) => {
                batch.from += written.bytes;
                return false;
            }
            Some(errno) => {
                self.sink.give_up_after(&rest[..written.bytes]);
                self.loss.add(bounded::line_count(&rest[written.bytes..]), errno);
            }
        }
        batch.clear();
        true
    }
}

impl Fresh {
    fn adopt(&mut self, pid: u32) {
        self.pid = pid;
        self.lines.clear();
        self.since = None;
        self.is_stalled = false;
    }

    /// Exchanges the lines for the empty buffer of `batch`.
    fn hand_over(&mut self, batch: &mut Batch, pid: u32) {
        if self.pid != pid {
            self.adopt(pid);
        }
        self.since = None;
        std::mem::swap(&mut self.lines, &mut batch.lines);
    }
}

impl Batch {
    fn clear(&mut self) {
        self.from = 0;
        self.lines.clear();
        self.lines.shrink_to(2 * BATCH_BYTES); // after a stall the buffer has served its purpose
    }
}

#[cfg(test)]
mod tests;
