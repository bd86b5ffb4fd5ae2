//! The master as its users see it: processes, signals, log lines, exit codes.
//!
//! Each test starts a `plain-server` of its own, on a port that the kernel chooses, and waits for log lines;
//! nothing sleeps where an event can be awaited, and every wait has a deadline.

mod server;

mod faults;
mod reloads;
mod signals;
mod sockets;
mod starts;
mod stops;
mod upgrades;
