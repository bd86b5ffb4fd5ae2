//! Small things that the control side asks of the interpreter through `PyO3`.

use pyo3::prelude::*;
use pyo3::types::PyString;

/// The traceback of an exception as Python prints it, without the final line end.
pub fn traceback(py: Python<'_>, error: &PyErr) -> String {
    let lines = py
        .import("traceback")
        .and_then(|module| {
            module
                .call_method1("format_exception", (error.get_type(py), error.value(py), error.traceback(py)))
        })
        .and_then(|lines| PyString::new(py, "").call_method1("join", (lines,)))
        .and_then(|text| text.extract::<String>());
    lines.map_or_else(|_| error.to_string(), |text| text.trim_end().to_owned())
}

/// Ends a process that shares all it has with another one: no destructors and no exit handlers, those of C libraries included.
pub fn exit_at_once(py: Python<'_>) -> ! {
    // Returns only if `os` cannot be imported any more.
    let _ = py.import("os").and_then(|os| os.call_method1("_exit", (0,)));
    std::process::exit(0)
}

/// What the module `time` knows of the time zone.
#[derive(PartialEq)]
pub struct TimeZone {
    names: (String, String),
    offsets_s: (i64, i64),
}

/// The time zone of this process. It changes when `time.tzset` is called, as Django does; setting `TZ` alone changes
/// nothing, because the C library does not look again (tzset(3)).
pub fn time_zone(py: Python<'_>) -> PyResult<TimeZone> {
    let time = py.import("time")?;
    Ok(TimeZone {
        names: time.getattr("tzname")?.extract()?,
        offsets_s: (time.getattr("timezone")?.extract()?, time.getattr("altzone")?.extract()?),
    })
}

/// Sets the title of this process as `ps` shows it, if the package `setproctitle` is installed (as Gunicorn does).
pub fn set_title(title: &str) {
    Python::attach(|py| {
        if let Ok(module) = py.import("setproctitle") {
            // A title is a courtesy: nothing depends on it.
            let _ = module.call_method1("setproctitle", (format!("tricorn: {title}"),));
        }
    });
}
