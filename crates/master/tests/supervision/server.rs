//! A `plain-server` under test: start it, read its log, signal it, talk to its workers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    child: Child,
    log: Arc<Log>,
    dir: TempDir,
}

#[derive(Default)]
struct Log {
    lines: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

impl Server {
    /// Starts one with these settings; `bind` is a free port unless they name one.
    pub fn start(settings: &str) -> Server {
        Server::start_in(tempfile::tempdir().expect("a directory"), settings, |_| {})
    }

    pub fn start_in(dir: TempDir, settings: &str, prepare: impl FnOnce(&mut Command)) -> Server {
        let file = dir.path().join("settings");
        std::fs::write(&file, with_bind(settings)).expect("writable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_plain-server"));
        command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // A group of its own, so that what is left behind can be found and ended.
        command.process_group(0);
        prepare(&mut command);
        let mut child = command.spawn().expect("plain-server runs");
        let log = Arc::new(Log::default());
        let stderr = child.stderr.take().expect("piped");
        thread::spawn({
            let log = Arc::clone(&log);
            move || log.fill(BufReader::new(stderr))
        });
        Server { child, log, dir }
    }

    /// Starts one and waits until all of its workers have been ready.
    pub fn ready(settings: &str) -> Server {
        let server = Server::start(settings);
        server.await_line("Start complete");
        server
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Replaces the settings for the next reload.
    pub fn rewrite(&self, settings: &str) {
        std::fs::write(self.path("settings"), with_bind(settings)).expect("writable");
    }

    pub fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    pub fn lines(&self) -> Vec<String> {
        self.log.lines.lock().expect("no panic").0.clone()
    }

    pub fn count(&self, text: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(text)).count()
    }

    pub fn await_line(&self, text: &str) -> String {
        self.await_lines(text, 1)
    }

    /// Waits until `count` lines hold `text`; returns the last of them.
    pub fn await_lines(&self, text: &str, count: usize) -> String {
        let matching =
            |lines: &[String]| lines.iter().filter(|line| line.contains(text)).nth(count - 1).cloned();
        let mut guard = self.log.lines.lock().expect("no panic");
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = matching(&guard.0) {
                return line;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !guard.1, "no {count} x '{text}' in {:#?}", guard.0);
            guard = self.log.changed.wait_timeout(guard, left).expect("no panic").0;
        }
    }

    /// Waits until something holds.
    pub fn await_that(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < end, "{what} does not come about; log: {:#?}", self.lines());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The address that the log says, the last one.
    pub fn address(&self) -> String {
        let lines = self.lines();
        let line = lines.iter().rev().find(|line| line.contains("Listening at: ")).expect("it listens");
        let rest = line.split("Listening at: http://").nth(1).expect("a TCP listener");
        rest.split([' ', ',']).next().expect("an address").to_owned()
    }

    pub fn send_command(&self, command: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address()).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a duration");
        stream.write_all(format!("{command}\n").as_bytes()).expect("a fresh connection");
        stream
    }

    /// One command, one answer; an empty answer if the worker dies.
    pub fn ask(&self, command: &str) -> String {
        reply(self.send_command(command))
    }

    /// Pids of the children of the master that are not zombies.
    pub fn workers(&self) -> Vec<u32> {
        children_of(self.pid())
    }

    pub fn await_workers(&self, count: usize) -> Vec<u32> {
        self.await_that(&format!("{count} workers"), || self.workers().len() == count);
        self.workers()
    }

    /// Waits for the end of the master.
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return status;
            }
            assert!(Instant::now() < end, "the master does not end: {:#?}", self.lines());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// The exit code, once the log is complete; checks that nobody and nothing is left behind.
    pub fn code(&mut self) -> Option<i32> {
        let status = self.wait();
        self.assert_no_orphan();
        let end = Instant::now() + PATIENCE;
        while !self.log.lines.lock().expect("no panic").1 && Instant::now() < end {
            thread::sleep(Duration::from_millis(2));
        }
        status.code()
    }

    /// No process of this server's group lives.
    pub fn assert_no_orphan(&self) {
        self.await_that("an empty process group", || group_of(self.pid()).is_empty());
    }

    /// TERM, and the code 0.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.code(), Some(0), "{:#?}", self.lines());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for pid in group_of(self.pid()) {
            send(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

impl Log {
    fn fill(&self, reader: impl BufRead) {
        for line in reader.lines().map_while(Result::ok) {
            self.lines.lock().expect("no panic").0.push(line);
            self.changed.notify_all();
        }
        self.lines.lock().expect("no panic").1 = true;
        self.changed.notify_all();
    }
}

fn with_bind(settings: &str) -> String {
    let has_bind = settings.contains("bind ");
    if has_bind { settings.to_owned() } else { format!("bind 127.0.0.1:0\n{settings}") }
}

pub fn reply(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text.trim().to_owned()
}

/// Gone already is as well.
pub fn send(pid: u32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(pid as i32).expect("a pid"), signal);
}

/// Fields of /proc/PID/stat after the name: state, parent, group.
fn stat(pid: u32) -> Option<(char, u32, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn processes() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("Linux");
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

pub fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, ..)| state != 'Z')
}

pub fn children_of(parent: u32) -> Vec<u32> {
    processes()
        .into_iter()
        .filter(|pid| matches!(stat(*pid), Some((state, of, _)) if of == parent && state != 'Z'))
        .collect()
}

fn group_of(leader: u32) -> Vec<u32> {
    processes()
        .into_iter()
        .filter(|pid| matches!(stat(*pid), Some((state, _, group)) if group == leader && state != 'Z'))
        .collect()
}
