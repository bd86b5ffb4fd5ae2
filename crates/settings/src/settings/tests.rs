//! Layers, sources, names, and what the environment does to defaults.

use std::path::PathBuf;

use crate::command_line::{parse_args, parse_command_args};
use crate::settings::Settings;
use crate::source::Source;
use crate::table::TABLE;
use crate::value::Value;

fn with(env: &'static [(&str, &str)]) -> Settings {
    try_with(env).expect("the test's environment is right")
}

fn try_with(env: &'static [(&str, &str)]) -> Result<Settings, crate::SettingError> {
    Settings::with_defaults(&|name| {
        env.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
    })
}

fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|&item| item.to_owned()).collect())
}

#[test]
fn environment_variables_change_defaults() {
    for (env, name, value, source) in [
        (&[][..], "bind", list(&["127.0.0.1:8000"]), Source::Default),
        (&[("PORT", "5000")], "bind", list(&["0.0.0.0:5000"]), Source::Environment("PORT")),
        (&[("WEB_CONCURRENCY", " 3 ")], "workers", Value::Int(3), Source::Environment("WEB_CONCURRENCY")),
        (&[("WEB_CONCURRENCY", "010")], "workers", Value::Int(10), Source::Environment("WEB_CONCURRENCY")),
        (
            &[("FORWARDED_ALLOW_IPS", "*")],
            "forwarded_allow_ips",
            list(&["*"]),
            Source::Environment("FORWARDED_ALLOW_IPS"),
        ),
        (
            &[("FORWARDED_ALLOW_IPS", "")],
            "forwarded_allow_ips",
            list(&[]),
            Source::Environment("FORWARDED_ALLOW_IPS"),
        ),
        (&[("FORWARDED_ALLOW_IPS", "*")], "proxy_allow_ips", list(&["127.0.0.1", "::1"]), Source::Default),
        (&[("SENDFILE", "YES")], "sendfile", Value::Bool(true), Source::Environment("SENDFILE")),
        (&[("SENDFILE", "0")], "sendfile", Value::Bool(false), Source::Environment("SENDFILE")),
        (&[], "sendfile", Value::None, Source::Default),
        (&[("PWD", "/no/such/directory")], "timeout", Value::Int(30), Source::Default),
    ] {
        let settings = with(env);
        assert_eq!(*settings.value(name), value, "{env:?} {name}");
        assert_eq!(*settings.source(name), source, "{env:?} {name}");
        assert!(settings.inert().is_empty(), "{env:?}");
    }
}

#[test]
fn a_wrong_variable_is_named() {
    for (env, expected) in [
        (
            &[("WEB_CONCURRENCY", "auto")][..],
            "invalid value for workers: 'auto' (environment variable WEB_CONCURRENCY): must be a whole number, 0 or more",
        ),
        (
            &[("WEB_CONCURRENCY", "")],
            "invalid value for workers: '' (environment variable WEB_CONCURRENCY): must be a whole number, 0 or more",
        ),
        (
            &[("WEB_CONCURRENCY", "-1")],
            "invalid value for workers: -1 (environment variable WEB_CONCURRENCY): must be a whole number, 0 or more",
        ),
        (
            &[("FORWARDED_ALLOW_IPS", "proxy")],
            "invalid value for forwarded_allow_ips: 'proxy' (environment variable FORWARDED_ALLOW_IPS): \
             'proxy' is no IP address, network (10.0.0.0/8) or *",
        ),
    ] {
        let error = try_with(env).expect_err("the variable is wrong");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn the_spelling_of_pwd_is_kept() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let here = std::env::current_dir().expect("the test has a directory");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&here, &link).expect("a link can be made");
    let settings = Settings::with_defaults(&|name| (name == "PWD").then(|| link.display().to_string()))
        .expect("the defaults are right");
    assert_eq!(settings.value("chdir").as_str(), link.to_str());
    let elsewhere = Settings::with_defaults(&|name| (name == "PWD").then(|| "/".to_owned()));
    assert_eq!(elsewhere.expect("the defaults are right").value("chdir").as_str(), here.to_str());
}

/// Every layer sets `timeout`; each later one wins, whatever it says.
#[test]
fn later_layers_win() {
    let mut settings = with(&[("WEB_CONCURRENCY", "9")]);
    let file = Source::ConfigFile(PathBuf::from("gunicorn.conf.py"));
    let check = |settings: &Settings, timeout: i64, source: &Source| {
        assert_eq!(*settings.value("timeout"), Value::Int(timeout));
        assert_eq!(settings.source("timeout"), source);
    };
    check(&settings, 30, &Source::Default);
    settings.set("timeout", Value::Int(1), Source::Program).expect("right");
    check(&settings, 1, &Source::Program);
    settings.set("timeout", Value::Int(2), file.clone()).expect("right");
    settings.set("bind", list(&[":1", ":2"]), file.clone()).expect("right");
    settings.set("workers", Value::Int(8), file.clone()).expect("right");
    check(&settings, 2, &file);
    let from_env = parse_command_args("--timeout 3 -b :3 app:env").expect("right");
    settings.apply(&from_env, &Source::CommandArgs).expect("right");
    check(&settings, 3, &Source::CommandArgs);
    let args = ["--timeout", "30", "app:app"].map(std::ffi::OsString::from);
    let from_args = parse_args(&args, "tricorn").expect("right");
    settings.apply(&from_args, &Source::CommandLine).expect("right");
    check(&settings, 30, &Source::CommandLine);
    assert_eq!(*settings.value("bind"), list(&[":3"]), "a later list replaces an earlier one");
    assert_eq!(*settings.source("workers"), file, "what a layer does not mention stays");
}

#[test]
fn a_refused_value_changes_nothing() {
    let mut settings = with(&[]);
    settings.set("workers", Value::Int(5), Source::Program).expect("right");
    let error = settings.set("workers", Value::from("six"), Source::CommandLine).expect_err("wrong");
    assert_eq!(error.setting(), Some("workers"));
    assert_eq!(*error.source(), Source::CommandLine);
    assert_eq!(error.wants(), "must be a whole number, 0 or more");
    assert_eq!(*settings.value("workers"), Value::Int(5));
    assert_eq!(*settings.source("workers"), Source::Program);
}

#[test]
fn errors_name_setting_value_and_source() {
    let file = Source::ConfigFile(PathBuf::from("/srv/gunicorn.conf.py"));
    for (name, value, source, expected) in [
        (
            "workers",
            Value::from("many"),
            file.clone(),
            "invalid value for workers: 'many' (config file /srv/gunicorn.conf.py): must be a whole number, 0 or more",
        ),
        (
            "daemon",
            Value::Int(1),
            Source::Program,
            "invalid value for daemon: 1 (the program): must be True or False, or the text 'true' or 'false'",
        ),
        (
            "wokers",
            Value::Int(1),
            file,
            "no setting is named 'wokers' (config file /srv/gunicorn.conf.py): did you mean 'workers'?",
        ),
        (
            "WORKERS",
            Value::Int(1),
            Source::Program,
            "no setting is named 'WORKERS' (the program): did you mean 'workers'?",
        ),
        (
            "preload",
            Value::Int(1),
            Source::Program,
            "no setting is named 'preload' (the program): did you mean 'preload_app'?",
        ),
        (
            "log_level",
            Value::Int(1),
            Source::Program,
            "no setting is named 'log_level' (the program): did you mean 'loglevel'?",
        ),
        (
            "access-logfile",
            Value::Int(1),
            Source::Program,
            "no setting is named 'access-logfile' (the program): did you mean 'accesslog'?",
        ),
        (
            "keep_alive",
            Value::Int(1),
            Source::Program,
            "no setting is named 'keep_alive' (the program): did you mean 'keepalive'?",
        ),
        ("zzz", Value::Int(1), Source::CommandArgs, "no setting is named 'zzz' (GUNICORN_CMD_ARGS)"),
    ] {
        let error = with(&[]).set(name, value, source).expect_err("the test's value is wrong");
        assert_eq!(error.to_string(), expected);
        assert!(!error.to_string().contains('\n'));
    }
}

#[test]
fn long_values_and_line_ends_do_not_break_the_line() {
    let value = Value::from(format!("{}\n", "é".repeat(300)).as_str());
    let error =
        with(&[]).set("workers", value, Source::ConfigFile(PathBuf::from("a\nb"))).expect_err("wrong");
    let expected = format!(
        "invalid value for workers: '{}... (config file a\\nb): must be a whole number, 0 or more",
        "é".repeat(199)
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_later_refusal_names_the_source_too() {
    let mut settings = with(&[]);
    settings
        .set("user", Value::from("nobody-here"), Source::CommandLine)
        .expect("names are not looked up here");
    let error = settings.refuse("user", "there is no such user");
    assert_eq!(
        error.to_string(),
        "invalid value for user: 'nobody-here' (command line): there is no such user"
    );
}

#[test]
fn only_what_the_user_changed_in_vain_is_inert() {
    for (name, value, is_inert) in [
        ("dirty_workers", Value::Int(1), true),
        ("dirty_workers", Value::Int(0), false),
        ("reload", Value::Bool(true), false),
        ("enable_backlog_metric", Value::Bool(true), false),
        ("root_path", Value::from("/shop"), true),
        ("certfile", Value::from("cert.pem"), false),
        ("http_protocols", Value::from("h1"), false),
        ("http_protocols", Value::from("h2,h1"), true),
        ("logger_class", Value::from("simple"), false),
        ("logger_class", Value::from("gunicorn.glogging.Logger"), false),
        ("logger_class", Value::from("my.Logger"), false),
        ("on_dirty_starting", Value::from("my.hook"), true),
        ("control_socket", Value::from("/run/x"), true),
        ("control_socket_disable", Value::Bool(true), false),
        ("worker_tmp_dir", Value::from("/dev/shm"), false),
        ("workers", Value::Int(2), false),
        ("tmp_upload_dir", Value::from("/tmp"), false),
    ] {
        let mut settings = with(&[]);
        settings.set(name, value.clone(), Source::CommandLine).expect("the test's value is right");
        let expected: &[&str] = if is_inert { &[name] } else { &[] };
        assert_eq!(settings.inert(), expected, "{name} = {value:?}");
    }
}

#[test]
fn defaults_survive_their_own_kind() {
    let mut settings = with(&[]);
    for row in TABLE {
        let value = settings.value(row.name).clone();
        if value != Value::None
            && !matches!(row.kind, crate::Kind::Peers | crate::Kind::CommaList | crate::Kind::HttpProtocols)
        {
            settings.set(row.name, value.clone(), Source::Program).expect("a default is right");
            assert_eq!(*settings.value(row.name), value, "{}", row.name);
        }
    }
}
