//! The sockets of the workers with `reuse_port`: one set for each worker, all bound to the same addresses.
//!
//! The kernel deals new connections out to the sets, and those that wait in a set's queue are lost when its last
//! copy is closed. So the sets belong to the master and outlive their workers: the successor of a worker that was
//! reloaded, recycled or killed gets its set with whatever waits there. (In Gunicorn each worker makes its own,
//! and its queue dies with it.) Called by spawn and reap; who is forked when is not decided here.

use crate::listener::{ListenError, ListenSocket};
use crate::plan::Plan;

/// What one worker listens on.
struct PortSet {
    listeners: Vec<ListenSocket>,
    /// The pids of its workers: none, one, or while one succeeds another two.
    holders: Vec<u32>,
    /// For which addresses it was made.
    serial: u64,
}

/// All sets.
#[derive(Default)]
pub(crate) struct Ports {
    sets: Vec<PortSet>,
    /// Counts the changes of the addresses.
    serial: u64,
}

impl Ports {
    /// The set for the next worker: one that nobody will serve, a new one while there are fewer than `wanted`, else the
    /// one with the fewest workers. Only those that `stay` count: a set that is left to workers on their way out would be
    /// closed with whoever waits there. `None` if no address is to be shared in this way.
    pub fn choose(
        &mut self,
        reserved: &[&ListenSocket],
        wanted: usize,
        plan: &Plan,
        stays: impl Fn(u32) -> bool,
    ) -> Result<Option<usize>, ListenError> {
        if reserved.is_empty() {
            return Ok(None);
        }
        let serial = self.serial;
        let current = || self.sets.iter().enumerate().filter(move |(_, set)| set.serial == serial);
        let staying = |set: &PortSet| set.holders.iter().filter(|pid| stays(**pid)).count();
        let fewest = current().min_by_key(|(_, set)| (staying(set), set.holders.len()));
        if let Some((index, set)) = fewest
            && (staying(set) == 0 || current().count() >= wanted)
        {
            return Ok(Some(index));
        }
        let listeners = reserved.iter().map(|socket| socket.listening_twin(plan));
        let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
        self.sets.push(PortSet { listeners, holders: Vec::new(), serial });
        Ok(Some(self.sets.len() - 1))
    }

    /// The worker `pid` serves the set that was chosen last.
    pub fn hold(&mut self, index: usize, pid: u32) {
        self.sets[index].holders.push(pid);
    }

    /// The worker `pid` is dead.
    pub fn release(&mut self, pid: u32) {
        for set in &mut self.sets {
            set.holders.retain(|holder| *holder != pid);
        }
    }

    /// In the child: its set, without the others.
    pub fn take(&mut self, index: usize) -> Vec<ListenSocket> {
        let set = self.sets.swap_remove(index);
        self.sets.clear();
        set.listeners
    }

    /// Closes sets that nobody serves: those of former addresses, those beyond `wanted`, and all if no worker is due
    /// soon, since the kernel goes on dealing connections out to them.
    pub fn trim(&mut self, wanted: usize, is_worker_due: bool) {
        let serial = self.serial;
        let mut left = self.sets.iter().filter(|set| set.serial == serial).count();
        self.sets.retain(|set| {
            let is_current = set.serial == serial;
            let is_needed = !set.holders.is_empty() || (is_current && left <= wanted && is_worker_due);
            left -= usize::from(is_current && !is_needed);
            is_needed
        });
    }

    /// Nobody serves the set of this worker after it.
    pub fn is_given_up_by(&self, pid: u32, wanted: usize) -> bool {
        let is_alone = self.sets.iter().any(|set| set.holders == [pid]);
        is_alone && self.sets.len() > wanted
    }

    /// The addresses have changed: workers from now on get new sets.
    pub fn renew(&mut self) {
        self.serial += 1;
    }

    /// Closes our copies.
    pub fn clear(&mut self) {
        self.sets.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::BindAddress;

    fn pids(ports: &Ports) -> Vec<Vec<u32>> {
        ports.sets.iter().map(|set| set.holders.clone()).collect()
    }

    #[test]
    fn sets_go_from_worker_to_worker() {
        let plan = Plan { reuse_port: true, ..Plan::default() };
        let bind = BindAddress::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
        let reserved = ListenSocket::open(&bind, &plan).expect("a free port");
        let reserved = [&reserved];
        let mut ports = Ports::default();
        let spawn_beside = |ports: &mut Ports, wanted: usize, pid: u32, leaving: &[u32]| {
            let stays = |pid| !leaving.contains(&pid);
            let index = ports.choose(&reserved, wanted, &plan, stays).expect("the port is ours");
            ports.hold(index.expect("there is an address"), pid);
        };
        let spawn = |ports: &mut Ports, wanted: usize, pid: u32| spawn_beside(ports, wanted, pid, &[]);
        spawn(&mut ports, 2, 11);
        spawn(&mut ports, 2, 12);
        assert_eq!(pids(&ports), [vec![11], vec![12]]);
        // A reload: the new ones share with the old ones, which leave.
        spawn_beside(&mut ports, 2, 1, &[11, 12]);
        spawn_beside(&mut ports, 2, 2, &[11, 12]);
        assert_eq!(pids(&ports), [vec![11, 1], vec![12, 2]]);
        // Another one, while only one of the oldest is gone.
        ports.release(11);
        spawn_beside(&mut ports, 2, 3, &[12, 1, 2]);
        spawn_beside(&mut ports, 2, 4, &[12, 1, 2]);
        assert_eq!(pids(&ports), [vec![1, 3], vec![12, 2, 4]], "no set is left to those who leave");
        for pid in [12, 1, 2] {
            ports.release(pid);
        }
        // A crash: the successor gets what waits there.
        ports.release(3);
        ports.trim(2, true);
        spawn(&mut ports, 2, 5);
        assert_eq!(pids(&ports), [vec![5], vec![4]]);
        // One worker less.
        assert!(ports.is_given_up_by(5, 1) && !ports.is_given_up_by(5, 2));
        ports.release(5);
        ports.trim(1, true);
        assert_eq!(pids(&ports), [vec![4]]);
        // Nobody comes for a while.
        ports.release(4);
        ports.trim(1, false);
        assert!(ports.sets.is_empty());
        // Other addresses.
        spawn(&mut ports, 1, 6);
        ports.renew();
        spawn(&mut ports, 1, 7);
        assert_eq!(pids(&ports), [vec![6], vec![7]]);
        ports.release(6);
        ports.trim(1, true);
        assert_eq!(pids(&ports), [vec![7]]);
        assert_eq!(ports.take(0).len(), 1);
        assert!(ports.choose(&[], 1, &plan, |_| true).expect("nothing to open").is_none());
    }
}
