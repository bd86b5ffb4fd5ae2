//! Workers that die, hang, freeze or never start (F01 to F28 of the fault matrix), and a master that dies.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::server::{Server, is_alive, reply, send};

#[test]
fn a_killed_worker_is_replaced_and_what_died_with_it_is_named() {
    let server = Server::ready("workers 2\n");
    let before = server.await_workers(2);
    let stream = server.send_command("sleep 30000");
    let busy = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    // The one inside the request sleeps; it is the one that does not answer.
    let answering: u32 = server.ask("pid").parse().expect("a pid");
    let victim = before.iter().copied().find(|pid| *pid != answering).expect("two workers");
    assert!(!busy(victim).is_empty());
    send(victim, Signal::KILL);
    assert_eq!(reply(stream), "", "its request fails");
    server.await_line(&format!("[Error] Worker (pid:{victim}) was sent SIGKILL! Perhaps out of memory?"));
    let life = server.await_line(&format!("Worker (pid:{victim}) lived "));
    assert!(life.contains("in flight: DO sleep 30000 for "), "{life}");
    server.await_line(&format!("hook child_exit {victim} booted=true None Some(9)"));
    let after = server.await_workers(2);
    assert!(after.contains(&answering) && !after.contains(&victim));
    server.stop();
}

#[test]
fn all_at_once_are_all_replaced_at_once() {
    let server = Server::ready("workers 16\n");
    let before = server.await_workers(16);
    // Ready ones only: a death before that would wait for its back-off.
    server.await_that("long lives", || before.iter().all(|pid| is_alive(*pid)));
    let killed = Instant::now();
    for pid in &before {
        send(*pid, Signal::KILL);
    }
    server.await_that("the new ones", || {
        let now = server.workers();
        now.len() == 16 && now.iter().all(|pid| !before.contains(pid))
    });
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    server.await_lines("hook child_exit", 16);
    assert_eq!((server.count("hook child_exit"), server.count("its successor waits")), (16, 0));
    server.stop();
}

#[test]
fn a_crash_loop_waits_longer_and_longer() {
    let mut server = Server::ready("life_ms 20\ngraceful_ms 1000\n");
    let third = server.await_lines("died right after its start, again", 3);
    let mut lines = server.lines();
    // The fifth death may be in the log already.
    lines.truncate(1 + lines.iter().position(|line| *line == third).expect("it was read"));
    let waits: Vec<u64> = lines
        .iter()
        .filter_map(|line| line.split("its successor waits ").nth(1)?.strip_suffix(" ms")?.parse().ok())
        .collect();
    assert!(waits[0] >= 75 && waits[1] > waits[0] && waits[2] > waits[1], "{waits:?}");
    let deaths = lines.iter().filter(|line| line.contains("exited with code 1.")).count();
    assert_eq!(deaths, 4, "the first successor came at once");
    server.signal(Signal::TERM);
    assert_eq!(server.code(), Some(0));
}

#[test]
fn a_replacement_that_cannot_boot_costs_a_delay_and_not_the_server() {
    let server = Server::ready("workers 2\n");
    let before = server.await_workers(2);
    server.await_that("both serve", || (0..8).all(|_| !server.ask("pid").is_empty()));
    // The next forks fail: the settings are read by the master only on HUP, so a reload is the way in.
    server.rewrite("workers 2\nboot exit 3\n");
    server.signal(Signal::HUP);
    server.await_lines("Worker failed to boot. (pid:", 4);
    assert!(
        server.lines().iter().any(|line| line.contains("the reload waits, the old workers keep serving"))
    );
    let answering: u32 = server.ask("pid").parse().expect("a pid");
    assert!(before.contains(&answering), "the old generation is intact");
    assert!(before.iter().all(|pid| is_alive(*pid)));
    // What mends it does not wait behind it.
    server.rewrite("workers 2\n");
    server.signal(Signal::HUP);
    server.await_line("Reload complete");
    assert!(before.iter().all(|pid| !is_alive(*pid)) || server.await_workers(2).len() == 2);
    server.stop();
}

#[test]
fn a_request_beyond_the_timeout_is_named_and_its_worker_ended() {
    let server = Server::ready("timeout_ms 2000\n");
    let victim: u32 = server.ask("pid").parse().expect("a pid");
    let stream = server.send_command("sleep 30000");
    let line = server.await_line(&format!("[Critical] WORKER TIMEOUT (pid:{victim})"));
    assert!(line.contains("DO sleep 30000 for "), "{line}");
    assert_eq!(reply(stream), "");
    // The worker has the kernel's SIGABRT.
    server.await_line(&format!("Worker (pid:{victim}) was sent SIGABRT!"));
    assert_ne!(server.ask("pid"), victim.to_string());
    server.stop();
}

#[test]
fn a_worker_of_threads_may_be_busy_for_long_but_must_get_the_interpreter() {
    let server = Server::ready("timeout_ms 2000\nkind threads\n");
    let pid = server.ask("sleep 3000");
    assert_eq!(server.count("WORKER TIMEOUT"), 0);
    let stream = server.send_command("attach 30000");
    let line = server.await_line(&format!("WORKER TIMEOUT (pid:{pid})"));
    assert!(line.contains("waiting for the interpreter; inside the application: DO attach 30000"), "{line}");
    assert_eq!(reply(stream), "");
    server.stop();
}

#[test]
fn a_panic_in_a_worker_ends_that_worker_only() {
    // It must not unwind into the loop of the master, of which the child has a copy.
    let server = Server::ready("");
    let before = server.ask("pid");
    assert_eq!(server.ask("panic"), "");
    server.await_line(&format!("Worker (pid:{before}) exited with code 255."));
    assert_ne!(server.ask("pid"), before);
    server.stop();
}

#[test]
fn no_descriptor_is_left_of_workers_and_reloads_that_are_gone() {
    let server = Server::ready("workers 2\n");
    let open = || std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("alive").count();
    let before = open();
    for round in 1..=5 {
        for pid in server.await_workers(2) {
            send(pid, Signal::KILL);
        }
        server.signal(Signal::HUP);
        server.await_lines("Reload complete", round);
    }
    server.await_workers(2);
    server.await_that("as many as before", || open() == before);
    server.stop();
}

#[test]
fn a_frozen_worker_is_killed_and_replaced() {
    let server = Server::ready("timeout_ms 1000\n");
    let victim: u32 = server.ask("pid").parse().expect("a pid");
    send(victim, Signal::STOP);
    server.await_line(&format!("WORKER TIMEOUT (pid:{victim}) the whole process stands still"));
    // A stopped process acts on no signal but SIGKILL.
    server.await_line(&format!("Worker (pid:{victim}) was sent SIGKILL! It did not stop in time."));
    assert_ne!(server.ask("pid"), victim.to_string());
    server.stop();
}

#[test]
fn nobody_is_blamed_for_the_absence_of_the_master() {
    // The story: a virtual machine pauses, or somebody stops the process group; on return every heartbeat is
    // old.
    let server = Server::ready("timeout_ms 2600\nworkers 2\n");
    let before = server.await_workers(2);
    let all = || before.iter().copied().chain([server.pid()]);
    all().for_each(|pid| send(pid, Signal::STOP));
    std::thread::sleep(Duration::from_millis(3200));
    send(server.pid(), Signal::CONT);
    server.await_line("The master was away for ");
    for pid in &before {
        send(*pid, Signal::CONT);
    }
    server.ask("pid");
    assert_eq!(server.count("WORKER TIMEOUT"), 0);
    assert_eq!(server.await_workers(2), before);
    server.stop();
}

#[test]
fn a_boot_that_hangs_is_ended_at_its_own_deadline() {
    let server = Server::ready("");
    server.rewrite("boot_timeout_ms 300\nboot hang\n");
    server.signal(Signal::HUP);
    server.await_line("[Critical] WORKER TIMEOUT (pid:");
    server.await_line("Worker failed to boot. (pid:");
    server.rewrite("boot_timeout_ms 5000\n");
    server.signal(Signal::HUP);
    server.await_line("Reload complete");
    assert!(!server.ask("pid").is_empty());
    server.stop();
}

#[test]
fn a_first_boot_that_hangs_is_a_failed_start() {
    let mut server = Server::start("boot_timeout_ms 300\nboot hang\n");
    server.await_line("[Critical] WORKER TIMEOUT (pid:");
    assert_eq!(server.code(), Some(3));
    server.assert_no_orphan();
}

#[test]
fn workers_end_when_the_master_is_killed_and_the_address_is_free_again() {
    let mut server = Server::ready("workers 3\n");
    server.await_workers(3);
    let address = server.address();
    server.signal(Signal::KILL);
    server.wait();
    server.assert_no_orphan();
    let second = Server::ready(&format!("bind {address}\n"));
    second.stop();
}

#[test]
fn a_worker_that_asks_for_a_successor_serves_until_it_is_there() {
    let server = Server::ready("");
    let before = server.ask("replace");
    server.await_that("another worker", || {
        let pid = server.ask("pid");
        assert!(!pid.is_empty(), "there is always one that serves");
        pid != before
    });
    assert_eq!(server.await_workers(1).len(), 1);
    server.stop();
}

#[test]
fn a_worker_whose_lifeline_was_closed_is_replaced() {
    let server = Server::ready("");
    let before = server.ask("closefds");
    server.await_line(&format!("Worker (pid:{before}) has lost its lifeline"));
    server.await_that("another worker", || server.ask("pid") != before);
    server.stop();
}

#[test]
fn a_worker_that_somebody_else_reaped_is_missed_and_replaced() {
    let server = Server::ready("steals 1\n");
    let before = server.ask("pid");
    send(before.parse().expect("a pid"), Signal::KILL);
    server.await_line(&format!("Worker (pid:{before}) was reaped by somebody else."));
    assert_ne!(server.ask("pid"), before);
    let mut server = server;
    server.signal(Signal::TERM);
    assert_eq!(server.code(), Some(0));
}

#[test]
fn as_pid_1_it_reaps_orphans_and_does_not_count_them() {
    if !rustix::process::geteuid().is_root() {
        return; // A pid namespace is root's to make.
    }
    let mut server = Server::start_in(tempfile::tempdir().expect("a directory"), "", |command| {
        let mut words: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        words.insert(0, command.get_program().to_owned());
        *command = std::process::Command::new("unshare");
        command.args(["-p", "-f", "--kill-child"]).args(words).process_group(0);
        command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null());
    });
    server.await_line("(1)");
    server.ask("orphan");
    // Exit code 3 of a stranger is nobody's business.
    server.await_line("[Debug] Reaped unknown child process");
    assert!(!server.ask("pid").is_empty());
    assert_eq!(server.count("hook child_exit"), 0);
    let init = server.workers()[0];
    send(init, Signal::TERM);
    assert_eq!(server.code(), Some(0));
}

#[test]
fn an_idle_master_wakes_once_a_second() {
    let server = Server::ready("workers 2\n");
    server.await_workers(2);
    let switches = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("alive");
        let line =
            status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("Linux");
        line.trim().parse::<u64>().expect("a number")
    };
    std::thread::sleep(Duration::from_millis(500));
    let before = switches();
    std::thread::sleep(Duration::from_secs(3));
    let woken = switches() - before;
    assert!(woken <= 8, "{woken} times in 3 s");
    server.stop();
}

#[test]
fn a_fork_that_fails_is_tried_again() {
    if !rustix::process::geteuid().is_root() {
        return; // RLIMIT_NPROC does not bind root, and another user cannot be had without it.
    }
    // A user with a limit of its own, so that the limit counts nobody else's processes.
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("ours");
    let program = dir.path().join("plain-server");
    std::fs::copy(env!("CARGO_BIN_EXE_plain-server"), &program).expect("a copy that others may run");
    let settings = dir.path().join("settings");
    let server = Server::start_in(dir, "workers 4\n", |command| {
        let script = "ulimit -u 3; exec \"$0\" \"$1\"";
        *command = std::process::Command::new("bash");
        command.args(["-c", script]).arg(&program).arg(&settings).process_group(0).uid(54_321).gid(54_321);
        command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null());
    });
    server.await_lines("Can't fork a worker: ", 3);
    assert!(!server.ask("pid").is_empty(), "those that could be forked serve");
    server.stop();
}
