//! Rows of the sections Dirty Arbiters and Control.
//!
//! Data only; `table` joins the files. What the fields mean stands at [`Setting`].

use crate::kind::Kind;
use crate::setting::{Default, Effect, Scope, Section, Setting, Since};
use crate::table::words::{COUNT, OCTAL};

const DIRTY_ARBITERS: Setting =
    Setting { section: Section::DirtyArbiters, scope: Scope::Master, ..Setting::BASE };
const CONTROL: Setting = Setting { section: Section::Control, scope: Scope::Master, ..Setting::BASE };

/// Rows in the order of `--help`.
pub(super) const ROWS: [Setting; 8] = [
    Setting {
        name: "dirty_apps",
        flags: &["--dirty-app"],
        metavar: "STRING",
        kind: Kind::Texts,
        default: Default::Texts(&[]),
        effect: Effect::NotYet,
        help: "Application for the dirty workers, MODULE:CLASS[:N]; may be repeated.",
        since: Since::Gunicorn(Some("25.0")),
        ..DIRTY_ARBITERS
    },
    Setting {
        name: "dirty_workers",
        flags: &["--dirty-workers"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(0),
        effect: Effect::NotYet,
        help: "Number of dirty workers; 0 means none.",
        since: Since::Gunicorn(Some("25.0")),
        ..DIRTY_ARBITERS
    },
    Setting {
        name: "dirty_timeout",
        flags: &["--dirty-timeout"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(300),
        effect: Effect::NotYet,
        help: "Seconds a dirty task may run.",
        since: Since::Gunicorn(Some("25.0")),
        ..DIRTY_ARBITERS
    },
    Setting {
        name: "dirty_threads",
        flags: &["--dirty-threads"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(1),
        effect: Effect::NotYet,
        help: "Threads per dirty worker.",
        since: Since::Gunicorn(Some("25.0")),
        ..DIRTY_ARBITERS
    },
    Setting {
        name: "dirty_graceful_timeout",
        flags: &["--dirty-graceful-timeout"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(30),
        effect: Effect::NotYet,
        help: "Seconds dirty workers get to finish when they are stopped.",
        since: Since::Gunicorn(Some("25.0")),
        ..DIRTY_ARBITERS
    },
    Setting {
        name: "control_socket",
        flags: &["--control-socket"],
        metavar: "PATH",
        effect: Effect::NotYet,
        help: "Unix socket for commands to the running server.\n\
               Gunicorn opens one by default; this version opens none.",
        since: Since::Gunicorn(Some("25.1")),
        ..CONTROL
    },
    Setting {
        name: "control_socket_mode",
        flags: &["--control-socket-mode"],
        metavar: "INT",
        kind: OCTAL,
        default: Default::Int(0o600),
        effect: Effect::NotYet,
        help: "File mode of the control socket.",
        since: Since::Gunicorn(Some("25.1")),
        ..CONTROL
    },
    Setting {
        name: "control_socket_disable",
        flags: &["--no-control-socket"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        effect: Effect::Moot("no control socket is opened"),
        help: "Open no control socket.",
        since: Since::Gunicorn(Some("25.1")),
        ..CONTROL
    },
];
