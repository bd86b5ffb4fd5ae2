//! A worker of `plain-server`: one thread that serves, one that beats.
//!
//! A client connects, sends a line and gets a line: `pid`, `groups`, `sleep MS`, `exit CODE`, `stop` (SIGSTOP
//! to itself), `closefds`, `orphan`, `panic`, `replace`, `count`. Commands that take long are entered on the
//! scoreboard as requests.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tricorn_master::{Seat, Signal, SignalQueue, WorkerSlot, monotonic_ms};

use crate::settings::Settings;

pub fn run(mut seat: Seat, settings: &Settings) -> i32 {
    if seat.drop_privileges().is_err() {
        return 3;
    }
    if let Some(code) = boot(&settings.boot) {
        return code;
    }
    let slot = seat.slot;
    thread::spawn(move || {
        loop {
            slot.beat(monotonic_ms());
            thread::sleep(Duration::from_millis(50));
        }
    });
    let signals =
        SignalQueue::new(&[Signal::Term, Signal::Int, Signal::Quit, Signal::Usr1]).expect("a queue");
    if seat.report_ready().is_err() {
        return 0;
    }
    serve(&mut seat, &signals, settings.life_ms.map(|ms| monotonic_ms() + ms))
}

/// `ok`, `exit CODE`, `hang`, `sleep MS`.
fn boot(words: &str) -> Option<i32> {
    let (verb, number) = words.split_once(' ').unwrap_or((words, "0"));
    let number: u64 = number.parse().expect("the test wrote a number");
    match verb {
        "exit" => return Some(number as i32),
        "hang" => thread::sleep(Duration::from_secs(3600)),
        "sleep" => thread::sleep(Duration::from_millis(number)),
        _ => {}
    }
    None
}

fn serve(seat: &mut Seat, signals: &SignalQueue, end_ms: Option<u64>) -> i32 {
    loop {
        if end_ms.is_some_and(|ms| monotonic_ms() >= ms) {
            return 1;
        }
        let mut fds = vec![
            PollFd::from_borrowed_fd(signals.descriptor(), PollFlags::IN),
            PollFd::from_borrowed_fd(seat.lifeline(), PollFlags::IN),
        ];
        fds.extend(
            seat.listeners.iter().map(|listener| PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN)),
        );
        let tick = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        let _ = poll(&mut fds, Some(&tick));
        if !fds[1].revents().is_empty() {
            return 0;
        }
        for signal in signals.drain() {
            match signal {
                Signal::Usr1 => {
                    // In one write: the master writes to the same pipe.
                    let line = format!("[Info] worker {} reopened\n", std::process::id());
                    let _ = std::io::stderr().write_all(line.as_bytes());
                }
                Signal::Term => {
                    while seat.slot.is_server_stopping() && accept_one(seat) {}
                    return 0;
                }
                _ => return 0,
            }
        }
        accept_one(seat);
    }
}

/// Whether there was one.
fn accept_one(seat: &mut Seat) -> bool {
    let accepted = seat.listeners.iter().find_map(|listener| rustix::net::accept(listener).ok());
    let Some(fd) = accepted else { return false };
    answer(seat, fd);
    true
}

fn answer(seat: &mut Seat, fd: OwnedFd) {
    // Good for unix sockets too: nothing here asks for an address.
    let mut stream = TcpStream::from(fd);
    let mut line = String::new();
    let _ = BufReader::new(stream.try_clone().expect("a descriptor")).read_line(&mut line);
    let line = line.trim();
    seat.slot.runner(0).enter(b"DO", line.as_bytes(), monotonic_ms());
    let reply = obey(seat, line);
    seat.slot.runner(0).leave(monotonic_ms());
    seat.slot.add_request();
    let _ = stream.write_all(format!("{reply}\n").as_bytes());
}

fn obey(seat: &mut Seat, line: &str) -> String {
    let (verb, number) = line.split_once(' ').unwrap_or((line, "0"));
    let number: u64 = number.parse().unwrap_or(0);
    match verb {
        "sleep" => thread::sleep(Duration::from_millis(number)),
        "exit" => std::process::exit(number as i32),
        "stop" => {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        }
        "attach" => attach_for(seat.slot, number),
        "closefds" => {
            // What a careless application does: close all it does not know. The substitute stays silent.
            let (substitute, peer) = UnixStream::pair().expect("descriptors");
            std::mem::forget(peer);
            seat.lifeline = substitute.into();
        }
        "panic" => panic!("the test asked for it"),
        "orphan" => {
            let mut shell = Command::new("sh");
            let _ = shell.args(["-c", "(sleep 0.1; exit 3) & exit 0"]).status();
        }
        "replace" => {
            let _ = seat.ask_replacement();
        }
        "count" => return seat.slot.requests().to_string(),
        "groups" => {
            let groups = rustix::process::getgroups().expect("readable");
            let groups: Vec<u32> = groups.iter().map(|group| group.as_raw()).collect();
            let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
            return format!("{user} {group} {groups:?}");
        }
        _ => {}
    }
    std::process::id().to_string()
}

/// Waits "for the interpreter".
fn attach_for(slot: WorkerSlot, wait_ms: u64) {
    slot.runner(0).begin_attach(monotonic_ms());
    thread::sleep(Duration::from_millis(wait_ms));
    slot.runner(0).end_attach();
}
