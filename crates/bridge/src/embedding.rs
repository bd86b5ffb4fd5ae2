//! From the settings of a program that embeds the server (`tricorn.app.base`) to a finished configuration. Its layers were
//! read in Python, where the program can override each step; here they are laid into the table, in its order, with the
//! layer that each value came from.

use std::collections::HashMap;
use std::env;
use std::path::PathBuf;

use pyo3::prelude::*;
use tricorn_settings::{Config, Settings, Source};

use crate::configuration::{Configuration, Refused, add_paths, apply, load_hooks, load_worker_class};

/// One setting that an embedding program has set: its name, the object, and the layer (`Source` as `tricorn.config`
/// spells it).
pub type Given = (String, Py<PyAny>, String);

/// The settings of a program, with the objects it gave.
type Filled = (Settings, HashMap<&'static str, Py<PyAny>>);

/// The configuration that the application object of a program holds.
pub fn read(py: Python<'_>, app: &Py<PyAny>) -> Result<Configuration, Refused> {
    let cfg = app.getattr(py, "cfg")?;
    let given: Vec<Given> = cfg.call_method0(py, "given")?.extract(py)?;
    let (settings, objects) = fill(py, given)?;
    let mut config = Config::from_settings(&settings)?;
    add_paths(py, &config.launch.pythonpath)?;
    let hooks = load_hooks(py, &config, &settings, &objects)?;
    let worker_class = load_worker_class(py, &mut config, &settings, &objects)?;
    let logger_class = objects.get("logger_class").map(|class| class.clone_ref(py));
    let warnings = app.getattr(py, "config_warnings").and_then(|warnings| warnings.extract(py));
    let (app, warnings) = (app.clone_ref(py), warnings.unwrap_or_default());
    Ok(Configuration { settings, config, app, cfg, hooks, worker_class, logger_class, warnings })
}

/// The table with what a program has set, in the program's order.
pub fn fill(py: Python<'_>, given: Vec<Given>) -> Result<Filled, Refused> {
    let mut settings = Settings::with_defaults(&|name| env::var(name).ok())?;
    let mut objects = HashMap::new();
    for (name, object, layer) in given {
        apply(&mut settings, &mut objects, &name, object.bind(py), &source_of(&layer))?;
    }
    Ok((settings, objects))
}

/// The layer that `tricorn.config` calls by this name.
pub fn source_of(layer: &str) -> Source {
    match layer {
        "command line" => Source::CommandLine,
        "GUNICORN_CMD_ARGS" => Source::CommandArgs,
        _ => match layer.strip_prefix("config file ") {
            Some(path) => Source::ConfigFile(PathBuf::from(path)),
            None => Source::Program,
        },
    }
}
