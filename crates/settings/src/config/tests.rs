//! From settings to types, and the checks across settings.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::config::{BodySpool, CertReqs, Config, HeaderMap, Owner, ProxyMode, WorkerClass};
use crate::error::SettingError;
use crate::settings::Settings;
use crate::source::Source;
use crate::value::{Foreign, ForeignKind, Value};

fn config(values: &[(&str, Value)]) -> Result<Config, SettingError> {
    let mut settings = Settings::with_defaults(&|_| None).expect("the defaults are right");
    for (name, value) in values {
        settings.set(name, value.clone(), Source::CommandLine).expect("the test's value is right by itself");
    }
    Config::from_settings(&settings)
}

fn good(values: &[(&str, Value)]) -> Config {
    config(values).expect("the test's values fit together")
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn defaults_have_their_types() {
    let config = good(&[]);
    assert_eq!(config.process.bind, ["127.0.0.1:8000"]);
    assert_eq!((config.process.backlog, config.process.umask), (2048, 0));
    assert_eq!(config.process.proc_name, "tricorn");
    assert_eq!(config.process.user, Owner::Id(rustix::process::geteuid().as_raw()));
    assert_eq!(config.process.group, Owner::Id(rustix::process::getegid().as_raw()));
    assert_eq!(config.launch.chdir, std::env::current_dir().expect("the test has a directory"));
    assert_eq!((config.workers.count, config.workers.threads), (1, 1));
    assert_eq!(config.workers.class, WorkerClass::Sync);
    assert_eq!((config.workers.timeout, config.workers.graceful_timeout), (Some(seconds(30)), seconds(30)));
    assert_eq!((config.workers.boot_timeout, config.workers.max_requests), (None, None));
    assert_eq!(config.limits.request_line_bytes, Some(4094));
    assert_eq!((config.limits.request_fields, config.limits.field_bytes), (100, 8190));
    assert_eq!((config.limits.body_bytes, config.limits.body_buffer_bytes), (None, 1 << 20));
    assert_eq!(
        (config.limits.keepalive, config.limits.header_timeout),
        (Some(seconds(75)), Some(seconds(10)))
    );
    assert_eq!(
        (config.limits.body_timeout, config.limits.write_timeout),
        (Some(seconds(30)), Some(seconds(60)))
    );
    assert_eq!((config.http.header_map, config.http.body_spool), (HeaderMap::Drop, BodySpool::File));
    assert!(config.http.sendfile);
    assert_eq!(config.trust.proxy_protocol, ProxyMode::Off);
    assert_eq!(config.trust.forwarder_headers, ["SCRIPT_NAME", "PATH_INFO"]);
    assert_eq!(config.trust.secure_scheme_headers.len(), 3);
    assert!(config.trust.forwarded_allow_ips.contains(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    assert_eq!((config.logs.accesslog, config.logs.errorlog.as_deref()), (None, Some("-")));
    assert!(config.hooks.is_empty());
}

#[test]
fn limits_mean_what_they_mean_to_gunicorn() {
    let line = |bytes| good(&[("limit_request_line", int(bytes))]).limits.request_line_bytes;
    assert_eq!((line(0), line(1), line(8190), line(9000)), (None, Some(1), Some(8190), Some(8190)));
    let fields = |count| good(&[("limit_request_fields", int(count))]).limits.request_fields;
    assert_eq!((fields(0), fields(1), fields(32_768), fields(40_000)), (32_768, 1, 32_768, 32_768));
    let field = |bytes| good(&[("limit_request_field_size", int(bytes))]).limits.field_bytes;
    assert_eq!((field(0), field(16), field(100_000)), (8190, 16, 100_000));
}

#[test]
fn zero_switches_off() {
    let zeros: Vec<(&str, Value)> = [
        "timeout",
        "graceful_timeout",
        "keepalive",
        "header_timeout",
        "body_timeout",
        "write_timeout",
        "boot_timeout",
        "request_timeout",
        "max_requests",
        "limit_request_body",
    ]
    .map(|name| (name, int(0)))
    .to_vec();
    let config = good(&zeros);
    let limits = &config.limits;
    for deadline in [
        limits.keepalive,
        limits.header_timeout,
        limits.body_timeout,
        limits.write_timeout,
        config.workers.timeout,
        config.workers.boot_timeout,
        config.workers.request_timeout,
    ] {
        assert_eq!(deadline, None);
    }
    assert_eq!(config.workers.graceful_timeout, Duration::ZERO);
    assert_eq!((config.workers.max_requests, limits.body_bytes), (None, None));
    assert_eq!(good(&[("max_requests", int(7))]).workers.max_requests, Some(7));
    assert_eq!(good(&[("boot_timeout", int(7))]).workers.boot_timeout, Some(seconds(7)));
    assert_eq!(good(&[("request_timeout", int(7))]).workers.request_timeout, Some(seconds(7)));
}

#[test]
fn worker_classes_are_known_by_all_their_names() {
    for (name, threads, expected) in [
        ("sync", 1, WorkerClass::Sync),
        ("sync", 0, WorkerClass::Sync),
        ("sync", 2, WorkerClass::Gthread),
        ("gthread", 1, WorkerClass::Gthread),
        ("gunicorn.workers.sync.SyncWorker", 1, WorkerClass::Sync),
        ("gunicorn.workers.sync.SyncWorker", 4, WorkerClass::Gthread),
        ("tricorn.workers.sync.SyncWorker", 1, WorkerClass::Sync),
        ("gunicorn.workers.gthread.ThreadWorker", 1, WorkerClass::Gthread),
        ("tricorn.workers.gthread.ThreadWorker", 1, WorkerClass::Gthread),
        ("egg:gunicorn#sync", 1, WorkerClass::Sync),
        ("egg:gunicorn#gthread", 1, WorkerClass::Gthread),
        ("egg:tricorn#sync", 3, WorkerClass::Gthread),
    ] {
        let workers = good(&[("worker_class", Value::from(name)), ("threads", int(threads))]).workers;
        assert_eq!(workers.class, expected, "{name} with {threads}");
        assert_eq!(
            workers.threads,
            if expected == WorkerClass::Sync { 1 } else { threads as usize },
            "{name}"
        );
    }
}

#[test]
fn values_become_their_types() {
    let config = good(&[
        ("raw_env", Value::List(vec!["A=1=2".to_owned(), "B=".to_owned()])),
        ("pythonpath", Value::from("a,b")),
        ("pidfile", Value::from("/run/x.pid")),
        ("user", Value::from("www")),
        ("umask", int(0o22)),
        ("proxy_protocol", Value::from("v2")),
        ("header_map", Value::from("dangerous")),
        ("body_spool", Value::from("stream")),
        ("tmp_upload_dir", Value::from("/var/spool")),
        ("forwarded_allow_ips", Value::from("*")),
        ("proc_name", Value::from("shop")),
        ("pre_fork", Value::from("my.hook")),
        ("on_dirty_starting", Value::from("my.hook")),
    ]);
    assert_eq!(config.launch.env, [("A".to_owned(), "1=2".to_owned()), ("B".to_owned(), String::new())]);
    assert_eq!(config.launch.pythonpath, ["a", "b"]);
    assert_eq!(config.process.pidfile, Some(PathBuf::from("/run/x.pid")));
    assert_eq!(config.process.user, Owner::Name("www".to_owned()));
    assert_eq!(config.process.umask, 0o22);
    assert_eq!(config.process.proc_name, "shop");
    assert_eq!(config.trust.proxy_protocol, ProxyMode::V2);
    assert!(config.trust.forwarded_allow_ips.is_any());
    assert_eq!((config.http.header_map, config.http.body_spool), (HeaderMap::Dangerous, BodySpool::Stream));
    assert_eq!(config.http.spool_directory, Some(PathBuf::from("/var/spool")));
    assert_eq!(config.hooks, [("pre_fork", Value::from("my.hook"))], "hooks without effect are left out");
    assert_eq!(good(&[("header_map", Value::None)]).http.header_map, HeaderMap::Refuse);
    assert_eq!(good(&[("pidfile", Value::from(""))]).process.pidfile, None);
}

/// Gunicorn turns sendfile off for every value but `None`, `True` included.
#[test]
fn sendfile_true_means_true() {
    assert!(good(&[("sendfile", Value::Bool(true))]).http.sendfile);
    assert!(!good(&[("sendfile", Value::Bool(false))]).http.sendfile);
    assert!(good(&[("sendfile", Value::None)]).http.sendfile);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    for (values, setting, wants) in [
        (
            &[("worker_class", Value::from("gthread")), ("threads", int(0))][..],
            "threads",
            "must be 1 or more with the worker class gthread",
        ),
        (
            &[("threads", int(2)), ("worker_connections", int(0))],
            "worker_connections",
            "must be 1 or more with the worker class gthread",
        ),
        (
            &[("statsd_host", Value::from("fd://3"))],
            "statsd_host",
            "must be HOST:PORT, [v6]:PORT or unix://PATH",
        ),
        (
            &[("statsd_host", Value::from("h:65536"))],
            "statsd_host",
            "must be HOST:PORT, [v6]:PORT or unix://PATH",
        ),
        (
            &[("statsd_host", Value::from("unix:"))],
            "statsd_host",
            "must be HOST:PORT, [v6]:PORT or unix://PATH",
        ),
        (&[("workers", int(10_001))], "workers", "must be at most 10000"),
        (&[("threads", int(10_001))], "threads", "must be at most 10000"),
        (&[("backlog", int(1 << 31))], "backlog", "must be at most 2147483647"),
        (&[("umask", int(0o1000))], "umask", "must be at most 0o777"),
        (&[("timeout", int(1 << 32))], "timeout", "must be at most 4294967295 seconds"),
        (&[("bind", Value::List(Vec::new()))], "bind", "must name at least one address"),
        (&[("raw_env", Value::from("A"))], "raw_env", "'A' is not NAME=VALUE"),
        (&[("raw_env", Value::from("=x"))], "raw_env", "'=x' is not NAME=VALUE"),
        (&[("raw_env", Value::from("A=\0"))], "raw_env", "'A=\\0' is not NAME=VALUE"),
        (&[("access_log_format", Value::None)], "access_log_format", "must be a text"),
        (&[("loglevel", Value::None)], "loglevel", "must be a text"),
    ] {
        let error = config(values).expect_err("the test's values do not fit together");
        assert_eq!((error.setting(), error.wants()), (Some(setting), wants));
        assert_eq!(*error.source(), Source::CommandLine);
    }
}

#[test]
fn classes_of_others_are_found_by_the_bridge() {
    let ticket = Foreign { id: 1, label: "MyWorker".to_owned(), arity: None, kind: ForeignKind::Class };
    for (value, name) in [
        (Value::from("gevent"), "gevent"),
        (Value::from("my.Worker"), "my.Worker"),
        (Value::from("egg:other#sync"), "egg:other#sync"),
        (Value::Foreign(ticket), "MyWorker"),
    ] {
        let config = good(&[("worker_class", value), ("threads", int(3))]);
        assert_eq!(config.workers.class, WorkerClass::Other(name.to_owned()));
        assert_eq!(config.workers.threads, 1, "threads belong to gthread");
    }
}

#[test]
fn who_writes_the_logs_and_where_metrics_go() {
    use crate::config::{LoggerClass, StatsdTarget};
    for name in ["simple", "gunicorn.glogging.Logger", "tricorn.glogging.Logger"] {
        assert_eq!(good(&[("logger_class", Value::from(name))]).logs.logger_class, LoggerClass::Native);
    }
    let own = good(&[("logger_class", Value::from("my.Logger"))]).logs.logger_class;
    assert_eq!(own, LoggerClass::Custom(Value::from("my.Logger")));
    assert!(!good(&[("logconfig", Value::from(""))]).logs.has_logconfig);
    assert!(good(&[("logconfig", Value::from("log.ini"))]).logs.has_logconfig);
    assert!(good(&[("logconfig_json", Value::from("log.json"))]).logs.has_logconfig);
    for (text, target) in [
        ("statsd:9125", StatsdTarget::Udp("statsd".to_owned(), 9125)),
        ("statsd", StatsdTarget::Udp("statsd".to_owned(), 8125)),
        ("[::1]:5", StatsdTarget::Udp("::1".to_owned(), 5)),
        ("unix:///run/statsd", StatsdTarget::Unix("/run/statsd".into())),
    ] {
        assert_eq!(good(&[("statsd_host", Value::from(text))]).logs.statsd, Some(target), "{text}");
    }
}

#[test]
fn a_certificate_or_a_key_makes_it_https() {
    let text = |text: &str| Value::Str(text.to_owned());
    assert!(good(&[("ca_certs", text("ca.pem")), ("cert_reqs", int(2))]).tls.is_none());
    let tls = good(&[("certfile", text("cert.pem")), ("ciphers", text(""))]).tls.expect("it is HTTPS");
    assert_eq!((tls.certfile, tls.keyfile), (Some(PathBuf::from("cert.pem")), None));
    assert_eq!((tls.cert_reqs, tls.ciphers), (CertReqs::Ignored, None));
    let key_alone = good(&[("keyfile", text("key.pem"))]).tls.expect("Gunicorn takes it for HTTPS");
    assert_eq!(key_alone.certfile, None);
    for (number, wants) in [(1, CertReqs::Optional), (2, CertReqs::Required)] {
        let config = good(&[("certfile", text("cert.pem")), ("cert_reqs", int(number))]);
        assert_eq!(config.tls.map(|tls| tls.cert_reqs), Some(wants));
    }
    let error = config(&[("cert_reqs", int(3))]).expect_err("there are three");
    assert_eq!(error.setting(), Some("cert_reqs"));
}
