//! The error log in Python: a logger of the user's, or Python's logging as `logconfig` set it up, behind the logs crate's
//! [`Relay`].
//!
//! In the master, and in a worker until it serves, a line is logged where it arises. While a worker serves, lines arise on
//! threads that must not attach (the monitor, the signal watch) or under the engine's locks: they are queued, and one thread
//! of their own brings them to the logger. A logger that raises costs nothing but its line's form: the line goes to stderr.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use tricorn_logs::{ErrorLog, ErrorLogOptions, Level, LineFormat, Relay};

use crate::python::traceback;

/// Lines that wait for a logger; more are dropped.
const QUEUE_MAX: usize = 10_000;
/// How long the end of a process waits for a line that is being logged.
const FLUSH_PATIENCE: Duration = Duration::from_millis(500);

/// A logger in Python, for all threads of a process.
pub struct PythonLog {
    logger: Py<PyAny>,
    /// Where a line goes if the logger raises.
    last_resort: ErrorLog,
    has_complained: AtomicBool,
    is_queueing: AtomicBool,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    /// The thread is in the logger with an item.
    is_delivering: bool,
    dropped: usize,
}

enum Item {
    Record(Level, String),
    Raw(String),
    Reopen,
}

impl PythonLog {
    /// The log of this logger object; `format` is that of the lines it does not take.
    pub fn new(logger: Py<PyAny>, format: LineFormat) -> Arc<PythonLog> {
        let stderr = ErrorLogOptions { format, level: Level::Debug, ..ErrorLogOptions::to("-") };
        Arc::new(PythonLog {
            logger,
            last_resort: ErrorLog::open(&stderr).expect("standard error is not opened"),
            has_complained: AtomicBool::new(false),
            is_queueing: AtomicBool::new(false),
            queue: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// The error log that hands its lines to this one.
    pub fn error_log(self: &Arc<PythonLog>, py: Python<'_>) -> ErrorLog {
        let threshold =
            relay(py).and_then(|relay| relay.call_method1("threshold", (&self.logger,))?.extract());
        ErrorLog::relayed(Level::from_python(threshold.unwrap_or(10)), Box::new(Handle(self.clone())))
    }

    /// From now on lines are queued, for a thread that brings them to the logger. Called once, when a worker begins to serve.
    pub fn start_thread(self: &Arc<PythonLog>) -> std::io::Result<()> {
        let log = self.clone();
        // Ends with the process.
        std::thread::Builder::new().name("tricorn-logger".into()).spawn(move || log.bring())?;
        self.is_queueing.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Does the logger want to be told of requests?
    pub fn wants_access(&self, py: Python<'_>) -> bool {
        let wants =
            relay(py).and_then(|relay| relay.call_method1("wants_access", (&self.logger,))?.extract());
        wants.unwrap_or_else(|error| {
            self.complain(py, &error);
            false
        })
    }

    /// A line with the exception that belongs to it, so that handlers see it. On a thread that is attached anyway.
    pub fn exception(&self, text: &str, error: &Py<PyAny>) {
        Python::attach(|py| self.call(py, "exception", (&self.logger, text, error), text));
    }

    /// The line of one request.
    pub fn access(
        &self,
        py: Python<'_>,
        response: &Py<PyAny>,
        request: &Py<PyAny>,
        environ: Option<Py<PyAny>>,
        elapsed: Duration,
    ) {
        let elapsed_us = elapsed.as_micros() as u64;
        self.call(py, "access", (&self.logger, response, request, environ, elapsed_us), "");
    }

    /// A number about the server: `workers` or `backlog`.
    pub fn number(&self, function: &str, value: u64) {
        Python::attach(|py| self.call(py, function, (&self.logger, value), ""));
    }

    fn bring(&self) {
        loop {
            let mut queue = self.queue();
            while queue.items.is_empty() {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(item) = queue.items.pop_front() else { continue };
            let dropped = std::mem::take(&mut queue.dropped);
            queue.is_delivering = true;
            drop(queue);
            Python::attach(|py| {
                self.deliver(py, item);
                if dropped > 0 {
                    self.deliver(py, Item::Record(Level::Warning, format!("{dropped} log lines were lost")));
                }
            });
            self.queue().is_delivering = false;
            self.changed.notify_all();
        }
    }

    fn take(&self, item: Item) {
        if !self.is_queueing.load(Ordering::SeqCst) {
            return Python::attach(|py| self.deliver(py, item));
        }
        let mut queue = self.queue();
        if queue.items.len() < QUEUE_MAX {
            queue.items.push_back(item);
            self.changed.notify_all();
        } else {
            queue.dropped += 1;
        }
    }

    fn deliver(&self, py: Python<'_>, item: Item) {
        match item {
            Item::Record(level, text) => {
                let arguments = (&self.logger, number(level), &text);
                self.call_or(py, "record", arguments, |log| log.record(level, &text));
            }
            Item::Raw(text) => {
                self.call_or(py, "raw", (&self.logger, &text), |log| log.write_raw(text.as_bytes()));
            }
            Item::Reopen => self.call(py, "reopen", (&self.logger,), ""),
        }
    }

    fn call<'py>(
        &self,
        py: Python<'py>,
        function: &str,
        arguments: impl pyo3::call::PyCallArgs<'py>,
        text: &str,
    ) {
        self.call_or(py, function, arguments, |log| {
            if !text.is_empty() {
                log.record(Level::Error, text);
            }
        });
    }

    fn call_or<'py>(
        &self,
        py: Python<'py>,
        function: &str,
        arguments: impl pyo3::call::PyCallArgs<'py>,
        otherwise: impl FnOnce(&ErrorLog),
    ) {
        if let Err(error) = relay(py).and_then(|relay| relay.call_method1(function, arguments)) {
            self.complain(py, &error);
            otherwise(&self.last_resort);
        }
    }

    /// The logger's traceback, for the first time it raises.
    fn complain(&self, py: Python<'_>, error: &PyErr) {
        if !self.has_complained.swap(true, Ordering::SeqCst) {
            let text = format!("The logger raised; what it cannot log stands here\n{}", traceback(py, error));
            self.last_resort.record(Level::Error, &text);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines are logged where they arise again, and what waits is logged now.
    fn finish(&self) {
        self.is_queueing.store(false, Ordering::SeqCst);
        Python::attach(|py| {
            py.detach(|| {
                let queue = self.queue();
                let is_busy = |queue: &mut Queue| queue.is_delivering;
                // Poisoned or not, timed out or not: it goes on below.
                drop(self.changed.wait_timeout_while(queue, FLUSH_PATIENCE, is_busy));
            });
            let items = std::mem::take(&mut self.queue().items);
            for item in items {
                self.deliver(py, item);
            }
        });
    }
}

/// The error log's end of the log.
struct Handle(Arc<PythonLog>);

impl Relay for Handle {
    fn record(&self, level: Level, message: &str) {
        self.0.take(Item::Record(level, message.to_owned()));
    }

    fn raw(&self, text: &str) {
        self.0.take(Item::Raw(text.to_owned()));
    }

    fn reopen(&self) {
        self.0.take(Item::Reopen);
    }

    fn flush(&self) {
        self.0.finish();
    }
}

fn relay(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("tricorn.log_relay")
}

/// The level's number in Python's logging.
fn number(level: Level) -> u8 {
    match level {
        Level::Debug => 10,
        Level::Info => 20,
        Level::Warning => 30,
        Level::Error => 40,
        Level::Critical => 50,
    }
}
