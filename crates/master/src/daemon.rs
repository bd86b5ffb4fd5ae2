//! Detaching from the terminal: two forks, a session of its own, standard streams on /dev/null.
//!
//! Called first of all at a start with `daemon`. The process that the user started does not leave at once, as
//! Gunicorn's does: it waits until the daemon listens or has failed, prints the reason on its own standard
//! error and passes on the exit code, so that a start script learns the truth.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::fs::Mode;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{setsid, umask};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stderr, stdout};
use rustix::termios::isatty;

use crate::fork::{Side, exit_now, fork_blocked};
use crate::host::Host;

/// The daemon's way to tell the process that waits how the start went.
pub(crate) struct Launcher {
    write_end: OwnedFd,
}

impl Launcher {
    /// The start is over. Nothing to do if the process that waits has been killed.
    pub fn report(self, code: i32, reason: &str) {
        let mut message = vec![code as u8];
        message.extend_from_slice(reason.as_bytes());
        let mut rest = &message[..];
        // SIGPIPE cannot happen unnoticed: the reader only leaves after the end of file, or was killed.
        while let Ok(count) = rustix::io::write(&self.write_end, rest) {
            rest = &rest[count..];
            if rest.is_empty() {
                break;
            }
        }
    }
}

/// Returns in the daemon only. The process that was started ends in here.
pub(crate) fn detach<H: Host>(host: &mut H, keep_stdio: bool) -> io::Result<Launcher> {
    let (read_end, write_end) = pipe_with(PipeFlags::CLOEXEC)?;
    if fork_with(host)? {
        drop(write_end);
        exit_now(wait_for_start(&read_end));
    }
    drop(read_end);
    setsid()?;
    // The second fork: a process that leads no session can never get a terminal again.
    if fork_with(host)? {
        exit_now(0);
    }
    umask(Mode::from_raw_mode(0o022));
    redirect(keep_stdio)?;
    Ok(Launcher { write_end })
}

/// Whether this is the parent.
fn fork_with<H: Host>(host: &mut H) -> io::Result<bool> {
    host.before_fork();
    let side = fork_blocked(|| ());
    if let Ok(Side::Child) = side {
        host.after_fork_child();
        return Ok(false);
    }
    host.after_fork_parent();
    side.map(|_| true)
}

fn wait_for_start(read_end: &OwnedFd) -> i32 {
    let mut message = Vec::new();
    let mut bytes = [0; 512];
    loop {
        match rustix::io::read(read_end, &mut bytes) {
            Ok(0) => break,
            Ok(count) => message.extend_from_slice(&bytes[..count]),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
    let (code, reason) = match message.split_first() {
        Some((code, reason)) => (i32::from(*code), String::from_utf8_lossy(reason).into_owned()),
        None => (1, "The daemon ended before it listened".to_owned()),
    };
    if !reason.is_empty() {
        // Nobody is left to tell if standard error is closed.
        let _ = writeln!(io::stderr(), "\nError: {reason}");
    }
    code
}

/// Standard input always; output and error unless they are to be kept and are not a terminal.
fn redirect(keep_stdio: bool) -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    if !keep_stdio || isatty(stdout()) {
        dup2_stdout(&null)?;
    }
    if !keep_stdio || isatty(stderr()) {
        dup2_stderr(&null)?;
    }
    Ok(())
}
