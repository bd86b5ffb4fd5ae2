//! A worker's life, in the child: hooks, privileges, application, engine, runners, and the way out.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;
use tricorn_engine::monitor::Monitor;
use tricorn_engine::{Engine, Listener, Siblings, TlsKeeper, monotonic_ms};
use tricorn_logs::Level;
use tricorn_master::Seat;
use tricorn_settings::{Config, WorkerClass, Workers};

use crate::crew::Crew;
use crate::hooks::UserHooks;
use crate::host::ServerHost;
use crate::plan::OpenLogs;
use crate::reload::Reloader;
use crate::request_limit::{self, RequestLimit};
use crate::runner::End;
use crate::runner_parts::PartsMaker;
use crate::signal_watch::{SignalWatch, Watched};
use crate::worker_state::{ErrorLogObserver, WorkerState, is_quitting, quit_code};
use crate::{class_worker, log_sink, logger, plan, python, tls, worker_state};

/// Gunicorn's exit codes of a worker that did not come to serve.
const BOOT_ERROR: i32 = 3;
const APP_LOAD_ERROR: i32 = 4;

/// How often the heartbeat is due at least; three times per `timeout` if that is more often, so that a late beat on a
/// loaded machine is not taken for a frozen worker.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// How often the metrics of finished requests are sent: a daemon's socket holds a few hundred datagrams.
const METRICS_EVERY: Duration = Duration::from_millis(20);

/// Runs the worker; the result is the exit code of the process.
pub fn run(host: &mut ServerHost, seat: Seat) -> i32 {
    Python::attach(|py| {
        python::set_title(&format!("worker [{}]", host.configuration.config.process.proc_name));
        class_worker::sit_down(seat.slot);
        if host.configuration.worker_class.is_some() {
            return class_worker::run(py, host, seat);
        }
        let object = host.objects.worker_of(py, seat.age);
        match object.map_err(|error| failed(py, &error)).and_then(|object| boot(py, host, seat, object)) {
            Ok(worker) => {
                let object = worker.object.clone_ref(py);
                let served = worker.serve(py);
                say_goodbye(py, host, &object);
                served.end(py);
                quit_code().unwrap_or(0)
            }
            Err(failure) => {
                failure.report(&host.report_token);
                host.errors.flush();
                quit_code().unwrap_or(failure.code)
            }
        }
    })
}

/// The hook `worker_exit`; an exception costs nothing but a line.
pub fn say_goodbye(py: Python<'_>, host: &ServerHost, object: &Py<PyAny>) {
    let arguments = || (&host.objects.server, object).into_pyobject(py);
    if let Err(error) = host.configuration.hooks.call(py, "worker_exit", arguments) {
        let traceback = python::traceback(py, &error);
        log_sink::log(Level::Warning, &format!("Exception in worker_exit hook\n{traceback}"));
    }
}

/// Why a worker does not come to serve.
pub struct BootFailure {
    pub code: i32,
    /// What to log; the first worker of a start that fails prints it whole, the others only its last line.
    pub text: String,
    pub is_replacement: bool,
}

impl BootFailure {
    fn new(code: i32, text: String) -> BootFailure {
        BootFailure { code, text, is_replacement: false }
    }

    /// Logs it. `token`: see [`ServerHost::report_token`].
    pub fn report(&self, token: &OwnedFd) {
        if is_quitting() {
            return; // It was told to go while it booted: nothing failed.
        }
        let is_first = rustix::io::read(token, &mut [0_u8; 1]).is_ok_and(|count| count == 1);
        if is_first || self.is_replacement {
            log_sink::log(Level::Error, &format!("Exception in worker process\n{}", self.text));
        } else {
            let last = self.text.lines().last().unwrap_or_default();
            log_sink::log(Level::Error, &format!("Exception in worker process: {last}"));
        }
    }
}

/// What an exception during the boot means.
pub fn failed(py: Python<'_>, error: &PyErr) -> BootFailure {
    let is_app_error = py
        .import("tricorn.errors")
        .and_then(|module| module.getattr("AppImportError"))
        .is_ok_and(|class| error.matches(py, class).unwrap_or(false));
    if is_app_error {
        return BootFailure::new(APP_LOAD_ERROR, error.value(py).to_string());
    }
    // `sys.exit(Arbiter.APP_LOAD_ERROR)` in an application.
    let code = exit_code(py, error).filter(|code| *code == APP_LOAD_ERROR).unwrap_or(BOOT_ERROR);
    BootFailure::new(code, python::traceback(py, error))
}

/// The code of a `SystemExit`, if it is one.
pub fn exit_code(py: Python<'_>, error: &PyErr) -> Option<i32> {
    if !error.is_instance_of::<PySystemExit>(py) {
        return None;
    }
    let code = error.value(py).getattr("code").ok()?;
    if code.is_none() { Some(0) } else { Some(code.extract().unwrap_or(1)) }
}

/// What a worker that serves with the engine needs of the configuration.
pub struct Outfit {
    pub config: Config,
    pub hooks: UserHooks,
    pub logs: OpenLogs,
    pub tls: Option<Arc<TlsKeeper>>,
    /// The thread that watches the files, if there is one.
    pub reloader: Option<Reloader>,
    /// What the handlers of INT and QUIT, and of ABRT, call.
    pub on_quit: Option<Py<PyAny>>,
    pub on_abort: Option<Py<PyAny>>,
}

impl Outfit {
    /// The outfit of a host's worker, whose access log it takes over.
    pub fn new(py: Python<'_>, host: &mut ServerHost) -> Outfit {
        let hooks = &host.configuration.hooks;
        Outfit {
            config: host.configuration.config.clone(),
            hooks: hooks.only(py, &["pre_request", "post_request"]),
            tls: host.tls.clone(),
            reloader: None,
            on_quit: hooks.function(py, "worker_int"),
            on_abort: hooks.function(py, "worker_abort"),
            logs: OpenLogs {
                errors: host.errors.clone(),
                access: host.access.take(),
                statsd: host.statsd.clone(),
                python: host.objects.python_log.clone(),
                remarks: Vec::new(),
            },
        }
    }
}

/// A worker that is ready to serve.
pub struct Worker {
    object: Py<PyAny>,
    /// `None`: one runner, on the main thread.
    crew: Option<Crew>,
    state: Arc<WorkerState>,
    monitor: Monitor,
    watch: SignalWatch,
    wakeup: Arc<OwnedFd>,
    parts: Arc<PartsMaker>,
}

/// A worker that has served: its monitor still beats, and its signals are still watched.
pub struct Served {
    state: Arc<WorkerState>,
    monitor: Monitor,
    /// The watch owns the signal queue. It must outlive the serving, so that a second TERM does not end the process with
    /// the first half of its farewell done.
    _watch: Option<SignalWatch>,
    /// Python writes to it at each signal, to the very end.
    _wakeup: Arc<OwnedFd>,
}

fn boot(py: Python<'_>, host: &mut ServerHost, seat: Seat, object: Py<PyAny>) -> Result<Worker, BootFailure> {
    let is_replacement = seat.age > host.configuration.config.workers.count as u64;
    boot_with(py, host, seat, object).map_err(|failure| BootFailure { is_replacement, ..failure })
}

fn boot_with(
    py: Python<'_>,
    host: &mut ServerHost,
    seat: Seat,
    object: Py<PyAny>,
) -> Result<Worker, BootFailure> {
    let raised = |error: PyErr| failed(py, &error);
    object.setattr(py, "ppid", seat.ppid).map_err(raised)?;
    let requests_max = requests_max(&host.configuration.config.workers, seat.age);
    object.setattr(py, "max_requests", requests_max).map_err(raised)?;
    let time_zone = python::time_zone(py).map_err(raised)?;
    let arguments = || (&host.objects.server, &object).into_pyobject(py);
    host.configuration.hooks.call(py, "post_fork", arguments).map_err(raised)?;
    seat.drop_privileges().map_err(system("cannot change user or group (settings user and group)"))?;
    install_dump(py, host).map_err(raised)?;
    let reloader = start_reloader(py, host, &object).map_err(raised)?;
    let loaded = match &host.app {
        Some(app) => Ok(app.clone_ref(py)),
        None => load_app(py, &host.configuration.app),
    };
    let app = match (loaded, &reloader) {
        (Err(error), Some(reloader)) if !is_quitting() => reloader.failure_app(py, &error).map_err(raised)?,
        (loaded, _) => loaded.map_err(raised)?,
    };
    object.setattr(py, "wsgi", &app).map_err(raised)?;
    host.configuration.hooks.call(py, "post_worker_init", || (&object,).into_pyobject(py)).map_err(raised)?;
    host.follow_time_zone(py, &time_zone).map_err(raised)?;
    logger::warn_of_late_changes(py, &host.objects.log);
    // Hooks may have set them: a profiler round the application, a limit of this worker's own.
    let app = object.getattr(py, "wsgi").map_err(raised)?;
    let requests_max = limit_of(py, &object).map_err(raised)?;
    let is_alive = object.getattr(py, "alive").and_then(|alive| alive.is_truthy(py)).map_err(raised)?;
    let outfit = Outfit { reloader, ..Outfit::new(py, host) };
    let worker = engage(py, outfit, seat, (object, app), requests_max)?;
    if !is_alive {
        worker_state::retire();
    }
    Ok(worker)
}

/// Makes the engine and everything round it, and tells the master that the worker serves. `served`: the object that hooks
/// know the worker by, and the application.
pub fn engage(
    py: Python<'_>,
    outfit: Outfit,
    mut seat: Seat,
    served: (Py<PyAny>, Py<PyAny>),
    requests_max: u64,
) -> Result<Worker, BootFailure> {
    let raised = |error: PyErr| failed(py, &error);
    let (object, app) = served;
    let Outfit { config, hooks, logs, tls, reloader, on_quit, on_abort } = outfit;
    let mut listeners = Vec::new();
    for socket in std::mem::take(&mut seat.listeners) {
        listeners.push(Listener::new(socket.into_fd()).map_err(system("cannot use a listener"))?);
    }
    let observer = Arc::new(ErrorLogObserver::new(logs.errors.clone()));
    let siblings = seat.siblings.take().map(|siblings| {
        let others = siblings.others;
        Siblings::new(siblings.sender, siblings.receiver, move || others.is_any_serving())
    });
    if let Some(keeper) = &tls {
        // The master may have loaded the files long ago.
        tls::log_refreshed(&keeper.refresh_now(), keeper, &logs.errors);
    }
    let options = plan::engine_options(&config, tls.clone());
    let engine = Engine::new(options, listeners, siblings, observer).map_err(system("no engine"))?;
    let runners = seat.runners;
    let python = logs.python.clone();
    let state = WorkerState::new(engine, logs, seat, requests_max);
    state.begin();
    let (reader, writer) = wakeup_pipe().map_err(system("no wake-up pipe"))?;
    install_handlers(py, &object, (on_quit, on_abort), &writer).map_err(raised)?;
    let parts = PartsMaker::new(py, &config, &hooks, &object, app).map_err(raised)?;
    guard_forks(py, &state, &writer).map_err(raised)?;
    let watch = SignalWatch::new(state.clone(), reader, config.workers.graceful_timeout);
    let watch = watch.map_err(system("cannot catch signals"))?;
    let monitor = start_monitor(&state, &config.workers, tls).map_err(system("no monitor thread"))?;
    if let Some(python) = python {
        python.start_thread().map_err(system("no thread for the logger"))?;
    }
    object.setattr(py, "booted", true).map_err(raised)?;
    if let Some(reloader) = reloader {
        reloader.attach(&state);
    }
    let (wakeup, parts) = (Arc::new(writer), Arc::new(parts));
    let crew = match config.workers.class {
        WorkerClass::Sync => None,
        _ => Some(Crew::muster(&state, &parts, &wakeup, runners).map_err(system("no thread for a runner"))?),
    };
    state.seat.report_ready().map_err(system("the master is gone"))?;
    Ok(Worker { object, crew, state, monitor, watch, wakeup, parts })
}

/// A failed system call as a failed boot.
fn system(what: &'static str) -> impl Fn(std::io::Error) -> BootFailure {
    move |error| BootFailure::new(BOOT_ERROR, format!("{what}: {error}"))
}

/// The thread that watches the files, if that is wanted.
pub fn start_reloader(py: Python<'_>, host: &ServerHost, object: &Py<PyAny>) -> PyResult<Option<Reloader>> {
    let workers = &host.configuration.config.workers;
    let Some(reload) = &workers.reload else { return Ok(None) };
    let worker_int = host.configuration.hooks.function(py, "worker_int");
    Reloader::start(py, reload, object, worker_int, workers.graceful_timeout).map(Some)
}

/// Loads the application in the master. A failure is logged, once; the result is the exit code it deserves.
pub fn preload(py: Python<'_>, app: &Py<PyAny>) -> Result<Py<PyAny>, i32> {
    load_app(py, app).map_err(|error| {
        let failure = failed(py, &error);
        log_sink::log(Level::Error, &format!("The application cannot be loaded\n{}", failure.text));
        failure.code
    })
}

/// Loads the application: what `wsgi()` of the application object returns.
pub fn load_app(py: Python<'_>, app: &Py<PyAny>) -> PyResult<Py<PyAny>> {
    Ok(py.import("tricorn.loader")?.getattr("callable_of")?.call1((app,))?.unbind())
}

/// `worker.max_requests`, 0 = never. Gunicorn's way to say never is the largest number there is.
pub fn limit_of(py: Python<'_>, worker: &Py<PyAny>) -> PyResult<u64> {
    let limit: i64 = worker.getattr(py, "max_requests")?.extract(py)?;
    Ok(if limit == i64::MAX { 0 } else { u64::try_from(limit).unwrap_or(0) })
}

/// `max_requests` and its jitter: workers of one start must not retire together. The worker's age and pid make the
/// difference, spread by a multiplicative hash.
fn requests_max(workers: &Workers, age: u64) -> u64 {
    let Some(limit) = workers.max_requests else { return 0 };
    let seed = (u64::from(std::process::id()) << 32 | age).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
    limit + seed % (workers.max_requests_jitter + 1)
}

fn wakeup_pipe() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let flags = rustix::pipe::PipeFlags::CLOEXEC | rustix::pipe::PipeFlags::NONBLOCK;
    Ok(rustix::pipe::pipe_with(flags)?)
}

/// `hooks`: what INT and QUIT, and ABRT, call.
fn install_handlers(
    py: Python<'_>,
    worker: &Py<PyAny>,
    hooks: (Option<Py<PyAny>>, Option<Py<PyAny>>),
    wakeup: &OwnedFd,
) -> PyResult<()> {
    let install = py.import("tricorn.worker_signals")?.getattr("install")?;
    install.call1((worker, hooks.0, hooks.1, wakeup.as_raw_fd())).map(drop)
}

/// From here on the master's request for a dump of all stacks is obeyed.
pub fn install_dump(py: Python<'_>, host: &ServerHost) -> PyResult<()> {
    let dump_to = host.errors.descriptors().first().copied().unwrap_or(2);
    let module = py.import("tricorn.worker_signals")?;
    module.call_method1("install_dump", (tricorn_master::dump_signal(), dump_to)).map(drop)
}

/// What a process that the application forks must not inherit.
fn guard_forks(py: Python<'_>, state: &WorkerState, wakeup: &OwnedFd) -> PyResult<()> {
    let mut descriptors = state.engine.descriptors();
    descriptors.push(wakeup.as_raw_fd());
    descriptors.push(state.seat.lifeline().as_raw_fd());
    py.import("tricorn.worker_fork")?.getattr("install")?.call1((descriptors,)).map(drop)
}

fn start_monitor(
    state: &Arc<WorkerState>,
    workers: &Workers,
    tls: Option<Arc<TlsKeeper>>,
) -> std::io::Result<Monitor> {
    let beat_every = workers.timeout.map_or(BEAT_EVERY, |timeout| BEAT_EVERY.min(timeout / 3));
    let mut request_limit =
        workers.request_timeout.map(|limit| RequestLimit::new(limit, state.seat.runners, monotonic_ms()));
    let flush_every = state.access.as_ref().and_then(tricorn_logs::AccessLog::flush_interval_hint);
    let metrics_every = state.statsd.as_ref().map(|_| METRICS_EVERY);
    let looks_every = request_limit.as_ref().map(|_| request_limit::LOOKS_EVERY);
    let every =
        [flush_every, metrics_every, looks_every].into_iter().flatten().fold(beat_every, Duration::min);
    let watched = state.clone();
    Monitor::start(&state.engine, every, move || {
        watched.slot().beat(monotonic_ms());
        if let Some(limit) = &mut request_limit {
            limit.look(&watched);
        }
        if let Some(access) = &watched.access {
            access.flush_if_older_than(Duration::ZERO);
            if let Some(notice) = access.take_notice() {
                watched.log(Level::Warning, &notice);
            }
        }
        if let Some(statsd) = &watched.statsd {
            statsd.flush();
            if let Some(notice) = statsd.take_notice() {
                watched.log(Level::Warning, &notice);
            }
        }
        if let Some(keeper) = &tls {
            tls::log_refreshed(&keeper.refresh(), keeper, &watched.errors);
        }
    })
}

impl Worker {
    /// TERM has come before the worker could catch it.
    pub fn terminate(&self) {
        self.watch.terminate();
    }

    /// Serves until the worker is told to end.
    pub fn serve(self, py: Python<'_>) -> Served {
        let Worker { object: _, crew, state, monitor, mut watch, wakeup, parts } = self;
        let watch = if let Some(crew) = crew {
            serve_threads(py, &state, &mut watch, &crew);
            Some(watch)
        } else {
            serve_sync(py, &state, watch, &parts);
            None
        };
        Served { state, monitor, _watch: watch, _wakeup: wakeup }
    }
}

impl Served {
    /// The very end, when the hooks have had their turn.
    pub fn end(self, py: Python<'_>) {
        py.detach(|| self.monitor.stop());
        leave(py, &self.state);
    }
}

/// One runner, on this (the main) thread; signals are watched by another.
fn serve_sync(py: Python<'_>, state: &Arc<WorkerState>, mut watch: SignalWatch, parts: &PartsMaker) {
    let engine = state.engine.clone();
    // Ends with the process.
    let watcher = std::thread::Builder::new().name("tricorn-signals".into()).spawn(move || {
        while watch.next() == Watched::Handler {
            engine.interrupt();
        }
    });
    match (watcher, parts.runner(py, state, 0, true)) {
        (Ok(_), Ok(mut runner)) => {
            let _: End = runner.run();
        }
        (Err(error), _) => state.log(Level::Critical, &format!("no thread for signals: {error}")),
        // A handler of INT, QUIT or ABRT raised before the runner could begin: that is how it ends, then.
        (_, Err(_)) if is_quitting() => {}
        (_, Err(error)) => state.log(Level::Critical, &python::traceback(py, &error)),
    }
}

/// Several runners, each on its thread; this (the main) thread watches signals and runs Python's handlers.
fn serve_threads(py: Python<'_>, state: &WorkerState, watch: &mut SignalWatch, crew: &Crew) {
    crew.begin();
    while py.detach(|| watch.next()) == Watched::Handler {
        if let Err(error) = py.check_signals()
            && exit_code(py, &error).is_none()
        {
            state.log(Level::Error, &format!("Error in a signal handler\n{}", python::traceback(py, &error)));
        }
        if is_quitting() {
            // Quick: requests that still run are not waited for.
            return;
        }
    }
}

/// What Python code expects at the end of a process, before `_exit`: atexit handlers, flushed streams and logs.
fn leave(py: Python<'_>, state: &WorkerState) {
    run_exit_handlers(py);
    if let Some(access) = &state.access {
        access.flush();
    }
    if let Some(statsd) = &state.statsd {
        statsd.flush();
    }
}

/// What `atexit` knows, and what is buffered in Python and in the error log.
pub fn run_exit_handlers(py: Python<'_>) {
    let run = py.import("tricorn.worker_exit").and_then(|module| module.call_method0("run_exit_handlers"));
    if let Err(error) = run {
        let text = format!("Error in an exit handler\n{}", python::traceback(py, &error));
        log_sink::log(Level::Warning, &text);
    }
    log_sink::flush();
}
