//! The buffer: when lines are written, what survives a rotation, a full disk, a stopped reader and a fork.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use rustix::fs::{Mode, OFlags};

use super::{AccessLog, AccessLogOptions, BATCH_BYTES, FRESH_BYTES_MAX};
use crate::access::{AccessFormat, AccessRecord};
use crate::syslog::SyslogOptions;

const AGES: Duration = Duration::from_secs(3600);

fn log_to(path: Option<&Path>) -> AccessLog {
    let accesslog = path.map(|path| path.to_str().expect("temporary paths are UTF-8").to_owned());
    let format = AccessFormat::compile("%(m)s %(U)s.").expect("the format is sound");
    AccessLog::open(AccessLogOptions { accesslog, format, owner: None, syslog: None }).expect("the log opens")
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("access.log");
    (folder, path)
}

fn text_of(path: &Path) -> String {
    fs::read_to_string(path).expect("the log is there")
}

fn record(path: &[u8], pid: u32) -> AccessRecord<'_> {
    AccessRecord {
        remote_addr: None,
        authorization: None,
        time: UNIX_EPOCH,
        method: b"GET",
        uri: path,
        path,
        query: b"",
        protocol: b"HTTP/1.1",
        status: 200,
        sent_bytes: None,
        referer: None,
        agent: None,
        elapsed: Duration::ZERO,
        pid,
        request_field: &|_| None,
        response_field: &|_| None,
        environ: &|_| None,
    }
}

fn log(log: &AccessLog, path: &str) {
    log.log(&record(path.as_bytes(), std::process::id()));
}

#[test]
fn lines_wait_for_a_flush_their_age_or_a_full_buffer() {
    let (_folder, path) = folder();
    let access = log_to(Some(&path));
    log(&access, "/1");
    assert!(!access.flush_if_older_than(AGES));
    assert_eq!(text_of(&path), "");
    assert!(access.flush_if_older_than(Duration::ZERO));
    assert_eq!(text_of(&path), "GET /1.\n");
    assert!(!access.flush_if_older_than(Duration::ZERO), "nothing was left to write");

    log(&access, "/2");
    access.flush();
    assert_eq!(text_of(&path), "GET /1.\nGET /2.\n");

    let long = "x".repeat(BATCH_BYTES);
    log(&access, &long);
    assert_eq!(text_of(&path), format!("GET /1.\nGET /2.\nGET {long}.\n"));
}

#[test]
fn a_path_that_cannot_be_opened_is_named() {
    let (folder, _) = folder();
    let path = folder.path().join("missing/access.log");
    let format = AccessFormat::compile(AccessFormat::DEFAULT).expect("the default is sound");
    let accesslog = Some(path.display().to_string());
    let error = AccessLog::open(AccessLogOptions { accesslog, format, owner: None, syslog: None });
    let text = error.err().expect("a missing folder").to_string();
    assert!(
        text.starts_with(&format!("accesslog: cannot open '{}': No such file", path.display())),
        "{text}"
    );
    assert_eq!(fs::read_dir(folder.path()).expect("the folder is there").count(), 0);
}

#[test]
fn reopen_writes_the_old_lines_to_the_old_file() {
    let (folder, path) = folder();
    let old = folder.path().join("access.log.1");
    let access = log_to(Some(&path));
    log(&access, "/old");
    fs::rename(&path, &old).expect("the log is there");
    access.reopen().expect("the path opens");
    log(&access, "/new");
    access.flush();
    assert_eq!((text_of(&old).as_str(), text_of(&path).as_str()), ("GET /old.\n", "GET /new.\n"));

    fs::rename(&path, &old).expect("the log is there");
    fs::create_dir(&path).expect("a folder can be made");
    access.reopen().expect_err("a folder cannot be opened");
    log(&access, "/kept");
    access.flush();
    assert_eq!(text_of(&old), "GET /new.\nGET /kept.\n");
}

/// Every `thread/line` pair is there once, in the files of `folder`.
fn assert_all_there(folder: &Path, threads: usize, lines: usize) {
    let mut seen = vec![vec![false; lines]; threads];
    for entry in fs::read_dir(folder).expect("the folder is there") {
        for line in text_of(&entry.expect("an entry").path()).lines() {
            let path = line.strip_prefix("GET /").and_then(|line| line.strip_suffix('.'));
            let numbers: Vec<usize> = path
                .unwrap_or_else(|| panic!("a split line: {line:?}"))
                .split('/')
                .filter_map(|word| word.parse().ok())
                .collect();
            let [thread, number] = numbers[..] else { panic!("a split line: {line:?}") };
            assert!(!std::mem::replace(&mut seen[thread][number], true), "twice: {line:?}");
        }
    }
    assert!(seen.iter().flatten().all(|&is_seen| is_seen), "a line was lost");
}

/// Long enough to fill the buffer often, of changing length to meet its end everywhere.
fn path_of(thread: usize, number: usize) -> String {
    format!("/{thread}/{number}/{}", "x".repeat(number % 500))
}

#[test]
fn rotation_under_load_loses_and_splits_no_line() {
    const THREADS: usize = 4;
    const LINES: usize = 4_000;
    let (folder, path) = folder();
    let access = log_to(Some(&path));
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let access = &access;
                scope.spawn(move || (0..LINES).for_each(|number| log(access, &path_of(thread, number))))
            })
            .collect();
        scope.spawn(|| {
            for rotation in 0.. {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                fs::rename(&path, folder.path().join(format!("access.log.{rotation}")))
                    .expect("the log is there");
                access.reopen().expect("the path opens");
            }
        });
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                access.flush_if_older_than(Duration::from_micros(50));
                std::thread::yield_now();
            }
        });
        for writer in writers {
            writer.join().expect("a writer does not panic");
        }
        is_done.store(true, Ordering::Relaxed);
    });
    access.flush();
    assert_eq!(access.dropped(), 0);
    assert_all_there(folder.path(), THREADS, LINES);
}

#[test]
fn several_logs_append_to_one_file_without_mixing() {
    const LOGS: usize = 4;
    const LINES: usize = 4_000;
    let (folder, path) = folder();
    std::thread::scope(|scope| {
        for thread in 0..LOGS {
            let path = &path;
            scope.spawn(move || {
                let access = log_to(Some(path)); // a descriptor of its own, as another process has
                (0..LINES).for_each(|number| log(&access, &path_of(thread, number)));
                access.flush();
            });
        }
    });
    assert_all_there(folder.path(), LOGS, LINES);
}

#[test]
fn a_full_disk_costs_lines_that_are_counted_and_told_once() {
    let (folder, file) = folder();
    let link = folder.path().join("link");
    symlink("/dev/full", &link).expect("a link can be made");
    let access = log_to(Some(&link));
    assert_eq!(access.take_notice(), None);
    for _ in 0..3 {
        log(&access, "/lost");
    }
    access.flush();
    assert_eq!(access.dropped(), 3);
    let notice = access.take_notice().expect("a row of losses has begun");
    assert!(notice.contains("cannot be written: No space left on device"), "{notice}");
    log(&access, "/lost");
    access.flush();
    assert_eq!((access.dropped(), access.take_notice()), (4, None));

    fs::remove_file(&link).expect("the link is there");
    symlink(&file, &link).expect("a link can be made");
    access.reopen().expect("a new file opens");
    log(&access, "/there");
    access.flush();
    assert_eq!(text_of(&file), "GET /there.\n");
    let notice = access.take_notice().expect("the losses are over");
    assert!(notice.ends_with("is written again: 4 log lines were lost"), "{notice}");
    assert_eq!(access.take_notice(), None);
}

#[test]
fn a_stopped_reader_costs_no_time_and_what_the_bound_allows_is_kept() {
    let (_folder, path) = folder();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::from_raw_mode(0o600)).expect("a FIFO can be made");
    let nonblocking = OFlags::NONBLOCK.bits() as i32;
    let mut reader = File::options().read(true).custom_flags(nonblocking).open(&path).expect("a FIFO opens");
    let access = log_to(Some(&path));

    let begin = Instant::now();
    let mut total = 0_u64;
    while access.dropped() < 10 {
        log(&access, &path_of(0, 490));
        if total.is_multiple_of(1000) {
            access.flush_if_older_than(Duration::ZERO);
        }
        total += 1;
        assert!(begin.elapsed() < Duration::from_secs(60), "{total} lines took {:?}", begin.elapsed());
    }
    {
        let (fresh, batch) = (access.fresh(), access.writing());
        assert!(fresh.lines.len() + batch.lines.len() < 3 * FRESH_BYTES_MAX, "the buffers are not bounded");
    }
    assert!(access.take_notice().expect("losses").contains("its reader is too slow or has stopped"));

    let mut text = Vec::new();
    while !access.fresh().lines.is_empty() || !access.writing().lines.is_empty() {
        let _ = reader.read_to_end(&mut text); // ends with "would block"
        access.flush_if_older_than(Duration::ZERO);
        assert!(begin.elapsed() < Duration::from_secs(60), "the rest is never written");
    }
    let _ = reader.read_to_end(&mut text);
    let text = String::from_utf8(text).expect("a log is UTF-8");
    assert_eq!(text.lines().count() as u64, total - 10);
    let expected = format!("GET {}.", path_of(0, 490));
    assert!(text.lines().all(|line| line == expected), "a line was split");
    assert!(access.take_notice().expect("over").ends_with("10 log lines were lost"));

    drop(reader);
    log(&access, "/nobody");
    access.flush();
    assert_eq!(access.dropped(), 11);
}

#[test]
fn a_child_writes_none_of_its_parents_lines() {
    let (_folder, path) = folder();
    let access = log_to(Some(&path));
    access.log(&record(b"/parent", 1)); // a line of another process, inherited by a fork
    log(&access, "/child");
    access.flush();
    assert_eq!(text_of(&path), "GET /child.\n");

    access.log(&record(b"/parent", 1));
    access.flush();
    log(&access, "/parent");
    access.after_fork();
    access.flush();
    assert_eq!(text_of(&path), "GET /child.\n");
}

#[test]
fn the_flush_interval_follows_the_reader() {
    let (folder, path) = folder();
    let fifo = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::from_raw_mode(0o600)).expect("a FIFO can be made");
    let nonblocking = OFlags::NONBLOCK.bits() as i32;
    let _reader = File::options().read(true).custom_flags(nonblocking).open(&fifo).expect("a FIFO opens");
    for (path, hint) in [(Some(&path), Some(1000)), (Some(&fifo), Some(100)), (None, None)] {
        let access = log_to(path.map(PathBuf::as_path));
        assert_eq!(access.flush_interval_hint(), hint.map(Duration::from_millis), "{path:?}");
        assert_eq!(access.is_enabled(), path.is_some());
    }
}

#[test]
fn syslog_gets_each_line_at_once_with_or_without_a_file() {
    let (folder, path) = folder();
    let socket = folder.path().join("socket");
    let daemon = UnixDatagram::bind(&socket).expect("a socket can be bound");
    daemon.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    for accesslog in [None, Some(path.display().to_string())] {
        let addr = format!("unix://{}", socket.display());
        let syslog =
            SyslogOptions::from_settings(&addr, "local0", Some("web"), "app").expect("sound settings");
        let format = AccessFormat::compile("%(U)s").expect("the format is sound");
        let access =
            AccessLog::open(AccessLogOptions { accesslog, format, owner: None, syslog: Some(syslog) })
                .expect("the log opens");
        assert!(access.is_enabled());
        log(&access, "/a\n");
        let mut frame = [0; 256];
        let count = daemon.recv(&mut frame).expect("a message comes before the deadline");
        let expected = format!("<134>tricorn.web.access: [{}] /a\\x0a\0", std::process::id());
        assert_eq!(String::from_utf8_lossy(&frame[..count]), expected);
        assert_eq!(access.flush_interval_hint(), Some(Duration::from_secs(1)));
        access.flush();
    }
    assert_eq!(text_of(&path), "/a\\x0a\n");
}
