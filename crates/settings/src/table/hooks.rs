//! Rows of the sections Server Hooks and Dirty Arbiter Hooks.
//!
//! Data only; `table` joins the files. What the fields mean stands at [`Setting`].

use crate::kind::Kind;
use crate::setting::{Effect, Scope, Section, Setting, Since};

const SERVER_HOOKS: Setting =
    Setting { section: Section::ServerHooks, scope: Scope::Master, ..Setting::BASE };
const DIRTY_ARBITER_HOOKS: Setting =
    Setting { section: Section::DirtyArbiterHooks, scope: Scope::Master, ..Setting::BASE };

/// Rows in the order of `--help`.
pub(super) const ROWS: [Setting; 20] = [
    Setting {
        name: "on_starting",
        kind: Kind::Hook(&[1]),
        help: "Called with (server) before the master opens its sockets.",
        ..SERVER_HOOKS
    },
    Setting {
        name: "on_reload",
        kind: Kind::Hook(&[1]),
        help: "Called with (server) when a reload has read the configuration again.",
        ..SERVER_HOOKS
    },
    Setting {
        name: "when_ready",
        kind: Kind::Hook(&[1]),
        help: "Called with (server) when the sockets are open and no worker runs yet.",
        ..SERVER_HOOKS
    },
    Setting {
        name: "pre_fork",
        kind: Kind::Hook(&[2]),
        help: "Called with (server, worker) in the master before each fork.",
        ..SERVER_HOOKS
    },
    Setting {
        name: "post_fork",
        kind: Kind::Hook(&[2]),
        scope: Scope::Worker,
        help: "Called with (server, worker) in each worker after the fork.",
        ..SERVER_HOOKS
    },
    Setting {
        name: "post_worker_init",
        kind: Kind::Hook(&[1]),
        scope: Scope::Worker,
        help: "Called with (worker) when a worker has loaded the application.",
        ..SERVER_HOOKS
    },
    Setting {
        name: "worker_int",
        kind: Kind::Hook(&[1]),
        scope: Scope::Worker,
        help: "Called with (worker) when a worker is told to stop at once (INT, QUIT).",
        ..SERVER_HOOKS
    },
    Setting {
        name: "worker_abort",
        kind: Kind::Hook(&[1]),
        scope: Scope::Worker,
        help: "Called with (worker) when a worker is ended for making no progress (ABRT).",
        ..SERVER_HOOKS
    },
    Setting {
        name: "pre_exec",
        kind: Kind::Hook(&[1]),
        help: "Called with (server) before a new master program is started (USR2).",
        ..SERVER_HOOKS
    },
    Setting {
        name: "pre_request",
        kind: Kind::Hook(&[2]),
        scope: Scope::Worker,
        help: "Called with (worker, req) before each request.",
        ..SERVER_HOOKS
    },
    Setting {
        name: "post_request",
        kind: Kind::Hook(&[2, 3, 4]),
        scope: Scope::Worker,
        help: "Called with (worker, req, environ, resp) after each request.\n\
               It may take only the first two or three of them.",
        ..SERVER_HOOKS
    },
    Setting {
        name: "child_exit",
        kind: Kind::Hook(&[2]),
        help: "Called with (server, worker) in the master when a worker has ended.",
        since: Since::Gunicorn(Some("19.7")),
        ..SERVER_HOOKS
    },
    Setting {
        name: "worker_exit",
        kind: Kind::Hook(&[2]),
        scope: Scope::Worker,
        help: "Called with (server, worker) in a worker on its way out.",
        ..SERVER_HOOKS
    },
    Setting {
        name: "nworkers_changed",
        kind: Kind::Hook(&[3]),
        help: "Called with (server, new_value, old_value) when the number of workers is set.",
        ..SERVER_HOOKS
    },
    Setting {
        name: "on_exit",
        kind: Kind::Hook(&[1]),
        help: "Called with (server) before the master exits.",
        ..SERVER_HOOKS
    },
    Setting {
        name: "ssl_context",
        kind: Kind::Hook(&[2]),
        scope: Scope::Master,
        help: "Called with (config, default_ssl_context_factory) to make the TLS context.\n\
               Called in the master, at start and at a reload. It must return the factory's context, changed as it likes;\n\
               what TLS here cannot do is an error.",
        since: Since::Gunicorn(Some("21.0")),
        ..SERVER_HOOKS
    },
    Setting {
        name: "on_dirty_starting",
        kind: Kind::Hook(&[1]),
        effect: Effect::NotYet,
        help: "Called with (arbiter) before the dirty arbiter starts.",
        since: Since::Gunicorn(Some("25.0")),
        ..DIRTY_ARBITER_HOOKS
    },
    Setting {
        name: "dirty_post_fork",
        kind: Kind::Hook(&[2]),
        effect: Effect::NotYet,
        help: "Called with (arbiter, worker) after a dirty worker is forked.",
        since: Since::Gunicorn(Some("25.0")),
        ..DIRTY_ARBITER_HOOKS
    },
    Setting {
        name: "dirty_worker_init",
        kind: Kind::Hook(&[1]),
        effect: Effect::NotYet,
        help: "Called with (worker) when a dirty worker has loaded its applications.",
        since: Since::Gunicorn(Some("25.0")),
        ..DIRTY_ARBITER_HOOKS
    },
    Setting {
        name: "dirty_worker_exit",
        kind: Kind::Hook(&[2]),
        effect: Effect::NotYet,
        help: "Called with (arbiter, worker) when a dirty worker has ended.",
        since: Since::Gunicorn(Some("25.0")),
        ..DIRTY_ARBITER_HOOKS
    },
];
