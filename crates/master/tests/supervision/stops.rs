//! TERM, INT, QUIT: what is finished, what is cut off, and when.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::server::{Server, reply};

#[test]
fn term_finishes_what_runs_and_what_waits_in_the_accept_queue() {
    let mut server = Server::ready("");
    let running = server.send_command("sleep 300");
    let waiting: Vec<_> = (0..5).map(|_| server.send_command("pid")).collect();
    server.signal(Signal::TERM);
    assert!(!reply(running).is_empty());
    for stream in waiting {
        assert!(!reply(stream).is_empty());
    }
    assert_eq!(server.code(), Some(0));
    for text in [
        "[Info] Handling signal: term",
        "[Info] Worker exiting (pid: ",
        "[Info] Shutting down: Master",
        "hook on_exit",
    ] {
        assert_eq!(server.count(text), 1, "{text} in {:#?}", server.lines());
    }
}

#[test]
fn a_worker_that_does_not_finish_is_killed_at_the_deadline() {
    let mut server = Server::ready("graceful_ms 500\n");
    let stuck = server.send_command("sleep 60000");
    // Another connection is not taken, so the first one is inside.
    server.await_that("it is inside", || {
        std::fs::read_to_string(format!("/proc/{}/wchan", server.workers()[0])).is_ok()
    });
    std::thread::sleep(Duration::from_millis(50));
    let told = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.code(), Some(0));
    let took = told.elapsed();
    assert!((450..10_000).contains(&took.as_millis()), "{took:?}");
    assert_eq!(server.count("did not stop within its graceful timeout"), 1);
    assert_eq!(server.count("in flight: DO sleep 60000"), 1);
    assert_eq!(reply(stuck), "");
}

#[test]
fn int_and_quit_make_a_graceful_stop_quick() {
    for signal in [Signal::INT, Signal::QUIT] {
        let mut server = Server::ready("graceful_ms 60000\n");
        let _stuck = server.send_command("sleep 60000");
        std::thread::sleep(Duration::from_millis(50));
        server.signal(Signal::TERM);
        server.await_line("Handling signal: term");
        let told = Instant::now();
        server.signal(signal);
        server.await_line("Quick shutdown requested");
        assert_eq!(server.code(), Some(0));
        let took = told.elapsed();
        assert!((1900..10_000).contains(&took.as_millis()), "{took:?}");
    }
}

#[test]
fn a_second_int_does_not_wait_at_all() {
    let mut server = Server::ready("");
    let _stuck = server.send_command("sleep 60000");
    std::thread::sleep(Duration::from_millis(50));
    server.signal(Signal::INT);
    server.await_line("Handling signal: int");
    let told = Instant::now();
    server.signal(Signal::INT);
    assert_eq!(server.code(), Some(0));
    // The first one alone takes 2 s.
    assert!(told.elapsed() < Duration::from_millis(1900), "{:?}", told.elapsed());
}

#[test]
fn a_stop_while_the_first_workers_load_is_at_once() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let mut server = Server::start("workers 3\nboot hang\n");
        server.await_lines("Booting worker", 3);
        let told = Instant::now();
        server.signal(signal);
        assert_eq!(server.code(), Some(0));
        assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
        assert_eq!(server.count("was sent SIGTERM!"), 3);
    }
}
