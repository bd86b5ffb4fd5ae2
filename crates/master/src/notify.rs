//! Telling the service manager how the server is: the `sd_notify(3)` protocol, datagrams to `NOTIFY_SOCKET`.
//!
//! Never blocks and never fails: a manager that does not listen is no reason not to serve. READY is sent when
//! the first generation serves (Gunicorn sends it before any worker exists), WATCHDOG by the master's loop, so that
//! it stops when the loop does.

use std::env;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sendto, socket_with};

use crate::clock::monotonic_ms;

/// The way to the service manager, or nothing if there is none.
#[derive(Default)]
pub(crate) struct Notifier {
    target: Option<(OwnedFd, SocketAddrUnix)>,
    watchdog_ms: Option<u64>,
    petted_ms: u64,
}

impl Notifier {
    pub fn from_environment() -> Notifier {
        let Some(path) = env::var_os("NOTIFY_SOCKET") else { return Notifier::default() };
        let usec: Option<u64> = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        // WATCHDOG_PID names another process when a wrapper has not cleaned up.
        let is_ours = env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let watchdog_ms = usec.filter(|usec| is_ours && *usec > 0).map(|usec| usec / 2000);
        Notifier { target: target_of(path.as_encoded_bytes()), watchdog_ms, petted_ms: 0 }
    }

    /// Somebody wants to be told.
    pub fn is_wanted(&self) -> bool {
        self.target.is_some()
    }

    pub fn ready(&self) {
        self.send("READY=1\nSTATUS=Serving");
    }

    /// `MONOTONIC_USEC` belongs in the same message (Type=notify-reload).
    pub fn reloading(&self) {
        let now_usec = monotonic_ms() * 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now_usec}\nSTATUS=Reloading"));
    }

    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=Stopping");
    }

    /// The master `pid` goes on where this one stops: the service does not stop with it (`MAINPID` is accepted
    /// from the process that was the main one so far).
    pub fn handing_over(&self, pid: u32) {
        self.send(&format!("MAINPID={pid}\nSTATUS=Handing over to the new master (pid {pid})"));
    }

    /// This master, `pid`, is the only one now.
    pub fn promoted(&self, pid: u32, is_ready: bool) {
        let ready = if is_ready { "READY=1\nSTATUS=Serving" } else { "STATUS=Starting workers" };
        self.send(&format!("MAINPID={pid}\n{ready}"));
    }

    /// The new generation does not come to serve; the old one does.
    pub fn reload_failed(&self) {
        self.send("READY=1\nSTATUS=Serving as before: the new workers do not start, see the log");
    }

    /// Twice as often as asked for, if it is asked for.
    pub fn watchdog(&mut self) {
        let now_ms = monotonic_ms();
        if self.watchdog_ms.is_some_and(|every_ms| now_ms >= self.petted_ms + every_ms) {
            self.petted_ms = now_ms;
            self.send("WATCHDOG=1");
        }
    }

    /// When the watchdog is to be fed next.
    pub fn next_ms(&self) -> Option<u64> {
        self.watchdog_ms.map(|every_ms| self.petted_ms + every_ms)
    }

    fn send(&self, message: &str) {
        if let Some((socket, addr)) = &self.target {
            // EAGAIN, ECONNREFUSED, ENOENT: the manager's loss.
            let _ = sendto(socket, message.as_bytes(), SendFlags::DONTWAIT | SendFlags::NOSIGNAL, addr);
        }
    }
}

/// A path, or `@name` in the abstract space.
fn target_of(path: &[u8]) -> Option<(OwnedFd, SocketAddrUnix)> {
    let addr = match path.strip_prefix(b"@") {
        Some(name) => SocketAddrUnix::new_abstract_name(name).ok()?,
        None => SocketAddrUnix::new(path).ok()?,
    };
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok()?;
    Some((socket, addr))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn messages_arrive_and_a_missing_manager_is_no_trouble() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).expect("free");
        let mut notifier = Notifier {
            target: target_of(path.as_os_str().as_encoded_bytes()),
            watchdog_ms: Some(60_000),
            petted_ms: 0,
        };
        notifier.ready();
        notifier.reloading();
        notifier.petted_ms = monotonic_ms();
        notifier.watchdog();
        notifier.stopping();
        let mut seen = Vec::new();
        for _ in 0..3 {
            let mut bytes = [0; 200];
            let count = manager.recv(&mut bytes).expect("sent");
            seen.push(String::from_utf8_lossy(&bytes[..count]).into_owned());
        }
        assert!(seen[0].starts_with("READY=1\n") && seen[2].starts_with("STOPPING=1\n"), "{seen:?}");
        assert!(seen[1].starts_with("RELOADING=1\nMONOTONIC_USEC="), "{seen:?}");
        drop(manager);
        notifier.ready();
        Notifier::default().stopping();
        // Nobody reads: the queue fills and nothing blocks.
        let _silent = UnixDatagram::bind(dir.path().join("silent")).expect("free");
        let path = dir.path().join("silent");
        let silent = Notifier {
            target: target_of(path.as_os_str().as_encoded_bytes()),
            watchdog_ms: None,
            petted_ms: 0,
        };
        (0..2000).for_each(|_| silent.ready());
    }
}
