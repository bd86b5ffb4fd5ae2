//! The door: the extension module `tricorn._core`. The only crate that knows Python.
//!
//! `main` is the command `tricorn`: it reads the configuration, opens the logs and hands over to the master, which comes
//! back here (`host`) for everything that is Python, and in each child for the worker's life (`worker`). A request then
//! goes `runner` -> `wsgi` -> `ffi` and back. `ffi` is the only folder with `unsafe`.

mod access;
mod class_worker;
mod configuration;
mod crew;
mod embedding;
#[expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "a block here is one exchange with the C API (call, check, own the result) under the folder's three rules"
)]
mod ffi;
mod hook_objects;
mod hooks;
mod host;
mod log_sink;
mod logger;
mod owner;
mod plan;
mod program;
mod python;
mod python_log;
mod reload;
mod request_hooks;
mod request_limit;
mod runner;
mod runner_parts;
mod setting_rows;
mod signal_watch;
mod start_context;
mod tls;
mod wishes;
mod worker;
mod worker_state;
mod wsgi;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use embedding::Given;

/// The extension module `tricorn._core`.
#[pymodule]
mod _core {
    use super::{Bound, Given, Py, PyAny, PyDict, PyList, PyModule, PyResult, Python, pyfunction};

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// The earliest moment there is: the program that imports this has changed nothing yet.
    #[pymodule_init]
    #[expect(clippy::unnecessary_wraps, reason = "PyO3 wants a result")]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::start_context::remember();
        Ok(())
    }

    /// Run the server. `argv[0]` is the name of the program; returns the exit code of the process.
    #[pyfunction]
    fn main(py: Python<'_>, argv: Vec<String>) -> i32 {
        crate::program::main(py, argv)
    }

    /// Run the server of an embedding program; returns its exit code.
    #[pyfunction]
    fn run(py: Python<'_>, arbiter: Py<PyAny>, may_detach: bool) -> PyResult<i32> {
        crate::program::embedded(py, arbiter, may_detach)
    }

    /// Ask the master, which is this process, to keep so many workers.
    #[pyfunction]
    fn ask_workers(number: usize) {
        crate::wishes::ask_workers(number);
    }

    /// How this process was started, as `server.START_CTX` has it.
    #[pyfunction]
    fn start_context(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        crate::start_context::recipe(py)
    }

    /// The rows of the table of settings.
    #[pyfunction]
    fn setting_rows(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
        crate::setting_rows::rows(py)
    }

    /// Every setting's value before anybody has set it, in the present environment.
    #[pyfunction]
    fn setting_defaults(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        crate::setting_rows::defaults(py)
    }

    /// What the setting `name` would hold if `layer` set it to `value`; raises `InvalidSetting`.
    #[pyfunction]
    fn checked_setting<'py>(
        py: Python<'py>,
        name: &str,
        value: &Bound<'py, PyAny>,
        layer: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        crate::setting_rows::checked(py, name, value, layer)
    }

    /// Check that values fit together; raises `InvalidSetting`.
    #[pyfunction]
    fn check_settings(py: Python<'_>, given: Vec<Given>) -> PyResult<()> {
        crate::setting_rows::check_all(py, given)
    }

    /// Write `text` as one record of the error log; `level` is one of the standard library's: 10 to 50.
    #[pyfunction]
    fn log(level: i64, text: &str) {
        crate::log_sink::record(tricorn_logs::Level::from_python(level), text);
    }

    /// Write `text` to the error log as it is: what `wsgi.errors` gets.
    #[pyfunction]
    fn write_errors(text: &str) {
        crate::log_sink::write_raw(text);
    }

    /// This process was forked from a worker by its application: it must not come back into the server.
    #[pyfunction]
    fn forked() {
        crate::worker_state::forked();
    }

    /// This worker makes progress; the first time it says as well that it serves.
    #[pyfunction]
    fn beat() {
        crate::class_worker::beat();
    }

    /// Become the user and group of the settings. Raises `OSError`.
    #[pyfunction]
    fn drop_privileges() -> PyResult<()> {
        crate::class_worker::drop_privileges()
    }

    /// Serve `app` with the engine until the worker is told to end; `worker` is the instance of a class of ours.
    #[pyfunction]
    #[expect(clippy::needless_pass_by_value, reason = "what a function of Python is given")]
    fn serve(py: Python<'_>, worker: Py<PyAny>, app: Py<PyAny>) -> PyResult<()> {
        crate::class_worker::serve(py, &worker, app)
    }

    /// Requests that this worker has begun.
    #[pyfunction]
    fn requests() -> u64 {
        crate::class_worker::requests()
    }

    /// This worker is to be replaced, after the requests that run.
    #[pyfunction]
    fn retire() {
        crate::worker_state::retire();
    }

    /// The worker is told to end with this exit code as soon as its current code lets it.
    #[pyfunction]
    fn quit(code: i32) {
        crate::worker_state::quit(code);
    }
}
