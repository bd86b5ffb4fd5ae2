//! Rows of the sections Logging and Process Naming.
//!
//! Data only; `table` joins the files. What the fields mean stands at [`Setting`].

use crate::kind::Kind;
use crate::setting::{Default, Scope, Section, Setting, Since};
use crate::table::words::LINE_FORMATS;

const LOGGING: Setting = Setting { section: Section::Logging, scope: Scope::Master, ..Setting::BASE };
const PROCESS_NAMING: Setting =
    Setting { section: Section::ProcessNaming, scope: Scope::Master, ..Setting::BASE };

/// Rows in the order of `--help`.
pub(super) const ROWS: [Setting; 23] = [
    Setting {
        name: "accesslog",
        flags: &["--access-logfile"],
        metavar: "FILE",
        scope: Scope::Worker,
        help: "File for the access log; - means standard output.\n\
               If not set, requests are not logged.",
        ..LOGGING
    },
    Setting {
        name: "disable_redirect_access_to_syslog",
        flags: &["--disable-redirect-access-to-syslog"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        scope: Scope::Worker,
        help: "Keep the access log out of syslog.",
        since: Since::Gunicorn(Some("19.8")),
        ..LOGGING
    },
    Setting {
        name: "access_log_format",
        flags: &["--access-logformat"],
        metavar: "STRING",
        default: Default::Text("%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s \"%(f)s\" \"%(a)s\""),
        scope: Scope::Worker,
        help: "Format of access lines, in Python's %(atom)s notation.",
        ..LOGGING
    },
    Setting {
        name: "errorlog",
        flags: &["--error-logfile", "--log-file"],
        metavar: "FILE",
        default: Default::Text("-"),
        help: "File for the error log; - means standard error.",
        ..LOGGING
    },
    Setting {
        name: "loglevel",
        flags: &["--log-level"],
        metavar: "LEVEL",
        default: Default::Text("info"),
        help: "Least severity that the error log shows: debug, info, warning, error or critical.\n\
               An unknown word means info.",
        ..LOGGING
    },
    Setting {
        name: "log_split",
        flags: &["--log-split"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Write debug and info lines of the error log to standard output, the others to standard error.\n\
               For platforms that take every line on standard error for an error. The error log must be `-`. What an \
               application writes to wsgi.errors stays on standard error.",
        since: Since::Tricorn("0.1"),
        ..LOGGING
    },
    Setting {
        name: "error_log_format",
        flags: &["--error-log-format"],
        metavar: "FORMAT",
        kind: Kind::Word(&LINE_FORMATS),
        default: Default::Text("text"),
        help: "What lines of the error log look like: text, or json for one JSON object per line.\n\
               An object has `time` (RFC 3339, local, with milliseconds), `level`, `pid`, `message`, and `traceback` if \
               there is one. Syslog messages, and a logger_class or logconfig with formats of its own, keep theirs.",
        since: Since::Tricorn("0.1"),
        ..LOGGING
    },
    Setting {
        name: "capture_output",
        flags: &["--capture-output"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Send standard output and standard error to the error log's file.",
        since: Since::Gunicorn(Some("19.6")),
        ..LOGGING
    },
    Setting {
        name: "logger_class",
        flags: &["--logger-class"],
        metavar: "STRING",
        kind: Kind::Class,
        default: Default::Text("tricorn.glogging.Logger"),
        help: "Class of the logger: a dotted path, or the class itself.\n\
               `gunicorn.glogging.Logger` and `simple` mean the default, which writes without Python. With any other \
               class, and with logconfig, logconfig_dict or logconfig_json, all lines go through Python's logging.",
        ..LOGGING
    },
    Setting {
        name: "logconfig",
        flags: &["--log-config"],
        metavar: "FILE",
        help: "Logging configuration file for Python's logging.config.fileConfig.",
        ..LOGGING
    },
    Setting {
        name: "logconfig_dict",
        kind: Kind::Dict,
        default: Default::Pairs(&[]),
        help: "Logging configuration as a dict for Python's logging.config.dictConfig.",
        since: Since::Gunicorn(Some("19.8")),
        ..LOGGING
    },
    Setting {
        name: "logconfig_json",
        flags: &["--log-config-json"],
        metavar: "FILE",
        help: "Logging configuration as a JSON file for Python's logging.config.dictConfig.",
        since: Since::Gunicorn(Some("20.0")),
        ..LOGGING
    },
    Setting {
        name: "syslog_addr",
        flags: &["--log-syslog-to"],
        metavar: "SYSLOG_ADDR",
        default: Default::Text("udp://localhost:514"),
        help: "Where syslog listens: unix://PATH[#dgram|#stream], udp://HOST:PORT or tcp://HOST:PORT.",
        ..LOGGING
    },
    Setting {
        name: "syslog",
        flags: &["--log-syslog"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Send the logs to syslog.",
        ..LOGGING
    },
    Setting {
        name: "syslog_prefix",
        flags: &["--log-syslog-prefix"],
        metavar: "SYSLOG_PREFIX",
        help: "Program name in syslog lines; if not set, the process name.",
        ..LOGGING
    },
    Setting {
        name: "syslog_facility",
        flags: &["--log-syslog-facility"],
        metavar: "SYSLOG_FACILITY",
        default: Default::Text("user"),
        help: "Facility of syslog lines: user, daemon, local0 ...",
        ..LOGGING
    },
    Setting {
        name: "enable_stdio_inheritance",
        flags: &["-R", "--enable-stdio-inheritance"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        scope: Scope::Launch,
        help: "In the background, keep standard output and error where they are, unless that is a terminal.",
        ..LOGGING
    },
    Setting {
        name: "statsd_host",
        flags: &["--statsd-host"],
        metavar: "STATSD_ADDR",
        kind: Kind::StatsdAddress,
        help: "Where statsd listens: HOST:PORT, [v6]:PORT or unix://PATH.\n\
               Requests, workers and logged problems are sent there as metrics, one UDP datagram each.",
        since: Since::Gunicorn(Some("19.1")),
        ..LOGGING
    },
    Setting {
        name: "dogstatsd_tags",
        flags: &["--dogstatsd-tags"],
        metavar: "DOGSTATSD_TAGS",
        default: Default::Text(""),
        help: "Tags for every metric, with commas.",
        since: Since::Gunicorn(Some("20.0")),
        ..LOGGING
    },
    Setting {
        name: "statsd_prefix",
        flags: &["--statsd-prefix"],
        metavar: "STATSD_PREFIX",
        default: Default::Text(""),
        help: "Prefix of every metric's name.",
        since: Since::Gunicorn(Some("19.2")),
        ..LOGGING
    },
    Setting {
        name: "enable_backlog_metric",
        flags: &["--enable-backlog-metric"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Send the length of the accept queue to statsd once a second, as the histogram gunicorn.backlog.",
        since: Since::Gunicorn(Some("24.1")),
        ..LOGGING
    },
    Setting {
        name: "proc_name",
        flags: &["-n", "--name"],
        metavar: "STRING",
        help: "Name in the process title; if not set, the application's name.",
        ..PROCESS_NAMING
    },
    Setting {
        name: "default_proc_name",
        default: Default::Text("tricorn"),
        help: "Name in the process title if proc_name is not set; the start sets it to the application's name.",
        ..PROCESS_NAMING
    },
];
