//! Which logger a configuration asks for: the default one, whose lines are written in Rust, or one in Python.

use std::sync::Arc;

use pyo3::prelude::*;
use tricorn_logs::Level;
use tricorn_settings::{LoggerClass, Value, WorkerClass};

use crate::configuration::Configuration;
use crate::log_sink;
use crate::plan::{self, OpenLogs};
use crate::python_log::PythonLog;

/// `server.log`, and the same again if the server's own lines go through it.
pub fn make<'py>(
    py: Python<'py>,
    configuration: &Configuration,
    cfg: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Option<Arc<PythonLog>>)> {
    let relay = py.import("tricorn.log_relay")?;
    let is_adorned: bool = relay.call_method0("is_adorned")?.extract()?;
    if !is_adorned && !is_in_python(configuration) {
        return Ok((relay.call_method1("core_logger", (cfg,))?, None));
    }
    let log = relay.call_method1("python_logger", (cfg, custom_class(py, configuration)))?;
    let python_log = PythonLog::new(log.clone().unbind(), plan::line_format(&configuration.config));
    Ok((log, Some(python_log)))
}

/// Says, when a worker has booted, if somebody has put something on Gunicorn's loggers that the lines written in Rust do not
/// pass.
pub fn warn_of_late_changes(py: Python<'_>, log: &Py<PyAny>) {
    let changed = py
        .import("tricorn.log_relay")
        .and_then(|relay| relay.call_method1("changed_late", (log,))?.extract::<Vec<String>>());
    // A logger that cannot even be looked at is the application's own.
    for name in changed.unwrap_or_default() {
        // Not by way of that logger: it may be silent by now.
        let text = format!(
            "What a hook or the application has set on the logger {name} does not hold for the server's own lines; set it in \
             the configuration file itself, or name a logger_class"
        );
        log_sink::log(Level::Warning, &text);
    }
}

/// The logs of a configuration: behind the logger in Python, or opened here.
pub fn open(
    py: Python<'_>,
    configuration: &Configuration,
    python_log: Option<&Arc<PythonLog>>,
) -> Result<OpenLogs, String> {
    match python_log {
        Some(python_log) => Ok(OpenLogs::in_python(py, python_log.clone())),
        None => plan::open_logs(&configuration.config, &configuration.settings),
    }
}

/// What went wrong while the objects of a configuration were made: one line if it is about a setting, else the traceback.
pub fn explain(py: Python<'_>, configuration: &Configuration, error: &PyErr) -> String {
    let is_a = |name: &str| {
        let class = py.import("tricorn.errors").and_then(|module| module.getattr(name));
        class.is_ok_and(|class| error.matches(py, class).unwrap_or(false))
    };
    let setting = if is_a("ClassError") {
        Some("logger_class".to_owned())
    } else if is_a("LogConfigError") {
        error.value(py).getattr("setting").and_then(|name| name.extract()).ok()
    } else {
        None
    };
    match setting {
        Some(setting) if tricorn_settings::setting(&setting).is_some() => {
            configuration.settings.refuse(&setting, error.value(py).to_string()).to_string()
        }
        _ => crate::python::traceback(py, error),
    }
}

/// A class of the user's, Python's logging set up by the user, or workers of a class that logs by itself.
fn is_in_python(configuration: &Configuration) -> bool {
    let config = &configuration.config;
    config.logs.logger_class != LoggerClass::Native
        || config.logs.has_logconfig
        || matches!(config.workers.class, WorkerClass::Other(_))
}

fn custom_class(py: Python<'_>, configuration: &Configuration) -> Option<Py<PyAny>> {
    match &configuration.config.logs.logger_class {
        LoggerClass::Native => None,
        LoggerClass::Custom(Value::Str(name)) => {
            Some(pyo3::types::PyString::new(py, name).into_any().unbind())
        }
        LoggerClass::Custom(_) => configuration.logger_class.as_ref().map(|class| class.clone_ref(py)),
    }
}
