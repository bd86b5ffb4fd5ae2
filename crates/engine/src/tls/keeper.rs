//! The keeper: the policy in force, loaded, and kept fresh. Made in the master, so that files only root can read are read
//! there and a broken one ends the start; inherited by the workers, whose monitors call `refresh`.

use std::sync::{Arc, Mutex};

use rustls::ServerConfig;

use super::error::TlsError;
use super::files::Stamps;
use super::notice::Notice;
use super::policy::{ClientCertificates, TlsPolicy};
use super::session::Session;
use super::tickets::TicketKeys;
use crate::clock::monotonic_ms;
use crate::slots::lock;

/// How often the files are looked at, at most.
const LOOK_EVERY_MS: u64 = 2000;

/// What a look at the files led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// Nothing changed, or it is not time to look.
    No,
    /// They changed, and what they hold now is in force.
    Yes,
    /// They changed into something that cannot be used; the old certificate stays in force. Said once per change, by one
    /// of the processes that inherited the keeper.
    Failed(TlsError),
}

/// A policy in force.
pub struct TlsKeeper {
    policy: TlsPolicy,
    tickets: Arc<TicketKeys>,
    current: Mutex<Arc<ServerConfig>>,
    watch: Mutex<Watch>,
    failure: Notice,
}

struct Watch {
    loaded: Stamps,
    /// What the last look saw, if that is not what is loaded. It is loaded when the next look sees the same: whoever
    /// replaces a certificate and its key does not do it in one moment.
    changed: Option<Stamps>,
    looked_ms: u64,
}

impl TlsKeeper {
    /// Loads a policy.
    pub fn load(policy: TlsPolicy, tickets: Arc<TicketKeys>) -> Result<Arc<TlsKeeper>, TlsError> {
        // Before the files are read: a change in between shows at the next look.
        let loaded = Stamps::of(&policy.files());
        let current = Mutex::new(policy.load(&tickets)?);
        let watch = Mutex::new(Watch { loaded, changed: None, looked_ms: monotonic_ms() });
        Ok(Arc::new(TlsKeeper { policy, tickets, current, watch, failure: Notice::new() }))
    }

    /// The policy in force.
    pub fn policy(&self) -> &TlsPolicy {
        &self.policy
    }

    /// A session for a new connection.
    pub(crate) fn begin(&self) -> Result<Session, rustls::Error> {
        let config = lock(&self.current).clone();
        Session::new(config, self.policy.clients != ClientCertificates::Ignored)
    }

    /// Loads the files anew if they changed since; cheap, and most calls do nothing. For one thread that comes by at least
    /// every few seconds.
    pub fn refresh(&self) -> Refreshed {
        let now_ms = monotonic_ms();
        let mut watch = lock(&self.watch);
        if now_ms < watch.looked_ms + LOOK_EVERY_MS {
            return Refreshed::No;
        }
        watch.looked_ms = now_ms;
        self.look(&mut watch, false)
    }

    /// As `refresh`, but at once: for a worker that begins, whose master may have loaded the files long ago.
    pub fn refresh_now(&self) -> Refreshed {
        self.look(&mut lock(&self.watch), true)
    }

    fn look(&self, watch: &mut Watch, is_urgent: bool) -> Refreshed {
        let seen = Stamps::of(&self.policy.files());
        if seen == watch.loaded {
            watch.changed = None;
            return Refreshed::No;
        }
        if !is_urgent && watch.changed.as_ref() != Some(&seen) {
            watch.changed = Some(seen);
            return Refreshed::No;
        }
        watch.changed = None;
        watch.loaded = seen;
        match self.policy.load(&self.tickets) {
            Ok(config) => {
                *lock(&self.current) = config;
                Refreshed::Yes
            }
            Err(error) if self.failure.is_news(&watch.loaded) => Refreshed::Failed(error),
            Err(_) => Refreshed::No,
        }
    }
}
