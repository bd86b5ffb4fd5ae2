//! The table of settings, the layers that fill it, the typed `Config`.
//!
//! The bridge is the only caller: it makes [`Settings`] with their defaults, sets what the config file, `GUNICORN_CMD_ARGS`
//! and the command line say, and turns the result into a [`Config`]. Everything that is true about a setting stands in its
//! row of [`TABLE`]; flags, validation, `--help`, `--print-config` and the reference page derive from it.
//! This crate knows no Python, opens no socket and starts no process; of the file system it only asks whether a path exists.

mod value;

mod source;

mod error;

mod setting;

mod kind;

mod table;

mod settings;

mod command_line;

mod peers;

mod config;

mod python;

mod reference;

pub use command_line::{CliExit, Parsed, parse_args, parse_command_args};
pub use config::{
    BodySpool, CertReqs, Config, HeaderMap, Http, Launch, Limits, LineFormat, LoggerClass, Logs, Owner,
    Process, ProxyMode, Reload, ReloadEngine, StatsdTarget, Tls, Trust, WorkerClass, Workers,
};
pub use error::SettingError;
pub use kind::{CliInt, Kind, OnNone, Words};
pub use peers::PeerList;
pub use python::print_config;
pub use reference::settings_reference;
pub use setting::{Default, Effect, FromEnvironment, Scope, Section, Setting, Since};
pub use settings::Settings;
pub use source::Source;
pub use table::{TABLE, setting};
pub use value::{Arity, Foreign, ForeignKind, Value};

/// Version of this package, as `--version` prints it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
