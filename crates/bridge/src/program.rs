//! The command: from arguments to an exit code.

use std::io::Write;
use std::os::fd::{AsRawFd, IntoRawFd};

use pyo3::prelude::*;
use rustix::fs::{Mode, OFlags};
use tricorn_engine::TicketKeys;
use tricorn_settings::{VERSION, print_config};

use crate::configuration::{self, Configuration, Origin, Refused};
use crate::hook_objects::HookObjects;
use crate::host::{ServerHost, export, log_notes, log_remarks};
use crate::runner_parts::SERVER_SOFTWARE;
use crate::wishes::Serving;
use crate::{log_sink, logger, plan, python, tls, worker};

/// Runs the command and returns its exit code.
pub fn main(py: Python<'_>, arguments: Vec<String>) -> i32 {
    if let Err(error) = stand_in_for_gunicorn(py) {
        return refuse(&python::traceback(py, &error));
    }
    let origin = Origin::Command(arguments);
    match configuration::read(py, &origin) {
        Ok(configuration) => run(py, configuration, origin),
        Err(Refused::CommandLine(exit)) => {
            if exit.is_error {
                eprint!("{}", exit.text);
            } else {
                // A reader that went away (`--help | head`) is no error.
                let _ = std::io::stdout().write_all(exit.text.as_bytes());
            }
            i32::from(exit.code)
        }
        Err(Refused::Error(line)) => refuse(&line),
    }
}

/// Runs the server of an embedding program: `arbiter` is a `tricorn.arbiter.Arbiter`. Returns the exit code of the server.
/// `may_detach`: the setting `daemon` counts (Gunicorn: it does for `Application`, not for `BaseApplication`).
pub fn embedded(py: Python<'_>, arbiter: Py<PyAny>, may_detach: bool) -> PyResult<i32> {
    stand_in_for_gunicorn(py)?;
    let origin = Origin::Program(arbiter.getattr(py, "app")?);
    let configuration = match configuration::read(py, &origin) {
        Ok(configuration) => configuration,
        Err(refused) => return Ok(refuse(refused.line())),
    };
    let start = Start { origin, server: Some(arbiter), may_detach };
    Ok(serve(py, configuration, start).unwrap_or_else(|line| refuse(&line)))
}

/// What is imported under the name `gunicorn` is ours, unless the real one is installed.
fn stand_in_for_gunicorn(py: Python<'_>) -> PyResult<()> {
    py.import("tricorn.alias")?.call_method0("install").map(drop)
}

/// How a server is started, besides its configuration.
struct Start {
    origin: Origin,
    /// The embedding program's own arbiter.
    server: Option<Py<PyAny>>,
    may_detach: bool,
}

fn refuse(line: &str) -> i32 {
    eprintln!("\nError: {line}");
    1
}

fn run(py: Python<'_>, configuration: Configuration, origin: Origin) -> i32 {
    let launch = &configuration.config.launch;
    if launch.print_config {
        let _ = writeln!(std::io::stdout(), "{}", print_config(&configuration.settings).trim_end());
    }
    if launch.print_config || launch.check_config {
        return check(py, &configuration);
    }
    match serve(py, configuration, Start { origin, server: None, may_detach: true }) {
        Ok(code) => code,
        Err(line) => refuse(&line),
    }
}

/// Puts `/dev/null` where a standard stream is closed (`<&- >&- 2>&-`). Otherwise the next descriptor opened, a pipe of the
/// master's own or a log, would be what everybody takes for stderr.
fn occupy_standard_streams() -> rustix::io::Result<()> {
    loop {
        // The lowest number that is free, as open(2) promises; for the streams not closed on exec.
        let null = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())?;
        if null.as_raw_fd() > 2 {
            return Ok(());
        }
        // The process keeps it.
        let _ = null.into_raw_fd();
    }
}

/// Loads the application and says whether it could.
fn check(py: Python<'_>, configuration: &Configuration) -> i32 {
    if let Err(line) = check_tls(py, configuration) {
        return refuse(&line);
    }
    match worker::load_app(py, &configuration.app) {
        Ok(_) => 0,
        Err(error) => {
            eprintln!("\nError while loading the application:\n\n{}", python::traceback(py, &error));
            1
        }
    }
}

/// Are the certificates usable?
fn check_tls(py: Python<'_>, configuration: &Configuration) -> Result<(), String> {
    tls::keeper(py, configuration, &configuration.cfg, &TicketKeys::new()?).map(drop)
}

fn serve(py: Python<'_>, configuration: Configuration, start: Start) -> Result<i32, String> {
    let _claim = Serving::begin().ok_or("run() was called in a process that serves already")?;
    occupy_standard_streams().map_err(|error| format!("/dev/null cannot be opened: {error}"))?;
    let name = configuration.worker_class_name();
    let mut plan = plan::master_plan(&configuration.config, &configuration.settings, name)?;
    plan.daemon &= start.may_detach;
    let objects = HookObjects::new(py, &configuration, start.server.as_ref());
    let objects = objects.map_err(|error| logger::explain(py, &configuration, &error))?;
    let logs = logger::open(py, &configuration, objects.python_log.as_ref())?;
    log_sink::set(logs.errors.clone());
    if configuration.config.logs.capture_output && logs.python.is_none() {
        tricorn_logs::redirect_stdio(&logs.errors).map_err(|error| format!("capture_output: {error}"))?;
    }
    let raised = |error: PyErr| python::traceback(py, &error);
    let environ = py.import("os").and_then(|os| os.getattr("environ")).map_err(raised)?;
    environ.set_item("SERVER_SOFTWARE", SERVER_SOFTWARE).map_err(raised)?;
    export(py, &configuration).map_err(raised)?;
    log_notes(&configuration);
    log_remarks(&logs.remarks);
    objects.enter(py, &configuration).map_err(raised)?;
    let tickets = TicketKeys::new()?;
    let keeper = tls::keeper(py, &configuration, &objects.cfg, &tickets)?;
    tls::log_remarks(&configuration, keeper.as_deref(), &logs.errors);
    let is_watched = configuration.config.workers.reload.is_some();
    let preload = configuration.config.launch.preload_app && !is_watched;
    if configuration.config.launch.preload_app && is_watched {
        let text = "preload_app is ignored while reload is on: the master would keep the old code";
        log_sink::log(tricorn_logs::Level::Warning, text);
    }
    let mut host = ServerHost::new(configuration, objects, logs, (keeper, tickets), start.origin)
        .map_err(|error| format!("cannot prepare the server: {error}"))?;
    if preload {
        let time_zone = python::time_zone(py).map_err(raised)?;
        match worker::preload(py, &host.configuration.app) {
            Ok(app) => host.app = Some(app),
            Err(code) => return Ok(code),
        }
        host.follow_time_zone(py, &time_zone).map_err(raised)?;
    }
    if host.configuration.config.workers.spew {
        py.import("tricorn.spew").and_then(|module| module.call_method0("start")).map_err(raised)?;
    }
    Ok(tricorn_master::run(plan, &mut host, VERSION))
}
