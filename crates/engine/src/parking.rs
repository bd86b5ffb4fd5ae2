//! Where runners wait that have nothing to lead: parked until the leader is away for long, or has left events behind.
//! Permits are counted, so that a wake-up is never lost, and never handed out to nobody.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::slots::lock;

/// Parked runners.
#[derive(Default)]
pub(crate) struct Parking {
    parked: Mutex<Parked>,
    unpark: Condvar,
}

#[derive(Default)]
struct Parked {
    count: usize,
    permits: usize,
    /// Was anybody ever here? A worker with one runner never parks it.
    is_used: bool,
}

impl Parking {
    /// Waits for a permit, unless `is_needed` (asked once nobody can miss this runner any more) says that it should lead.
    pub fn park(&self, is_needed: impl FnOnce() -> bool) {
        let mut parked = lock(&self.parked);
        parked.is_used = true;
        if is_needed() {
            return;
        }
        parked.count += 1;
        while parked.permits == 0 {
            parked = self.unpark.wait(parked).unwrap_or_else(PoisonError::into_inner);
        }
        parked.permits -= 1;
        parked.count -= 1;
    }

    /// Wakes one parked runner; false if none is parked.
    pub fn unpark_one(&self) -> bool {
        let mut parked = lock(&self.parked);
        if parked.count <= parked.permits {
            return false;
        }
        parked.permits += 1;
        self.unpark.notify_one();
        true
    }

    /// Wakes all of them.
    pub fn unpark_all(&self) {
        let mut parked = lock(&self.parked);
        parked.permits = parked.count;
        self.unpark.notify_all();
    }

    /// Are there runners that park?
    pub fn is_used(&self) -> bool {
        lock(&self.parked).is_used
    }
}
