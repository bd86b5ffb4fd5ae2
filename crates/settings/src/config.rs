//! The typed configuration: every setting this version acts upon, in the type its user needs.
//!
//! Made by the bridge from filled `Settings`, at start and at each reload, then read by everybody. Values that depend on each
//! other are checked here; each value by itself was checked by its kind. Addresses, log formats, users and syslog facilities
//! stay text: the room that uses them parses them, and [`Settings::refuse`] words its refusal.

mod choices;

mod reader;

use std::path::PathBuf;
use std::time::Duration;

use crate::config::reader::Reader;
use crate::error::SettingError;
use crate::kind::{Kind, StatsdAddress, statsd_address};
use crate::peers::PeerList;
use crate::settings::Settings;
use crate::table::TABLE;
use crate::value::Value;

pub use choices::{
    BodySpool, CertReqs, HeaderMap, LineFormat, LoggerClass, Owner, ProxyMode, ReloadEngine, StatsdTarget,
    WorkerClass,
};

/// Most workers, and most threads of a worker: far above every use, below what a slip of the finger would allocate.
const POPULATION_MAX: usize = 10_000;
/// Longest request line, Gunicorn's `MAX_REQUEST_LINE`.
const REQUEST_LINE_BYTES_MAX: usize = 8190;
/// Most header fields, Gunicorn's `MAX_HEADERS`.
const REQUEST_FIELDS_MAX: usize = 32_768;
/// Gunicorn's `DEFAULT_MAX_HEADERFIELD_SIZE`, which 0 means.
const FIELD_BYTES_DEFAULT: usize = 8190;

/// The settings of one generation of the server.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the command does before there is a server.
    pub launch: Launch,
    /// The master and its sockets.
    pub process: Process,
    /// How many workers, of what class, living how long.
    pub workers: Workers,
    /// Sizes and deadlines of requests and responses.
    pub limits: Limits,
    /// What is accepted as HTTP, and how bodies travel.
    pub http: Http,
    /// Whose word counts.
    pub trust: Trust,
    /// How connections are secured; `None` is plain.
    pub tls: Option<Tls>,
    /// Where logs go.
    pub logs: Logs,
    /// The hooks that somebody set and that are acted upon, in the order of the table: a `Value::Foreign`, or a
    /// `Value::Str` with the dotted path to import.
    pub hooks: Vec<(&'static str, Value)>,
}

/// What the command does before there is a server.
#[derive(Clone, Debug)]
pub struct Launch {
    /// `wsgi_app`: MODULE:VARIABLE, used if the command line names none.
    pub wsgi_app: Option<String>,
    /// `check_config`.
    pub check_config: bool,
    /// `print_config`.
    pub print_config: bool,
    /// `chdir`: absolute, existed when it was set.
    pub chdir: PathBuf,
    /// `pythonpath`: directories, to be made absolute after `chdir`.
    pub pythonpath: Vec<String>,
    /// `raw_env`: names are not empty, neither side contains a NUL.
    pub env: Vec<(String, String)>,
    /// `preload_app`.
    pub preload_app: bool,
    /// `daemon`.
    pub daemon: bool,
    /// `enable_stdio_inheritance`.
    pub enable_stdio_inheritance: bool,
}

/// The master and its sockets.
#[derive(Clone, Debug)]
pub struct Process {
    /// `bind`: at least one address, as text.
    pub bind: Vec<String>,
    /// `backlog`: fits the `int` of listen(2).
    pub backlog: u32,
    /// `reuse_port`.
    pub reuse_port: bool,
    /// `pidfile`.
    pub pidfile: Option<PathBuf>,
    /// `user`.
    pub user: Owner,
    /// `group`.
    pub group: Owner,
    /// `initgroups`.
    pub initgroups: bool,
    /// `umask`: 0 to 0o777.
    pub umask: u32,
    /// `proc_name`, or `default_proc_name` if it is not set.
    pub proc_name: String,
}

/// How many workers, of what class, living how long.
#[derive(Clone, Debug)]
pub struct Workers {
    /// `workers`: 0 to 10,000.
    pub count: usize,
    /// `worker_class`, after `threads` turned sync into gthread.
    pub class: WorkerClass,
    /// `threads`: 1 to 10,000 with gthread, else 1.
    pub threads: usize,
    /// `worker_connections`: 1 or more with gthread; means nothing to sync.
    pub connections: usize,
    /// `max_requests`; `None` is for ever.
    pub max_requests: Option<u64>,
    /// `max_requests_jitter`.
    pub max_requests_jitter: u64,
    /// `timeout`; `None` is for ever.
    pub timeout: Option<Duration>,
    /// `graceful_timeout`; zero means at once.
    pub graceful_timeout: Duration,
    /// `boot_timeout`; `None` is for ever.
    pub boot_timeout: Option<Duration>,
    /// `request_timeout`; `None` is for ever.
    pub request_timeout: Option<Duration>,
    /// `reload`, and how; `None` is off.
    pub reload: Option<Reload>,
    /// `spew`.
    pub spew: bool,
}

/// Which files are watched, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// `reload_engine`.
    pub engine: ReloadEngine,
    /// `reload_extra_files`: paths and patterns, as written.
    pub extra_files: Vec<String>,
}

/// Sizes and deadlines of requests and responses.
#[derive(Clone, Debug)]
pub struct Limits {
    /// `limit_request_line` in bytes without the line end, at most 8190; `None` is no limit.
    pub request_line_bytes: Option<usize>,
    /// `limit_request_fields`: 1 to 32,768.
    pub request_fields: usize,
    /// `limit_request_field_size` in bytes with the line end, 1 or more.
    pub field_bytes: usize,
    /// `limit_request_body` in bytes; `None` is no limit.
    pub body_bytes: Option<u64>,
    /// `body_buffer` in bytes.
    pub body_buffer_bytes: usize,
    /// `response_buffer` in bytes.
    pub response_buffer_bytes: usize,
    /// `response_batch`: 1 to 64.
    pub response_batch: usize,
    /// `keepalive`; `None` closes after each response.
    pub keepalive: Option<Duration>,
    /// `header_timeout`; `None` is for ever.
    pub header_timeout: Option<Duration>,
    /// `body_timeout`; `None` is for ever.
    pub body_timeout: Option<Duration>,
    /// `write_timeout`; `None` is for ever.
    pub write_timeout: Option<Duration>,
}

/// What is accepted as HTTP, and how bodies travel.
#[derive(Clone, Debug)]
pub struct Http {
    /// `permit_obsolete_folding`.
    pub permit_obsolete_folding: bool,
    /// `strip_header_spaces`.
    pub strip_header_spaces: bool,
    /// `permit_unconventional_http_method`.
    pub permit_unconventional_method: bool,
    /// `permit_unconventional_http_version`.
    pub permit_unconventional_version: bool,
    /// `permit_missing_host`.
    pub permit_missing_host: bool,
    /// `casefold_http_method`.
    pub casefold_method: bool,
    /// `header_map`.
    pub header_map: HeaderMap,
    /// `body_spool`.
    pub body_spool: BodySpool,
    /// `tmp_upload_dir`: directory of spool files; `None` is the system's.
    pub spool_directory: Option<PathBuf>,
    /// `sendfile`, and the environment variable of that name.
    pub sendfile: bool,
}

/// Whose word counts.
#[derive(Clone, Debug)]
pub struct Trust {
    /// `forwarded_allow_ips`.
    pub forwarded_allow_ips: PeerList,
    /// `forwarder_headers`: names as environ spells them, or `*`.
    pub forwarder_headers: Vec<String>,
    /// `secure_scheme_headers`: upper-case name and the value that means https.
    pub secure_scheme_headers: Vec<(String, String)>,
    /// `proxy_protocol`.
    pub proxy_protocol: ProxyMode,
    /// `proxy_allow_ips`.
    pub proxy_allow_ips: PeerList,
}

/// How connections are secured. Whether the files are good, those find out who load them.
#[derive(Clone, Debug)]
pub struct Tls {
    /// `certfile`; `None` is an error unless `ssl_context` loads another.
    pub certfile: Option<PathBuf>,
    /// `keyfile`; `None`: in the certificate's file.
    pub keyfile: Option<PathBuf>,
    /// `ca_certs`.
    pub ca_certs: Option<PathBuf>,
    /// `cert_reqs`.
    pub cert_reqs: CertReqs,
    /// `ciphers`: an OpenSSL cipher list.
    pub ciphers: Option<String>,
}

/// Where logs go.
#[derive(Clone, Debug)]
pub struct Logs {
    /// `accesslog`: a path, or `-`; `None` is off.
    pub accesslog: Option<String>,
    /// `access_log_format`.
    pub access_log_format: String,
    /// `errorlog`: a path, or `-`; `None` is off.
    pub errorlog: Option<String>,
    /// `loglevel`, as the user wrote it; unknown words mean info.
    pub loglevel: String,
    /// `log_split`: only with an error log that is standard error.
    pub is_split: bool,
    /// `error_log_format`.
    pub format: LineFormat,
    /// `capture_output`.
    pub capture_output: bool,
    /// `syslog`.
    pub syslog: bool,
    /// `syslog_addr`.
    pub syslog_addr: String,
    /// `syslog_prefix`.
    pub syslog_prefix: Option<String>,
    /// `syslog_facility`.
    pub syslog_facility: String,
    /// `disable_redirect_access_to_syslog`.
    pub disable_redirect_access_to_syslog: bool,
    /// `logger_class`.
    pub logger_class: LoggerClass,
    /// `logconfig`, `logconfig_json` or `logconfig_dict` is set: Python's logging is set up by it.
    pub has_logconfig: bool,
    /// `statsd_host`; `None` sends no metrics.
    pub statsd: Option<StatsdTarget>,
    /// `statsd_prefix`.
    pub statsd_prefix: String,
    /// `dogstatsd_tags`.
    pub dogstatsd_tags: String,
    /// `enable_backlog_metric`.
    pub enable_backlog_metric: bool,
}

impl Config {
    /// The typed configuration.
    ///
    /// # Errors
    /// Values that do not fit together, or that are beyond what the system can do. The error names the setting, its value and
    /// where it came from.
    pub fn from_settings(settings: &Settings) -> Result<Config, SettingError> {
        let read = Reader::new(settings);
        Ok(Config {
            launch: launch(&read)?,
            process: process(&read)?,
            workers: workers(&read)?,
            limits: limits(&read)?,
            http: http(&read)?,
            trust: trust(&read)?,
            tls: tls(&read)?,
            logs: logs(&read)?,
            hooks: hooks(settings),
        })
    }
}

fn launch(read: &Reader) -> Result<Launch, SettingError> {
    let pythonpath = read.text("pythonpath").filter(|path| !path.is_empty());
    Ok(Launch {
        wsgi_app: read.text("wsgi_app"),
        check_config: read.flag("check_config"),
        print_config: read.flag("print_config"),
        chdir: PathBuf::from(read.needed_text("chdir")?),
        pythonpath: pythonpath.iter().flat_map(|path| path.split(',')).map(str::to_owned).collect(),
        env: read.list("raw_env").iter().map(|entry| env_entry(read, entry)).collect::<Result<_, _>>()?,
        preload_app: read.flag("preload_app"),
        daemon: read.flag("daemon"),
        enable_stdio_inheritance: read.flag("enable_stdio_inheritance"),
    })
}

fn env_entry(read: &Reader, entry: &str) -> Result<(String, String), SettingError> {
    match entry.split_once('=') {
        Some((name, value)) if !name.is_empty() && !entry.contains('\0') => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err(read.refuse("raw_env", format!("'{}' is not NAME=VALUE", entry.escape_debug()))),
    }
}

fn process(read: &Reader) -> Result<Process, SettingError> {
    let bind = read.list("bind").to_vec();
    if bind.is_empty() {
        return Err(read.refuse("bind", "must name at least one address"));
    }
    Ok(Process {
        bind,
        backlog: read.at_most("backlog", i32::MAX as usize)? as u32,
        reuse_port: read.flag("reuse_port"),
        pidfile: read.path("pidfile"),
        user: read.owner("user"),
        group: read.owner("group"),
        initgroups: read.flag("initgroups"),
        umask: umask(read)?,
        proc_name: read
            .text("proc_name")
            .or_else(|| read.text("default_proc_name"))
            .unwrap_or_else(|| "tricorn".to_owned()),
    })
}

fn umask(read: &Reader) -> Result<u32, SettingError> {
    let mask = u32::try_from(read.number("umask")).ok().filter(|mask| *mask <= 0o777);
    mask.ok_or_else(|| read.refuse("umask", "must be at most 0o777"))
}

fn workers(read: &Reader) -> Result<Workers, SettingError> {
    let threads = read.at_most("threads", POPULATION_MAX)?;
    let connections = read.size("worker_connections")?;
    let class = WorkerClass::of(read.value("worker_class"), threads);
    if class == WorkerClass::Gthread && threads == 0 {
        return Err(read.refuse("threads", "must be 1 or more with the worker class gthread"));
    }
    if class == WorkerClass::Gthread && connections == 0 {
        return Err(read.refuse("worker_connections", "must be 1 or more with the worker class gthread"));
    }
    Ok(Workers {
        count: read.at_most("workers", POPULATION_MAX)?,
        threads: if class == WorkerClass::Gthread { threads } else { 1 },
        class,
        connections,
        max_requests: Some(read.number("max_requests")).filter(|requests| *requests > 0),
        max_requests_jitter: read.number("max_requests_jitter"),
        timeout: read.deadline("timeout")?,
        graceful_timeout: read.deadline("graceful_timeout")?.unwrap_or(Duration::ZERO),
        boot_timeout: read.deadline("boot_timeout")?,
        request_timeout: read.deadline("request_timeout")?,
        reload: reload(read)?,
        spew: read.flag("spew"),
    })
}

fn reload(read: &Reader) -> Result<Option<Reload>, SettingError> {
    if !read.flag("reload") {
        return Ok(None);
    }
    let engine = ReloadEngine::of(&read.needed_text("reload_engine")?);
    Ok(Some(Reload { engine, extra_files: read.list("reload_extra_files").to_vec() }))
}

fn limits(read: &Reader) -> Result<Limits, SettingError> {
    let line = read.size("limit_request_line")?;
    let fields = read.size("limit_request_fields")?;
    let field = read.size("limit_request_field_size")?;
    Ok(Limits {
        request_line_bytes: (line > 0).then_some(line.min(REQUEST_LINE_BYTES_MAX)),
        request_fields: if fields == 0 { REQUEST_FIELDS_MAX } else { fields.min(REQUEST_FIELDS_MAX) },
        field_bytes: if field == 0 { FIELD_BYTES_DEFAULT } else { field },
        body_bytes: Some(read.number("limit_request_body")).filter(|bytes| *bytes > 0),
        body_buffer_bytes: read.size("body_buffer")?,
        response_buffer_bytes: read.size("response_buffer")?,
        response_batch: read.size("response_batch")?,
        keepalive: read.deadline("keepalive")?,
        header_timeout: read.deadline("header_timeout")?,
        body_timeout: read.deadline("body_timeout")?,
        write_timeout: read.deadline("write_timeout")?,
    })
}

fn http(read: &Reader) -> Result<Http, SettingError> {
    Ok(Http {
        permit_obsolete_folding: read.flag("permit_obsolete_folding"),
        strip_header_spaces: read.flag("strip_header_spaces"),
        permit_unconventional_method: read.flag("permit_unconventional_http_method"),
        permit_unconventional_version: read.flag("permit_unconventional_http_version"),
        permit_missing_host: read.flag("permit_missing_host"),
        casefold_method: read.flag("casefold_http_method"),
        header_map: HeaderMap::of(read.text("header_map").as_deref()),
        body_spool: BodySpool::of(&read.needed_text("body_spool")?),
        spool_directory: read.path("tmp_upload_dir"),
        sendfile: *read.value("sendfile") != Value::Bool(false),
    })
}

fn trust(read: &Reader) -> Result<Trust, SettingError> {
    let secure_scheme_headers = match read.value("secure_scheme_headers") {
        Value::Map(pairs) => pairs.clone(),
        _ => Vec::new(),
    };
    Ok(Trust {
        forwarded_allow_ips: read.peers("forwarded_allow_ips")?,
        forwarder_headers: read.list("forwarder_headers").to_vec(),
        secure_scheme_headers,
        proxy_protocol: ProxyMode::of(&read.needed_text("proxy_protocol")?),
        proxy_allow_ips: read.peers("proxy_allow_ips")?,
    })
}

/// A certificate or a key makes it HTTPS, as in Gunicorn (`Config.is_ssl`).
fn tls(read: &Reader) -> Result<Option<Tls>, SettingError> {
    let cert_reqs = CertReqs::of(read.number("cert_reqs"))
        .ok_or_else(|| read.refuse("cert_reqs", "must be 0 (none), 1 (optional) or 2 (required)"))?;
    let (certfile, keyfile) = (read.path("certfile"), read.path("keyfile"));
    if certfile.is_none() && keyfile.is_none() {
        return Ok(None);
    }
    Ok(Some(Tls {
        certfile,
        keyfile,
        ca_certs: read.path("ca_certs"),
        cert_reqs,
        ciphers: read.text("ciphers").filter(|list| !list.is_empty()),
    }))
}

fn logs(read: &Reader) -> Result<Logs, SettingError> {
    Ok(Logs {
        accesslog: read.text("accesslog"),
        access_log_format: read.needed_text("access_log_format")?,
        errorlog: read.text("errorlog"),
        loglevel: read.needed_text("loglevel")?,
        is_split: is_split(read)?,
        format: LineFormat::of(&read.needed_text("error_log_format")?),
        capture_output: read.flag("capture_output"),
        syslog: read.flag("syslog"),
        syslog_addr: read.needed_text("syslog_addr")?,
        syslog_prefix: read.text("syslog_prefix"),
        syslog_facility: read.needed_text("syslog_facility")?,
        disable_redirect_access_to_syslog: read.flag("disable_redirect_access_to_syslog"),
        logger_class: LoggerClass::of(read.value("logger_class")),
        has_logconfig: has_logconfig(read),
        statsd: statsd(read)?,
        statsd_prefix: read.text("statsd_prefix").unwrap_or_default(),
        dogstatsd_tags: read.text("dogstatsd_tags").unwrap_or_default(),
        enable_backlog_metric: read.flag("enable_backlog_metric"),
    })
}

/// A log that is a file has no second half.
fn is_split(read: &Reader) -> Result<bool, SettingError> {
    if !read.flag("log_split") {
        return Ok(false);
    }
    match read.text("errorlog").as_deref() {
        Some("-") => Ok(true),
        _ => Err(read.refuse("log_split", "needs the error log on standard error (errorlog '-')")),
    }
}

fn has_logconfig(read: &Reader) -> bool {
    let has_dict = match read.value("logconfig_dict") {
        Value::Map(pairs) => !pairs.is_empty(),
        Value::Foreign(_) => true,
        _ => false,
    };
    let is_text = |name| read.text(name).is_some_and(|text| !text.is_empty());
    has_dict || is_text("logconfig") || is_text("logconfig_json")
}

fn statsd(read: &Reader) -> Result<Option<StatsdTarget>, SettingError> {
    let Some(text) = read.text("statsd_host") else { return Ok(None) };
    let wrong = || read.refuse("statsd_host", "must be HOST:PORT, [v6]:PORT or unix://PATH");
    match statsd_address(&text) {
        Some(StatsdAddress::Udp(host, port)) => {
            let port = u16::try_from(port).map_err(|_| wrong())?;
            Ok(Some(StatsdTarget::Udp(host, port)))
        }
        Some(StatsdAddress::Unix(path)) if !path.is_empty() => {
            Ok(Some(StatsdTarget::Unix(PathBuf::from(path))))
        }
        _ => Err(wrong()),
    }
}

fn hooks(settings: &Settings) -> Vec<(&'static str, Value)> {
    let hooks =
        TABLE.iter().filter(|row| matches!(row.kind, Kind::Hook(_)) && row.effect == crate::Effect::Active);
    let set = hooks
        .map(|row| (row.name, settings.value(row.name).clone()))
        .filter(|(_, value)| *value != Value::None);
    set.collect()
}

#[cfg(test)]
mod tests;
