//! Where a value came from: the layers of the configuration, weakest first.
//!
//! Stored beside every value and named in every error, so that the user knows which line to change.

use std::fmt;
use std::path::PathBuf;

/// The layer that set a value. Later layers are applied later and win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The row's default.
    Default,
    /// The default of a row that reads this environment variable.
    Environment(&'static str),
    /// The embedding program (`cfg.set`, `init()`).
    Program,
    /// A Python config file, or `python:MODULE` as a path.
    ConfigFile(PathBuf),
    /// The environment variable `GUNICORN_CMD_ARGS`.
    CommandArgs,
    /// The command line.
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::Environment(variable) => write!(f, "environment variable {variable}"),
            Source::Program => f.write_str("the program"),
            Source::ConfigFile(path) => write!(f, "config file {}", path.display()),
            Source::CommandArgs => f.write_str("GUNICORN_CMD_ARGS"),
            Source::CommandLine => f.write_str("command line"),
        }
    }
}
