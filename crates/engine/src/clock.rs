//! The only place of the engine that reads a clock. Deadlines are milliseconds of `CLOCK_MONOTONIC`; the `Date` header
//! follows the wall clock and is formatted once per second and thread.

use std::cell::RefCell;
use std::time::{Duration, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of `CLOCK_MONOTONIC_COARSE` (`clock_gettime(2)`), which is the same time as of the last tick of the kernel,
/// at most 10 ms behind: every request asks several times, and no deadline is shorter than a second. Never 0, so that 0 can
/// mean "no deadline".
pub fn monotonic_ms() -> u64 {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    (now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000).max(1)
}

/// Microseconds of `CLOCK_MONOTONIC`, for what is shorter than a tick of the kernel. Never 0.
pub(crate) fn monotonic_us() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    (now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000).max(1)
}

/// A deadline `after` from `now_ms`; `None` (a deadline that is switched off) gives 0.
pub(crate) fn deadline_ms(now_ms: u64, after: Option<Duration>) -> u64 {
    after.map_or(0, |after| now_ms.saturating_add(after.as_millis() as u64))
}

/// Length of an IMF-fixdate (RFC 9110 5.6.7).
const DATE_BYTES: usize = 29;

thread_local! {
    static DATE: RefCell<(i64, [u8; DATE_BYTES])> = const { RefCell::new((-1, [b' '; DATE_BYTES])) };
}

/// Calls `with` with the current IMF-fixdate (RFC 9110 5.6.7), e.g. `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn with_date<R>(with: impl FnOnce(&[u8]) -> R) -> R {
    // The coarse clock is a few nanoseconds and exact enough for a header with a resolution of one second.
    let second = clock_gettime(ClockId::RealtimeCoarse).tv_sec;
    DATE.with_borrow_mut(|(cached, text)| {
        if *cached != second {
            let time = UNIX_EPOCH + Duration::from_secs(second.max(0) as u64);
            text.copy_from_slice(httpdate::fmt_http_date(time).as_bytes());
            *cached = second;
        }
        with(text)
    })
}
