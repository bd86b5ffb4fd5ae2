//! What one master leaves to the next across exec(2): the environment variables of an upgrade (USR2).
//!
//! Gunicorn's protocol, so that either may follow the other: `GUNICORN_PID` is the master that executed us,
//! `GUNICORN_FD` its listening sockets; a server that was activated by systemd passes them on as systemd did
//! (`sd_listen_fds(3)`: descriptors from 3 on, `LISTEN_PID`, `LISTEN_FDS`). Read by the start, written by
//! `master/reexec.rs`. The descriptors themselves are `fork/descriptors.rs`'s and the listeners'.

use std::env;
use std::process::Command;

use crate::fork::remove_variables;
use crate::host::Host;

/// The pid of the master that executed this one; set until this one is promoted.
pub(crate) const PARENT_VARIABLE: &str = "GUNICORN_PID";
/// Its listeners' descriptors, separated by commas.
const LISTENERS_VARIABLE: &str = "GUNICORN_FD";
/// Consumed together, `sd_listen_fds(3)`.
const ACTIVATION_VARIABLES: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];
/// `SD_LISTEN_FDS_START`, `sd_listen_fds(3)`.
const FIRST_FD: i32 = 3;
/// More inherited sockets than this is a mistake in the environment.
const FDS_MAX: i32 = 1024;

/// The listening sockets that a process was started with.
pub(crate) enum Heirlooms {
    /// None: the settings say where to listen.
    Nothing,
    /// From a service manager. They are its own: their paths are never removed.
    Activated(Vec<i32>),
    /// From the master before this one.
    Handed(Vec<i32>),
}

fn number(name: &str) -> Option<i32> {
    env::var(name).ok().and_then(|text| text.parse::<i32>().ok())
}

fn is_activated() -> bool {
    number("LISTEN_PID").is_some() && number("LISTEN_PID") == i32::try_from(std::process::id()).ok()
}

/// The master that executed this process. `GUNICORN_PID` alone is no proof: whatever the application of a new
/// master starts has it in its environment, but no listeners.
pub(crate) fn parent() -> Option<u32> {
    let has_listeners = env::var_os(LISTENERS_VARIABLE).is_some() || is_activated();
    number(PARENT_VARIABLE).filter(|pid| has_listeners && *pid > 0).map(|pid| pid as u32)
}

/// Takes the listeners out of the environment, so that no child mistakes them for its own. The error is a
/// line about a variable that is not what it should be.
pub(crate) fn take_heirlooms<H: Host>(host: &mut H) -> Result<Heirlooms, String> {
    let heirlooms = if is_activated() {
        let count = number("LISTEN_FDS").filter(|count| (0..=FDS_MAX).contains(count));
        let count = count.ok_or("LISTEN_FDS is not a number of sockets");
        forget(host, &ACTIVATION_VARIABLES);
        let fds: Vec<i32> = (FIRST_FD..FIRST_FD + count?).collect();
        if fds.is_empty() { Heirlooms::Nothing } else { Heirlooms::Activated(fds) }
    } else if parent().is_some() {
        let text = env::var(LISTENERS_VARIABLE).unwrap_or_default();
        let words = text.split(',').filter(|word| !word.is_empty());
        let fds: Result<Vec<i32>, _> = words.map(str::parse::<i32>).collect();
        Heirlooms::Handed(fds.map_err(|_| format!("{LISTENERS_VARIABLE} is not a list of descriptors"))?)
    } else {
        Heirlooms::Nothing
    };
    forget(host, &[LISTENERS_VARIABLE]);
    Ok(heirlooms)
}

/// Removes variables from this process and from the host's own copy of the environment.
pub(crate) fn forget<H: Host>(host: &mut H, names: &[&str]) {
    remove_variables(names);
    host.forget_environment(names);
}

/// Gives the command of the new master, which is to be executed by this very process, its variables.
pub(crate) fn bequeath(command: &mut Command, parent: u32, fds: &[i32], is_activated: bool) {
    for name in ACTIVATION_VARIABLES.iter().chain([&LISTENERS_VARIABLE]) {
        command.env_remove(name);
    }
    let pid = std::process::id().to_string();
    command.env(PARENT_VARIABLE, parent.to_string());
    if is_activated {
        command.env("LISTEN_PID", &pid).env("LISTEN_FDS", fds.len().to_string());
    } else {
        let words: Vec<String> = fds.iter().map(i32::to_string).collect();
        command.env(LISTENERS_VARIABLE, words.join(","));
    }
    // The service manager's watchdog is the new master's to feed, too (`sd_watchdog_enabled(3)`).
    if env::var_os("WATCHDOG_PID").is_some() {
        command.env("WATCHDOG_PID", &pid);
    }
}
