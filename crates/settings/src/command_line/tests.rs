//! Exits, error texts, and the manners that differ from Gunicorn's on purpose. Agreement is checked in `tests/gunicorn.rs`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::command_line::{CliExit, Parsed, parse_args, parse_command_args};
use crate::setting::Section;
use crate::table::TABLE;
use crate::value::Value;

fn parse(line: &str) -> Result<Parsed, CliExit> {
    let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    parse_args(&args, "prog")
}

#[test]
fn usage_errors_exit_2_on_standard_error() {
    for (line, reason) in [
        ("--wrokers 3", "unrecognized argument: --wrokers; did you mean --workers?"),
        ("--wrokers=3", "unrecognized argument: --wrokers; did you mean --workers?"),
        ("--worker_class sync", "unrecognized argument: --worker_class; did you mean --worker-class?"),
        ("--preload_app", "unrecognized argument: --preload_app; did you mean --preload?"),
        ("--keepalive 3", "unrecognized argument: --keepalive; did you mean --keep-alive?"),
        ("--zzzz", "unrecognized argument: --zzzz"),
        ("-x", "unrecognized argument: -x"),
        ("-Dx", "unrecognized argument: -x"),
        (
            "--work 3",
            "ambiguous option: --work could match --workers, --worker-class, --worker-connections, --worker-tmp-dir",
        ),
        ("--proxy", "ambiguous option: --proxy could match --proxy-protocol, --proxy-allow-from"),
        ("--he", "ambiguous option: --he could match --help, --header-timeout, --header-map"),
        ("-w", "argument -w/--workers: expected one argument"),
        ("--bind", "argument -b/--bind: expected one argument"),
        ("--bind -w 3", "argument -b/--bind: expected one argument"),
        ("--log-file", "argument --error-logfile/--log-file: expected one argument"),
        ("--reload=1", "argument --reload: ignored explicit argument '1'"),
        ("-w x", "argument -w/--workers: 'x' is not a whole number"),
        ("-w 0x10", "argument -w/--workers: '0x10' is not a whole number"),
        ("-m 088", "argument -m/--umask: '088' is not a number such as 022, 0o22 or 18"),
        ("one -w 3 two three", "unrecognized arguments: two three"),
    ] {
        let exit = parse(line).expect_err("the test's line is wrong");
        let text = format!("usage: prog [OPTIONS] [APP_MODULE]\nprog: error: {reason}\n");
        assert_eq!(exit, CliExit { text, is_error: true, code: 2 }, "{line}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let args = [OsString::from("-n"), OsString::from_vec(vec![b'a', 0xff])];
    let exit = parse_args(&args, "prog").expect_err("the argument is no text");
    assert_eq!(exit.code, 2);
    assert!(exit.text.ends_with("prog: error: argument 'a\u{fffd}' is not valid UTF-8\n"), "{}", exit.text);
}

#[test]
fn help_and_version_exit_0_on_standard_output() {
    for line in ["-v", "--version", "--vers", "-v --bogus", "app:app --version"] {
        let text = format!("prog (version {})\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(parse(line), Err(CliExit { text, is_error: false, code: 0 }), "{line}");
    }
    for line in ["-h", "--help", "--hel", "-w 3 --help", "--help --bogus"] {
        let exit = parse(line).expect_err("help is an exit");
        assert_eq!((exit.is_error, exit.code), (false, 0), "{line}");
        assert!(exit.text.starts_with("usage: prog [OPTIONS] [APP_MODULE]\n\n"), "{}", exit.text);
        assert!(exit.text.ends_with('\n') && !exit.text.contains('\u{1b}'));
    }
}

#[test]
fn help_shows_every_option_under_its_heading_with_its_default() {
    let help = parse("--help").expect_err("help is an exit").text;
    let mut rest = help.as_str();
    for section in Section::ALL {
        let rows: Vec<_> =
            TABLE.iter().filter(|row| row.section == section && !row.flags.is_empty()).collect();
        if rows.is_empty() {
            continue;
        }
        let heading = format!("\n{}:\n", section.title());
        rest = rest.split_once(&heading).unwrap_or_else(|| panic!("no heading {heading:?}")).1;
        for flag in rows.iter().flat_map(|row| row.flags.iter()) {
            assert!(rest.contains(flag), "{flag} under {}", section.title());
        }
    }
    assert!(help.contains("Number of worker processes. [1]\n"));
    assert!(help.contains("[['127.0.0.1:8000']]\n"));
    assert!(help.lines().all(|line| line.chars().count() <= 80), "lines fit a terminal");
}

#[test]
fn an_optional_value_does_not_eat_the_application() {
    for (line, mode, positionals) in [
        ("--proxy-protocol app:app", "auto", &["app:app"][..]),
        ("--proxy-protocol v1 app:app", "v1", &["app:app"]),
        ("--proxy-protocol V2 app:app", "V2", &["app:app"]),
        ("--proxy-p off", "off", &[]),
        ("--proxy-protocol=v2 app:app", "v2", &["app:app"]),
        ("--proxy-protocol=app:app", "app:app", &[]),
        ("--proxy-protocol -- auto", "auto", &["auto"]),
        ("app:app --proxy-protocol", "auto", &["app:app"]),
        ("app:app --proxy-protocol v1 --proxy-protocol", "auto", &["app:app"]),
    ] {
        let parsed = parse(line).expect("the test's line is right");
        assert_eq!(parsed.value("proxy_protocol"), Some(&Value::from(mode)), "{line}");
        assert_eq!(parsed.positionals, positionals, "{line}");
    }
}

#[test]
fn only_given_settings_are_returned() {
    let parsed = parse("app:app").expect("right");
    assert_eq!(parsed, Parsed { values: Vec::new(), positionals: vec!["app:app".to_owned()] });
    assert_eq!(parsed.value("workers"), None);
}

#[test]
fn the_text_of_the_variable_is_read_like_a_command_line() {
    let parsed =
        parse_command_args("-w 3 --access-logformat '%(h)s \"x\"' --env=A='b c' ignored:app").expect("right");
    let expected = [
        ("workers", Value::Int(3)),
        ("raw_env", Value::List(vec!["A=b c".to_owned()])),
        ("access_log_format", Value::from("%(h)s \"x\"")),
    ];
    for (name, value) in &expected {
        assert_eq!(parsed.value(name), Some(value));
    }
    assert_eq!(parsed.values.len(), expected.len());
    assert_eq!(parse_command_args("  ").map(|parsed| parsed.values), Ok(Vec::new()));
}

#[test]
fn errors_in_the_variable_name_it() {
    for (text, expected) in [
        ("--wrokers 3", "GUNICORN_CMD_ARGS: unrecognized argument: --wrokers; did you mean --workers?"),
        ("-w 'x", "GUNICORN_CMD_ARGS: No closing quotation"),
        ("-w x\\", "GUNICORN_CMD_ARGS: No escaped character"),
        ("-w x", "GUNICORN_CMD_ARGS: argument -w/--workers: 'x' is not a whole number"),
        ("--help", "GUNICORN_CMD_ARGS: --help only works on the command line"),
        ("-v", "GUNICORN_CMD_ARGS: --version only works on the command line"),
    ] {
        let error = parse_command_args(text).expect_err("the test's text is wrong");
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.setting(), None);
    }
}
