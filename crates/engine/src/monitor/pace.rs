//! How often the monitor looks: every millisecond where that may help somebody, less often where a look only interrupts.

use std::time::Duration;

use crate::departures::QUICK_US;

/// How long a runner may be away before the engine is looked after without it.
const TICK: Duration = Duration::from_millis(1);

/// While applications are quick, ticks become this long: on a virtual machine the timer and the two changes of thread cost the
/// runner 20 to 60 us, as much as a request of Flask's, and an application that is slow for once is still noticed soon.
const TICK_WHILE_QUICK: Duration = Duration::from_millis(4);

/// With nobody to wake, nobody to hand anything to and nothing to move, ticks become this long.
const TICK_MAX: Duration = Duration::from_millis(10);

/// Applications are quick while the engine is led at least this often: those whose responses may wait for a tick.
const QUICK_TURN: Duration = Duration::from_micros(*QUICK_US.end());

/// So many ticks in a row must have seen only quick applications before ticks become longer.
const QUICK_TICKS: u32 = 16;

/// What the monitor saw at a tick.
pub(super) struct Seen {
    /// How long it had not looked.
    pub away: Duration,
    /// How often the engine was led in this time.
    pub turns: u64,
    /// A runner was away for all of it, and something could be done in its stead.
    pub has_helped: bool,
    /// Could anything be done if a runner were away?
    pub is_of_use: bool,
}

/// The time between two ticks.
pub(super) struct Pace {
    tick: Duration,
    quick_ticks: u32,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { tick: TICK, quick_ticks: 0 }
    }
}

impl Pace {
    /// When to look again.
    pub fn tick(&self) -> Duration {
        self.tick
    }

    /// Are ticks so close that a response may wait for one?
    pub fn is_close(&self) -> bool {
        self.tick <= TICK_WHILE_QUICK
    }

    /// Adapts to what was seen.
    pub fn follow(&mut self, seen: &Seen) {
        let is_quick = QUICK_TURN.as_micros() * u128::from(seen.turns) >= seen.away.as_micros();
        self.quick_ticks = if is_quick { self.quick_ticks.saturating_add(1) } else { 0 };
        self.tick = if seen.has_helped {
            TICK
        } else if !seen.is_of_use {
            // Nothing is gained by looking at once: the runner that comes back finds everything as it is.
            (self.tick * 2).min(TICK_MAX)
        } else if self.quick_ticks > QUICK_TICKS {
            (self.tick * 2).min(TICK_WHILE_QUICK)
        } else {
            TICK
        };
    }
}

#[cfg(test)]
mod tests;
