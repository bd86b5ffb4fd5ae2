//! What the master needs of the settings, already validated: the `Plan`.
//!
//! Built by the host (at start and again on every reload), read by the master only. It holds no default that
//! a user could see; defaults are the settings table's.

use std::path::PathBuf;
use std::time::Duration;

use crate::address::BindAddress;

/// How a worker uses its runners; decides what a request that takes too long means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerKind {
    /// One runner: `timeout` is also the limit of one request, as in Gunicorn's sync worker.
    Sync,
    /// Several runners: `timeout` is the limit of the worker's progress, not of one request.
    Threads,
}

/// The settings of one generation of the server, as far as they concern processes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where to listen. If any is `fd://N`, the others are ignored, as in Gunicorn.
    pub binds: Vec<BindAddress>,
    /// Length of the accept queue, listen(2).
    pub backlog: u32,
    /// `SO_REUSEPORT` on our sockets, so that several servers may share a port.
    pub reuse_port: bool,
    /// Workers to keep, 1 or more.
    pub workers: usize,
    /// Runners of each worker, 1 or more; sizes the scoreboard.
    pub runners_per_worker: usize,
    /// Longest time without progress before a worker is killed; `None` switches the check off.
    pub timeout: Option<Duration>,
    /// Longest time a worker may use to finish its requests after SIGTERM.
    pub graceful_timeout: Duration,
    /// Longest time from fork to ready; `None` switches the check off.
    pub boot_timeout: Option<Duration>,
    /// What `timeout` means.
    pub kind: WorkerKind,
    /// Where to write the master's pid.
    pub pidfile: Option<PathBuf>,
    /// Detach from the terminal.
    pub daemon: bool,
    /// With `daemon`: keep standard output and error where they point, unless that is a terminal.
    pub keep_stdio: bool,
    /// User of the workers and owner of unix sockets.
    pub user: Option<u32>,
    /// Group of the workers and of unix sockets.
    pub group: Option<u32>,
    /// Give the workers all groups of `user`, initgroups(3).
    pub initgroups: bool,
    /// File mode mask round bind(2) of a unix socket.
    pub umask: u32,
    /// The listeners speak TLS: print `https` in "Listening at".
    pub is_tls: bool,
    /// Name in the process title.
    pub proc_name: String,
    /// Name in "Using worker: ...".
    pub worker_class_name: String,
}

impl Default for Plan {
    /// Gunicorn's defaults; a convenience for tests and embedding, the settings table has the authority.
    fn default() -> Plan {
        Plan {
            binds: vec![BindAddress::Tcp { host: "127.0.0.1".to_owned(), port: 8000 }],
            backlog: 2048,
            reuse_port: false,
            workers: 1,
            runners_per_worker: 1,
            timeout: Some(Duration::from_secs(30)),
            graceful_timeout: Duration::from_secs(30),
            boot_timeout: None,
            kind: WorkerKind::Sync,
            pidfile: None,
            daemon: false,
            keep_stdio: false,
            user: None,
            group: None,
            initgroups: false,
            umask: 0,
            is_tls: false,
            proc_name: "tricorn".to_owned(),
            worker_class_name: "sync".to_owned(),
        }
    }
}
