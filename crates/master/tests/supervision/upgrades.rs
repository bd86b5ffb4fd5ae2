//! USR2: a new master beside the old one, without Python. What users see of it: `tests/server/test_upgrade.py`.

use rustix::process::Signal;

use crate::server::{Server, is_alive, send};

/// The pid of the master that was started in this round. Its own first lines may come before the one that names it.
fn new_master(server: &Server, round: usize) -> u32 {
    let line = server.await_lines("Starting a new master with pid: ", round);
    line.rsplit(' ').next().and_then(|pid| pid.parse().ok()).expect("a pid")
}

#[test]
fn a_new_master_serves_beside_the_old_one_and_goes_again() {
    let server = Server::ready("");
    server.await_lines("Start complete", 1);
    for round in 1..=2 {
        server.signal(Signal::USR2);
        server.await_lines("hook pre_exec", round);
        server.await_lines("Start complete", round + 1);
        let new = new_master(&server, round);
        server.signal(Signal::USR2);
        server.await_lines("USR2 signal ignored. Child exists.", round);
        send(new, Signal::USR2);
        server.await_lines("USR2 signal ignored. Parent exists.", round);
        send(new, Signal::TERM);
        server.await_line(&format!("The new master (pid:{new}) has ended (exit code 0); this one goes on"));
        assert!(!is_alive(new));
    }
    assert!(!server.ask("pid").is_empty());
    server.stop();
}

#[test]
fn the_new_master_outlives_the_old_one() {
    let mut server = Server::ready("");
    server.signal(Signal::USR2);
    server.await_lines("Start complete", 2);
    let new = new_master(&server, 1);
    server.signal(Signal::TERM);
    server.await_line("Master has been promoted.");
    assert_eq!(server.wait().code(), Some(0));
    assert!(!server.ask("pid").is_empty());
    send(new, Signal::TERM);
    server.assert_no_orphan();
}

#[test]
fn a_program_that_cannot_be_executed_leaves_the_old_master_alone() {
    let server = Server::ready("exec /no/such/program\n");
    for round in 1..=2 {
        server.signal(Signal::USR2);
        server.await_lines("could not be started; this one goes on: No such file or directory", round);
    }
    assert!(!server.ask("pid").is_empty());
    server.stop();
}

#[test]
fn a_hook_that_refuses_is_the_end_of_the_upgrade_alone() {
    let server = Server::ready("failing_hook pre_exec\n");
    server.signal(Signal::USR2);
    server.await_line("this one goes on: The pre_exec hook failed: the test asked for it");
    assert!(!server.ask("pid").is_empty());
    server.stop();
}
