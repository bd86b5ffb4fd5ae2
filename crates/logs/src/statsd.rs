//! Metrics to a statsd daemon: Gunicorn's names, types and tags, one metric per datagram.
//!
//! The master sends its own as they come; a worker notes each finished request ([`Statsd::finished`], a lock for the time of a
//! push) and its monitor sends them ([`Statsd::flush`]), so that no runner makes a system call for them. Nothing waits: a
//! datagram that the daemon does not take is lost, counted, and said once. It does not aggregate: a daemon does.

mod link;

use std::fmt::Write as _;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::level::Level;
use link::{Link, Target};

/// Requests noted and not sent yet; what comes beyond is counted as lost. A monitor that flushes in time keeps far below.
const PENDING_MAX: usize = 16 * 1024;

/// Where metrics go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatsdAddress {
    /// Host (a name or a number) and UDP port.
    Udp(String, u16),
    /// Path of a unix datagram socket.
    Unix(PathBuf),
}

/// What [`Statsd::open`] needs of the settings.
#[derive(Debug, Clone)]
pub struct StatsdOptions {
    /// `statsd_host`.
    pub address: StatsdAddress,
    /// `statsd_prefix`, as the user wrote it.
    pub prefix: String,
    /// `dogstatsd_tags`, sent as they are.
    pub tags: String,
}

/// A sender of metrics; shared by the threads of a process.
#[derive(Debug)]
pub struct Statsd {
    prefix: String,
    /// What follows each metric: nothing, or `|#` and the tags.
    suffix: String,
    link: Mutex<Link>,
    pending: Mutex<Vec<Finished>>,
    lost: AtomicU64,
    lost_reported: AtomicU64,
}

#[derive(Debug)]
struct Finished {
    status: u16,
    elapsed: Duration,
}

impl Statsd {
    /// Resolves the host, once. The text beside the sender is what should be said if that failed: nothing is sent then.
    pub fn open(options: &StatsdOptions) -> (Statsd, Option<String>) {
        let (target, complaint) = resolve(&options.address);
        let suffix = if options.tags.is_empty() { String::new() } else { format!("|#{}", options.tags) };
        let statsd = Statsd {
            prefix: prefix_of(&options.prefix),
            suffix,
            link: Mutex::new(Link::new(target)),
            pending: Mutex::default(),
            lost: AtomicU64::new(0),
            lost_reported: AtomicU64::new(0),
        };
        (statsd, complaint)
    }

    /// A number as it is now.
    pub fn gauge(&self, name: &str, value: u64) {
        self.send(name, format_args!("{value}|g"));
    }

    /// One more.
    pub fn increment(&self, name: &str) {
        self.send(name, format_args!("1|c|@1.0"));
    }

    /// A sample of a distribution.
    pub fn histogram(&self, name: &str, value: u64) {
        self.send(name, format_args!("{value}|h"));
    }

    /// A duration, sent in milliseconds with the digits that Python prints.
    pub fn timer(&self, name: &str, elapsed: Duration) {
        let (milliseconds, rest) = (elapsed.as_millis(), elapsed.subsec_micros() % 1000);
        let digits = format!("{rest:03}");
        let digits = digits.trim_end_matches('0');
        self.send(name, format_args!("{milliseconds}.{}|ms", if digits.is_empty() { "0" } else { digits }));
    }

    /// A line was logged: `gunicorn.log.warning` and its kin. Gunicorn counts what is logged with a traceback apart.
    pub fn logged(&self, level: Level, message: &str) {
        let name = match level {
            Level::Debug | Level::Info => return,
            Level::Warning => "gunicorn.log.warning",
            Level::Error if message.contains("Traceback (most recent call last)") => "gunicorn.log.exception",
            Level::Error => "gunicorn.log.error",
            Level::Critical => "gunicorn.log.critical",
        };
        self.increment(name);
    }

    /// Notes a finished request; [`Statsd::flush`] sends it.
    pub fn finished(&self, status: u16, elapsed: Duration) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() < PENDING_MAX {
            pending.push(Finished { status, elapsed });
        } else {
            drop(pending);
            self.lost.fetch_add(3, Relaxed);
        }
    }

    /// Sends what was noted, in the order in which Gunicorn sends it.
    pub fn flush(&self) {
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        for Finished { status, elapsed } in pending {
            self.timer("gunicorn.request.duration", elapsed);
            self.increment("gunicorn.requests");
            self.increment(&format!("gunicorn.request.status.{status}"));
        }
    }

    /// What to say about metrics that were lost: once, when the first ones were.
    pub fn take_notice(&self) -> Option<String> {
        let lost = self.lost.load(Relaxed);
        if lost == 0 || self.lost_reported.swap(lost, Relaxed) != 0 {
            return None;
        }
        let address = self.link().target_text();
        Some(format!("Metrics for statsd at {address} are lost: the daemon does not take them"))
    }

    fn send(&self, name: &str, value: std::fmt::Arguments<'_>) {
        let mut datagram = String::with_capacity(96);
        // Writing into a String cannot fail.
        let _ = write!(datagram, "{}{name}:{value}{}", self.prefix, self.suffix);
        if !self.link().send(datagram.as_bytes()) {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    fn link(&self) -> std::sync::MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn resolve(address: &StatsdAddress) -> (Target, Option<String>) {
    let (host, port) = match address {
        StatsdAddress::Unix(path) => return (Target::Unix(path.clone()), None),
        StatsdAddress::Udp(host, port) => (host, *port),
    };
    match (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>) {
        // A name that has both kinds of address means IPv4, as in Gunicorn.
        Ok(found) => match found.iter().find(|addr| addr.is_ipv4()).or(found.first()) {
            Some(addr) => (Target::Udp(*addr), None),
            None => {
                (Target::Nowhere, Some(format!("statsd_host: {host} has no address; no metrics are sent")))
            }
        },
        Err(error) => (
            Target::Nowhere,
            Some(format!("statsd_host: {host} has no address ({error}); no metrics are sent")),
        ),
    }
}

/// A prefix of two characters or more gets exactly one dot at its end; a shorter one stays as it is (Gunicorn, `Statsd`).
fn prefix_of(text: &str) -> String {
    let bare = text.trim_end_matches('.');
    if bare.chars().nth(1).is_some() { format!("{bare}.") } else { text.to_owned() }
}

#[cfg(test)]
mod tests;
