//! How long to wait before a place is filled again. Pure: times and chance come in, a delay comes out.
//!
//! Used for workers that die young and for forks that fail. The first failure of a worker that had been
//! serving costs nothing, a second one in a row costs 0.1 s, then it doubles up to 30 s, with jitter so that
//! places do not move in step.

/// First delay.
const DELAY_MS_MIN: u64 = 100;
/// Last delay.
const DELAY_MS_MAX: u64 = 30_000;
/// A worker that lived this long after it was ready did not die of its start.
pub(crate) const YOUNG_MS: u64 = 1000;

/// The delay after `failures` failures in a row (0: none): doubled each time, and between 75 % and 100 % of
/// that by `chance` (0 to 255).
pub(crate) fn delay_ms(failures: u32, chance: u8) -> u64 {
    if failures == 0 {
        return 0;
    }
    let full_ms = DELAY_MS_MIN.checked_shl((failures - 1).min(16)).unwrap_or(DELAY_MS_MAX).min(DELAY_MS_MAX);
    (full_ms - full_ms * u64::from(chance) / 1024).max(DELAY_MS_MIN)
}

/// How a worker left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// It never reported ready.
    BootFailed,
    /// It was ready for this long, served so many requests, and ended with code 0 or not.
    Served { ready_for_ms: u64, requests: u64, is_clean: bool },
}

/// Failures in a row after a departure, given those before it. A worker that retires by itself after some
/// requests (`max_requests`) is no failure, however young it is.
pub(crate) fn failures_after(failures: u32, departure: Departure) -> u32 {
    match departure {
        Departure::BootFailed => failures.saturating_add(1),
        Departure::Served { ready_for_ms, requests, is_clean } => {
            let is_voluntary = is_clean && requests > 0;
            if is_voluntary || ready_for_ms >= YOUNG_MS { 0 } else { failures.saturating_add(1) }
        }
    }
}

/// The delay before the successor of a worker: at once after the first death of one that was ready.
pub(crate) fn successor_delay_ms(failures: u32, departure: Departure, chance: u8) -> u64 {
    match departure {
        Departure::BootFailed => delay_ms(failures, chance),
        Departure::Served { .. } => delay_ms(failures.saturating_sub(1), chance),
    }
}

/// A cheap source of jitter (xorshift). Not for secrets.
pub(crate) struct Jitter(u64);

impl Jitter {
    pub fn new(seed: u64) -> Jitter {
        Jitter(seed | 1)
    }

    pub fn next(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_half_a_minute() {
        let rows = [
            (0, 0),
            (1, 100),
            (2, 200),
            (3, 400),
            (9, 25_600),
            (10, 30_000),
            (60, 30_000),
            (u32::MAX, 30_000),
        ];
        for (failures, expected_ms) in rows {
            assert_eq!(delay_ms(failures, 0), expected_ms, "after {failures}");
            let shortest_ms = delay_ms(failures, 255);
            assert!(shortest_ms <= expected_ms && shortest_ms * 4 >= expected_ms * 3, "{shortest_ms}");
        }
    }

    #[test]
    fn who_dies_young_again_and_again_waits() {
        let served =
            |ready_for_ms, requests, is_clean| Departure::Served { ready_for_ms, requests, is_clean };
        let rows = [
            (0, Departure::BootFailed, 1, 100),
            (3, Departure::BootFailed, 4, 800),
            (0, served(50, 0, false), 1, 0),
            (1, served(50, 9, false), 2, 100),
            (4, served(50, 0, true), 5, 800),
            (4, served(50, 1, true), 0, 0),
            (7, served(1000, 0, false), 0, 0),
        ];
        for (before, departure, after, wait_ms) in rows {
            assert_eq!(failures_after(before, departure), after, "{departure:?}");
            assert_eq!(successor_delay_ms(after, departure, 0), wait_ms, "{departure:?}");
        }
    }

    #[test]
    fn jitter_varies() {
        let mut jitter = Jitter::new(0);
        let values: std::collections::HashSet<u8> = (0..64).map(|_| jitter.next()).collect();
        assert!(values.len() > 32, "{values:?}");
    }
}
