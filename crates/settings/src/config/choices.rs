//! The settings that are a choice, as enums.
//!
//! Their kinds have accepted the words already; the functions here only name them.

use std::path::PathBuf;

use crate::value::Value;

/// `worker_class`: how workers run the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerClass {
    /// One thread runs the application.
    Sync,
    /// Several threads run it.
    Gthread,
    /// A class of somebody else, by the name the user gave it. The bridge finds it, or refuses it.
    Other(String),
}

impl WorkerClass {
    /// The names of the classes that are built in.
    pub const AVAILABLE: [&'static str; 2] = ["sync", "gthread"];

    /// The class a value of `worker_class` names: an alias, `egg:DIST#NAME`, or the import path of Gunicorn's or Tricorn's
    /// class. More than one thread turns the sync class into gthread (Gunicorn, `Config.worker_class`).
    pub fn of(value: &Value, threads: usize) -> WorkerClass {
        let name = match value {
            Value::Str(name) => name.as_str(),
            Value::Foreign(class) => return WorkerClass::Other(class.label.clone()),
            _ => return WorkerClass::Other("None".to_owned()),
        };
        match alias_of(name) {
            Some("sync") if threads > 1 => WorkerClass::Gthread,
            Some("sync") => WorkerClass::Sync,
            Some("gthread") => WorkerClass::Gthread,
            _ => WorkerClass::Other(name.to_owned()),
        }
    }

    /// The name in "Using worker: NAME".
    pub fn name(&self) -> &str {
        match self {
            WorkerClass::Sync => "sync",
            WorkerClass::Gthread => "gthread",
            WorkerClass::Other(name) => name,
        }
    }
}

/// The alias that a spelling of a worker class stands for.
fn alias_of(name: &str) -> Option<&str> {
    if let Some((distribution, alias)) = name.strip_prefix("egg:").and_then(|rest| rest.split_once('#')) {
        return matches!(distribution, "gunicorn" | "tricorn").then_some(alias);
    }
    let path = name.strip_prefix("gunicorn.workers.").or_else(|| name.strip_prefix("tricorn.workers."));
    match path {
        Some("sync.SyncWorker") => Some("sync"),
        Some("gthread.ThreadWorker") => Some("gthread"),
        Some(_) => None,
        None => Some(name),
    }
}

/// `logger_class`: who writes the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggerClass {
    /// The logs crate.
    Native,
    /// A class of the user's, by dotted path or ticket.
    Custom(Value),
}

impl LoggerClass {
    /// `simple`, and Gunicorn's and our own path of the class, mean the default.
    pub(super) fn of(value: &Value) -> LoggerClass {
        match value {
            Value::None => LoggerClass::Native,
            Value::Str(name)
                if matches!(
                    name.as_str(),
                    "simple" | "gunicorn.glogging.Logger" | "tricorn.glogging.Logger"
                ) =>
            {
                LoggerClass::Native
            }
            other => LoggerClass::Custom(other.clone()),
        }
    }
}

/// `reload_engine`: how changed files are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadEngine {
    /// The kernel tells, and every file is looked at once a second.
    Auto,
    /// Every file is looked at once a second.
    Poll,
    /// The kernel tells.
    Inotify,
}

impl ReloadEngine {
    pub(super) fn of(word: &str) -> ReloadEngine {
        match word {
            "poll" => ReloadEngine::Poll,
            "inotify" => ReloadEngine::Inotify,
            _ => ReloadEngine::Auto,
        }
    }
}

/// `statsd_host`: where metrics go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatsdTarget {
    /// Host and UDP port.
    Udp(String, u16),
    /// Path of a unix datagram socket.
    Unix(PathBuf),
}

/// `header_map`: what happens to header names with underscores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderMap {
    /// They are left out.
    Drop,
    /// The request is answered 400.
    Refuse,
    /// They are passed on, indistinguishable from names with hyphens.
    Dangerous,
}

impl HeaderMap {
    /// `None` refuses, as in Gunicorn, where it falls through to the safe side.
    pub(super) fn of(word: Option<&str>) -> HeaderMap {
        match word {
            Some("drop") => HeaderMap::Drop,
            Some("dangerous") => HeaderMap::Dangerous,
            _ => HeaderMap::Refuse,
        }
    }
}

/// `proxy_protocol`: whether connections begin with a PROXY header, and of which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyMode {
    /// They do not.
    Off,
    /// Version 1, text.
    V1,
    /// Version 2, binary.
    V2,
    /// Either.
    Auto,
}

impl ProxyMode {
    pub(super) fn of(word: &str) -> ProxyMode {
        match word {
            "v1" => ProxyMode::V1,
            "v2" => ProxyMode::V2,
            "auto" => ProxyMode::Auto,
            _ => ProxyMode::Off,
        }
    }
}

/// `cert_reqs`: whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertReqs {
    /// 0: they are not.
    Ignored,
    /// 1: they are; one that is sent must be good.
    Optional,
    /// 2: a client without a good one is refused.
    Required,
}

impl CertReqs {
    /// Python's `ssl.CERT_NONE`, `CERT_OPTIONAL` and `CERT_REQUIRED`; `None` for every other number.
    pub fn of(number: u64) -> Option<CertReqs> {
        match number {
            0 => Some(CertReqs::Ignored),
            1 => Some(CertReqs::Optional),
            2 => Some(CertReqs::Required),
            _ => None,
        }
    }
}

/// `body_spool`: where a request body goes that is longer than `body_buffer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodySpool {
    /// Into a file; the application is called when the body is complete.
    File,
    /// Nowhere; the application is called at once and reads from the connection.
    Stream,
}

impl BodySpool {
    pub(super) fn of(word: &str) -> BodySpool {
        if word == "stream" { BodySpool::Stream } else { BodySpool::File }
    }
}

/// `error_log_format`: what lines of the error log look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// Gunicorn's text.
    Text,
    /// One JSON object each.
    Json,
}

impl LineFormat {
    pub(super) fn of(word: &str) -> LineFormat {
        if word == "json" { LineFormat::Json } else { LineFormat::Text }
    }
}

/// `user` or `group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A number; it need not exist in the system's tables.
    Id(u32),
    /// A name, still to be looked up.
    Name(String),
}
