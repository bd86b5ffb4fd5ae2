//! From the typed configuration to what the other rooms want to know: the master's plan, the engine's options, the logs'.
//! One function per room; nothing is decided here, only named differently.

use std::sync::Arc;

use pyo3::Python;
use tricorn_engine::http::proxy::ProxyMode as EngineProxyMode;
use tricorn_engine::http::{HeaderMap as EngineHeaderMap, Rules};
use tricorn_engine::{EngineOptions, Spool, TlsKeeper};
use tricorn_logs::{
    AccessFormat, AccessLog, AccessLogOptions, ErrorLog, ErrorLogOptions, Level, LineFormat, Owner, Statsd,
    StatsdAddress, StatsdOptions, SyslogOptions,
};
use tricorn_master::{BindAddress, Plan, WorkerKind};
use tricorn_settings::{BodySpool, Config, HeaderMap, ProxyMode, Settings, StatsdTarget, WorkerClass};

use crate::owner::{group_id, user_id};
use crate::python_log::PythonLog;

/// What the master needs.
pub fn master_plan(config: &Config, settings: &Settings, class_name: &str) -> Result<Plan, String> {
    let mut binds = Vec::new();
    for text in &config.process.bind {
        let bind: BindAddress =
            text.parse().map_err(|error| settings.refuse("bind", format!("{error}")).to_string())?;
        binds.push(bind);
    }
    let is_sync = config.workers.class == WorkerClass::Sync;
    Ok(Plan {
        binds,
        backlog: config.process.backlog,
        reuse_port: config.process.reuse_port,
        workers: config.workers.count.max(1),
        runners_per_worker: config.workers.threads,
        timeout: config.workers.timeout,
        graceful_timeout: config.workers.graceful_timeout,
        boot_timeout: config.workers.boot_timeout,
        kind: if is_sync { WorkerKind::Sync } else { WorkerKind::Threads },
        pidfile: config.process.pidfile.clone(),
        daemon: config.launch.daemon,
        keep_stdio: config.launch.enable_stdio_inheritance,
        user: Some(user_id(config, settings)?),
        group: Some(group_id(config, settings)?),
        initgroups: config.process.initgroups,
        umask: config.process.umask,
        is_tls: config.tls.is_some(),
        proc_name: config.process.proc_name.clone(),
        worker_class_name: class_name.to_owned(),
    })
}

/// What the engine of one worker needs.
pub fn engine_options(config: &Config, tls: Option<Arc<TlsKeeper>>) -> EngineOptions {
    let (limits, http, trust) = (&config.limits, &config.http, &config.trust);
    let forwarded = trust.forwarded_allow_ips.clone();
    let proxies = trust.proxy_allow_ips.clone();
    let spool = match http.body_spool {
        BodySpool::File => Spool::File(http.spool_directory.clone().unwrap_or_else(std::env::temp_dir)),
        BodySpool::Stream => Spool::Stream,
    };
    EngineOptions {
        rules: rules(config),
        header_timeout: limits.header_timeout,
        body_timeout: limits.body_timeout,
        write_timeout: limits.write_timeout,
        keep_alive: limits.keepalive,
        body_buffer_bytes: limits.body_buffer_bytes,
        spool,
        response_buffer_bytes: limits.response_buffer_bytes,
        response_batch: limits.response_batch,
        connections_max: config.workers.connections.max(config.workers.threads),
        tls,
        proxy: match trust.proxy_protocol {
            ProxyMode::Off => None,
            ProxyMode::V1 => Some(EngineProxyMode::V1),
            ProxyMode::V2 => Some(EngineProxyMode::V2),
            ProxyMode::Auto => Some(EngineProxyMode::Auto),
        },
        // Unix-socket peers are on this machine and passed its file permissions: trusted, as in Gunicorn.
        may_proxy: Box::new(move |ip| ip.is_none_or(|ip| proxies.contains(ip))),
        is_trusted: Box::new(move |ip| ip.is_none_or(|ip| forwarded.contains(ip))),
        server: "tricorn",
    }
}

fn rules(config: &Config) -> Rules {
    let (limits, http, trust) = (&config.limits, &config.http, &config.trust);
    Rules {
        request_line_bytes_max: limits.request_line_bytes.unwrap_or(0),
        fields_max: limits.request_fields,
        field_bytes_max: limits.field_bytes,
        body_bytes_max: limits.body_bytes.unwrap_or(0),
        permit_obsolete_folding: http.permit_obsolete_folding,
        strip_header_spaces: http.strip_header_spaces,
        permit_unconventional_http_method: http.permit_unconventional_method,
        permit_unconventional_http_version: http.permit_unconventional_version,
        casefold_http_method: http.casefold_method,
        permit_missing_host: http.permit_missing_host,
        header_map: match http.header_map {
            HeaderMap::Drop => EngineHeaderMap::Drop,
            HeaderMap::Refuse => EngineHeaderMap::Refuse,
            HeaderMap::Dangerous => EngineHeaderMap::Dangerous,
        },
        forwarder_headers: trust.forwarder_headers.iter().map(|name| name.clone().into_bytes()).collect(),
        secure_scheme_headers: trust
            .secure_scheme_headers
            .iter()
            .map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes()))
            .collect(),
    }
}

/// The logs, open.
pub struct OpenLogs {
    pub errors: Arc<ErrorLog>,
    pub access: Option<AccessLog>,
    /// Who sends metrics, if they are not sent in Python.
    pub statsd: Option<Arc<Statsd>>,
    /// The logger behind `errors`, if it is one in Python; then it has the access lines as well.
    pub python: Option<Arc<PythonLog>>,
    /// What should be said once the logs are in use.
    pub remarks: Vec<String>,
}

impl OpenLogs {
    /// Logs whose lines are written by a logger in Python.
    pub fn in_python(py: Python<'_>, python: Arc<PythonLog>) -> OpenLogs {
        let errors = Arc::new(python.error_log(py));
        OpenLogs { errors, access: None, statsd: None, python: Some(python), remarks: Vec::new() }
    }
}

/// Opens the logs of a configuration. The error is one line that names the setting.
pub fn open_logs(config: &Config, settings: &Settings) -> Result<OpenLogs, String> {
    let logs = &config.logs;
    let owner = Some(Owner { uid: user_id(config, settings)?, gid: group_id(config, settings)? });
    let syslog = syslog_options(config, settings)?;
    let format = AccessFormat::compile(&logs.access_log_format)
        .map_err(|error| settings.refuse("access_log_format", error.to_string()).to_string())?;
    let (statsd, remark) = statsd(config).map(|options| Statsd::open(&options)).unzip();
    let statsd = statsd.map(Arc::new);
    let errors = ErrorLog::open(&ErrorLogOptions {
        errorlog: logs.errorlog.clone(),
        is_split: logs.is_split,
        format: line_format(config),
        level: Level::from_setting(&logs.loglevel),
        owner,
        syslog: syslog.clone(),
        statsd: statsd.clone(),
    });
    let errors = errors.map_err(|error| error.to_string())?;
    let access_syslog = syslog.filter(|_| !logs.disable_redirect_access_to_syslog);
    let access = AccessLog::open(AccessLogOptions {
        accesslog: logs.accesslog.clone(),
        format,
        owner,
        syslog: access_syslog,
    });
    let access = access.map_err(|error| error.to_string())?;
    let access = Some(access).filter(AccessLog::is_enabled);
    let remarks = remark.flatten().into_iter().collect();
    Ok(OpenLogs { errors: Arc::new(errors), access, statsd, python: None, remarks })
}

/// What lines of the error log look like.
pub fn line_format(config: &Config) -> LineFormat {
    match config.logs.format {
        tricorn_settings::LineFormat::Text => LineFormat::Text,
        tricorn_settings::LineFormat::Json => LineFormat::Json,
    }
}

fn statsd(config: &Config) -> Option<StatsdOptions> {
    let logs = &config.logs;
    let address = match logs.statsd.clone()? {
        StatsdTarget::Udp(host, port) => StatsdAddress::Udp(host, port),
        StatsdTarget::Unix(path) => StatsdAddress::Unix(path),
    };
    Some(StatsdOptions { address, prefix: logs.statsd_prefix.clone(), tags: logs.dogstatsd_tags.clone() })
}

fn syslog_options(config: &Config, settings: &Settings) -> Result<Option<SyslogOptions>, String> {
    let logs = &config.logs;
    if !logs.syslog {
        return Ok(None);
    }
    let options = SyslogOptions::from_settings(
        &logs.syslog_addr,
        &logs.syslog_facility,
        logs.syslog_prefix.as_deref(),
        &config.process.proc_name,
    );
    options.map(Some).map_err(|error| settings.refuse(error.setting(), error.to_string()).to_string())
}
