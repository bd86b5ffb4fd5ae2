//! Whether a worker makes progress. Pure: times come in, a verdict comes out.
//!
//! Asked by the master's watch for each worker. All times are `monotonic_ms`. Nothing that began before the
//! master itself was absent (stopped, suspended, starved) counts from before its return: then everybody gets
//! the whole time again.

use std::time::Duration;

use crate::plan::{Plan, WorkerKind};
use crate::scoreboard::WorkerSlot;

/// The limits of a plan, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub kind: WorkerKind,
    pub timeout_ms: Option<u64>,
    pub boot_timeout_ms: Option<u64>,
}

impl Limits {
    pub fn of(plan: &Plan) -> Limits {
        let whole_ms =
            |limit: Option<Duration>| limit.map(|time| time.as_millis() as u64).filter(|ms| *ms > 0);
        Limits {
            kind: plan.kind,
            timeout_ms: whole_ms(plan.timeout),
            boot_timeout_ms: whole_ms(plan.boot_timeout),
        }
    }
}

/// What the master knows of a worker beside its slot.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "all are times, and a time carries its unit")]
pub(crate) struct Times {
    pub now_ms: u64,
    /// End of the master's last absence, 0 if there was none.
    pub returned_ms: u64,
    pub spawned_ms: u64,
    pub ready_ms: Option<u64>,
}

/// How a worker is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// Loading for too long.
    Boot,
    /// This runner is inside the application for too long.
    Request(usize),
    /// This runner waits for the interpreter for too long.
    Attach(usize),
    /// The monitor does not beat: the whole process stands still.
    Frozen,
}

/// `Ok(Some(time))`: all is well, and nothing can change before `time`. `Ok(None)`: no limit applies.
pub(crate) fn judge(limits: Limits, slot: WorkerSlot, times: Times) -> Result<Option<u64>, Stuck> {
    let mut watch = Watch { times, next_ms: None };
    let Some(ready_ms) = times.ready_ms else {
        watch.check(limits.boot_timeout_ms, times.spawned_ms, Stuck::Boot)?;
        return Ok(watch.next_ms);
    };
    let timeout = limits.timeout_ms;
    watch.check(timeout, slot.beat_ms().max(ready_ms), Stuck::Frozen)?;
    for (index, runner) in slot.runners().enumerate() {
        if let Some(since_ms) = runner.attach_ms() {
            watch.check(timeout, since_ms, Stuck::Attach(index))?;
        }
        if let Some(since_ms) = runner.entered_ms().filter(|_| limits.kind == WorkerKind::Sync) {
            watch.check(timeout, since_ms, Stuck::Request(index))?;
        }
    }
    Ok(watch.next_ms)
}

struct Watch {
    times: Times,
    next_ms: Option<u64>,
}

impl Watch {
    fn check(&mut self, limit_ms: Option<u64>, since_ms: u64, stuck: Stuck) -> Result<(), Stuck> {
        let Some(limit_ms) = limit_ms else { return Ok(()) };
        let end_ms = since_ms.max(self.times.returned_ms).saturating_add(limit_ms);
        if self.times.now_ms > end_ms {
            return Err(stuck);
        }
        self.next_ms = Some(self.next_ms.map_or(end_ms + 1, |next_ms| next_ms.min(end_ms + 1)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoreboard::Scoreboard;

    struct Row {
        kind: WorkerKind,
        now_ms: u64,
        returned_ms: u64,
        ready_ms: Option<u64>,
        beat_ms: u64,
        entered_ms: u64,
        attach_ms: u64,
        verdict: Result<Option<u64>, Stuck>,
    }

    const FINE: Row = Row {
        kind: WorkerKind::Sync,
        now_ms: 2000,
        returned_ms: 0,
        ready_ms: Some(100),
        beat_ms: 1900,
        entered_ms: 0,
        attach_ms: 0,
        verdict: Ok(Some(2901)),
    };

    fn check(row: &Row) {
        let slot = Scoreboard::new(1, 2).expect("a small mapping").worker(0);
        slot.beat(row.beat_ms);
        if row.entered_ms > 0 {
            slot.runner(1).enter(b"GET", b"/", row.entered_ms);
        }
        slot.runner(0).begin_attach(row.attach_ms);
        let limits = Limits { kind: row.kind, timeout_ms: Some(1000), boot_timeout_ms: Some(500) };
        let (now_ms, returned_ms, ready_ms) = (row.now_ms, row.returned_ms, row.ready_ms);
        let verdict = judge(limits, slot, Times { now_ms, returned_ms, spawned_ms: 50, ready_ms });
        assert_eq!(verdict, row.verdict, "now {now_ms} entered {} beat {}", row.entered_ms, row.beat_ms);
    }

    #[test]
    fn verdicts() {
        use WorkerKind::Threads;
        let rows = [
            FINE,
            Row { entered_ms: 1000, verdict: Ok(Some(2001)), ..FINE },
            Row { entered_ms: 999, verdict: Err(Stuck::Request(1)), ..FINE },
            Row { entered_ms: 999, kind: Threads, ..FINE },
            Row { attach_ms: 999, verdict: Err(Stuck::Attach(0)), ..FINE },
            Row { attach_ms: 999, kind: Threads, verdict: Err(Stuck::Attach(0)), ..FINE },
            Row { beat_ms: 999, verdict: Err(Stuck::Frozen), ..FINE },
            Row { beat_ms: 0, ready_ms: Some(1500), verdict: Ok(Some(2501)), ..FINE },
            // The master was away until 1950: nobody is to blame.
            Row { beat_ms: 999, entered_ms: 999, returned_ms: 1950, verdict: Ok(Some(2951)), ..FINE },
            Row { beat_ms: 999, returned_ms: 900, verdict: Err(Stuck::Frozen), ..FINE },
            Row { ready_ms: None, now_ms: 550, verdict: Ok(Some(551)), ..FINE },
            Row { ready_ms: None, now_ms: 551, verdict: Err(Stuck::Boot), ..FINE },
            Row { ready_ms: None, now_ms: 551, returned_ms: 200, verdict: Ok(Some(701)), ..FINE },
        ];
        rows.iter().for_each(check);
    }

    #[test]
    fn zero_and_none_switch_the_checks_off() {
        let plan = Plan { timeout: Some(Duration::ZERO), boot_timeout: None, ..Plan::default() };
        let limits = Limits::of(&plan);
        let slot = Scoreboard::new(1, 1).expect("a small mapping").worker(0);
        slot.runner(0).enter(b"GET", b"/", 1);
        for ready_ms in [None, Some(2)] {
            let times = Times { now_ms: u64::MAX, returned_ms: 0, spawned_ms: 1, ready_ms };
            assert_eq!(judge(limits, slot, times), Ok(None));
        }
    }
}
