//! The logs on standard streams, in processes of their own: closed and stopped readers, captured output, several processes at
//! one pipe or file, the time zone of the environment.
//!
//! Each test starts this same binary again with a role in the environment; the child plays it and exits.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use rustix::fs::OFlags;
use tricorn_logs::{
    AccessFormat, AccessLog, AccessLogOptions, AccessRecord, ErrorLog, ErrorLogOptions, Level, LineFormat,
    redirect_stdio,
};

const ROLE: &str = "TRICORN_LOGS_ROLE";
const ARGUMENT: &str = "TRICORN_LOGS_ARGUMENT";
const DEADLINE: Duration = Duration::from_secs(60);

/// Plays the role this process was started for, if it was.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let argument = std::env::var(ARGUMENT).unwrap_or_default();
    match role.as_str() {
        "one line each" => one_line_each(),
        "split" => split(),
        "count dropped" => count_dropped(&argument),
        "count dropped by closed streams" => {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            rustix::stdio::dup2_stdout(&writer).expect("stdout can be replaced");
            rustix::stdio::dup2_stderr(&writer).expect("stderr can be replaced");
            drop(reader);
            count_dropped(&argument);
        }
        "capture" => capture(Path::new(&argument)),
        "many lines" => many_lines(&argument),
        "follow the zone" => follow_the_zone(Path::new(&argument)),
        other => panic!("an unknown role: {other}"),
    }
    std::process::exit(0); // before the test harness prints its own lines
}

fn start(role: &str, argument: &str, streams: impl FnOnce(&mut Command)) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("a process knows its program"));
    // With two threads the harness prints nothing before the child does.
    command
        .args(["--exact", "child", "--nocapture", "--test-threads=2"])
        .env(ROLE, role)
        .env(ARGUMENT, argument);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    streams(&mut command);
    command.spawn().expect("the program starts")
}

fn wait(mut child: Child) {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            assert!(status.success(), "{status}");
            return;
        }
        if begin.elapsed() > DEADLINE {
            let _ = child.kill();
            panic!("the child is stuck");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn error_log(errorlog: &str) -> ErrorLog {
    ErrorLog::open(&ErrorLogOptions::to(errorlog)).expect("the log opens")
}

fn access_log(accesslog: &str) -> AccessLog {
    let format = AccessFormat::compile("%(m)s %(U)s %(t)s.").expect("the format is sound");
    let accesslog = Some(accesslog.to_owned());
    AccessLog::open(AccessLogOptions { accesslog, format, owner: None, syslog: None }).expect("the log opens")
}

fn log_access(log: &AccessLog, path: &str) {
    log.log(&AccessRecord {
        remote_addr: None,
        authorization: None,
        time: UNIX_EPOCH,
        method: b"GET",
        uri: path.as_bytes(),
        path: path.as_bytes(),
        query: b"",
        protocol: b"HTTP/1.1",
        status: 200,
        sent_bytes: None,
        referer: None,
        agent: None,
        elapsed: Duration::ZERO,
        pid: std::process::id(),
        request_field: &|_| None,
        response_field: &|_| None,
        environ: &|_| None,
    });
}

fn text_of(path: &Path) -> String {
    fs::read_to_string(path).expect("the file is there")
}

fn one_line_each() {
    error_log("-").log(Level::Info, "to stderr");
    error_log("/dev/stdout").log(Level::Info, "to stdout");
    let access = access_log("-");
    log_access(&access, "/");
    access.flush();
}

#[test]
fn a_dash_is_stderr_for_errors_and_stdout_for_accesses() {
    let child = start("one line each", "", |command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).env("TZ", "UTC");
    });
    let output = child.wait_with_output().expect("the child ends");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains(" [INFO] to stdout\nGET / [01/Jan/1970:00:00:00 +0000].\n"), "{stdout}");
    assert!(stderr.ends_with(" [INFO] to stderr\n") && stderr.lines().count() == 1, "{stderr}");
}

/// More mild lines than a pipe holds, then a warning, and a mild one once more.
fn split() {
    let options = ErrorLogOptions { is_split: true, format: LineFormat::Json, ..ErrorLogOptions::to("-") };
    let log = ErrorLog::open(&options).expect("the log opens");
    for _ in 0..5_000 {
        log.log(Level::Info, "mild");
    }
    log.log(Level::Warning, "grave");
}

/// The reader of standard output has stopped: that costs mild lines, and neither a grave one nor the time for 5,000 waits.
#[test]
fn a_split_log_keeps_its_streams_apart() {
    let mut child = start("split", "", |command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    });
    let mut grave = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut grave).expect("lines are UTF-8");
    let output = child.wait_with_output().expect("the child ends");
    let message = |line: &str| -> String {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line:?}"));
        line["message"].as_str().expect("a record has a message").to_owned()
    };
    let grave: Vec<String> = grave.lines().map(message).collect();
    assert!(grave[0].starts_with("the error log stdout cannot be written: "), "{grave:?}");
    assert_eq!(grave[1..], ["grave"]);
    let mild = String::from_utf8(output.stdout).expect("lines are UTF-8");
    let mild = mild.lines().filter(|line| line.starts_with('{')); // the harness speaks first
    assert!(mild.map(message).all(|text| text == "mild"));
}

/// Logs 5,000 errors to stderr and as many accesses to stdout, then tells a file what was dropped.
fn count_dropped(report: &str) {
    let (errors, accesses) = (error_log("-"), access_log("-"));
    for _ in 0..5_000 {
        errors.log(Level::Info, &"x".repeat(100));
        log_access(&accesses, &"x".repeat(1000));
        accesses.flush_if_older_than(Duration::ZERO);
    }
    accesses.flush();
    for fd in [rustix::stdio::stdout(), rustix::stdio::stderr()] {
        let status = rustix::fs::fcntl_getfl(fd).expect("the stream is open");
        assert!(!status.contains(OFlags::NONBLOCK), "a stream shared with others was changed");
    }
    fs::write(report, format!("{} {}", errors.dropped(), accesses.dropped()))
        .expect("the report can be written");
}

#[test]
fn a_closed_reader_blocks_and_kills_nobody() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let report = folder.path().join("report");
    wait(start("count dropped by closed streams", &report.display().to_string(), |_| {}));
    assert_eq!(text_of(&report), "5000 5000");
}

#[test]
fn a_stopped_reader_blocks_nobody() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let report = folder.path().join("report");
    let (mut out_reader, stdout) = std::io::pipe().expect("a pipe");
    let (mut err_reader, stderr) = std::io::pipe().expect("a pipe");
    wait(start("count dropped", &report.display().to_string(), |command| {
        command.stdout(stdout).stderr(stderr);
    }));
    let (mut out, mut err) = (String::new(), String::new());
    out_reader.read_to_string(&mut out).expect("a pipe can be read");
    err_reader.read_to_string(&mut err).expect("a pipe can be read");
    let report = text_of(&report);
    let (errors, accesses) = report.split_once(' ').expect("the report has two numbers");
    let written = err.matches(" [INFO] ").count();
    assert_eq!(errors.parse::<usize>(), Ok(5_000 - written));
    assert!(written > 100, "only {written} lines fit the pipe");
    assert!(accesses.parse::<usize>().is_ok_and(|dropped| dropped > 0), "{accesses}");
    assert!(out.matches("GET ").count() > 10 && out.ends_with(".\n"), "the pipe holds no whole lines");
}

/// Writes to both streams and the log, before and after a rotation.
fn capture(path: &Path) {
    redirect_stdio(&error_log("-")).expect("nothing to do"); // and nothing is done: the streams stay the parent's
    say("to the parent\n");
    let log = error_log(&path.display().to_string());
    redirect_stdio(&log).expect("the streams can be redirected");
    say("one\n");
    log.log(Level::Info, "two");
    fs::rename(path, path.with_extension("1")).expect("the log is there");
    log.reopen().expect("the path opens");
    say("three\n");
    log.log(Level::Info, "four");
}

fn say(text: &str) {
    for stream in [rustix::stdio::stdout(), rustix::stdio::stderr()] {
        rustix::io::write(stream, text.as_bytes()).expect("the stream can be written");
    }
}

#[test]
fn captured_output_follows_the_error_log_through_a_rotation() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("error.log");
    let child = start("capture", &path.display().to_string(), |command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    });
    let output = child.wait_with_output().expect("the child ends");
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("to the parent\n"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "to the parent\n");
    let without_stamp = |path: &Path| -> Vec<String> {
        text_of(path).lines().map(|line| line.rsplit("] ").next().unwrap_or(line).to_owned()).collect()
    };
    assert_eq!(without_stamp(&path.with_extension("1")), ["one", "one", "two"]);
    assert_eq!(without_stamp(&path), ["three", "three", "four"]);
}

fn many_lines(argument: &str) {
    let (name, path) = argument.split_once(' ').expect("a name and a path");
    let access = access_log(path);
    for number in 0..3_000 {
        log_access(&access, &format!("/{name}/{number}/{}", "x".repeat(number % 300)));
        while access.flush_if_older_than(Duration::from_millis(1)) {} // a slow reader is not what is tested
    }
    while access.flush_if_older_than(Duration::ZERO) {} // `flush` would wait for half a second only
    access.flush();
    assert_eq!(access.dropped(), 0);
}

/// Each of the four processes' 3,000 lines is there once and whole, in its order.
fn assert_all_there(text: &str) {
    let mut next = [0; 4];
    for line in text.lines().filter(|line| !line.is_empty() && *line != "running 1 test") {
        let words: Vec<&str> = line.split(['/', ' ']).collect();
        let [_, _, name, number, filler, ..] = words[..] else { panic!("a split line: {line:?}") };
        let (name, number): (usize, usize) = (name.parse().expect(line), number.parse().expect(line));
        assert!(line.starts_with("GET /") && line.ends_with("]."), "a split line: {line:?}");
        assert_eq!(
            (number, filler.len()),
            (next[name], number % 300),
            "a line is missing or split: {line:?}"
        );
        next[name] += 1;
    }
    assert_eq!(next, [3_000; 4]);
}

#[test]
fn the_lines_of_several_processes_do_not_mix_in_a_pipe() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let children: Vec<Child> = (0..4)
        .map(|name| {
            let stdout = writer.try_clone().expect("a descriptor can be copied");
            start("many lines", &format!("{name} -"), |command| {
                command.stdout(stdout);
            })
        })
        .collect();
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("a log is UTF-8");
    children.into_iter().for_each(wait);
    assert_all_there(&text);
}

#[test]
fn the_lines_of_several_processes_do_not_mix_in_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("access.log");
    let children: Vec<Child> =
        (0..4).map(|name| start("many lines", &format!("{name} {}", path.display()), |_| {})).collect();
    children.into_iter().for_each(wait);
    assert_all_there(&text_of(&path));
}

#[test]
fn the_zone_is_that_of_the_environment_with_or_without_the_systems_data() {
    for (zone, data, offset) in [
        ("UTC", None, "+0000"),
        ("Asia/Kolkata", None, "+0530"),
        ("Asia/Kolkata", Some("/nonexistent"), "+0530"), // the bundled copy
        ("<+07>-7", Some("/nonexistent"), "+0700"),
        ("", None, "+0000"),
        ("Nowhere/At_All", None, "+0000"),
    ] {
        let child = start("one line each", "", |command| {
            command.stderr(Stdio::piped()).env("TZ", zone);
            if let Some(data) = data {
                command.env("TZDIR", data);
            }
        });
        let output = child.wait_with_output().expect("the child ends");
        let line = String::from_utf8_lossy(&output.stderr);
        assert_eq!(line.get(20..27), Some(format!(" {offset}]").as_str()), "TZ={zone:?}: {line}");
    }
}

/// A `TZif` file (RFC 9636) of a zone that is always `hours` ahead of UTC.
fn zone_file(hours: u8) -> Vec<u8> {
    let block = {
        let mut block = b"TZif2".to_vec();
        block.extend([0; 15]);
        for count in [0_u32, 0, 0, 0, 1, 4] {
            block.extend(count.to_be_bytes()); // one local time type, four bytes of designations
        }
        block.extend((i32::from(hours) * 3600).to_be_bytes());
        block.extend([0, 0]);
        block.extend(b"end\0");
        block
    };
    [&block[..], &block[..], format!("\n<+0{hours}>-{hours}\n").as_bytes()].concat()
}

fn follow_the_zone(path: &Path) {
    let (errors, accesses) = (error_log("-"), access_log("/dev/stderr"));
    let both = || {
        errors.log(Level::Info, "x");
        log_access(&accesses, "/");
        accesses.flush();
    };
    both();
    fs::write(path, zone_file(7)).expect("the file can be written");
    both(); // nobody has asked for the new zone
    errors.refresh_time_zone();
    accesses.refresh_time_zone();
    both();
}

#[test]
fn the_zone_changes_when_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("zone");
    fs::write(&path, zone_file(3)).expect("the file can be written");
    let child = start("follow the zone", &path.display().to_string(), |command| {
        command.stderr(Stdio::piped()).env("TZ", format!(":{}", path.display()));
    });
    let output = child.wait_with_output().expect("the child ends");
    let text = String::from_utf8_lossy(&output.stderr);
    let offsets: Vec<&str> = text.lines().filter_map(|line| line.split(" +").nth(1)?.get(..4)).collect();
    assert_eq!(offsets, ["0300", "0300", "0300", "0300", "0700", "0700"], "{text}");
}
