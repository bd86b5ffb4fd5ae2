//! How many workers to add and to retire. Pure: counts come in, a decision comes out.
//!
//! Asked by the master after every event. One rule serves the normal course, TTIN and TTOU, the rolling
//! reload and a worker that asks for a successor: workers that are outdated go only as current ones become
//! ready.

/// The table of workers, counted. Workers that were told to stop, or killed, are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Workers wanted.
    pub wanted: usize,
    /// Of the newest generation, ready.
    pub current_ready: usize,
    /// Of the newest generation, still loading.
    pub current_booting: usize,
    /// Places of the newest generation that wait for their time to be filled.
    pub vacancies: usize,
    /// Of older generations, or waiting for their successor.
    pub outdated: usize,
}

/// What to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// New places to fill at once.
    pub open: usize,
    /// Vacancies to give up.
    pub close: usize,
    /// Current workers to stop: those that still load first, then the oldest.
    pub retire_current: usize,
    /// Outdated workers to stop, oldest first.
    pub retire_outdated: usize,
}

/// The decision for a tally; acting on it leads to a tally for which there is nothing to do.
pub(crate) fn decide(tally: Tally) -> Decision {
    let alive = tally.current_ready + tally.current_booting;
    let places = alive + tally.vacancies;
    let surplus = places.saturating_sub(tally.wanted);
    let close = surplus.min(tally.vacancies);
    Decision {
        open: tally.wanted.saturating_sub(places),
        close,
        retire_current: surplus - close,
        retire_outdated: tally.outdated - outdated_kept(tally),
    }
}

/// Nothing that serves is given up before the first of the new ones serves.
fn outdated_kept(tally: Tally) -> usize {
    let is_waiting = tally.current_ready == 0 && tally.wanted > 0;
    if is_waiting {
        tally.outdated
    } else {
        tally.outdated.min(tally.wanted.saturating_sub(tally.current_ready))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// wanted, ready, booting, vacancies, outdated
    fn tally(counts: [usize; 5]) -> Tally {
        let [wanted, current_ready, current_booting, vacancies, outdated] = counts;
        Tally { wanted, current_ready, current_booting, vacancies, outdated }
    }

    #[test]
    fn decisions() {
        let rows = [
            ([4, 0, 0, 0, 0], [4, 0, 0, 0]), // start
            ([4, 4, 0, 0, 0], [0, 0, 0, 0]), // all is well
            ([4, 3, 0, 0, 0], [1, 0, 0, 0]), // one died
            ([4, 3, 0, 1, 0], [0, 0, 0, 0]), // and waits for its back-off
            ([3, 4, 0, 0, 0], [0, 0, 1, 0]), // TTOU
            ([3, 3, 0, 1, 0], [0, 1, 0, 0]), // TTOU gives up a vacancy first
            ([4, 0, 0, 0, 4], [4, 0, 0, 0]), // HUP
            ([4, 0, 4, 0, 4], [0, 0, 0, 0]), // new ones load, old ones serve
            ([4, 1, 3, 0, 4], [0, 0, 0, 1]),
            ([4, 3, 0, 1, 4], [0, 0, 0, 3]), // one of the new fails: one old stays
            ([4, 4, 0, 0, 1], [0, 0, 0, 1]),
            ([2, 0, 2, 0, 8], [0, 0, 0, 0]), // HUP to fewer workers
            ([2, 1, 1, 0, 8], [0, 0, 0, 7]),
            ([0, 2, 1, 1, 2], [0, 1, 3, 2]), // WINCH
            ([4, 3, 0, 0, 1], [1, 0, 0, 0]), // a successor is asked for
        ];
        for (counts, [open, close, retire_current, retire_outdated]) in rows {
            let expected = Decision { open, close, retire_current, retire_outdated };
            assert_eq!(decide(tally(counts)), expected, "{counts:?}");
        }
    }

    proptest! {
        #[test]
        fn a_decision_settles_and_never_stops_all_that_serve(
            counts in prop::array::uniform5(0_usize..9),
        ) {
            let before = tally(counts);
            let decision = decide(before);
            let retired_booting = decision.retire_current.min(before.current_booting);
            let after = Tally {
                current_ready: before.current_ready + retired_booting - decision.retire_current,
                current_booting: before.current_booting - retired_booting,
                vacancies: before.vacancies + decision.open - decision.close,
                outdated: before.outdated - decision.retire_outdated,
                ..before
            };
            if before.wanted > 0 && before.current_ready + before.outdated > 0 {
                prop_assert!(after.current_ready + after.outdated > 0);
            }
            prop_assert_eq!(decide(after), Decision::default());
        }
    }
}
