//! A worker whose class is in Python: the instance made before the fork runs the process (`init_process`), and this file gives
//! it what Gunicorn's classes find in their own code: privileges, readiness, the heartbeat, and for classes derived from
//! ours the engine to serve with.
//!
//! The functions of `tricorn._core` come here; they act on the one worker that this process is.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use tricorn_engine::monotonic_ms;
use tricorn_master::{Seat, WorkerSlot};

use crate::host::ServerHost;
use crate::reload::Reloader;
use crate::worker::{
    self, BootFailure, Outfit, Served, engage, exit_code, failed, install_dump, say_goodbye, start_reloader,
};
use crate::worker_state::quit_code;
use crate::{logger, python};

/// Exit code of a worker class that raised while it served, Gunicorn's `sys.exit(-1)`.
const FAILED: i32 = 255;

/// This process as a worker, if it is one.
static DUTY: Mutex<Option<Duty>> = Mutex::new(None);
/// Its part of the scoreboard.
static SLOT: OnceLock<WorkerSlot> = OnceLock::new();

struct Duty {
    /// Until the engine takes it over.
    seat: Option<Seat>,
    /// Until the engine takes it over, and only for classes derived from ours.
    outfit: Option<Outfit>,
    /// For classes with a server of their own; ours have it in the outfit.
    reloader: Option<Reloader>,
    served: Option<Served>,
}

fn duty() -> MutexGuard<'static, Option<Duty>> {
    DUTY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This process has this part of the scoreboard from now on.
pub fn sit_down(slot: WorkerSlot) {
    // A process is forked into one seat only.
    let _ = SLOT.set(slot);
}

/// Runs the worker; the result is the exit code of the process.
pub fn run(py: Python<'_>, host: &mut ServerHost, seat: Seat) -> i32 {
    let is_replacement = seat.age > host.configuration.config.workers.count as u64;
    let (age, ppid) = (seat.age, seat.ppid);
    let is_native = host.configuration.worker_class.as_ref().is_some_and(|custom| custom.is_native);
    let outfit = is_native.then(|| Outfit::new(py, host));
    *duty() = Some(Duty { seat: Some(seat), outfit, reloader: None, served: None });
    let object = match host.objects.worker_of(py, age) {
        Ok(object) => object,
        Err(error) => return report(host, failed(py, &error), is_replacement),
    };
    let code = match live(py, host, &object, ppid) {
        Ok(()) => 0,
        Err(error) => match exit_code(py, &error) {
            Some(code) => code,
            None if has_booted(py, &object) => {
                let text = format!("Exception in worker process\n{}", python::traceback(py, &error));
                crate::log_sink::log(tricorn_logs::Level::Error, &text);
                FAILED
            }
            None => report(host, failed(py, &error), is_replacement),
        },
    };
    say_goodbye(py, host, &object);
    let served = duty().as_mut().and_then(|duty| duty.served.take());
    match served {
        Some(served) => served.end(py),
        None => worker::run_exit_handlers(py),
    }
    quit_code().unwrap_or(code)
}

fn live(py: Python<'_>, host: &ServerHost, object: &Py<PyAny>, ppid: u32) -> PyResult<()> {
    object.setattr(py, "ppid", ppid)?;
    object.getattr(py, "tmp")?.call_method1(py, "watch_parent", (ppid,))?;
    let arguments = || (&host.objects.server, object).into_pyobject(py);
    host.configuration.hooks.call(py, "post_fork", arguments)?;
    install_dump(py, host)?;
    // A class of the real gunicorn, where that is installed, brings a reloader along.
    let is_ours = object.bind(py).is_instance(&py.import("tricorn.workers.base")?.getattr("Worker")?)?;
    let reloader = if is_ours { start_reloader(py, host, object)? } else { None };
    match duty().as_mut() {
        Some(Duty { outfit: Some(outfit), .. }) => outfit.reloader = reloader,
        Some(duty) => duty.reloader = reloader,
        None => {}
    }
    object.call_method0(py, "init_process").map(drop)
}

fn report(host: &ServerHost, failure: BootFailure, is_replacement: bool) -> i32 {
    let failure = BootFailure { is_replacement, ..failure };
    failure.report(&host.report_token);
    host.errors.flush();
    failure.code
}

fn has_booted(py: Python<'_>, object: &Py<PyAny>) -> bool {
    object.getattr(py, "booted").and_then(|booted| booted.is_truthy(py)).unwrap_or(false)
}

/// The worker makes progress. When it says so for the first time it is ready: a class has no other moment for that, since a
/// server of its own (uvicorn's) may fail to start when `run` has long begun.
pub fn beat() {
    let Some(slot) = SLOT.get() else { return };
    slot.beat(monotonic_ms());
    if slot.is_ready() {
        return;
    }
    if let Some(Duty { seat: Some(seat), reloader, .. }) = &*duty() {
        // It has no engine: siblings must not hand it connections.
        slot.set_leaving();
        if let Some(reloader) = reloader {
            reloader.attach_class(ask_replacement);
        }
        // Fails only if the master is gone, which the next heartbeat sees.
        let _ = seat.report_ready();
    }
}

/// Asks the master for a successor of a class with a server of its own.
fn ask_replacement() {
    if let Some(seat) = duty().as_ref().and_then(|duty| duty.seat.as_ref()) {
        // Fails only if the master is gone, which the next heartbeat sees.
        let _ = seat.ask_replacement();
    }
}

/// Becomes the user and group of the settings.
pub fn drop_privileges() -> PyResult<()> {
    match duty().as_ref().and_then(|duty| duty.seat.as_ref()) {
        Some(seat) => {
            let dropped = seat.drop_privileges();
            dropped.map_err(|error| {
                PyOSError::new_err(format!("cannot change user or group (settings user and group): {error}"))
            })
        }
        None => Ok(()),
    }
}

/// Requests that this worker has begun, 0 in the master.
pub fn requests() -> u64 {
    SLOT.get().map_or(0, WorkerSlot::requests)
}

/// Serves with the engine until the worker is told to end.
pub fn serve(py: Python<'_>, worker: &Py<PyAny>, app: Py<PyAny>) -> PyResult<()> {
    let taken = duty().as_mut().and_then(|duty| Some((duty.seat.take()?, duty.outfit.take()?)));
    let (seat, mut outfit) =
        taken.ok_or_else(|| PyRuntimeError::new_err("only a worker of Tricorn can serve, and only once"))?;
    let native = py.import("tricorn.workers.native")?;
    outfit.on_quit = Some(native.getattr("on_quit")?.unbind());
    outfit.on_abort = Some(native.getattr("on_abort")?.unbind());
    let requests_max = worker::limit_of(py, worker)?;
    logger::warn_of_late_changes(py, &worker.getattr(py, "log")?);
    let engaged = engage(py, outfit, seat, (worker.clone_ref(py), app), requests_max);
    let engaged = engaged.map_err(|failure| PyRuntimeError::new_err(failure.text))?;
    // TERM may have come while Python's handler was still the one for it: that one has only noted it.
    py.check_signals()?;
    if !worker.getattr(py, "alive")?.is_truthy(py)? {
        engaged.terminate();
    }
    let served = engaged.serve(py);
    if let Some(duty) = duty().as_mut() {
        duty.served = Some(served);
    }
    Ok(())
}
