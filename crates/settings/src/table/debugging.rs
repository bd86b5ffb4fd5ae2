//! Rows of the section Debugging.
//!
//! Data only; `table` joins the files. What the fields mean stands at [`Setting`].

use crate::kind::Kind;
use crate::setting::{Default, Scope, Section, Setting, Since};
use crate::table::words::RELOAD_ENGINES;

const DEBUGGING: Setting = Setting { section: Section::Debugging, scope: Scope::Launch, ..Setting::BASE };

/// Rows in the order of `--help`.
pub(super) const ROWS: [Setting; 6] = [
    Setting {
        name: "reload",
        flags: &["--reload"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        scope: Scope::Worker,
        help: "Restart workers when source files change (for development).\n\
               Modules that are imported later are watched too. An application that cannot be loaded is answered for \
               with a page that says why, until its files change. preload_app has no effect beside it.",
        ..DEBUGGING
    },
    Setting {
        name: "reload_engine",
        flags: &["--reload-engine"],
        metavar: "STRING",
        kind: Kind::Word(&RELOAD_ENGINES),
        default: Default::Text("auto"),
        scope: Scope::Worker,
        help: "How source files are watched: auto, poll or inotify.\n\
               poll looks at every file once a second, inotify is told by the kernel (which cannot tell of changes made \
               on another machine or outside a container), auto does both.",
        since: Since::Gunicorn(Some("19.7")),
        ..DEBUGGING
    },
    Setting {
        name: "reload_extra_files",
        flags: &["--reload-extra-file"],
        metavar: "FILES",
        kind: Kind::Files,
        default: Default::Texts(&[]),
        scope: Scope::Worker,
        help: "Another file or pattern (with * ? [) that reload watches; may be repeated.\n\
               A path must exist, a pattern may match nothing.",
        since: Since::Gunicorn(Some("19.8")),
        ..DEBUGGING
    },
    Setting {
        name: "spew",
        flags: &["--spew"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        scope: Scope::Worker,
        help: "Print every line of Python that is executed.\n\
               To standard output, from the master and every worker: very slow.",
        ..DEBUGGING
    },
    Setting {
        name: "check_config",
        flags: &["--check-config"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Load configuration and application, then exit: 0 if both are right, else 1.",
        ..DEBUGGING
    },
    Setting {
        name: "print_config",
        flags: &["--print-config"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Print all settings as they are in force, then do as check_config does.",
        ..DEBUGGING
    },
];
