//! Listeners of a start: addresses in use, unix paths, sockets that come with the process.

use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::process::Command;

use rustix::process::Signal;

use crate::server::Server;

#[test]
fn an_address_in_use_is_waited_for() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("free");
    let address = taken.local_addr().expect("bound");
    let server = Server::start(&format!("bind {address}\n"));
    server.await_line(&format!("[Error] Connection in use: ('127.0.0.1', {})", address.port()));
    server.await_line("[Errno 98] Address already in use");
    server.await_line("Retrying in 1 second.");
    drop(taken);
    server.await_line("Listening at");
    assert!(!server.ask("pid").is_empty());
    server.stop();
}

#[test]
fn an_address_that_stays_in_use_ends_the_start_after_five_attempts() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("free");
    let address = taken.local_addr().expect("bound");
    let mut server = Server::start(&format!("bind {address}\n"));
    assert_eq!(server.code(), Some(1));
    assert_eq!(server.count("Connection in use"), 5);
    assert_eq!(server.count(&format!("Can't connect to ('127.0.0.1', {})", address.port())), 1);
}

#[test]
fn a_stop_during_the_wait_for_an_address_is_obeyed() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("free");
    let address = taken.local_addr().expect("bound");
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(&format!("bind {address}\n"));
        server.await_line("Retrying in 1 second.");
        server.signal(signal);
        assert_eq!(server.code(), Some(0));
        assert!((1..5).contains(&server.count("Connection in use")), "the attempts were not at their end");
        assert_eq!(server.count("Shutting down: Master"), 1);
    }
}

#[test]
fn unix_paths_of_others_are_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("plain");
    std::fs::write(&path, "text").expect("writable");
    let mut server = Server::start(&format!("bind unix:{}\n", path.display()));
    assert_eq!(server.code(), Some(1));
    assert_eq!(server.count("is not a socket"), 1);
    assert_eq!(std::fs::read_to_string(&path).expect("still there"), "text");

    let live = dir.path().join("live");
    let _owner = UnixListener::bind(&live).expect("free");
    let server = Server::start(&format!("bind unix:{}\n", live.display()));
    server.await_line(&format!("Connection in use: {}", live.display()));
    server.stop();
    assert!(live.exists());
}

#[test]
fn a_unix_path_that_is_removed_while_the_server_runs_is_reported() {
    let server = Server::start_in(tempfile::tempdir().expect("a directory"), "", |_| {});
    server.await_line("Booting");
    let path = server.path("s");
    server.rewrite(&format!("bind unix:{}\n", path.display()));
    server.signal(Signal::HUP);
    server.await_line("Reload complete");
    std::fs::remove_file(&path).expect("bound");
    server.await_line("[Error] The path of a unix socket was removed");
    server.stop();
}

/// Runs the server as a service manager would: sockets from descriptor 3, `LISTEN_PID` its own pid.
fn activate(listener: &TcpListener, fds: u32, pid: &str) -> Server {
    let raw = listener.as_raw_fd();
    let script = format!("exec 3<&{raw}; LISTEN_PID={pid} LISTEN_FDS={fds} exec \"$0\" \"$1\"");
    rustix::io::fcntl_setfd(listener, rustix::io::FdFlags::empty()).expect("open");
    Server::start_in(tempfile::tempdir().expect("a directory"), "bind 127.0.0.2:0\n", |command| {
        let mut words: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        words.insert(0, command.get_program().to_owned());
        let mut shell = Command::new("bash");
        shell.arg("-c").arg(script).args(words);
        shell.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        *command = shell;
    })
}

#[test]
fn sockets_of_a_service_manager_make_the_binds_void() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("free");
    let server = activate(&listener, 1, "$$");
    server.await_line("Booting");
    assert_eq!(server.address(), listener.local_addr().expect("bound").to_string());
    let worker: u32 = server.ask("pid").parse().expect("a pid");
    for pid in [server.pid(), worker] {
        let flags = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/3")).expect("open");
        let flags = flags.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags").trim();
        let flags = u32::from_str_radix(flags, 8).expect("octal");
        assert!(flags & 0o2_000_000 != 0, "close-on-exec");
    }
    server.signal(Signal::HUP);
    server.await_line("Reload complete");
    assert!(!server.ask("pid").is_empty());
    server.stop();

    let missing = TcpListener::bind("127.0.0.1:0").expect("free");
    let mut server = activate(&missing, 900, "$$");
    assert_eq!(server.code(), Some(1), "{:#?}", server.lines());
    assert_eq!(server.count("[Error] file descriptor "), 1, "one line says which: {:#?}", server.lines());
}

#[test]
fn sockets_for_another_process_are_not_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("free");
    let server = activate(&listener, 1, "1");
    server.await_line("Booting");
    assert!(server.address().starts_with("127.0.0.2:"), "its own bind: {}", server.address());
    server.stop();
}

#[test]
fn a_descriptor_by_number_makes_the_other_binds_void() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("free");
    rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).expect("open");
    let settings = format!("bind 127.0.0.2:0\nbind fd://{}\n", listener.as_raw_fd());
    let server = Server::start(&settings);
    server.await_line("Booting");
    assert_eq!(server.address(), listener.local_addr().expect("bound").to_string());
    server.stop();

    let mut server = Server::start("bind fd://900\n");
    assert_eq!(server.code(), Some(1));
    assert_eq!(server.count("[Error] file descriptor 900 is not open"), 1);
}
