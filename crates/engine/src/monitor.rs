//! The monitor: one thread per worker that never runs an application. While runners are busy it ticks about once a
//! millisecond, and when nobody has led the engine for a tick it wakes a parked runner, or, if all are busy, moves bytes
//! and keeps deadlines itself. While nothing is owed it sleeps, so a short request on a quiet server costs one wake-up and
//! on a busy server none (Go's sysmon works the same way). While all applications are quick it ticks less often, because a
//! tick interrupts them. Regular duties (heartbeat, log flush) ride along.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::monitor::pace::{Pace, Seen};

mod pace;

/// Ticks without any busy runner before the monitor sleeps: a steady load must not pay a wake-up per request.
const CALM_TICKS: u32 = 16;

/// What runners and the monitor tell each other.
#[derive(Default)]
pub(crate) struct Alarm {
    busy: AtomicUsize,
    is_asleep: AtomicBool,
    is_raised: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Alarm {
    /// A runner goes into its application.
    pub fn enter(&self) {
        self.busy.fetch_add(1, Ordering::SeqCst);
        // Sequential consistency on both sides: either the monitor sees `busy`, or this thread sees it asleep.
        if self.is_asleep.load(Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// A runner is back.
    pub fn leave(&self) {
        self.busy.fetch_sub(1, Ordering::SeqCst);
    }

    /// Was a slow application seen at the last tick?
    pub fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Relaxed)
    }
}

/// A running monitor.
pub struct Monitor {
    thread: JoinHandle<()>,
    is_stopping: Arc<AtomicBool>,
}

impl Monitor {
    /// Starts the monitor of `engine`; `duty` is called at least every `duty_every`, on the monitor's thread.
    pub fn start(
        engine: &Arc<Engine>,
        duty_every: Duration,
        duty: impl FnMut() + Send + 'static,
    ) -> std::io::Result<Monitor> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (watched, stop) = (engine.clone(), is_stopping.clone());
        let thread = thread::Builder::new()
            .name("tricorn-monitor".into())
            .spawn(move || Watch::new(watched, stop, duty_every).run(duty))?;
        Ok(Monitor { thread, is_stopping })
    }

    /// Ends the monitor and waits for it.
    pub fn stop(self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.thread.thread().unpark();
        // A panic of the monitor was reported by the panic hook; the worker is stopping anyway.
        let _ = self.thread.join();
    }
}

struct Watch {
    engine: Arc<Engine>,
    is_stopping: Arc<AtomicBool>,
    duty_every: Duration,
    pace: Pace,
    calm_ticks: u32,
    last_turns: u64,
    /// Could anybody help a runner that is away? Looked up with each duty.
    has_help: bool,
}

/// Also of a monitor that ends by a panic of its duty: what waits would have nobody else while an application is slow.
impl Drop for Watch {
    fn drop(&mut self) {
        self.engine.departures.watch(false);
        self.engine.send_held();
    }
}

impl Watch {
    fn new(engine: Arc<Engine>, is_stopping: Arc<AtomicBool>, duty_every: Duration) -> Watch {
        Watch {
            engine,
            is_stopping,
            duty_every,
            pace: Pace::default(),
            calm_ticks: 0,
            last_turns: 0,
            has_help: false,
        }
    }

    fn run(mut self, mut duty: impl FnMut()) {
        // Only this thread sets it, once.
        let _ = self.engine.alarm.thread.set(thread::current());
        let mut duty_due = Instant::now();
        while !self.is_stopping.load(Ordering::SeqCst) {
            let now = Instant::now();
            if now >= duty_due {
                duty();
                duty_due = now + self.duty_every;
                self.has_help = self.engine.has_help();
            }
            self.wait(duty_due - now.min(duty_due));
        }
        duty();
    }

    fn wait(&mut self, until_duty: Duration) {
        let alarm = &self.engine.alarm;
        let is_owed = self.is_anything_owed();
        if is_owed || self.calm_ticks < CALM_TICKS {
            self.calm_ticks = if is_owed { 0 } else { self.calm_ticks + 1 };
            let away = self.pace.tick().min(until_duty);
            thread::park_timeout(away);
            self.look(away);
        } else {
            alarm.is_raised.store(false, Ordering::Relaxed);
            self.engine.departures.watch(false);
            alarm.is_asleep.store(true, Ordering::SeqCst);
            if !self.is_anything_owed() {
                thread::park_timeout(until_duty);
            }
            alarm.is_asleep.store(false, Ordering::SeqCst);
        }
    }

    /// Is a runner busy, or does a response wait?
    fn is_anything_owed(&self) -> bool {
        self.engine.alarm.busy.load(Ordering::SeqCst) > 0 || self.engine.departures.len() > 0
    }

    /// Has anybody led while the monitor was `away`? If not, somebody should.
    fn look(&mut self, away: Duration) {
        let (turns, is_led) = self.engine.lead_state();
        let turns_while_away = turns.wrapping_sub(self.last_turns);
        self.last_turns = turns;
        let is_slow = !is_led && turns_while_away == 0 && self.engine.alarm.busy.load(Ordering::SeqCst) > 0;
        self.engine.alarm.is_raised.store(is_slow, Ordering::Relaxed);
        if self.engine.departures.are_overdue() {
            self.engine.send_held();
        }
        let has_moved = !is_slow || self.engine.unpark_one() || self.engine.turn();
        self.pace.follow(&Seen {
            away,
            turns: turns_while_away,
            has_helped: is_slow && has_moved,
            is_of_use: self.has_help || self.engine.departures.were_wanted(),
        });
        self.engine.departures.watch(self.pace.is_close());
    }
}
