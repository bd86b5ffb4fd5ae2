//! The master's host: what it asks of the interpreter, the configuration and the logs.

use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use tricorn_engine::{Gate, TicketKeys, TlsKeeper};
use tricorn_logs::{AccessLog, ErrorLog, Statsd};
use tricorn_master::{Hook, HookError, Host, Level, ListenSocket, Plan, Seat, Signal};

use crate::configuration::{self, Configuration, Origin};
use crate::ffi::fork;
use crate::ffi::gil::Detachable;
use crate::ffi::tcp_info::waiting_connections;
use crate::hook_objects::HookObjects;
use crate::{log_sink, logger, plan, python, start_context, tls, wishes, worker};

/// The master's loop turns about once a second; more often when something happens.
const MEASURE_EVERY: Duration = Duration::from_millis(900);
/// Modules of ours that only workers use.
const WORKER_MODULES: [&str; 3] = ["tricorn.worker_fork", "tricorn.worker_signals", "tricorn.wsgi"];

/// One server, as seen from its master.
pub struct ServerHost {
    pub configuration: Configuration,
    pub objects: HookObjects,
    pub errors: Arc<ErrorLog>,
    /// Opened in the master, so that an unwritable file ends the start; used by the workers.
    pub access: Option<AccessLog>,
    pub statsd: Option<Arc<Statsd>>,
    /// When the accept queues were measured last.
    measured: Instant,
    /// The certificates in force; `None` is plain.
    pub tls: Option<Arc<TlsKeeper>>,
    /// For the whole life of the server, so that sessions resume at every worker and after every reload.
    tickets: Arc<TicketKeys>,
    /// The application, if the master loaded it.
    pub app: Option<Py<PyAny>>,
    /// Holds one byte per generation: of the workers that fail to boot, the one that takes it prints the traceback.
    pub report_token: OwnedFd,
    origin: Origin,
    is_frozen: bool,
    /// What was in force before the last reload, in case its plan cannot be.
    before: Option<Before>,
}

/// A configuration with what belongs to it.
struct Before {
    configuration: Configuration,
    objects: HookObjects,
    errors: Arc<ErrorLog>,
    access: Option<AccessLog>,
    statsd: Option<Arc<Statsd>>,
    tls: Option<Arc<TlsKeeper>>,
}

impl ServerHost {
    /// A host for this configuration; its logs are open.
    pub fn new(
        configuration: Configuration,
        objects: HookObjects,
        logs: plan::OpenLogs,
        tls: (Option<Arc<TlsKeeper>>, Arc<TicketKeys>),
        origin: Origin,
    ) -> std::io::Result<ServerHost> {
        let (tls, tickets) = tls;
        Ok(ServerHost {
            configuration,
            objects,
            errors: logs.errors,
            access: logs.access,
            statsd: logs.statsd,
            measured: Instant::now(),
            tls,
            tickets,
            app: None,
            report_token: new_token()?,
            origin,
            is_frozen: false,
            before: None,
        })
    }

    /// What lives now lives as long as the server: the collector need not look at it again, and above all must not write
    /// to its headers, which would un-share its pages with the workers (gc.freeze, PEP 556's neighbourhood; gc docs).
    fn freeze(&mut self, py: Python<'_>) -> PyResult<()> {
        let gc = py.import("gc")?;
        if !self.is_frozen {
            // What every worker is about to import would be in each one's own memory.
            for module in WORKER_MODULES {
                py.import(module)?;
            }
            gc.call_method0("collect")?;
            self.is_frozen = true;
        }
        gc.call_method0("freeze").map(drop)
    }

    /// Lets both logs follow, if the application's code has moved this process out of the time zone it was in `before`.
    pub fn follow_time_zone(&self, py: Python<'_>, before: &python::TimeZone) -> PyResult<()> {
        if python::time_zone(py)? != *before {
            self.errors.refresh_time_zone();
            if let Some(access) = &self.access {
                access.refresh_time_zone();
            }
        }
        Ok(())
    }

    /// Runs a hook of the master's. A process that it forks and lets go on would be a second master.
    fn run_hook(&mut self, py: Python<'_>, hook: &Hook<'_>) -> PyResult<()> {
        let pid = std::process::id();
        let result = self.run_hook_in_either(py, hook);
        if std::process::id() != pid {
            let text = format!(
                "a process forked by the hook {} came back into the server and was ended",
                hook.name()
            );
            log_sink::log(tricorn_logs::Level::Warning, &text);
            python::exit_at_once(py);
        }
        result
    }

    fn run_hook_in_either(&mut self, py: Python<'_>, hook: &Hook<'_>) -> PyResult<()> {
        match hook {
            Hook::OnStarting(view)
            | Hook::WhenReady(view)
            | Hook::OnReload(view)
            | Hook::PreExec(view)
            | Hook::OnExit(view) => {
                self.objects.update(py, view)?;
                self.call(py, hook.name(), |objects| (&objects.server,).into_pyobject(py))
            }
            Hook::NworkersChanged { view, new, old } => {
                self.objects.update(py, view)?;
                self.call(py, hook.name(), |objects| (&objects.server, new, old).into_pyobject(py))
            }
            Hook::PreFork { view, age } => {
                self.objects.update(py, view)?;
                let worker = self.objects.new_worker(py, *age)?;
                let called =
                    self.call(py, hook.name(), |objects| (&objects.server, worker).into_pyobject(py));
                called.and(self.freeze(py))
            }
            Hook::ChildExit { view, child, .. } => {
                self.objects.update(py, view)?;
                let worker = self.objects.worker(py, child)?;
                self.objects.forget(child.age);
                self.call(py, hook.name(), |objects| (&objects.server, worker).into_pyobject(py))
            }
        }
    }

    fn call<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        arguments: impl FnOnce(&HookObjects) -> PyResult<Bound<'py, pyo3::types::PyTuple>>,
    ) -> PyResult<()> {
        self.configuration.hooks.call(py, name, || arguments(&self.objects))
    }

    /// All or nothing: only when everything of the new configuration is usable does it replace the old one.
    fn take_new_configuration(&mut self, py: Python<'_>) -> Result<Plan, String> {
        let fresh = self.read_again(py)?;
        let new_plan = plan::master_plan(&fresh.config, &fresh.settings, fresh.worker_class_name())?;
        let (mut objects, logs) = self.new_objects_and_logs(py, &fresh)?;
        let raised = |error: PyErr| python::traceback(py, &error);
        let tls = tls::keeper(py, &fresh, &objects.cfg, &self.tickets)?;
        let token = new_token().map_err(|error| error.to_string())?;
        objects.enter(py, &fresh).map_err(raised)?;
        let environment = exported(py, &self.configuration, &fresh);
        environment.map_err(raised)?;
        objects.adopt(py, &self.objects);
        self.report_token = token;
        let plan::OpenLogs { errors, access, statsd, remarks, .. } = logs;
        let new = Before { configuration: fresh, objects, errors, access, statsd, tls };
        self.before = Some(self.put_in_force(new));
        self.capture_output();
        log_notes(&self.configuration);
        log_remarks(&remarks);
        tls::log_remarks(&self.configuration, self.tls.as_deref(), &self.errors);
        if self.app.is_some() {
            let text = "preload_app: the new workers run the code that the master loaded at its start; USR2 loads it anew";
            log_sink::log(tricorn_logs::Level::Warning, text);
        }
        Ok(new_plan)
    }

    /// The standard streams follow the error log of the configuration in force. A logger in Python sees to that by itself.
    fn capture_output(&self) {
        if self.configuration.config.logs.capture_output
            && self.objects.python_log.is_none()
            && let Err(error) = tricorn_logs::redirect_stdio(&self.errors)
        {
            self.errors.log(tricorn_logs::Level::Error, &format!("capture_output: {error}"));
        }
    }

    /// Loggers in Python are known to the whole process by name: where a new one fails, the old one is set up again.
    fn new_objects_and_logs(
        &self,
        py: Python<'_>,
        fresh: &Configuration,
    ) -> Result<(HookObjects, plan::OpenLogs), String> {
        let objects = HookObjects::new(py, fresh, Some(&self.objects.server));
        let objects = objects.map_err(|error| logger::explain(py, fresh, &error));
        let made = objects.and_then(|objects| {
            let logs = logger::open(py, fresh, objects.python_log.as_ref())?;
            Ok((objects, logs))
        });
        made.inspect_err(|_| self.set_up_logger(py))
    }

    /// Puts the handlers of the logger in force into their place.
    fn set_up_logger(&self, py: Python<'_>) {
        if let Err(error) = self.objects.log.call_method1(py, "setup", (&self.objects.cfg,)) {
            let text = format!("The logger could not be restored\n{}", python::traceback(py, &error));
            self.errors.log(tricorn_logs::Level::Error, &text);
        }
    }

    /// Reads the configuration from where it came from. A program reads it by itself, and may fail in its own ways.
    fn read_again(&self, py: Python<'_>) -> Result<Configuration, String> {
        if let Origin::Program(app) = &self.origin {
            let reload = py.import("tricorn.app.base").and_then(|module| module.getattr("reload_or_explain"));
            let failure = reload.and_then(|reload| reload.call1((app,))?.extract::<Option<String>>());
            if let Some(line) = failure.map_err(|error| python::traceback(py, &error))? {
                return Err(line);
            }
        }
        configuration::read(py, &self.origin).map_err(|refused| refused.line().to_owned())
    }

    /// What `server` says about a signal.
    fn ask_server(&self, py: Python<'_>, question: &str, signal: Signal) -> PyResult<bool> {
        self.objects.server.call_method1(py, question, (signal.number(),))?.extract(py)
    }

    /// Puts a configuration in force; gives back the one that was.
    fn put_in_force(&mut self, new: Before) -> Before {
        log_sink::set(new.errors.clone());
        Before {
            configuration: std::mem::replace(&mut self.configuration, new.configuration),
            objects: std::mem::replace(&mut self.objects, new.objects),
            errors: std::mem::replace(&mut self.errors, new.errors),
            access: std::mem::replace(&mut self.access, new.access),
            statsd: std::mem::replace(&mut self.statsd, new.statsd),
            tls: std::mem::replace(&mut self.tls, new.tls),
        }
    }

    fn take_old_configuration(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some(before) = self.before.take() else { return Ok(()) };
        let undone = self.put_in_force(before);
        self.objects.enter(py, &self.configuration)?;
        self.set_up_logger(py);
        self.capture_output();
        exported(py, &undone.configuration, &self.configuration)
    }
}

/// Takes the old `raw_env` out of the environment and puts the new one in.
fn exported(py: Python<'_>, old: &Configuration, new: &Configuration) -> PyResult<()> {
    let environ = py.import("os")?.getattr("environ")?;
    for (name, _) in &old.config.launch.env {
        environ.call_method1("pop", (name, py.None()))?;
    }
    export(py, new)
}

/// Puts `raw_env` into the environment of the master, which the workers inherit.
pub fn export(py: Python<'_>, configuration: &Configuration) -> PyResult<()> {
    let environ = py.import("os")?.getattr("environ")?;
    for (name, value) in &configuration.config.launch.env {
        environ.set_item(name, value)?;
    }
    Ok(())
}

/// What the opening of the logs had to say.
pub fn log_remarks(remarks: &[String]) {
    for remark in remarks {
        log_sink::log(tricorn_logs::Level::Warning, remark);
    }
}

/// What deserves a line at start and after a reload: remarks of the config file's reader, settings without effect.
pub fn log_notes(configuration: &Configuration) {
    for warning in &configuration.warnings {
        log_sink::log(tricorn_logs::Level::Warning, warning);
    }
    for name in configuration.settings.inert() {
        let text =
            format!("setting {name} ({}) has no effect in this version", configuration.settings.source(name));
        log_sink::log(tricorn_logs::Level::Warning, &text);
    }
}

/// A pipe with one byte in it.
fn new_token() -> std::io::Result<OwnedFd> {
    let flags = rustix::pipe::PipeFlags::CLOEXEC | rustix::pipe::PipeFlags::NONBLOCK;
    let (reader, writer) = rustix::pipe::pipe_with(flags)?;
    rustix::io::write(&writer, b"t")?;
    Ok(reader)
}

impl Host for ServerHost {
    fn before_fork(&mut self) {
        fork::before();
    }

    fn after_fork_parent(&mut self) {
        fork::after_in_parent();
    }

    fn after_fork_child(&mut self) {
        fork::after_in_child();
        if let Some(access) = &self.access {
            access.after_fork();
        }
    }

    fn detached<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        let result = Detachable::new(None).detached(wait);
        // Handlers that the program has set with `signal.signal`, for signals that are not the master's.
        Python::attach(|py| {
            if let Err(error) = py.check_signals() {
                let text = format!("Exception in a signal handler\n{}", python::traceback(py, &error));
                self.errors.log(tricorn_logs::Level::Error, &text);
            }
        });
        result
    }

    fn hook(&mut self, hook: Hook<'_>) -> Result<(), HookError> {
        Python::attach(|py| {
            self.run_hook(py, &hook).map_err(|error| {
                let exit_code = worker::exit_code(py, &error);
                HookError { message: python::traceback(py, &error), exit_code }
            })
        })
    }

    fn run_worker(&mut self, seat: Seat) -> i32 {
        worker::run(self, seat)
    }

    fn reload(&mut self) -> Result<Plan, String> {
        Python::attach(|py| {
            self.take_new_configuration(py).inspect_err(|_| {
                // The program's own copy may be the new one already. That the one in force fits was seen at the start.
                let _ = self.objects.enter(py, &self.configuration);
            })
        })
    }

    fn reload_undone(&mut self) {
        if let Err(error) = Python::attach(|py| self.take_old_configuration(py)) {
            self.errors.log(tricorn_logs::Level::Error, &format!("raw_env could not be restored: {error}"));
        }
    }

    fn successor(&mut self) -> Result<Command, String> {
        Python::attach(|py| {
            let recipe = self.objects.server.bind(py).getattr("START_CTX");
            let command = recipe.and_then(|recipe| start_context::command(&recipe));
            command.map_err(|error| format!("server.START_CTX: {}", python::traceback(py, &error)))
        })
    }

    fn log(&mut self, level: Level, message: &str) {
        self.errors.log(log_level(level), message);
    }

    fn workers_counted(&mut self, count: usize) {
        if let Some(python) = &self.objects.python_log {
            return python.number("workers", count as u64);
        }
        if let Some(statsd) = &self.statsd {
            statsd.gauge("gunicorn.workers", count as u64);
        }
        self.errors.log(tricorn_logs::Level::Debug, &format!("{count} workers"));
    }

    fn measure(&mut self, listeners: &[ListenSocket]) {
        let has_statsd = self.configuration.config.logs.statsd.is_some();
        if !self.configuration.config.logs.enable_backlog_metric || !has_statsd {
            return;
        }
        if self.measured.elapsed() < MEASURE_EVERY {
            return;
        }
        self.measured = Instant::now();
        let waiting: Vec<u64> =
            listeners.iter().filter_map(|listener| waiting_connections(listener.as_fd())).collect();
        if waiting.is_empty() {
            return; // unix sockets do not tell
        }
        let waiting = waiting.iter().sum();
        if let Some(python) = &self.objects.python_log {
            python.number("backlog", waiting);
        } else if let Some(statsd) = &self.statsd {
            statsd.histogram("gunicorn.backlog", waiting);
        }
    }

    fn reopen_logs(&mut self) {
        let access = self.access.as_ref().map(AccessLog::reopen);
        for result in [Some(self.errors.reopen()), access].into_iter().flatten() {
            if let Err(error) = result {
                self.errors.log(tricorn_logs::Level::Error, &error.to_string());
            }
        }
    }

    fn set_title(&mut self, title: &str) {
        python::set_title(title);
    }

    fn forget_environment(&mut self, names: &[&str]) {
        Python::attach(|py| {
            let Ok(environ) = py.import("os").and_then(|os| os.getattr("environ")) else { return };
            for name in names {
                // Missing is what is wanted.
                let _ = environ.call_method1("pop", (*name, py.None()));
            }
        });
    }

    fn leaves_signal(&mut self, signal: Signal) -> bool {
        Python::attach(|py| self.ask_server(py, "leaves", signal).unwrap_or(false))
    }

    fn hears_signal(&mut self, signal: Signal) -> bool {
        Python::attach(|py| {
            self.ask_server(py, "takes", signal).unwrap_or_else(|error| {
                let text =
                    format!("Exception in handle_{}\n{}", signal.name(), python::traceback(py, &error));
                self.errors.log(tricorn_logs::Level::Error, &text);
                false
            })
        })
    }

    fn asked_workers(&mut self) -> Option<usize> {
        wishes::take_workers()
    }
}

fn log_level(level: Level) -> tricorn_logs::Level {
    match level {
        Level::Debug => tricorn_logs::Level::Debug,
        Level::Info => tricorn_logs::Level::Info,
        Level::Warning => tricorn_logs::Level::Warning,
        Level::Error => tricorn_logs::Level::Error,
        Level::Critical => tricorn_logs::Level::Critical,
    }
}
