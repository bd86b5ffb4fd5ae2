//! When the monitor looks again.

use std::time::Duration;

use super::{Pace, QUICK_TICKS, Seen, TICK, TICK_MAX, TICK_WHILE_QUICK};

/// A tick in which the engine was led every `turn_us`.
fn led_every(turn_us: u64, away: Duration) -> Seen {
    Seen { away, turns: away.as_micros() as u64 / turn_us, has_helped: false, is_of_use: true }
}

fn paced_by_quick_applications(ticks: u32) -> Pace {
    let mut pace = Pace::default();
    for _ in 0..ticks {
        pace.follow(&led_every(50, pace.tick()));
    }
    pace
}

#[test]
fn quick_applications_are_interrupted_less_often() {
    assert_eq!(paced_by_quick_applications(QUICK_TICKS).tick(), TICK);
    let pace = paced_by_quick_applications(QUICK_TICKS + 2);
    assert_eq!(pace.tick(), TICK_WHILE_QUICK);
    assert!(pace.is_close());
}

#[test]
fn one_tick_with_a_slow_application_brings_the_ticks_back() {
    for slow in
        [led_every(300, TICK_WHILE_QUICK), Seen { has_helped: true, ..led_every(u64::MAX, TICK_WHILE_QUICK) }]
    {
        let mut pace = paced_by_quick_applications(100);
        pace.follow(&slow);
        assert_eq!(pace.tick(), TICK);
        pace.follow(&led_every(50, pace.tick()));
        assert_eq!(pace.tick(), TICK, "and they stay for a while");
    }
}

#[test]
fn a_tick_cut_short_is_judged_by_its_length() {
    let mut pace = paced_by_quick_applications(100);
    pace.follow(&led_every(50, Duration::from_micros(400)));
    assert_eq!(pace.tick(), TICK_WHILE_QUICK);
}

#[test]
fn where_nothing_can_be_done_nothing_waits_for_a_tick() {
    let mut pace = Pace::default();
    for _ in 0..10 {
        pace.follow(&Seen { is_of_use: false, ..led_every(2000, pace.tick()) });
    }
    assert_eq!(pace.tick(), TICK_MAX);
    assert!(!pace.is_close());
    pace.follow(&Seen { has_helped: true, is_of_use: false, ..led_every(u64::MAX, TICK_MAX) });
    assert_eq!(pace.tick(), TICK);
}
