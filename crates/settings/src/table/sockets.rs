//! Rows of the sections Config File and Server Socket.
//!
//! Data only; `table` joins the files. What the fields mean stands at [`Setting`].

use crate::kind::Kind;
use crate::setting::{Default, FromEnvironment, Scope, Section, Setting, Since};
use crate::table::environment;
use crate::table::words::COUNT;

const CONFIG_FILE: Setting = Setting { section: Section::ConfigFile, scope: Scope::Launch, ..Setting::BASE };
const SERVER_SOCKET: Setting =
    Setting { section: Section::ServerSocket, scope: Scope::Master, ..Setting::BASE };

/// Rows in the order of `--help`.
pub(super) const ROWS: [Setting; 4] = [
    Setting {
        name: "config",
        flags: &["-c", "--config"],
        metavar: "CONFIG",
        default: Default::Text("./gunicorn.conf.py"),
        help: "Config file to execute: PATH, file:PATH or python:MODULE.\n\
               Only the command line and GUNICORN_CMD_ARGS are asked; inside a config file it has no effect. \
               Without it, `tricorn.conf.py` or `gunicorn.conf.py` in the directory of the start is used if \
               there is one.",
        ..CONFIG_FILE
    },
    Setting {
        name: "wsgi_app",
        metavar: "STRING",
        scope: Scope::Worker,
        help: "The application as MODULE:VARIABLE, used if the command line names none.",
        since: Since::Gunicorn(Some("20.1")),
        ..CONFIG_FILE
    },
    Setting {
        name: "bind",
        flags: &["-b", "--bind"],
        metavar: "ADDRESS",
        kind: Kind::Texts,
        default: Default::Texts(&["127.0.0.1:8000"]),
        environment: Some(FromEnvironment { variable: "PORT", value: environment::bind_of_port }),
        help: "Address to listen on: HOST, HOST:PORT, [v6]:PORT, unix:PATH or fd://N; may be repeated.\n\
               The port is 8000 if none is given, an empty host means all IPv4 addresses. If one address is \
               `fd://`, the others are ignored.",
        ..SERVER_SOCKET
    },
    Setting {
        name: "backlog",
        flags: &["--backlog"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(2048),
        help: "Connections that may wait in the kernel until a worker accepts them.",
        ..SERVER_SOCKET
    },
];
