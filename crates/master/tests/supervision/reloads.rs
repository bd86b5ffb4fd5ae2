//! HUP: rolling, with a broken configuration, with other addresses, many at once.

use std::net::TcpStream;

use rustix::process::Signal;

use crate::server::{Server, is_alive};

#[test]
fn a_reload_under_load_fails_no_request() {
    let server = Server::ready("workers 2\n");
    for round in 1..=5 {
        let before = server.await_workers(2);
        server.signal(Signal::HUP);
        server.await_that("the next generation", || {
            assert!(!server.ask("pid").is_empty(), "every request is answered");
            server.count("Reload complete") == round
        });
        server.await_that("the end of the old one", || before.iter().all(|pid| !is_alive(*pid)));
    }
    server.await_line("hook on_reload");
    assert_eq!(server.count("logs reopened"), 5);
    server.stop();
}

#[test]
fn a_reload_waits_for_new_workers_that_load_slowly() {
    let server = Server::ready("workers 2\n");
    let before = server.await_workers(2);
    server.rewrite("workers 2\nboot sleep 3000\n");
    server.signal(Signal::HUP);
    server.await_line("hook on_reload");
    server.await_that("both generations", || server.workers().len() == 4);
    assert!(before.contains(&server.ask("pid").parse().expect("a pid")), "the old ones serve");
    server.await_line("Reload complete");
    assert_eq!(server.count("Shutting down"), 0);
    server.stop();
}

#[test]
fn a_broken_configuration_changes_nothing() {
    let server = Server::ready("workers 2\n");
    let before = server.await_workers(2);
    server.rewrite("nonsense 1\n");
    server.signal(Signal::HUP);
    server.await_line("[Error] Reload failed, the old configuration stays in force: bad line 'nonsense 1'");
    assert_eq!(server.await_workers(2), before);
    assert!(!server.ask("pid").is_empty());

    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("free");
    let address = taken.local_addr().expect("bound");
    server.rewrite(&format!("bind {address}\n"));
    server.signal(Signal::HUP);
    server.await_line(&format!("Connection in use: ('127.0.0.1', {})", address.port()));
    server.await_lines("Reload failed, the old configuration stays in force", 2);
    assert_eq!(server.await_workers(2), before);
    server.stop();
}

#[test]
fn other_addresses_are_bound_before_the_old_ones_are_given_up() {
    let server = Server::ready("bind 127.0.0.1:0\n");
    let old = server.address();
    let (first, second) = (server.path("a"), server.path("b"));
    server.rewrite(&format!("bind 127.0.0.1:0\nbind unix:{}\n", first.display()));
    server.signal(Signal::HUP);
    server.await_line("Reload complete");
    assert_eq!(server.address(), old, "what stays the same is the same socket");
    assert!(first.exists());
    server.rewrite(&format!("bind [::1]:0\nbind unix:{}\n", second.display()));
    server.signal(Signal::HUP);
    server.await_lines("Reload complete", 2);
    assert!(second.exists() && !first.exists());
    assert!(!server.ask("pid").is_empty());
    server.await_that("the old address is closed", || TcpStream::connect(&old).is_err());
    server.stop();
}

#[test]
fn many_reloads_become_few() {
    let mut server = Server::ready("workers 2\n");
    server.rewrite("workers 2\nboot sleep 3000\n");
    for count in 1..=10 {
        server.signal(Signal::HUP);
        // Equal signals that are pending at the same time are one for the kernel.
        server.await_lines("Hang up: Master", count);
    }
    server.rewrite("workers 2\n");
    server.await_lines("Reload complete", 2);
    server.await_workers(2);
    assert!(!server.ask("pid").is_empty());
    server.signal(Signal::TERM);
    assert_eq!(server.code(), Some(0));
    assert_eq!(server.count("hook on_reload"), 2, "one that runs and one that waits");
}

#[test]
fn the_number_of_workers_survives_a_reload_that_does_not_change_it() {
    let server = Server::ready("workers 2\n");
    server.await_workers(2);
    server.signal(Signal::TTIN);
    server.await_workers(3);
    server.signal(Signal::HUP);
    server.await_line("Reload complete: 3 workers");
    server.rewrite("workers 1\n");
    server.signal(Signal::HUP);
    server.await_line("Reload complete: 1 workers");
    server.await_workers(1);
    server.rewrite("workers 40\nrunners 8\n");
    server.signal(Signal::HUP);
    server.await_line("Reload complete: 40 workers");
    server.await_workers(40);
    server.stop();
}

#[test]
fn a_stop_during_a_reload_is_a_stop() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let mut server = Server::ready("workers 2\n");
        server.rewrite("workers 2\nboot sleep 5000\n");
        server.signal(Signal::HUP);
        server.await_lines("Booting worker", 4);
        server.signal(signal);
        assert_eq!(server.code(), Some(0), "{:#?}", server.lines());
    }
}
