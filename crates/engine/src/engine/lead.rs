//! The lead: whoever holds the batch of events waits at the poller and takes events until one of them is an exchange for
//! its runner. What it leaves in the batch is there for the next leader.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Engine, Next, try_lock};
use crate::acceptor::ACCEPT_PAUSE;
use crate::clock::monotonic_ms;
use crate::exchange::Exchange;
use crate::options::Trouble;
use crate::poller::{Batch, Happened, Polled};

impl Engine {
    /// What can be had without waiting. Requests that were pipelined behind others and events take turns, so that neither
    /// a flood of the one nor of the other starves anybody.
    pub(super) fn at_hand(self: &Arc<Self>) -> Option<Exchange> {
        if self.departures.are_due(self.at_hand_count()) {
            self.send_held();
        }
        let ready_first = self.prefers_ready.load(Ordering::Relaxed);
        self.prefers_ready.store(!ready_first, Ordering::Relaxed);
        if ready_first && let Some(exchange) = self.take_ready() {
            return Some(exchange);
        }
        if let Some(mut batch) = try_lock(&self.batch) {
            if batch.is_empty() && !ready_first && self.ready_count.load(Ordering::Relaxed) > 0 {
                // Errors show again at the next wait, which reports them.
                let _ = batch.poll(&self.interest, Some(0));
            }
            self.count_turn();
            if let Some(exchange) = self.take_from(&mut batch) {
                return Some(exchange);
            }
        }
        self.take_ready()
    }

    pub(super) fn wait_for_next(self: &Arc<Self>) -> Next {
        loop {
            self.send_held();
            if let Some(next) = self.owed() {
                return next;
            }
            if let Some(mut batch) = try_lock(&self.batch) {
                if let Some(next) = self.lead(&mut batch) {
                    let left = batch.len();
                    drop(batch);
                    if left > 0 && self.alarm.is_raised() {
                        // A slow application was seen a moment ago: what is left in the batch must not wait behind this one.
                        self.parking.unpark_one();
                    }
                    return next;
                }
            } else {
                // Whoever led may have left since, and have looked for parked runners before this one was.
                self.parking.park(|| try_lock(&self.batch).is_some());
            }
        }
    }

    /// What is due before any waiting: exchanges that are ready, the end, an interruption.
    fn owed(&self) -> Option<Next> {
        if let Some(exchange) = self.take_ready() {
            return Some(Next::Exchange(exchange));
        }
        if self.is_draining() && self.has_drained() {
            self.parking.unpark_all();
            self.interest.wake();
            return Some(Next::Stopped);
        }
        let pending = self.interrupts.load(Ordering::SeqCst);
        if pending > 0
            && self
                .interrupts
                .compare_exchange(pending, pending - 1, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
        {
            return Some(Next::Interrupted);
        }
        None
    }

    /// One round at the poller: waits if the batch is empty, then takes events until there is an exchange.
    fn lead(self: &Arc<Self>, batch: &mut Batch) -> Option<Next> {
        self.count_turn();
        if batch.is_empty() {
            let left_ms = self.sleep_left_ms();
            let polled = batch.poll(&self.interest, left_ms);
            self.asleep_until_ms.store(0, Ordering::Relaxed);
            self.count_turn();
            match polled {
                Ok(Polled::Events) => {}
                Ok(Polled::Interrupted) => return Some(Next::Interrupted),
                Err(error) => {
                    self.observer.troubled(&Trouble::Poll(error.into()));
                    std::thread::sleep(ACCEPT_PAUSE);
                }
            }
        }
        self.take_from(batch).map(Next::Exchange)
    }

    /// Counts a turn of the lead. Only the holder of the batch does.
    fn count_turn(&self) {
        self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// As `consume`, and notes what is left for others.
    fn take_from(self: &Arc<Self>, batch: &mut Batch) -> Option<Exchange> {
        let exchange = self.consume(batch);
        self.left_events.store(batch.len(), Ordering::Relaxed);
        exchange
    }

    /// Takes events, deadlines and accepts in turn until one of them makes an exchange.
    fn consume(self: &Arc<Self>, batch: &mut Batch) -> Option<Exchange> {
        self.sweep();
        if self.is_draining() {
            self.stop_listening();
            if let Some(exchange) = self.take_ready() {
                return Some(exchange);
            }
        } else if self.acceptor.may_hold_more()
            && let Some(exchange) = self.take_over()
        {
            return Some(exchange);
        }
        while let Some(happened) = batch.take(&self.interest) {
            let exchange = match happened {
                Happened::Incoming(index) => self.accept(index),
                Happened::HandedOver => self.take_over(),
                Happened::Moved(token, seen) => self.moved(token, seen),
                Happened::Woken => None,
            };
            if exchange.is_some() {
                return exchange;
            }
        }
        None
    }

    /// How long the leader may sleep, and the note for others that it does.
    pub(super) fn sleep_left_ms(&self) -> Option<u64> {
        let mut due_ms = self.next_due_ms();
        let drained_by_ms = self.drained_by_ms.load(Ordering::Relaxed);
        if drained_by_ms != 0 && (due_ms == 0 || drained_by_ms < due_ms) {
            due_ms = drained_by_ms;
        }
        self.asleep_until_ms.store(if due_ms == 0 { u64::MAX } else { due_ms }, Ordering::SeqCst);
        (due_ms != 0).then(|| due_ms.saturating_sub(monotonic_ms()))
    }
}
