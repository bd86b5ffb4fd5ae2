//! Processes: fork, supervise, signals, scoreboard. Has never heard of HTTP or Python.
//!
//! `run(plan, host, version)` is the whole server: it binds, forks workers and keeps them until it is told to
//! stop. What it does not know it asks of a `Host`; what a worker needs it gets as a `Seat`. The master has
//! one thread for its whole life and never reads a client's byte.

// What crosses the border: settings in, events and workers out.
mod address;
mod host;
mod plan;
mod seat;

// The loop, and the decisions it asks for, which are pure.
mod master;

mod backoff;
mod obituary;
mod roster;
mod stuck;

// What it works with: the table of workers, shared memory, sockets, files, the kernel.
mod children;
mod scoreboard;
mod siblings;

mod clock;
mod daemon;
mod fork;
mod inheritance;
mod listener;
mod notify;
mod pidfile;
mod ports;
mod privileges;
mod signals;

pub use address::{AddressError, BindAddress, DEFAULT_PORT};
pub use clock::monotonic_ms;
pub use fork::dump_signal;
pub use host::{ChildView, Hook, HookError, Host, Level, MasterView};
pub use listener::{ListenError, ListenSocket};
pub use master::run;
pub use plan::{Plan, WorkerKind};
pub use scoreboard::{RequestSeen, RunnerSlot, Scoreboard, Unanswered, WorkerSlot};
pub use seat::Seat;
pub use siblings::{Others, Siblings};
pub use signals::{Signal, SignalQueue};
