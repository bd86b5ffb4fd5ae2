//! Rows of the section Worker Processes.
//!
//! Data only; `table` joins the files. What the fields mean stands at [`Setting`].

use crate::kind::{CliInt, Kind};
use crate::setting::{Default, Effect, FromEnvironment, Scope, Section, Setting, Since};
use crate::table::environment;
use crate::table::words::{ASGI_LIFESPANS, ASGI_LOOPS, COUNT, HTTP_PARSERS};

const WORKER_PROCESSES: Setting = Setting { section: Section::WorkerProcesses, ..Setting::BASE };

/// Rows in the order of `--help`.
pub(super) const ROWS: [Setting; 18] = [
    Setting {
        name: "workers",
        flags: &["-w", "--workers"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(1),
        environment: Some(FromEnvironment {
            variable: "WEB_CONCURRENCY",
            value: environment::workers_of_web_concurrency,
        }),
        scope: Scope::Master,
        help: "Number of worker processes.\n\
               Two to four per core is a usual start for applications that wait for databases. 0 starts a \
               master without workers.",
        ..WORKER_PROCESSES
    },
    Setting {
        name: "worker_class",
        flags: &["-k", "--worker-class"],
        metavar: "STRING",
        kind: Kind::Class,
        default: Default::Text("sync"),
        help: "How workers run the application: sync, gthread, or a worker class.\n\
               Import paths and `egg:` names of Gunicorn's classes of these names mean the same. A class is named by its \
               import path or an entry point of the group gunicorn.workers, or given in the configuration file.",
        ..WORKER_PROCESSES
    },
    Setting {
        name: "threads",
        flags: &["--threads"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(1),
        help: "Threads per worker that run the application.\n\
               More than 1 turns the sync worker into gthread.",
        ..WORKER_PROCESSES
    },
    Setting {
        name: "worker_connections",
        flags: &["--worker-connections"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(1000),
        help: "Connections a gthread worker holds at a time.",
        ..WORKER_PROCESSES
    },
    Setting {
        name: "max_requests",
        flags: &["--max-requests"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(0),
        help: "Requests after which a worker is replaced; 0 means never.",
        ..WORKER_PROCESSES
    },
    Setting {
        name: "max_requests_jitter",
        flags: &["--max-requests-jitter"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(0),
        help: "Largest random number added to max_requests, drawn per worker.\n\
               It keeps workers from being replaced all at once.",
        since: Since::Gunicorn(Some("19.2")),
        ..WORKER_PROCESSES
    },
    Setting {
        name: "timeout",
        flags: &["-t", "--timeout"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(30),
        scope: Scope::Master,
        help: "Seconds a worker may make no progress before it is killed and replaced; 0 means for ever.\n\
               With the sync worker this bounds every request, with gthread only the worker as a whole.",
        ..WORKER_PROCESSES
    },
    Setting {
        name: "graceful_timeout",
        flags: &["--graceful-timeout"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(30),
        scope: Scope::Master,
        help: "Seconds a worker gets to finish its requests when it is stopped or replaced.",
        ..WORKER_PROCESSES
    },
    Setting {
        name: "keepalive",
        flags: &["--keep-alive"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(75),
        help: "Seconds an idle connection is kept for the next request; 0 closes after each response.\n\
               It should exceed the idle time of the proxy or load balancer in front (60 s by default in nginx and in \
               AWS's), which may else use a connection in the moment in which it is closed. An idle connection costs no \
               worker and no buffer; when worker_connections are open, the longest idle one makes room. Unlike \
               Gunicorn's, our sync worker keeps connections too.",
        ..WORKER_PROCESSES
    },
    Setting {
        name: "asgi_loop",
        flags: &["--asgi-loop"],
        metavar: "STRING",
        kind: Kind::Word(&ASGI_LOOPS),
        default: Default::Text("auto"),
        effect: Effect::NotYet,
        help: "Event loop of ASGI workers: auto, asyncio or uvloop.",
        since: Since::Gunicorn(Some("24.0")),
        ..WORKER_PROCESSES
    },
    Setting {
        name: "asgi_lifespan",
        flags: &["--asgi-lifespan"],
        metavar: "STRING",
        kind: Kind::Word(&ASGI_LIFESPANS),
        default: Default::Text("auto"),
        effect: Effect::NotYet,
        help: "Lifespan protocol of ASGI workers: auto, on or off.",
        since: Since::Gunicorn(Some("24.0")),
        ..WORKER_PROCESSES
    },
    Setting {
        name: "asgi_disconnect_grace_period",
        flags: &["--asgi-disconnect-grace-period"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(3),
        effect: Effect::NotYet,
        help: "Seconds an ASGI application may go on after its client has gone.",
        since: Since::Gunicorn(Some("25.0")),
        ..WORKER_PROCESSES
    },
    Setting {
        name: "websocket_max_message_size",
        flags: &["--websocket-max-message-size"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(16_777_216),
        effect: Effect::NotYet,
        help: "Longest WebSocket message in bytes; 0 means no limit.",
        since: Since::Gunicorn(Some("27.0")),
        ..WORKER_PROCESSES
    },
    Setting {
        name: "http_parser",
        flags: &["--http-parser"],
        metavar: "STRING",
        kind: Kind::Word(&HTTP_PARSERS),
        default: Default::Text("auto"),
        effect: Effect::NotYet,
        help: "HTTP parser of Gunicorn: auto, fast or python.",
        since: Since::Gunicorn(Some("25.0")),
        ..WORKER_PROCESSES
    },
    Setting {
        name: "boot_timeout",
        flags: &["--boot-timeout"],
        metavar: "SECONDS",
        kind: COUNT,
        default: Default::Int(0),
        scope: Scope::Master,
        help: "Seconds a worker may take to load the application before it is ended and tried again; 0 means \
               for ever.",
        since: Since::Tricorn("0.1"),
        ..WORKER_PROCESSES
    },
    Setting {
        name: "request_timeout",
        flags: &["--request-timeout"],
        metavar: "SECONDS",
        kind: COUNT,
        default: Default::Int(0),
        help: "Seconds the application may take until it gives the first piece of a response; 0 means for ever.\n\
               A worker that holds a request for longer says so, with the stacks of its threads, and is replaced: \
               its successor serves first, its other requests are finished (graceful_timeout), and it ends although \
               that one does not return. Neither a response that has begun (a stream, a slow client) counts, nor \
               the time in which a body that streams is waited for (body_spool), nor \
               a connection that the application took over (gunicorn.socket). For the workers sync and gthread; \
               a worker class that does not serve with them keeps its own time.",
        since: Since::Tricorn("0.1"),
        ..WORKER_PROCESSES
    },
    Setting {
        name: "response_buffer",
        flags: &["--response-buffer"],
        metavar: "BYTES",
        kind: COUNT,
        default: Default::Int(1_048_576),
        help: "Bytes of a streaming response that may wait for a slow client before the application is held.",
        since: Since::Tricorn("0.1"),
        ..WORKER_PROCESSES
    },
    Setting {
        name: "response_batch",
        flags: &["--response-batch"],
        metavar: "COUNT",
        kind: Kind::Int { min: 1, max: 64, cli: CliInt::Decimal },
        default: Default::Int(16),
        help: "Finished responses that may leave together while a worker has further requests at hand.\n\
               A short response of an application that answers in 20 to 250 microseconds waits for those of the next \
               requests, if there are at least three, mostly for less than a millisecond and at most for a few: waking a \
               client costs more than sending. 1 sends each response as soon as it is finished.",
        since: Since::Tricorn("0.1"),
        ..WORKER_PROCESSES
    },
];
