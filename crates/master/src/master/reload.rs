//! reload (HUP): a new plan, a new generation of workers, and the old one until the new one serves.
//!
//! All or nothing: if the plan cannot be had or put in force, the old one stays and so do its workers. The
//! reload itself is a state: new workers boot, each that becomes ready lets an old one go (see `roster`). One
//! reload runs, one may wait.

use std::io;

use super::sockets::{binds_of, error_lines};
use super::stop::Way;
use super::{Master, Phase};
use crate::address::BindAddress;
use crate::clock::monotonic_ms;
use crate::host::{Hook, Host, Level};
use crate::listener::{ListenError, ListenSocket};
use crate::pidfile::PidFile;
use crate::plan::Plan;
use crate::scoreboard::Scoreboard;

/// The state of reloading.
#[derive(Default)]
pub(super) struct Reload {
    started_ms: Option<u64>,
    is_queued: bool,
    /// A worker of the new generation failed to boot.
    pub has_failed: bool,
}

impl Reload {
    pub fn is_running(&self) -> bool {
        self.started_ms.is_some()
    }
}

/// What a plan needs before it can be put in force; dropped without a trace if any of it cannot be had.
struct Prepared {
    /// Listener by listener: one that is there already, or a new one.
    fresh: Vec<ListenSocket>,
    board: Option<Scoreboard>,
    pidfile: Option<PidFile>,
}

/// Descriptors are inherited at the start of a process; later the number may be that of a file of our own.
fn open_anew(bind: &BindAddress, plan: &Plan) -> Result<ListenSocket, ListenError> {
    if matches!(bind, BindAddress::Fd { .. }) {
        return Err(ListenError::Refused(format!(
            "{bind} can only be taken over at the start of the server"
        )));
    }
    ListenSocket::open(bind, plan)
}

impl<H: Host> Master<'_, H> {
    pub(super) fn hang_up(&mut self) {
        self.log(Level::Info, &format!("Hang up: {}", self.name()));
        // A reload that fails, or takes for ever, must not keep the one that mends it waiting.
        if self.is_reload_fresh() && !self.reload.has_failed {
            self.reload.is_queued = true;
            self.log(Level::Info, "A reload is running; the next one follows it");
        } else {
            self.reload();
        }
    }

    /// A reload runs, and not for longer than workers would get to end.
    fn is_reload_fresh(&self) -> bool {
        let patience_ms = self.plan.graceful_timeout.as_millis() as u64;
        self.reload.started_ms.is_some_and(|ms| monotonic_ms() < ms + patience_ms)
    }

    /// Begins the reload that was queued behind one that takes for ever.
    pub(super) fn overtake_reload(&mut self) {
        if self.reload.is_queued && (!self.is_reload_fresh() || self.reload.has_failed) {
            self.reload.is_queued = false;
            self.reload();
        }
    }

    fn reload(&mut self) {
        self.notifier.reloading();
        let reuse_port = self.plan.reuse_port;
        // How an address is shared was decided when it was bound.
        let result = self.host.reload().map(|plan| Plan { reuse_port, ..plan });
        let plan = match result {
            Ok(plan) => plan,
            Err(reason) => {
                self.log(
                    Level::Error,
                    &format!("Reload failed, the old configuration stays in force: {reason}"),
                );
                self.notify_ready();
                return;
            }
        };
        match self.prepare(&plan) {
            Ok(prepared) => self.put_in_force(plan, prepared),
            Err(lines) => {
                for line in lines {
                    self.log(Level::Error, &line);
                }
                self.log(Level::Error, "Reload failed, the old configuration stays in force");
                self.host.reload_undone();
                self.notify_ready();
            }
        }
    }

    /// Gets everything that may fail, before anything of the old plan is given up.
    fn prepare(&mut self, plan: &Plan) -> Result<Prepared, Vec<String>> {
        let board =
            self.larger_board(plan).map_err(|error| vec![format!("Can't map a scoreboard: {error}")])?;
        let mut fresh: Vec<ListenSocket> = Vec::new();
        if !self.is_activated {
            for bind in binds_of(plan) {
                if self.listeners.iter().chain(&self.old_listeners).any(|listener| listener.is_for(&bind)) {
                    continue;
                }
                match open_anew(&bind, plan) {
                    Ok(listener) => fresh.push(listener),
                    Err(error) => {
                        fresh.iter().for_each(ListenSocket::remove_path);
                        return Err(error_lines(&bind.as_logged(), &error));
                    }
                }
            }
        }
        let pidfile = self.moved_pidfile(plan).map_err(|line| {
            fresh.iter().for_each(ListenSocket::remove_path);
            vec![line]
        })?;
        Ok(Prepared { fresh, board, pidfile })
    }

    /// A scoreboard for more runners or workers than the present one holds.
    fn larger_board(&self, plan: &Plan) -> io::Result<Option<Scoreboard>> {
        let is_enough = plan.runners_per_worker <= self.board.runners_max()
            && 2 * plan.workers <= self.board.workers_max();
        if is_enough {
            return Ok(None);
        }
        let runners = plan.runners_per_worker.max(self.board.runners_max());
        Scoreboard::new(plan.workers.max(self.wanted), runners).map(Some)
    }

    /// A pid file at the place of the new plan, if that is another place.
    fn moved_pidfile(&self, plan: &Plan) -> Result<Option<PidFile>, String> {
        match (self.pidfile_path(plan), &self.pidfile) {
            (Some(path), Some(present)) if present.is_at(&path) => {
                present.restore().map_err(|error| format!("Can't restore the pid file: {error}"))?;
                Ok(None)
            }
            (Some(path), _) => PidFile::create(&path, self.pid).map(Some).map_err(|error| error.to_string()),
            (None, _) => Ok(None),
        }
    }

    fn put_in_force(&mut self, plan: Plan, prepared: Prepared) {
        if let Some(board) = prepared.board {
            self.board = board;
            self.board_serial += 1;
        }
        if prepared.pidfile.is_some() || plan.pidfile.is_none() {
            let old = std::mem::replace(&mut self.pidfile, prepared.pidfile);
            if let Some(old) = old {
                old.remove();
            }
        }
        self.swap_listeners(&plan, prepared.fresh);
        let is_number_changed = plan.workers != self.plan.workers || self.wanted == 0;
        self.plan = plan;
        // What TTIN and TTOU did is kept, unless the settings now say another number.
        let wanted = if is_number_changed { self.plan.workers.max(1) } else { self.wanted };
        self.set_wanted(wanted);
        self.host.reopen_logs();
        let view = self.view();
        self.call_hook(Hook::OnReload(&view));
        self.show_title();
        self.begin_generation();
    }

    fn swap_listeners(&mut self, plan: &Plan, fresh: Vec<ListenSocket>) {
        if self.is_activated {
            return;
        }
        let before = self.listeners.len();
        let mut all = fresh;
        let is_changed = !all.is_empty();
        all.append(&mut self.listeners);
        all.append(&mut self.old_listeners);
        let mut kept = Vec::new();
        for bind in binds_of(plan) {
            if let Some(index) = all.iter().position(|listener| listener.is_for(&bind)) {
                kept.push(all.remove(index));
            }
        }
        self.listeners = kept;
        self.old_listeners = all;
        if is_changed || before != self.listeners.len() {
            self.is_path_lost = false;
            self.ports.renew();
            let listeners =
                self.listeners.iter().map(|listener| listener.url(plan.is_tls)).collect::<Vec<_>>();
            self.log(Level::Info, &format!("Listening at: {}", listeners.join(",")));
        }
    }

    fn begin_generation(&mut self) {
        self.generation += 1;
        self.vacancies.clear();
        self.reload = Reload { started_ms: Some(monotonic_ms()), is_queued: false, has_failed: false };
        // Those that still load would load what is no longer wanted.
        let booting: Vec<u32> = self
            .children
            .iter()
            .filter(|child| child.is_kept() && !child.is_ready())
            .map(|child| child.pid)
            .collect();
        for pid in booting {
            self.retire(pid, Way::Graceful);
        }
    }

    /// The old generation serves on, if it has ever served.
    fn notify_ready(&self) {
        if self.phase == Phase::Running {
            self.notifier.ready();
        }
    }

    /// The new generation serves alone.
    pub(super) fn complete_reload(&mut self) {
        if self.reload.started_ms.take().is_none() {
            return;
        }
        let owns_paths = self.owns_paths();
        for listener in self.old_listeners.drain(..) {
            if owns_paths {
                listener.remove_path();
            }
        }
        self.notifier.ready();
        let line = format!("Reload complete: {} workers of the new generation serve", self.wanted);
        self.log(Level::Info, &line);
        if std::mem::take(&mut self.reload.is_queued) {
            self.reload();
        }
    }
}
