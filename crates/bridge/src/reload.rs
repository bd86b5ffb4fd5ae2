//! `reload`: a worker that notices that its files have changed, says so, and makes room for one with the new code.
//!
//! One thread per worker, made by `worker` before the application is loaded (never in the master: no thread exists before
//! a fork). It asks `tricorn.reloader` which files there are, keeps their looks (`sources`) and sleeps until the kernel or
//! the clock wakes it (`wake`). It decides nothing about processes: it asks the master for a successor, as `max_requests`
//! does, and drains, or sends itself the signals by which a worker class ends.

mod sources;
mod wake;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use pyo3::prelude::*;
use rustix::process::{Signal, getpid, kill_process};
use tricorn_engine::Drain;
use tricorn_logs::Level;
use tricorn_settings::{Reload, ReloadEngine};

use crate::worker_state::{WorkerState, note_leaving};
use crate::{log_sink, python};
use sources::{Look, Sources};
use wake::Wake;

/// How often the list of files is made anew, and (without inotify) every file is looked at: Gunicorn's interval.
const TICK: Duration = Duration::from_secs(1);
/// The same while the application loads.
const BOOT_TICK: Duration = Duration::from_millis(100);
/// Time for a worker that is still loading outdated code; then it is ended as it is.
const BOOT_PATIENCE: Duration = Duration::from_secs(2);

/// The watching thread, as the worker holds it.
pub struct Reloader {
    /// `worker.reloader`.
    object: Py<PyAny>,
    sender: Sender<Serving>,
}

/// Who serves, and so what has to end when the files have changed.
enum Serving {
    Engine(Arc<WorkerState>),
    /// A worker class with a server of its own, and how it asks for a successor.
    Class {
        ask_replacement: fn(),
    },
}

impl Reloader {
    /// Starts the thread for the worker that `worker` shows to hooks.
    pub fn start(
        py: Python<'_>,
        reload: &Reload,
        worker: &Py<PyAny>,
        worker_int: Option<Py<PyAny>>,
        graceful_timeout: Duration,
    ) -> PyResult<Reloader> {
        log_sink::log(Level::Warning, "Reloader is on. Use in development only!");
        let module = py.import("tricorn.reloader")?;
        let object = module.getattr("Reloader")?.call1((&reload.extra_files,))?.unbind();
        worker.setattr(py, "reloader", &object)?;
        module.call_method1("watch_imports", (&object,))?;
        let (sender, serving) = channel();
        let thread = Thread {
            engine: reload.engine,
            reloader: object.clone_ref(py),
            worker: worker.clone_ref(py),
            worker_int,
            serving,
            graceful_timeout,
        };
        // It ends with the process.
        std::thread::Builder::new().name("tricorn-reload".into()).spawn(move || thread.run())?;
        Ok(Reloader { object, sender })
    }

    /// The application to serve although it could not be loaded: a page that says why, until its files change.
    pub fn failure_app(&self, py: Python<'_>, error: &PyErr) -> PyResult<Py<PyAny>> {
        let text = python::traceback(py, error);
        log_sink::log(
            Level::Error,
            &format!("The application cannot be loaded; waiting for its files to change\n{text}"),
        );
        self.object.call_method1(py, "failure_app", (error.value(py),))
    }

    /// The worker is about to serve: from now on a change is not the end of the process but of this state.
    pub fn attach(&self, state: &Arc<WorkerState>) {
        // Fails if the thread has ended the worker's time already.
        let _ = self.sender.send(Serving::Engine(state.clone()));
    }

    /// The same for a worker class that serves by itself, and asks for a successor like this.
    pub fn attach_class(&self, ask_replacement: fn()) {
        // As above.
        let _ = self.sender.send(Serving::Class { ask_replacement });
    }
}

/// A file that was read, or missed: time in nanoseconds, size, inode.
type Noted = (PathBuf, Option<(i128, u64, u64)>);

/// What the thread owns.
struct Thread {
    engine: ReloadEngine,
    reloader: Py<PyAny>,
    worker: Py<PyAny>,
    worker_int: Option<Py<PyAny>>,
    serving: Receiver<Serving>,
    graceful_timeout: Duration,
}

impl Thread {
    fn run(self) {
        let mut wake = Wake::new(self.engine);
        let mut sources = Sources::default();
        let mut serving = None;
        let changed = loop {
            serving = serving.or_else(|| self.serving.try_recv().ok());
            let files = self.files(&mut sources);
            let has_new = wake.watch(&files);
            let tick = if serving.is_some() { TICK } else { BOOT_TICK };
            let is_told = !has_new && wake.wait(tick);
            let is_due = has_new || is_told || wake.looks_at_all();
            let changed = if is_due { sources.changed() } else { Vec::new() };
            if !changed.is_empty() {
                break changed;
            }
        };
        self.reload(&changed, serving);
    }

    /// The files there are, all of them known to `sources`. If user code makes that impossible for a moment, the next look
    /// is soon enough.
    fn files(&self, sources: &mut Sources) -> Vec<PathBuf> {
        let found = Python::attach(|py| {
            // In this order: the application's thread may run in between, and a file is noted before it is listed. A file
            // that was listed without its note would be looked at too late, and its last change missed.
            let files = self.reloader.call_method0(py, "get_files")?.extract::<Vec<PathBuf>>(py)?;
            let noted = self.reloader.call_method0(py, "take_noted")?.extract::<Vec<Noted>>(py)?;
            PyResult::Ok((files, noted))
        });
        let Ok((mut files, noted)) = found else { return Vec::new() };
        for (path, look) in noted {
            files.push(path.clone());
            sources.add_noted(path, look.map(Look::new));
        }
        sources.add(&files);
        files
    }

    fn reload(self, changed: &[PathBuf], serving: Option<Serving>) {
        if let Some(first) = changed.first() {
            log_sink::log(Level::Info, &format!("Worker reloading: {} modified", first.display()));
        }
        note_leaving();
        Python::attach(|py| self.call_hook(py));
        match serving.map_or_else(|| self.serving.recv_timeout(BOOT_PATIENCE), Ok) {
            Ok(Serving::Engine(state)) => {
                let limit = Some(self.graceful_timeout);
                state.slot().set_leaving();
                state.engine.drain(Drain { takes_backlog: false, spares_idle: false, limit });
                // A request that takes long does not keep the next worker from loading the new code meanwhile. Fails only
                // if the master is gone.
                let _ = state.seat.ask_replacement();
            }
            Ok(Serving::Class { ask_replacement }) => {
                ask_replacement();
                send_self(Signal::TERM);
                std::thread::sleep(self.graceful_timeout);
                send_self(Signal::QUIT);
            }
            // It hangs in an import that was changed meanwhile. TERM is what the master would send to a worker that boots.
            Err(RecvTimeoutError::Timeout) => send_self(Signal::TERM),
            // The worker has failed to boot and is on its way out.
            Err(RecvTimeoutError::Disconnected) => {}
        }
    }

    fn call_hook(&self, py: Python<'_>) {
        // A worker object that cannot be told is the application's own.
        let _ = self.worker.setattr(py, "alive", false);
        let Some(hook) = &self.worker_int else { return };
        if let Err(error) = hook.call1(py, (&self.worker,)) {
            let text = python::traceback(py, &error);
            log_sink::log(Level::Error, &format!("Exception in worker_int hook\n{text}"));
        }
    }
}

fn send_self(signal: Signal) {
    // A process can always signal itself.
    let _ = kill_process(getpid(), signal);
}
