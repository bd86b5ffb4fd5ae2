//! A sink of the error log with its account of losses: where the lines of some levels go.
//!
//! [`ErrorLog`](crate::ErrorLog) has one, or two with `log_split`: then each keeps its own account, because one reader that
//! has stopped must neither cost the other's lines their form nor have them wait.

use std::time::Duration;

use crate::bounded;
use crate::level::Level;
use crate::line::Stamp;
use crate::loss::{Loss, are_being_lost, were_lost};
use crate::sink::Sink;

/// How long one record may wait for a slow reader of stderr. Once a record was lost, the next ones do not wait at all
/// until one goes out: a stopped reader costs a worker this long once, not once per line.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

pub(crate) struct Outlet {
    pub(crate) sink: Sink,
    pub(crate) loss: Loss,
}

impl Outlet {
    pub(crate) fn new(sink: Sink) -> Outlet {
        Outlet { sink, loss: Loss::default() }
    }

    /// Writes one record in one write, preceded by a notice if lines before it were lost.
    pub(crate) fn write(&self, stamp: &Stamp<'_>, level: Level, text: &str) {
        if self.sink.is_nowhere() {
            return;
        }
        let unreported = self.loss.take_unreported();
        let mut lines = Vec::with_capacity(text.len() + 64);
        if unreported > 0 {
            stamp.push_line(Level::Warning, &were_lost(unreported), &mut lines);
        }
        let notice_bytes = lines.len();
        stamp.push_line(level, text, &mut lines);

        let written = self.sink.write(&lines, self.patience());
        let Some(errno) = written.stopped_by else { return self.loss.end() };
        self.sink.give_up_after(&lines[..written.bytes]);
        if written.bytes < notice_bytes {
            self.loss.put_back(unreported);
        }
        self.loss.add(1, errno);
        self.announce_on_stderr(stamp);
    }

    /// Writes text as it is.
    pub(crate) fn write_raw(&self, text: &[u8]) {
        let written = self.sink.write(text, self.patience());
        if let Some(errno) = written.stopped_by {
            self.sink.give_up_after(&text[..written.bytes]);
            self.loss.add(bounded::line_count(&text[written.bytes..]), errno);
        }
    }

    fn patience(&self) -> Duration {
        if self.loss.is_failing() { Duration::ZERO } else { PATIENCE }
    }

    /// Says once, where an operator may still see it, that lines are being lost.
    fn announce_on_stderr(&self, stamp: &Stamp<'_>) {
        let Some(errno) = self.loss.take_announcement() else { return };
        if self.sink.is_stderr() {
            return;
        }
        let text = are_being_lost(&format!("the error log {}", self.sink.name()), errno);
        let mut line = Vec::new();
        stamp.push_line(Level::Error, &text, &mut line);
        bounded::write(rustix::stdio::stderr(), &line, Duration::ZERO);
    }
}
