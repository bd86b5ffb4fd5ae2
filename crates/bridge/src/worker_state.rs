//! What all threads of one worker share: the engine, the logs, the scoreboard slot, and the decision to retire.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use pyo3::Python;
use tricorn_engine::{Engine, LeftOut, Observer, Peer, Refusal, Rejection, Trouble};
use tricorn_logs::{AccessLog, ErrorLog, Level, Novelty, Printable, Statsd};
use tricorn_master::{Seat, WorkerSlot};

use crate::ffi::convert::to_py;
use crate::ffi::error::Caught;
use crate::plan::OpenLogs;
use crate::python_log::PythonLog;

/// Shared by the runners, the signal watcher and the monitor of one worker.
pub struct WorkerState {
    pub engine: Arc<Engine>,
    pub access: Option<AccessLog>,
    /// Who sends metrics; `None` if nobody does, or the logger in Python does.
    pub statsd: Option<Arc<Statsd>>,
    /// The logger behind `errors`, if it is one in Python.
    pub python: Option<Arc<PythonLog>>,
    pub errors: Arc<ErrorLog>,
    pub seat: Seat,
    pub pid: u32,
    /// Requests after which the worker asks for its successor; 0 = never.
    requests_max: u64,
    requests: AtomicU64,
    is_retired: AtomicBool,
}

/// The exit code a signal handler asked for; `NOT_QUITTING` while none has. One per process, as handlers are.
static QUIT_CODE: AtomicI32 = AtomicI32::new(NOT_QUITTING);
const NOT_QUITTING: i32 = i32::MIN;

/// Is this process one that the application forked from a worker?
static IS_FORKED: AtomicBool = AtomicBool::new(false);

/// This process was forked from a worker by its application.
pub fn forked() {
    IS_FORKED.store(true, Ordering::SeqCst);
}

/// A child that the application forked and that comes back into the server ends here: it shares the worker's sockets, and
/// must not answer for it. No destructor runs, so that nothing happens to what both processes hold.
pub fn leave_if_forked() {
    if IS_FORKED.load(Ordering::Relaxed) {
        let text = "a process forked by the application came back into the server and was ended";
        crate::log_sink::log(Level::Warning, text);
        Python::attach(crate::python::exit_at_once);
    }
}

/// With which exit code this process was told to end at once.
pub fn quit_code() -> Option<i32> {
    Some(QUIT_CODE.load(Ordering::SeqCst)).filter(|code| *code != NOT_QUITTING)
}

/// Was this process told to end at once?
pub fn is_quitting() -> bool {
    quit_code().is_some()
}

/// The worker was told to end at once (INT, QUIT, ABRT).
pub fn quit(code: i32) {
    QUIT_CODE.store(code, Ordering::SeqCst);
}

/// The worker that this process is, once it serves.
static SERVING: OnceLock<Weak<WorkerState>> = OnceLock::new();

/// Has the server itself decided that this worker leaves? Then it sets `worker.alive`, also before it serves.
static IS_LEAVING: AtomicBool = AtomicBool::new(false);

/// This worker leaves, and not because a hook wants it.
pub fn note_leaving() {
    IS_LEAVING.store(true, Ordering::SeqCst);
}

/// A hook has set `worker.alive` to false.
pub fn retire() {
    if let Some(state) = SERVING.get().and_then(Weak::upgrade)
        && !is_quitting()
        && !IS_LEAVING.load(Ordering::SeqCst)
    {
        state.retire("A hook has set worker.alive to False: this worker will be replaced");
    }
}

impl WorkerState {
    /// The state of a worker that has not served anything yet.
    pub fn new(engine: Arc<Engine>, logs: OpenLogs, seat: Seat, requests_max: u64) -> Arc<WorkerState> {
        let OpenLogs { errors, access, statsd, python, remarks: _ } = logs;
        Arc::new(WorkerState {
            engine,
            access,
            statsd,
            python,
            errors,
            seat,
            pid: std::process::id(),
            requests_max,
            requests: AtomicU64::new(0),
            is_retired: AtomicBool::new(false),
        })
    }

    /// This process serves with this state from now on.
    pub fn begin(self: &Arc<WorkerState>) {
        // A process serves once.
        let _ = SERVING.set(Arc::downgrade(self));
    }

    /// The worker's slot on the scoreboard.
    pub fn slot(&self) -> WorkerSlot {
        self.seat.slot
    }

    /// One more request was begun; the one that reaches the limit starts the worker's retirement.
    pub fn count_request(&self) {
        self.slot().add_request();
        if self.requests_max != 0 && self.requests.fetch_add(1, Ordering::Relaxed) + 1 == self.requests_max {
            self.retire("Autorestarting worker after current request.");
        }
    }

    /// Asks for a successor. Until it is there (and the master sends TERM) this worker goes on, closing each connection
    /// after its next response, so that nothing is lost and clients move over.
    pub fn retire(&self, why: &str) {
        if self.is_retired.swap(true, Ordering::Relaxed) {
            return;
        }
        self.log(Level::Info, why);
        self.slot().set_leaving();
        self.engine.close_after_responses();
        // Fails only if the master is gone, which the lifeline tells the signal watcher anyway.
        let _ = self.seat.ask_replacement();
    }

    /// One record of the error log.
    pub fn log(&self, level: Level, message: &str) {
        self.errors.log(level, message);
    }

    /// A line about an exception of the application. A logger in Python gets the exception itself.
    pub fn log_exception(&self, label: &str, caught: &Caught) {
        match &self.python {
            Some(python) => {
                python.exception(label, &Python::attach(|py| to_py(py, caught.value())));
            }
            None => self.log(Level::Error, &format!("{label}\n{}", caught.traceback())),
        }
    }

    /// One record at debug level, composed only if it is wanted.
    pub fn debug(&self, message: impl FnOnce() -> String) {
        if self.errors.enabled(Level::Debug) {
            self.log(Level::Debug, &message());
        }
    }

    /// A request that was refused, in Gunicorn's words.
    pub fn log_rejection(&self, peer: &Peer, message: &str) {
        log_rejection(&self.errors, peer, message);
    }

    /// Opens the log files again (USR1). A file that cannot be opened keeps its old descriptor.
    pub fn reopen_logs(&self) {
        if let Err(error) = self.errors.reopen() {
            self.log(Level::Error, &error.to_string());
        }
        if let Some(Err(error)) = self.access.as_ref().map(AccessLog::reopen) {
            self.log(Level::Error, &error.to_string());
        }
    }
}

fn log_rejection(errors: &ErrorLog, peer: &Peer, message: &str) {
    let address = peer.ip().map(|ip| ip.to_string()).unwrap_or_default();
    errors.log(
        Level::Warning,
        &format!("Invalid request from ip={address}: {}", Printable(message.as_bytes())),
    );
}

/// Hears what the engine did by itself and writes it to the error log.
pub struct ErrorLogObserver {
    errors: Arc<ErrorLog>,
    /// The names of left-out fields that were reported.
    left_out: Novelty,
    /// The settings that were named because they refused a request.
    deciding: Novelty,
}

impl ErrorLogObserver {
    /// Writes to this log.
    pub fn new(errors: Arc<ErrorLog>) -> ErrorLogObserver {
        ErrorLogObserver { errors, left_out: Novelty::default(), deciding: Novelty::default() }
    }
}

impl Observer for ErrorLogObserver {
    fn rejected(&self, rejection: &Rejection<'_>) {
        if let Refusal::Tls(why) = rejection.refusal {
            // Scanners and health checks fail to shake hands all day long: nobody's error here.
            if self.errors.enabled(Level::Debug) {
                let address = rejection.peer.ip().map(|ip| ip.to_string()).unwrap_or_default();
                let text = format!("TLS with ip={address} failed: {}", Printable(why.as_bytes()));
                self.errors.log(Level::Debug, &text);
            }
            return;
        }
        log_rejection(&self.errors, rejection.peer, &rejection.refusal.to_string());
        // A line of its own: those who read Gunicorn's log by patterns find theirs as it was.
        if let Some(setting) = rejection.refusal.setting()
            && self.deciding.admit(setting.as_bytes(), Instant::now()).is_some()
        {
            let text =
                format!("Requests like that are refused by the setting {setting}. Said once per setting");
            self.errors.log(Level::Warning, &text);
        }
    }

    fn left_out(&self, left_out: &LeftOut<'_>) {
        let Some(unsaid) = self.left_out.admit(left_out.name.as_bytes(), Instant::now()) else { return };
        let address = left_out.peer.ip().map(|ip| ip.to_string()).unwrap_or_default();
        let name = &left_out.name;
        let why = if left_out.is_forwarder {
            "forwarded_allow_ips does not name this peer, and only such peers may send it"
        } else {
            "its name has an underscore (settings header_map, forwarder_headers)"
        };
        let more = if unsaid > 0 { format!("; {unsaid} times others were not named") } else { String::new() };
        let text = format!("Header {name} from ip={address} was left out: {why}. Said once per name{more}");
        self.errors.log(Level::Warning, &text);
    }

    fn troubled(&self, trouble: &Trouble) {
        let text = match trouble {
            Trouble::Accept(error) => {
                format!("Cannot accept connections, pausing for half a second: {error}")
            }
            Trouble::Spool(error) => format!("A request body could not be spooled: {error}"),
            Trouble::Poll(error) => format!("Polling failed: {error}"),
            Trouble::Panic => {
                "Internal error: a panic was caught while a connection was driven; it was closed".to_owned()
            }
        };
        self.errors.log(Level::Error, &text);
    }
}
