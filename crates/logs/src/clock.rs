//! Local time as text, for both kinds of line. The only date code of the crate, and all of it is `jiff`'s.
//!
//! The zone is looked up once, when a log is opened (`TZ`, then `/etc/localtime`, then UTC; zone data from the system's
//! database, else from the copy that jiff bundles), never per line: a line costs arithmetic on data already in memory. A
//! change of `TZ` in a running process is followed only when [`LocalClock::refresh`] is called.

use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// Gunicorn's `Logger.datefmt`.
const ERROR_STAMP: &str = "[%Y-%m-%d %H:%M:%S %z]";
/// RFC 3339 section 5.6, in milliseconds.
const JSON_STAMP: &str = "%Y-%m-%dT%H:%M:%S.%3f%:z";
/// Gunicorn's `Logger.now`, the Common Log Format's date.
const ACCESS_STAMP: &str = "[%d/%b/%Y:%H:%M:%S %z]";

pub(crate) struct LocalClock {
    zone: ArcSwap<TimeZone>,
}

impl LocalClock {
    pub(crate) fn of_system() -> LocalClock {
        LocalClock { zone: ArcSwap::from_pointee(TimeZone::system()) }
    }

    /// Asks the system for its zone again: an application may set `TZ` while it is imported (Django does).
    pub(crate) fn refresh(&self) {
        jiff::tz::reset_system_time_zone_cache();
        self.zone.store(TimeZone::system().into());
    }

    /// `[2026-11-25 10:26:10 +0000]`
    pub(crate) fn error_stamp(&self, time: SystemTime) -> String {
        self.stamp(ERROR_STAMP, seconds_since_epoch(time))
    }

    /// `2026-11-25T10:26:10.123+00:00` (RFC 3339)
    pub(crate) fn rfc3339(&self, time: SystemTime) -> String {
        let timestamp = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
        let zoned = ZonedDateTime::new(timestamp, TimeZone::clone(&self.zone.load()));
        strtime::format(JSON_STAMP, &zoned).expect("a zoned time has every field the format names")
    }

    fn stamp(&self, format: &str, second: i64) -> String {
        let timestamp = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        let zoned = ZonedDateTime::new(timestamp, TimeZone::clone(&self.zone.load()));
        strtime::format(format, &zoned).expect("a zoned time has every field the two formats name")
    }
}

/// `[25/Nov/2026:10:26:10 +0000]`, formatted again only when the second changes.
#[derive(Default)]
pub(crate) struct AccessStamp {
    second: Option<i64>,
    text: String,
}

impl AccessStamp {
    pub(crate) fn at(&mut self, time: SystemTime, clock: &LocalClock) -> &str {
        let second = seconds_since_epoch(time);
        if self.second != Some(second) {
            self.text = clock.stamp(ACCESS_STAMP, second);
            self.second = Some(second);
        }
        &self.text
    }

    pub(crate) fn forget(&mut self) {
        self.second = None;
    }
}

/// Whole seconds, rounded towards the past as Python's `time.localtime(int(...))` does for every date a log can meet.
fn seconds_since_epoch(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    }
}

#[cfg(test)]
impl LocalClock {
    /// A clock that needs neither `TZ` nor the machine's zone.
    pub(crate) fn in_zone(name: &str) -> LocalClock {
        let zone = TimeZone::get(name).expect("the test names a zone of the IANA database");
        LocalClock { zone: ArcSwap::from_pointee(zone) }
    }
}
