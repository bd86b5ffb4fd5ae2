//! Starting: order, exit codes, pid file, daemon, privileges.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::server::{Server, children_of, is_alive, send};

#[test]
fn the_lines_that_tools_look_for_in_their_order() {
    let server = Server::ready("workers 2\n");
    server.await_lines("Booting worker", 2);
    let pid = server.pid();
    let address = server.address();
    let expected = [
        "hook nworkers_changed None->2".to_owned(),
        "[Info] Starting tricorn 0-test".to_owned(),
        "hook on_starting".to_owned(),
        format!("[Info] Listening at: http://{address} ({pid})"),
        "[Info] Using worker: sync".to_owned(),
        "hook when_ready".to_owned(),
        "title master [tricorn]".to_owned(),
        "hook pre_fork 1".to_owned(),
        "[Info] Booting worker with pid: ".to_owned(),
    ];
    let lines = server.lines();
    let mut position = 0;
    for text in expected {
        let found = lines[position..].iter().position(|line| line.contains(&text));
        position +=
            found.unwrap_or_else(|| panic!("'{text}' is missing after line {position} of {lines:#?}"));
    }
    server.stop();
}

#[test]
fn a_first_boot_that_fails_ends_the_server_with_3_or_4_however_many_workers() {
    for (code, reason) in [(3, "Reason: Worker failed to boot."), (4, "Reason: App failed to load.")] {
        for workers in [1, 4] {
            let dir = tempfile::tempdir().expect("a directory");
            let (socket, pidfile) = (dir.path().join("s"), dir.path().join("pid"));
            let settings = format!(
                "bind unix:{}\npidfile {}\nworkers {workers}\nboot exit {code}\n",
                socket.display(),
                pidfile.display()
            );
            let started = Instant::now();
            let mut server = Server::start_in(dir, &settings, |_| {});
            assert_eq!(server.code(), Some(code), "{:#?}", server.lines());
            assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
            assert!(!socket.exists() && !pidfile.exists());
            assert_eq!(server.count(reason), 1);
            assert_eq!(server.count("[Error] Shutting down: Master"), 1);
            assert!(server.count(&format!("exited with code {code}.")) >= 1);
            assert_eq!(server.count("hook on_exit"), 1);
        }
    }
}

#[test]
fn hooks_of_the_start_may_refuse_it_and_others_may_not() {
    for name in ["on_starting", "when_ready"] {
        let dir = tempfile::tempdir().expect("a directory");
        let pidfile = dir.path().join("pid");
        let settings = format!("failing_hook {name}\npidfile {}\n", pidfile.display());
        let mut server = Server::start_in(dir, &settings, |_| {});
        assert_eq!(server.code(), Some(1));
        assert_eq!(server.count(&format!("[Error] The {name} hook failed: the test asked for it")), 1);
        assert!(!pidfile.exists() && server.count("Booting") == 0);
    }
    let names = ["nworkers_changed", "pre_fork", "child_exit", "on_exit", "on_reload"];
    let settings = names.map(|name| format!("failing_hook {name}\n"));
    let server = Server::ready(&settings.concat());
    server.signal(Signal::HUP);
    server.await_line("Reload complete");
    for name in ["nworkers_changed", "pre_fork", "child_exit", "on_reload"] {
        server.await_line(&format!("[Error] Exception in the {name} hook: the test asked for it"));
    }
    server.stop();
}

#[test]
fn the_pid_file_is_there_while_the_server_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let pidfile = dir.path().join("pid");
    fs::write(&pidfile, "4194999\n").expect("a stale one");
    let server = Server::start_in(dir, &format!("pidfile {}\n", pidfile.display()), |_| {});
    server.await_line("Booting worker");
    assert_eq!(fs::read_to_string(&pidfile).expect("written"), format!("{}\n", server.pid()));

    let mut second = Server::start(&format!("pidfile {}\n", pidfile.display()));
    assert_eq!(second.code(), Some(1));
    let text =
        format!("Already running on PID {} (or pid file '{}' is stale)", server.pid(), pidfile.display());
    assert_eq!(second.count(&text), 1);
    assert!(pidfile.exists(), "the second server leaves the file of the first");

    fs::remove_file(&pidfile).expect("there");
    server.signal(Signal::HUP);
    server.await_line("Reload complete");
    assert!(pidfile.exists(), "a reload restores it");
    let moved = server.path("moved");
    server.rewrite(&format!("pidfile {}\n", moved.display()));
    server.signal(Signal::HUP);
    server.await_lines("Reload complete", 2);
    assert!(moved.exists() && !pidfile.exists());
    server.signal(Signal::TERM);
    server.await_line("hook on_exit");
    assert!(!moved.exists());

    let mut unwritable = Server::start("pidfile /nonexistent/dir/pid\n");
    assert_eq!(unwritable.code(), Some(1));
    assert_eq!(unwritable.count("Can't create the pid file '/nonexistent/dir/pid' (setting pidfile)"), 1);
}

#[test]
fn a_daemon_detaches_and_its_launcher_tells_how_it_went() {
    let dir = tempfile::tempdir().expect("a directory");
    let pidfile = dir.path().join("pid");
    let settings = format!("daemon 1\nworkers 2\npidfile {}\n", pidfile.display());
    let mut server = Server::start_in(dir, &settings, |_| {});
    assert_eq!(server.wait().code(), Some(0));
    // The launcher leaves only when the daemon listens, so the file is there.
    let pid: u32 = fs::read_to_string(&pidfile).expect("written").trim().parse().expect("a pid");
    assert_ne!(pid, server.pid());
    let null = fs::metadata("/dev/null").expect("there").rdev();
    for fd in 0..3 {
        assert_eq!(fs::metadata(format!("/proc/{pid}/fd/{fd}")).expect("open").rdev(), null);
    }
    server.await_that("two workers", || children_of(pid).len() == 2);
    send(pid, Signal::WINCH);
    server.await_that("no workers after WINCH", || children_of(pid).is_empty());
    send(pid, Signal::TTIN);
    server.await_that("a worker after TTIN", || children_of(pid).len() == 1);
    send(pid, Signal::HUP);
    server.await_that("one worker after HUP: TTIN is kept", || children_of(pid).len() == 1);
    send(pid, Signal::TERM);
    server.await_that("the end", || !is_alive(pid) && !pidfile.exists());

    let mut failing = Server::start("daemon 1\npidfile /nonexistent/dir/pid\n");
    assert_eq!(failing.code(), Some(1));
    assert_eq!(failing.count("Error: Can't create the pid file '/nonexistent/dir/pid'"), 1);
}

#[test]
fn a_daemon_may_keep_its_streams() {
    let dir = tempfile::tempdir().expect("a directory");
    let pidfile = dir.path().join("pid");
    let settings = format!("daemon 1\nkeep_stdio 1\npidfile {}\n", pidfile.display());
    let mut server = Server::start_in(dir, &settings, |_| {});
    assert_eq!(server.wait().code(), Some(0));
    server.await_line("Start complete");
    let pid: u32 = fs::read_to_string(&pidfile).expect("written").trim().parse().expect("a pid");
    send(pid, Signal::TERM);
    server.await_line("hook on_exit");
}

#[test]
fn a_service_manager_is_told_the_truth() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("free");
    manager.set_read_timeout(Some(Duration::from_secs(20))).expect("a duration");
    let next = || {
        let mut bytes = [0; 200];
        let count = manager.recv(&mut bytes).expect("a message");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    let started = Instant::now();
    let server = Server::start_in(dir, "boot sleep 300\n", |command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    assert!(next().starts_with("READY=1\n"));
    assert!(started.elapsed() >= Duration::from_millis(300), "not before the workers serve");
    server.signal(Signal::HUP);
    assert!(next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert!(next().starts_with("READY=1\n"));
    server.signal(Signal::TERM);
    assert!(next().starts_with("STOPPING=1\n"));
}

#[test]
fn workers_become_the_user_and_the_socket_is_theirs() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root may change its user.
    }
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    let socket = dir.path().join("s");
    let settings = format!("bind 127.0.0.1:0\nbind unix:{}\nuser 65534\ngroup 65534\n", socket.display());
    let server = Server::start_in(dir, &settings, |_| {});
    server.await_line("Booting worker");
    assert_eq!(server.ask("groups"), "65534 65534 [65534]");
    let metadata = fs::metadata(&socket).expect("bound");
    assert_eq!(
        (metadata.uid(), metadata.gid(), metadata.permissions().mode() & 0o777),
        (65534, 65534, 0o700)
    );
    assert!(server.dir().exists());
    server.stop();
    assert!(!socket.exists());
}
