//! The table of settings as Python's `tricorn.config` needs it: the rows, the defaults of this moment, one value checked,
//! a whole configuration checked. Called through `_core`; what a setting is and takes is decided in `tricorn_settings`.

use std::env;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tricorn_settings::{CliInt, Config, Default, Kind, Setting, SettingError, Settings, TABLE};

use crate::configuration::{to_python, value_of};
use crate::embedding::{self, Given};
use crate::{plan, start_context};

/// Every row as a dict: what an `argparse` option, a reference page or a `tricorn.config.Setting` is made of.
pub fn rows(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let rows: PyResult<Vec<Bound<'_, PyDict>>> = TABLE.iter().map(|row| row_of(py, row)).collect();
    PyList::new(py, rows?)
}

fn row_of<'py>(py: Python<'py>, row: &Setting) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("name", row.name)?;
    dict.set_item("section", row.section.title())?;
    dict.set_item("cli", PyList::new(py, row.flags)?)?;
    dict.set_item("meta", Some(row.metavar).filter(|metavar| !metavar.is_empty()))?;
    dict.set_item("desc", row.help)?;
    dict.set_item("action", action(row.kind))?;
    dict.set_item("number", number(row.kind))?;
    dict.set_item("arities", if let Kind::Hook(arities) = row.kind { Some(arities.to_vec()) } else { None })?;
    dict.set_item("optional_value", (row.name == "proxy_protocol").then_some("auto"))?;
    dict.set_item("default", written_default(py, &row.default)?)?;
    Ok(dict)
}

/// argparse's word for what the option does.
fn action(kind: Kind) -> &'static str {
    match kind {
        Kind::Switch => "store_true",
        Kind::OffSwitch => "store_false",
        Kind::Texts | Kind::Files => "append",
        _ => "store",
    }
}

/// How the command line writes a number: `decimal`, `octal` (with a prefix, or a leading 0), or as a text.
fn number(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Int { cli: CliInt::Decimal, .. } => Some("decimal"),
        Kind::Int { cli: CliInt::Octal, .. } => Some("octal"),
        _ => None,
    }
}

fn written_default<'py>(py: Python<'py>, default: &Default) -> PyResult<Bound<'py, PyAny>> {
    Ok(match default {
        Default::Bool(is_on) => is_on.into_pyobject(py)?.to_owned().into_any(),
        Default::Int(number) => number.into_pyobject(py)?.into_any(),
        Default::Text(text) => text.into_pyobject(py)?.into_any(),
        Default::Texts(texts) => PyList::new(py, *texts)?.into_any(),
        Default::Pairs(pairs) => {
            let dict = PyDict::new(py);
            for (key, value) in *pairs {
                dict.set_item(key, value)?;
            }
            dict.into_any()
        }
        Default::None | Default::WorkingDirectory | Default::EffectiveUser | Default::EffectiveGroup => {
            py.None().into_bound(py)
        }
    })
}

/// The settings before anybody has set one, by name, in this environment and working directory.
pub fn defaults(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let settings = with_defaults(py)?;
    let values = PyDict::new(py);
    for row in TABLE {
        values.set_item(row.name, to_python(py, settings.value(row.name))?)?;
    }
    // A configuration begins where the program was started, also at a reload, which finds it in `chdir`.
    values.set_item("chdir", start_context::start_directory().to_string_lossy())?;
    Ok(values)
}

/// The value that a setting would hold if `layer` set it to `object`.
pub fn checked<'py>(
    py: Python<'py>,
    name: &str,
    object: &Bound<'py, PyAny>,
    layer: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let mut settings = with_defaults(py)?;
    let refused = |error: SettingError| refusal(py, &error);
    settings.set(name, value_of(object, 0)?, embedding::source_of(layer)).map_err(refused)?;
    match settings.value(name) {
        tricorn_settings::Value::Foreign(_) => Ok(object.clone()),
        value => to_python(py, value),
    }
}

/// Whether these values, each right by itself, fit together.
pub fn check_all(py: Python<'_>, given: Vec<Given>) -> PyResult<()> {
    let (settings, _) = embedding::fill(py, given).map_err(|error| refusal(py, error.line()))?;
    let config = Config::from_settings(&settings).map_err(|error| refusal(py, &error))?;
    // Addresses, users and groups are parsed by those who use them.
    plan::master_plan(&config, &settings, config.workers.class.name())
        .map(drop)
        .map_err(|line| refusal(py, &line))
}

fn with_defaults(py: Python<'_>) -> PyResult<Settings> {
    Settings::with_defaults(&|name| env::var(name).ok()).map_err(|error| refusal(py, &error))
}

/// `tricorn.errors.InvalidSetting` with the line of `error`.
fn refusal(py: Python<'_>, error: &(impl std::fmt::Display + ?Sized)) -> PyErr {
    let raised = || {
        let class = py.import("tricorn.errors")?.getattr("InvalidSetting")?;
        class.call1((error.to_string(),)).map(PyErr::from_value)
    };
    raised().unwrap_or_else(|error| error)
}
