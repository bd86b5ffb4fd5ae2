//! How this process was started, so that it can be started again: the recipe of an upgrade (USR2), which hooks see as
//! `server.START_CTX` and may change. Remembered when the module is imported, before anything changes directory or environment, read by
//! the host in the child that becomes the new master. What passes from master to master is not its business.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What the start found.
struct StartContext {
    directory: PathBuf,
    environment: HashMap<OsString, OsString>,
}

/// A fact of the process: it starts once.
static START: OnceLock<StartContext> = OnceLock::new();

/// Remembers directory and environment as they are now, if nobody has before.
pub fn remember() {
    start();
}

/// Where this process was started.
pub fn start_directory() -> &'static Path {
    &start().directory
}

fn start() -> &'static StartContext {
    START.get_or_init(|| StartContext { directory: directory(), environment: env::vars_os().collect() })
}

/// As `$PWD` spells it, if that is where we are: a link such as `current` must lead to the new release.
fn directory() -> PathBuf {
    let here = env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let spelled = env::var_os("PWD").map(PathBuf::from);
    spelled.filter(|spelled| is_same(spelled, &here)).unwrap_or(here)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    one.is_absolute() && place(one).is_some() && place(one) == place(other)
}

/// `server.START_CTX`, as Gunicorn has it: the program under 0, its arguments, the directory. The arguments are those that
/// the interpreter itself got (`sys.orig_argv`), so that `python -m` and `-X` are repeated.
pub fn recipe(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let sys = py.import("sys")?;
    let program: String = sys.getattr("executable")?.extract()?;
    let original: Vec<String> = sys.getattr("orig_argv")?.extract()?;
    let mut arguments = vec![program.clone()];
    if original.len() > 1 {
        arguments.extend(original.into_iter().skip(1));
    } else {
        arguments.extend(sys.getattr("argv")?.extract::<Vec<String>>()?);
    }
    let recipe = PyDict::new(py);
    recipe.set_item("args", arguments)?;
    recipe.set_item("cwd", start().directory.as_os_str())?;
    recipe.set_item(0, program)?;
    Ok(recipe)
}

/// The command of a recipe, with the environment of the start.
pub fn command(recipe: &Bound<'_, PyAny>) -> PyResult<Command> {
    let program: PathBuf = recipe.get_item(0)?.extract()?;
    let arguments: Vec<OsString> = recipe.get_item("args")?.extract()?;
    let directory: PathBuf = recipe.get_item("cwd")?.extract()?;
    let Some((name, arguments)) = arguments.split_first() else {
        return Err(PyValueError::new_err("server.START_CTX['args'] is empty"));
    };
    let mut command = Command::new(program);
    command.arg0(name).args(arguments).current_dir(directory);
    command.env_clear().envs(&start().environment);
    Ok(command)
}
