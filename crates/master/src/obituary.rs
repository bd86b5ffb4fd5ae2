//! What the log says when a worker has died or is stuck. Pure: facts come in, lines come out.
//!
//! The first line of a death is Gunicorn's, word for word, since tools look for it; the second tells what
//! Gunicorn cannot: how long the worker lived, what it had served and which requests died with it.

use std::fmt;

use nix::libc;
use nix::sys::signal::Signal as NamedSignal;

use crate::clock::seconds;
use crate::host::Level;
use crate::scoreboard::{RequestSeen, WorkerSlot};
use crate::stuck::Stuck;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Exited(i32),
    Signaled(i32),
    /// Somebody else reaped it; nobody knows.
    Unknown,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Exited(code) => write!(f, "exit code {code}"),
            End::Signaled(number) => f.write_str(&signal_name(*number)),
            End::Unknown => f.write_str("reaped by somebody else"),
        }
    }
}

impl End {
    pub fn exit_code(self) -> Option<i32> {
        if let End::Exited(code) = self { Some(code) } else { None }
    }

    pub fn signal(self) -> Option<i32> {
        if let End::Signaled(number) = self { Some(number) } else { None }
    }
}

/// The facts of one death.
pub(crate) struct Death<'a> {
    pub pid: u32,
    pub end: End,
    /// The last deadly signal that the master had sent.
    pub sent: Option<i32>,
    pub lived_ms: u64,
    pub requests: u64,
    pub in_flight: &'a [RequestSeen],
    pub now_ms: u64,
}

/// The lines for the log, with their levels.
pub(crate) fn lines(death: &Death<'_>) -> Vec<(Level, String)> {
    let pid = death.pid;
    let (level, text, is_expected) = match death.end {
        End::Exited(0) => return Vec::new(),
        End::Exited(code) => (Level::Error, format!("Worker (pid:{pid}) exited with code {code}."), false),
        End::Unknown => (Level::Warning, format!("Worker (pid:{pid}) was reaped by somebody else."), false),
        End::Signaled(number) => {
            let is_ours = death.sent == Some(number);
            let (level, ending) = match number {
                libc::SIGKILL if is_ours => (Level::Warning, " It did not stop in time."),
                libc::SIGKILL => (Level::Error, " Perhaps out of memory?"),
                libc::SIGTERM => (Level::Info, ""),
                _ if is_ours => (Level::Info, ""),
                _ => (Level::Warning, ""),
            };
            (level, format!("Worker (pid:{pid}) was sent {}!{ending}", signal_name(number)), is_ours)
        }
    };
    let mut lines = vec![(level, text)];
    if !is_expected || !death.in_flight.is_empty() {
        lines.push((level, life(death)));
    }
    lines
}

fn life(death: &Death<'_>) -> String {
    let (pid, lived, requests) = (death.pid, seconds(death.lived_ms), death.requests);
    let lost = match death.in_flight {
        [] => "none in flight".to_owned(),
        list => {
            let shown: Vec<String> = list.iter().map(|request| request.with_age(death.now_ms)).collect();
            format!("in flight: {}", shown.join(", "))
        }
    };
    format!("Worker (pid:{pid}) lived {lived} and served {requests} requests; {lost}")
}

/// `SIGKILL`, or Gunicorn's `signal 37` for one without a name.
pub(crate) fn signal_name(number: i32) -> String {
    NamedSignal::try_from(number)
        .map_or_else(|_| format!("signal {number}"), |signal| signal.as_str().to_owned())
}

/// The critical line for a worker that is stuck.
pub(crate) fn timeout_line(pid: u32, stuck: Stuck, slot: WorkerSlot, now_ms: u64) -> String {
    let request_of = |index: usize| slot.runner(index).request().map(|request| request.with_age(now_ms));
    let what = match stuck {
        Stuck::Boot => "it has not finished loading".to_owned(),
        Stuck::Frozen => "the whole process stands still".to_owned(),
        Stuck::Request(index) => request_of(index).unwrap_or_else(|| "in a request".to_owned()),
        Stuck::Attach(_) => {
            let inside: Vec<String> = slot
                .runners()
                .filter_map(|runner| runner.request())
                .map(|request| request.with_age(now_ms))
                .collect();
            format!("waiting for the interpreter; inside the application: {}", inside.join(", "))
        }
    };
    format!("WORKER TIMEOUT (pid:{pid}) {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(end: End, sent: Option<i32>, in_flight: &[RequestSeen], expected: &[(Level, &str)]) {
        let death = Death { pid: 7, end, sent, lived_ms: 12_345, requests: 2, in_flight, now_ms: 5_000 };
        let lines = lines(&death);
        let lines: Vec<(Level, &str)> = lines.iter().map(|(level, text)| (*level, text.as_str())).collect();
        assert_eq!(lines, expected, "{end:?}");
    }

    #[test]
    fn deaths() {
        use Level::{Error, Info, Warning};
        let life = "Worker (pid:7) lived 12.3 s and served 2 requests; none in flight";
        let slow = RequestSeen { method: "GET".to_owned(), target: "/slow".to_owned(), entered_ms: 3_800 };
        let lost = "Worker (pid:7) lived 12.3 s and served 2 requests; in flight: GET /slow for 1.2 s";
        let killed = "Worker (pid:7) was sent SIGKILL!";
        let oom = format!("{killed} Perhaps out of memory?");
        let late = format!("{killed} It did not stop in time.");
        check(End::Exited(0), None, &[], &[]);
        check(End::Exited(3), None, &[], &[(Error, "Worker (pid:7) exited with code 3."), (Error, life)]);
        check(End::Signaled(9), None, &[], &[(Error, &oom), (Error, life)]);
        check(End::Signaled(9), Some(15), std::slice::from_ref(&slow), &[(Error, &oom), (Error, lost)]);
        check(End::Signaled(9), Some(9), &[slow], &[(Warning, &late), (Warning, lost)]);
        check(End::Signaled(15), Some(15), &[], &[(Info, "Worker (pid:7) was sent SIGTERM!")]);
        check(End::Signaled(15), None, &[], &[(Info, "Worker (pid:7) was sent SIGTERM!"), (Info, life)]);
        check(
            End::Signaled(11),
            None,
            &[],
            &[(Warning, "Worker (pid:7) was sent SIGSEGV!"), (Warning, life)],
        );
        check(End::Signaled(3), Some(3), &[], &[(Info, "Worker (pid:7) was sent SIGQUIT!")]);
        check(
            End::Signaled(40),
            None,
            &[],
            &[(Warning, "Worker (pid:7) was sent signal 40!"), (Warning, life)],
        );
    }
}
