//! From arguments, environment and config file to a finished configuration. The layers and their order are
//! `tricorn_settings`'; what is here is what only Python can do: executing the config file, and keeping its objects.

use std::collections::HashMap;
use std::env::{self, VarError};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyString, PyTuple, PyType};
use tricorn_settings::{
    Arity, CliExit, Config, Foreign, ForeignKind, Kind, Parsed, SettingError, Settings, Source, TABLE, Value,
    WorkerClass, parse_args, parse_command_args, setting,
};

use crate::embedding;
use crate::hooks::UserHooks;

/// Config files that are read if no other is named, the first that exists.
const DEFAULT_FILES: [&str; 2] = ["tricorn.conf.py", "gunicorn.conf.py"];

/// Where a configuration comes from, and comes from again at a reload.
pub enum Origin {
    /// The command `tricorn`: the arguments of the process, its program name first.
    Command(Vec<String>),
    /// A program that embeds the server: its application object (`tricorn.app.base`), which holds the configuration.
    Program(Py<PyAny>),
}

/// A complete configuration.
pub struct Configuration {
    pub settings: Settings,
    pub config: Config,
    /// The application object (`tricorn.app.base`): what loads the application, `server.app` for hooks.
    pub app: Py<PyAny>,
    /// `cfg` for hooks and applications.
    pub cfg: Py<PyAny>,
    pub hooks: UserHooks,
    /// The class of the workers, if it is not one of those that need no Python.
    pub worker_class: Option<CustomClass>,
    /// `logger_class`, if it was given as an object.
    pub logger_class: Option<Py<PyAny>>,
    /// Remarks of the config file's reader, to be logged once there is a log.
    pub warnings: Vec<String>,
}

/// A worker class in Python.
pub struct CustomClass {
    pub class: Py<PyAny>,
    /// The name in "Using worker: NAME".
    pub name: String,
    /// It is derived from a class of ours, whose requests are served by the engine.
    pub is_native: bool,
}

impl Configuration {
    /// The name in "Using worker: NAME".
    pub fn worker_class_name(&self) -> &str {
        self.worker_class.as_ref().map_or_else(|| self.config.workers.class.name(), |custom| &custom.name)
    }
}

/// Why there is no configuration.
pub enum Refused {
    /// The command line has its own answer: help, version, a usage error.
    CommandLine(CliExit),
    /// One line that says what is wrong and where.
    Error(String),
}

impl Refused {
    /// The line to show, without a newline at its end.
    pub fn line(&self) -> &str {
        match self {
            Refused::CommandLine(exit) => exit.text.trim_end(),
            Refused::Error(line) => line,
        }
    }
}

impl<E: std::fmt::Display> From<E> for Refused {
    fn from(error: E) -> Refused {
        Refused::Error(error.to_string())
    }
}

/// Reads all layers.
pub fn read(py: Python<'_>, origin: &Origin) -> Result<Configuration, Refused> {
    check_environment()?;
    py.import("tricorn.log_relay")?.call_method0("begin_reading")?;
    match origin {
        Origin::Command(arguments) => read_command(py, arguments),
        Origin::Program(app) => embedding::read(py, app),
    }
}

/// A variable that is no text would be taken for one that is not set.
fn check_environment() -> Result<(), Refused> {
    let of_settings = TABLE.iter().filter_map(|row| row.environment.as_ref()).map(|from| from.variable);
    for name in of_settings.chain(["GUNICORN_CMD_ARGS"]) {
        if let Err(VarError::NotUnicode(value)) = env::var(name) {
            let value = value.to_string_lossy();
            return Err(Refused::Error(format!("the environment variable {name} is not UTF-8: '{value}'")));
        }
    }
    Ok(())
}

fn read_command(py: Python<'_>, arguments: &[String]) -> Result<Configuration, Refused> {
    launch_directory()?;
    let variable = |name: &str| env::var(name).ok();
    let mut settings = Settings::with_defaults(&variable)?;
    let words: Vec<OsString> = arguments.iter().skip(1).map(OsString::from).collect();
    let command_line = parse_args(&words, "tricorn").map_err(Refused::CommandLine)?;
    let command_args = match variable("GUNICORN_CMD_ARGS") {
        Some(text) => parse_command_args(&text).map_err(|error| usage_error(&error))?,
        None => Parsed { values: Vec::new(), positionals: Vec::new() },
    };
    let mut objects = HashMap::new();
    let mut warnings = Vec::new();
    enter(py, &working_directory(&settings))?;
    if let Some(location) = config_location(&command_line, &command_args) {
        let found = read_file(py, &location, &mut warnings)?;
        let source = Source::ConfigFile(PathBuf::from(&location));
        for (name, object) in found.iter() {
            apply(&mut settings, &mut objects, &name.extract::<String>()?, &object, &source)?;
        }
        settings.set("config", Value::Str(location), Source::CommandLine)?;
    }
    settings.apply(&command_args, &Source::CommandArgs)?;
    settings.apply(&command_line, &Source::CommandLine)?;
    enter(py, &working_directory(&settings))?;
    finish(py, settings, &command_line, &objects, warnings)
}

/// The working directory of the first read, before `chdir`: a reload begins elsewhere.
fn launch_directory() -> Result<&'static Path, Refused> {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    if DIRECTORY.get().is_none() {
        let directory = env::current_dir()
            .map_err(|error| Refused::Error(format!("the working directory cannot be found: {error}")))?;
        // Only the first one is kept.
        let _ = DIRECTORY.set(directory);
    }
    Ok(DIRECTORY.get().expect("it was set above, by us or by another thread"))
}

/// What is wrong in `GUNICORN_CMD_ARGS` is a usage error, as if it stood on the command line.
fn usage_error(error: &SettingError) -> Refused {
    Refused::CommandLine(CliExit { text: format!("tricorn: error: {error}\n"), is_error: true, code: 2 })
}

fn finish(
    py: Python<'_>,
    mut settings: Settings,
    command_line: &Parsed,
    objects: &HashMap<&'static str, Py<PyAny>>,
    warnings: Vec<String>,
) -> Result<Configuration, Refused> {
    let target = application(py, &mut settings, command_line)?;
    let mut config = Config::from_settings(&settings)?;
    let Some(target) = target else {
        return Err(Refused::Error("No application module specified.".to_owned()));
    };
    add_paths(py, &config.launch.pythonpath)?;
    let hooks = load_hooks(py, &config, &settings, objects)?;
    let worker_class = load_worker_class(py, &mut config, &settings, objects)?;
    let logger_class = objects.get("logger_class").map(|class| class.clone_ref(py));
    let cfg = py.import("tricorn.config")?.getattr("Config")?;
    let cfg = cfg.call_method1("finished", (python_values(py, &settings, objects, &hooks)?,))?;
    let application = py.import("tricorn.app.wsgiapp")?.getattr("WSGIApplication")?;
    let app = application.call_method1("configured", (&cfg, target))?.unbind();
    let cfg = cfg.unbind();
    Ok(Configuration { settings, config, app, cfg, hooks, worker_class, logger_class, warnings })
}

/// What names the application, and with it the process.
fn application(
    py: Python<'_>,
    settings: &mut Settings,
    command_line: &Parsed,
) -> Result<Option<String>, Refused> {
    if let Some(location) = settings.value("paste").as_str().map(str::to_owned) {
        return paste_file(py, &location, settings).map(Some);
    }
    let positional = command_line.positionals.first().cloned();
    let uri = positional.or_else(|| settings.value("wsgi_app").as_str().map(str::to_owned));
    if let Some(uri) = &uri {
        settings.set("default_proc_name", Value::Str(uri.clone()), Source::CommandLine)?;
    }
    Ok(uri)
}

/// A `PasteDeploy` file: what names the application, and what it says about the server if nothing else does.
fn paste_file(py: Python<'_>, location: &str, settings: &mut Settings) -> Result<String, Refused> {
    let describe = py.import("tricorn.app.pasterapp")?.getattr("describe")?;
    // As it was named: seen from where the command was started, not from `chdir`.
    let location = launch_directory()?.join(location).to_string_lossy().into_owned();
    let described = describe.call1((location,)).and_then(|found| found.extract::<(String, String, bool)>());
    let (uri, file, has_logging) =
        described.map_err(|error| settings.refuse("paste", error.value(py).to_string()))?;
    if has_logging && *settings.source("logconfig") == Source::Default {
        settings.set("logconfig", Value::Str(file.clone()), Source::Program)?;
    }
    settings.set("default_proc_name", Value::Str(file), Source::Program)?;
    Ok(uri)
}

/// Finds a worker class that the table does not know. One that is derived from ours makes the configuration its parent's.
pub fn load_worker_class(
    py: Python<'_>,
    config: &mut Config,
    settings: &Settings,
    objects: &HashMap<&'static str, Py<PyAny>>,
) -> Result<Option<CustomClass>, Refused> {
    let WorkerClass::Other(name) = &config.workers.class else { return Ok(None) };
    let name = name.clone();
    let given = match (settings.value("worker_class"), objects.get("worker_class")) {
        (Value::Foreign(_), Some(object)) => object.bind(py).clone(),
        _ => PyString::new(py, &name).into_any(),
    };
    let class = py.import("tricorn.class_loader")?.call_method1("load_class", ("worker_class", given));
    let class = class.map_err(|error| settings.refuse("worker_class", error.value(py).to_string()))?;
    let threads = match settings.value("threads") {
        Value::Int(threads) => usize::try_from(*threads).unwrap_or(1).max(1),
        _ => 1,
    };
    let mut is_native = false;
    for (module, parent, kind, threads) in [
        ("tricorn.workers.sync", "SyncWorker", WorkerClass::Sync, 1),
        ("tricorn.workers.gthread", "ThreadWorker", WorkerClass::Gthread, threads),
    ] {
        let parent = py.import(module)?.getattr(parent)?;
        if class.cast::<PyType>().is_ok_and(|class| class.is_subclass(&parent).unwrap_or(false)) {
            config.workers.class = kind;
            config.workers.threads = threads;
            is_native = true;
            if class.is(&parent) {
                return Ok(None);
            }
        }
    }
    Ok(Some(CustomClass { class: class.unbind(), name, is_native }))
}

fn working_directory(settings: &Settings) -> PathBuf {
    settings.value("chdir").as_str().map(PathBuf::from).unwrap_or_default()
}

/// Makes `directory` the working directory and the first place where modules are looked for.
fn enter(py: Python<'_>, directory: &Path) -> Result<(), Refused> {
    env::set_current_dir(directory).map_err(|error| {
        Refused::Error(format!("cannot change to directory {}: {error}", directory.display()))
    })?;
    put_first(py, directory)
}

pub fn add_paths(py: Python<'_>, paths: &[String]) -> Result<(), Refused> {
    // Python's own: an empty element is the working directory, and `..` is taken away.
    let absolute = py.import("os.path")?.getattr("abspath")?;
    for path in paths {
        put_first(py, &absolute.call1((path,))?.extract::<PathBuf>()?)?;
    }
    Ok(())
}

fn put_first(py: Python<'_>, directory: &Path) -> Result<(), Refused> {
    // As text: a `pathlib.Path`, which a path becomes by itself, is equal to none of them.
    let directory = directory.as_os_str().into_pyobject(py)?;
    let path = py.import("sys")?.getattr("path")?;
    if !path.contains(&directory)? {
        path.call_method1("insert", (0, directory))?;
    }
    Ok(())
}

fn config_location(command_line: &Parsed, command_args: &Parsed) -> Option<String> {
    // Gunicorn takes an empty one (`-c "$CONF"`) for none.
    let named = |words: &'_ Parsed| {
        words.value("config").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned)
    };
    match named(command_line).or_else(|| named(command_args)) {
        Some(location) => Some(location),
        None => DEFAULT_FILES.iter().find(|file| Path::new(file).exists()).map(|file| format!("./{file}")),
    }
}

fn read_file<'py>(
    py: Python<'py>,
    location: &str,
    warnings: &mut Vec<String>,
) -> Result<Bound<'py, PyDict>, Refused> {
    let names: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
    let heard = PyList::empty(py);
    let read = py.import("tricorn.config_file")?.getattr("read_config_file")?;
    let found = read.call1((location, names, heard.getattr("append")?));
    warnings.extend(heard.iter().filter_map(|warning| warning.extract::<String>().ok()));
    let found = found.map_err(|error| Refused::Error(file_error(py, &error)))?;
    found.cast_into::<PyDict>().map_err(|error| Refused::Error(error.to_string()))
}

/// The reader's own line, and behind it the traceback of what the file raised.
fn file_error(py: Python<'_>, error: &PyErr) -> String {
    let line = error.value(py).to_string();
    match error.cause(py) {
        Some(cause) => format!("{line}\n{}", crate::python::traceback(py, &cause)),
        None => line,
    }
}

/// Puts one object into the table, and keeps it.
pub fn apply(
    settings: &mut Settings,
    objects: &mut HashMap<&'static str, Py<PyAny>>,
    name: &str,
    object: &Bound<'_, PyAny>,
    source: &Source,
) -> Result<(), Refused> {
    let row = setting(name).ok_or_else(|| Refused::Error(format!("no setting is named '{name}'")))?;
    let object = if matches!(row.kind, Kind::Class) { class_of(object, name)? } else { object.clone() };
    settings.set(row.name, value_of(&object, objects.len() as u64)?, source.clone())?;
    objects.insert(row.name, object.unbind());
    Ok(())
}

/// A function in the place of a class stands for what it returns, as in Gunicorn.
fn class_of<'py>(object: &Bound<'py, PyAny>, name: &str) -> Result<Bound<'py, PyAny>, Refused> {
    let called = object.py().import("tricorn.class_loader")?.call_method1("called", (object,));
    called.map_err(|error| {
        let traceback = crate::python::traceback(object.py(), &error);
        Refused::Error(format!("Invalid value for {name}: the function raised\n{traceback}"))
    })
}

/// What a setting's value is to the table: plain data as data, everything else as a ticket.
pub fn value_of(object: &Bound<'_, PyAny>, id: u64) -> PyResult<Value> {
    if object.is_none() {
        return Ok(Value::None);
    }
    if object.is_instance_of::<PyBool>() {
        return Ok(Value::Bool(object.extract()?));
    }
    if object.is_instance_of::<PyInt>()
        && let Ok(number) = object.extract()
    {
        return Ok(Value::Int(number));
    }
    if object.is_instance_of::<PyString>()
        && let Ok(text) = object.extract()
    {
        return Ok(Value::Str(text));
    }
    if (object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>())
        && let Ok(items) = object.extract()
    {
        return Ok(Value::List(items));
    }
    if let Ok(pairs) = object.cast::<PyDict>() {
        let texts: Result<Vec<(String, String)>, PyErr> =
            pairs.iter().map(|(key, value)| Ok((key.extract()?, value.extract()?))).collect();
        if let Ok(texts) = texts {
            return Ok(Value::Map(texts));
        }
    }
    Ok(Value::Foreign(ticket(object, id)))
}

fn ticket(object: &Bound<'_, PyAny>, id: u64) -> Foreign {
    let kind = if object.is_instance_of::<PyType>() {
        ForeignKind::Class
    } else if object.is_callable() {
        ForeignKind::Callable
    } else if object.is_instance_of::<PyDict>() {
        ForeignKind::Dict
    } else {
        ForeignKind::Other
    };
    let name = || object.getattr("__qualname__").and_then(|name| name.extract::<String>()).ok();
    let label = match kind {
        ForeignKind::Class | ForeignKind::Callable => name(),
        ForeignKind::Dict | ForeignKind::Other => None,
    };
    let label =
        label.unwrap_or_else(|| object.repr().map_or_else(|_| "?".to_owned(), |repr| repr.to_string()));
    let arity = matches!(kind, ForeignKind::Callable).then(|| arity(object)).flatten();
    Foreign { id, label, arity, kind }
}

fn arity(callable: &Bound<'_, PyAny>) -> Option<Arity> {
    let module = callable.py().import("tricorn.hooks").ok()?;
    let count: i64 = module.call_method1("arity", (callable,)).ok()?.extract().ok()?;
    u8::try_from(count).ok().map(Arity)
}

/// The hooks that are configured, imported and checked.
pub fn load_hooks(
    py: Python<'_>,
    config: &Config,
    settings: &Settings,
    objects: &HashMap<&'static str, Py<PyAny>>,
) -> Result<UserHooks, Refused> {
    let mut hooks = UserHooks::default();
    for (name, value) in &config.hooks {
        let Some(Kind::Hook(arities)) = setting(name).map(|row| row.kind) else { continue };
        let object = match (value, objects.get(name)) {
            (Value::Str(path), _) => PyString::new(py, path).into_any(),
            (_, Some(object)) => object.bind(py).clone(),
            (_, None) => continue,
        };
        hooks
            .add(py, name, &object, arities)
            .map_err(|error| settings.refuse(name, error.value(py).to_string()))?;
    }
    Ok(hooks)
}

/// Every setting as Python has it, for `cfg`: what the config file set as it set it, the rest from the table.
fn python_values<'py>(
    py: Python<'py>,
    settings: &Settings,
    objects: &HashMap<&'static str, Py<PyAny>>,
    hooks: &UserHooks,
) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    for row in TABLE {
        let value = settings.value(row.name);
        match (value, objects.get(row.name)) {
            (Value::Foreign(_), Some(object)) => values.set_item(row.name, object)?,
            // Gunicorn's default hooks do nothing; worker classes call them without looking.
            (Value::None, _) if matches!(row.kind, Kind::Hook(_)) => {
                values.set_item(row.name, py.import("tricorn.hooks")?.getattr("nothing")?)?;
            }
            (Value::Str(_), _) if matches!(row.kind, Kind::Hook(_)) => {
                values.set_item(row.name, hooks.function(py, row.name))?;
            }
            _ => values.set_item(row.name, to_python(py, value)?)?,
        }
    }
    Ok(values)
}

/// A value of the table as Python has it; `None` for what the table holds as a ticket.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::None | Value::Foreign(_) => py.None().into_bound(py),
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::Int(number) => number.into_pyobject(py)?.into_any(),
        Value::Str(text) => PyString::new(py, text).into_any(),
        Value::List(items) => PyList::new(py, items)?.into_any(),
        Value::Map(pairs) => {
            let dict = PyDict::new(py);
            for (key, text) in pairs {
                dict.set_item(key, text)?;
            }
            dict.into_any()
        }
    })
}
