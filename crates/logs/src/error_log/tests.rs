//! The error log's lines, files that cannot be opened or written, rotation under load.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use rustix::fs::{Mode, OFlags};
use serde::Deserialize;

use super::{ErrorLog, ErrorLogOptions};
use crate::clock::LocalClock;
use crate::level::Level;
use crate::open::{OpenError, Owner};
use crate::outlet::PATIENCE;

const GOLDEN: &str = include_str!("../../testdata/error.jsonl");

fn options(path: &Path) -> ErrorLogOptions {
    ErrorLogOptions::to(path.to_str().expect("temporary paths are UTF-8"))
}

fn open(path: &Path) -> Result<ErrorLog, OpenError> {
    ErrorLog::open(&options(path))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// What stands after the date and the pid.
fn messages(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.splitn(3, "] ").nth(2)).collect()
}

#[test]
fn every_line_is_gunicorns() {
    #[derive(Deserialize)]
    struct Row {
        zone: String,
        time: u64,
        level: String,
        message: String,
        line: String,
    }
    let folder = folder();
    let path = folder.path().join("error.log");
    let mut expected = String::new();
    for row in GOLDEN.lines() {
        let row: Row = serde_json::from_str(row).expect("the file holds rows");
        let mut log = open(&path).expect("a new file opens");
        log.clock = LocalClock::in_zone(&row.zone);
        log.log_at(
            UNIX_EPOCH + Duration::from_secs(row.time),
            4242,
            Level::from_setting(&row.level),
            &row.message,
        );
        expected.push_str(&row.line);
        expected.push('\n');
    }
    assert_eq!(fs::read_to_string(&path).expect("the log is there"), expected);
}

#[test]
fn only_levels_from_the_threshold_on_are_written() {
    const LEVELS: [Level; 5] = [Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Critical];
    let folder = folder();
    for (index, threshold) in LEVELS.into_iter().enumerate() {
        let path = folder.path().join(threshold.label());
        let log = ErrorLog::open(&ErrorLogOptions { level: threshold, ..options(&path) })
            .expect("a new file opens");
        for level in LEVELS {
            log.log(level, "x");
            assert_eq!(log.enabled(level), level >= threshold);
        }
        let text = fs::read_to_string(&path).expect("the log is there");
        assert_eq!(text.lines().count(), 5 - index, "{text}");
        assert!(text.contains(&format!(" [{}] [{}] x\n", std::process::id(), threshold.label())), "{text}");
    }
}

#[test]
fn tracebacks_keep_their_lines_and_nothing_else_that_drives_a_terminal() {
    let folder = folder();
    let path = folder.path().join("error.log");
    let log = open(&path).expect("a new file opens");
    log.log(Level::Error, "Traceback:\n\tFile \"a\"\x1b[31m\r\u{9b}\u{7f}");
    log.write_raw(b"raw \x1b[0m text\n");
    let text = fs::read_to_string(&path).expect("the log is there");
    let expected = "[ERROR] Traceback:\n\tFile \"a\"\\x1b[31m\\x0d\\x9b\\x7f\nraw \x1b[0m text\n";
    assert_eq!(
        text.split_once("] [").and_then(|(_, rest)| rest.split_once("] ")).map(|(_, rest)| rest),
        Some(expected)
    );
}

#[test]
fn a_path_that_cannot_be_opened_is_named_and_nothing_is_created() {
    let folder = folder();
    let fifo = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::from_raw_mode(0o600)).expect("a FIFO can be made");
    for (path, fault) in [
        (folder.path().join("missing/error.log"), "No such file"),
        (folder.path().to_owned(), "directory"),
        (folder.path().join("fifo/below"), "Not a directory"),
        (fifo, "nobody reads this FIFO"),
    ] {
        let error = open(&path).err().expect("it cannot be opened");
        let text = error.to_string();
        assert!(text.starts_with(&format!("errorlog: cannot open '{}': ", path.display())), "{text}");
        assert!(text.contains(fault), "{text}");
    }
    let names: Vec<_> = fs::read_dir(folder.path()).expect("the folder is there").collect();
    assert_eq!(names.len(), 1, "more than the FIFO is there: {names:?}");
}

#[test]
fn the_file_is_appended_to_closed_on_exec_and_given_to_its_owner() {
    use std::os::unix::fs::MetadataExt;
    let folder = folder();
    let path = folder.path().join("error.log");
    fs::write(&path, "before\n").expect("a file can be made");
    // Root can give the file to anybody; others only to themselves.
    let own = rustix::process::geteuid().as_raw();
    let owner = Owner { uid: if own == 0 { 4321 } else { own }, gid: rustix::process::getegid().as_raw() };
    let log =
        ErrorLog::open(&ErrorLogOptions { owner: Some(owner), ..options(&path) }).expect("the file opens");
    log.log(Level::Info, "after");
    log.main.sink.with_descriptor(|fd| {
        let status = rustix::fs::fcntl_getfl(fd).expect("the descriptor is open");
        assert!(status.contains(OFlags::APPEND) && !status.contains(OFlags::NONBLOCK));
        let flags = rustix::io::fcntl_getfd(fd).expect("the descriptor is open");
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    });
    assert_eq!(log.descriptors().len(), 1);
    assert!(fs::read_to_string(&path).expect("the log is there").starts_with("before\n["));
    assert_eq!(fs::metadata(&path).expect("the log is there").uid(), owner.uid);
}

#[test]
fn a_failed_reopen_keeps_the_old_file_and_says_so() {
    let folder = folder();
    let (path, old) = (folder.path().join("error.log"), folder.path().join("error.log.1"));
    let log = open(&path).expect("a new file opens");
    fs::rename(&path, &old).expect("the file can be renamed");
    fs::create_dir(&path).expect("a folder can be made");
    let error = log.reopen().expect_err("a folder cannot be opened");
    assert_eq!((error.setting, error.path.as_path()), ("errorlog", path.as_path()));
    log.log(Level::Info, "still here");
    assert_eq!(messages(&fs::read_to_string(&old).expect("the old log is there")), ["[INFO] still here"]);
}

#[test]
fn rotation_under_load_loses_and_splits_no_line() {
    const THREADS: usize = 4;
    const LINES: usize = 2_000;
    let folder = folder();
    let path = folder.path().join("error.log");
    let log = open(&path).expect("a new file opens");
    let is_done = AtomicBool::new(false);
    let rotations = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let log = &log;
                scope.spawn(move || {
                    for line in 0..LINES {
                        log.log(
                            Level::Info,
                            &format!("thread={thread} line={line} {}", "x".repeat(line % 300)),
                        );
                    }
                })
            })
            .collect();
        let rotating = scope.spawn(|| {
            let mut rotations = 0;
            while !is_done.load(Ordering::Relaxed) {
                fs::rename(&path, folder.path().join(format!("error.log.{rotations}")))
                    .expect("the log is there");
                log.reopen().expect("the path opens");
                rotations += 1;
            }
            rotations
        });
        for writer in writers {
            writer.join().expect("a writer does not panic");
        }
        is_done.store(true, Ordering::Relaxed);
        rotating.join().expect("the rotation does not panic")
    });
    let mut seen = vec![[false; LINES]; THREADS];
    for entry in fs::read_dir(folder.path()).expect("the folder is there") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("a log is UTF-8");
        for message in messages(&text) {
            let numbers: Vec<usize> =
                message.split([' ', '=']).filter_map(|word| word.parse().ok()).collect();
            let [thread, line] = numbers[..] else { panic!("a split line: {message:?}") };
            assert!(
                message.ends_with(&format!("line={line} {}", "x".repeat(line % 300))),
                "a split line: {message:?}"
            );
            assert!(!std::mem::replace(&mut seen[thread][line], true), "twice: {message:?}");
        }
    }
    assert!(seen.iter().flatten().all(|&is_seen| is_seen), "a line was lost in {rotations} rotations");
    assert!(rotations > 0);
    assert_eq!(log.dropped(), 0);
}

#[test]
fn a_full_disk_costs_lines_and_one_notice_when_it_is_over() {
    let folder = folder();
    let (path, file) = (folder.path().join("link"), folder.path().join("file"));
    symlink("/dev/full", &path).expect("a link can be made");
    let log = open(&path).expect("/dev/full opens");
    for _ in 0..3 {
        log.log(Level::Info, "lost");
    }
    assert_eq!(log.dropped(), 3);
    fs::remove_file(&path).expect("the link is there");
    symlink(&file, &path).expect("a link can be made");
    log.reopen().expect("a new file opens");
    log.log(Level::Info, "first");
    log.log(Level::Info, "second");
    let text = fs::read_to_string(&file).expect("the log is there");
    assert_eq!(messages(&text), ["[WARNING] 3 log lines were lost", "[INFO] first", "[INFO] second"]);
    assert_eq!(log.dropped(), 3);
}

#[test]
fn a_reader_that_stops_or_goes_away_costs_lines_but_no_time() {
    let folder = folder();
    let path = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::from_raw_mode(0o600)).expect("a FIFO can be made");
    let open_reader = || -> File {
        let nonblocking = OFlags::NONBLOCK.bits() as i32;
        File::options().read(true).custom_flags(nonblocking).open(&path).expect("a FIFO opens")
    };
    let drain = |reader: &mut File| {
        let mut text = Vec::new();
        let _ = reader.read_to_end(&mut text); // ends with "would block"
        String::from_utf8(text).expect("a log is UTF-8")
    };
    let mut reader = open_reader();
    let log = open(&path).expect("a FIFO with a reader opens");

    let begin = Instant::now();
    let mut total = 0;
    while log.dropped() < 100 {
        log.log(Level::Info, &"x".repeat(200));
        total += 1;
        assert!(begin.elapsed() < Duration::from_secs(60), "writing to a stopped reader takes too long");
    }
    // Only the first line that finds the pipe full waits; 100 of them would have taken ten seconds.
    assert!(begin.elapsed() < 50 * PATIENCE, "{:?}", begin.elapsed());
    let written = messages(&drain(&mut reader)).len();
    assert_eq!(written + 100, total);

    log.log(Level::Info, "there again");
    assert_eq!(messages(&drain(&mut reader)), ["[WARNING] 100 log lines were lost", "[INFO] there again"]);

    drop(reader);
    log.log(Level::Info, "to nobody");
    assert_eq!(log.dropped(), 101);
    let mut reader = open_reader();
    log.log(Level::Info, "to somebody");
    assert_eq!(messages(&drain(&mut reader)), ["[WARNING] 1 log line was lost", "[INFO] to somebody"]);
}

#[test]
fn a_line_torn_by_a_full_disk_does_not_swallow_the_next() {
    let folder = folder();
    let path = folder.path().join("error.log");
    let log = open(&path).expect("a new file opens");
    log.write_raw(b"[half a li");
    log.main.sink.give_up_after(b"[half a li");
    log.log(Level::Info, "whole");
    let text = fs::read_to_string(&path).expect("the log is there");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0], "[half a li");
    assert!(lines[1].ends_with("[INFO] whole"));
}

#[test]
fn no_errorlog_is_silence() {
    for errorlog in [None, Some(String::new())] {
        let log = ErrorLog::open(&ErrorLogOptions {
            errorlog,
            level: Level::Debug,
            ..options(Path::new("unused"))
        })
        .expect("nothing to open");
        log.log(Level::Critical, "unheard");
        log.reopen().expect("nothing to reopen");
        assert_eq!((log.dropped(), log.descriptors().len()), (0, 0));
    }
}

/// Collects what it is given, as text.
#[derive(Clone, Default)]
struct Collected(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl Collected {
    fn push(&self, text: String) {
        self.0.lock().expect("no test panics with it").push(text);
    }
}

impl crate::relay::Relay for Collected {
    fn record(&self, level: Level, message: &str) {
        self.push(format!("{} {message}", level.label()));
    }

    fn raw(&self, text: &str) {
        self.push(format!("raw {text}"));
    }

    fn reopen(&self) {
        self.push("reopen".to_owned());
    }

    fn flush(&self) {
        self.push("flush".to_owned());
    }
}

#[test]
fn a_relay_gets_everything_from_the_threshold_on() {
    let collected = Collected::default();
    let log = ErrorLog::relayed(Level::Warning, Box::new(collected.clone()));
    log.log(Level::Info, "not wanted");
    log.log(Level::Error, "an \x1b error");
    log.record(Level::Critical, "worse");
    log.write_raw(b"text\n");
    log.reopen().expect("a relay does not fail");
    log.flush();
    let seen = collected.0.lock().expect("no test panics with it").clone();
    assert_eq!(seen, ["ERROR an \x1b error", "CRITICAL worse", "raw text\n", "reopen", "flush"]);
    assert!(log.descriptors().is_empty());
}

#[test]
fn only_the_servers_own_lines_are_counted_whatever_the_threshold() {
    use crate::statsd::{Statsd, StatsdAddress, StatsdOptions};
    let daemon = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    daemon.set_read_timeout(Some(Duration::from_secs(30))).expect("a deadline");
    let port = daemon.local_addr().expect("an address").port();
    let address = StatsdAddress::Udp("127.0.0.1".to_owned(), port);
    let (statsd, _) = Statsd::open(&StatsdOptions { address, prefix: String::new(), tags: String::new() });
    let statsd = Some(std::sync::Arc::new(statsd));
    let folder = folder();
    let log = ErrorLog::open(&ErrorLogOptions {
        level: Level::Critical,
        statsd,
        ..options(&folder.path().join("log"))
    });
    let log = log.expect("the file opens");
    log.record(Level::Error, "of somebody who counts by himself");
    log.log(Level::Info, "no metric");
    log.log(Level::Warning, "below the threshold");
    let mut buffer = [0; 64];
    let count = daemon.recv(&mut buffer).expect("a datagram");
    assert_eq!(&buffer[..count], b"gunicorn.log.warning:1|c|@1.0");
}
