//! The other signals: TTIN, TTOU, USR1, WINCH, signals to workers, and all of them in any order. USR2 leaves a second
//! server behind: see `upgrades`.

use rustix::process::Signal;

use crate::server::{Server, is_alive, send};

#[test]
fn ttin_and_ttou_in_a_flood() {
    let server = Server::ready("");
    for _ in 0..6 {
        server.signal(Signal::TTIN);
        server.await_that("it is handled", || server.count("Handling signal: ttin") > 0);
    }
    server.await_that("more workers", || server.workers().len() > 1);
    // Equal signals that are pending at the same time are one for the kernel, so the flood goes on until it
    // has worked.
    server.await_that("one worker", || {
        server.signal(Signal::TTOU);
        server.workers().len() == 1
    });
    for _ in 0..100 {
        server.signal(Signal::TTOU);
    }
    server.await_line("hook nworkers_changed Some(2)->1");
    assert_eq!(server.count("->0"), 0, "never below 1");
    assert!(!server.ask("pid").is_empty());
    server.stop();
}

#[test]
fn more_workers_than_there_is_room_for() {
    let server = Server::ready("");
    for count in 1..=40 {
        server.signal(Signal::TTIN);
        server.await_lines("Handling signal: ttin", count);
    }
    server.await_line("SIGTTIN ignored: 32 workers are the most this server can keep");
    server.await_workers(32);
    server.stop();
}

#[test]
fn usr1_reopens_everybodys_logs() {
    let server = Server::ready("workers 2\n");
    let workers = server.await_workers(2);
    server.await_that("both have a queue", || {
        server.signal(Signal::USR1);
        workers.iter().all(|pid| server.count(&format!("worker {pid} reopened")) > 0)
    });
    assert!(server.count("[Info] logs reopened") > 0);
    assert_eq!(server.await_workers(2), workers);
    server.stop();
}

/// A rotation while a worker loads: it has disregarded USR1, and would write to the file that is gone.
#[test]
fn a_worker_that_was_loading_reopens_its_logs_when_it_is_ready() {
    let server = Server::start("boot sleep 3000\n");
    server.await_that("a worker loads", || server.workers().len() == 1);
    server.signal(Signal::USR1);
    server.await_line("[Info] logs reopened");
    assert_eq!(server.count("Start complete"), 0, "it loads still");
    let worker = server.workers()[0];
    server.await_line(&format!("[Info] worker {worker} reopened"));
    server.stop();
}

#[test]
fn winch_is_for_daemons() {
    let server = Server::ready("");
    server.signal(Signal::WINCH);
    server.await_line("SIGWINCH ignored. Not daemonized");
    assert!(!server.ask("pid").is_empty());
    server.stop();
}

#[test]
fn a_workers_ear_is_deaf_to_the_masters_signals() {
    // The story: `pkill -HUP gunicorn` reaches the workers too, and used to kill them (gunicorn #1868).
    let server = Server::ready("");
    let pid: u32 = server.ask("pid").parse().expect("a pid");
    for signal in [Signal::HUP, Signal::USR2, Signal::TTIN, Signal::TTOU, Signal::WINCH] {
        send(pid, signal);
    }
    assert_eq!(server.ask("pid"), pid.to_string());
    assert!(is_alive(pid));
    server.stop();
}

/// A small generator, so that a failure names the seed that repeats it.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[test]
fn any_sequence_of_signals_ends_in_an_orderly_stop() {
    const SIGNALS: [Signal; 7] =
        [Signal::HUP, Signal::TTIN, Signal::TTOU, Signal::USR1, Signal::WINCH, Signal::CHILD, Signal::KILL];
    for seed in 1..=12 {
        let mut chance = Chance(seed);
        let mut server = Server::start("workers 2\ngraceful_ms 3000\nboot sleep 20\n");
        server.await_line("Listening at");
        for _ in 0..20 {
            match SIGNALS[chance.below(SIGNALS.len() as u64) as usize] {
                // Kills are for workers.
                Signal::KILL => {
                    let workers = server.workers();
                    if let Some(pid) = workers.get(chance.below(4) as usize) {
                        send(*pid, Signal::KILL);
                    }
                }
                signal => server.signal(signal),
            }
            std::thread::sleep(std::time::Duration::from_millis(chance.below(15)));
        }
        let last = [Signal::TERM, Signal::INT, Signal::QUIT][chance.below(3) as usize];
        server.signal(last);
        server.signal(Signal::HUP);
        assert_eq!(server.code(), Some(0), "seed {seed}: {:#?}", server.lines());
    }
}
