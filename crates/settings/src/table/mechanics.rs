//! Rows of the section Server Mechanics.
//!
//! Data only; `table` joins the files. What the fields mean stands at [`Setting`].

use crate::kind::Kind;
use crate::setting::{Default, Effect, FromEnvironment, Scope, Section, Setting, Since};
use crate::table::environment;
use crate::table::words::{HEADER_MAPS, OCTAL, PROXY_MODES};

const SERVER_MECHANICS: Setting = Setting { section: Section::ServerMechanics, ..Setting::BASE };

/// Rows in the order of `--help`.
pub(super) const ROWS: [Setting; 30] = [
    Setting {
        name: "preload_app",
        flags: &["--preload"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        scope: Scope::Master,
        help: "Load the application in the master, before workers are forked.\n\
               Workers then share its memory, and a reload does not load changed code.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "sendfile",
        flags: &["--no-sendfile"],
        kind: Kind::OffSwitch,
        environment: Some(FromEnvironment { variable: "SENDFILE", value: environment::sendfile_of_word }),
        help: "Do not use sendfile(2) for file responses.\n\
               In a config file, True or False says whether to use it. (Gunicorn turns it off in both cases.)",
        since: Since::Gunicorn(Some("19.2")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "reuse_port",
        flags: &["--reuse-port"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        scope: Scope::Launch,
        help: "Give each worker a listening socket of its own, with SO_REUSEPORT.\n\
               The kernel deals connections out, also to another server on the same port. A socket goes from a worker to its \
               successor; what waits in it when it is given up (fewer workers, the end of the server) may be lost. \
               Unix sockets and inherited ones are shared as usual.",
        since: Since::Gunicorn(Some("19.8")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "chdir",
        flags: &["--chdir"],
        metavar: "CHDIR",
        kind: Kind::Directory,
        default: Default::WorkingDirectory,
        scope: Scope::Launch,
        help: "Directory to change to before the application is loaded.\n\
               It must exist and becomes the first entry of sys.path.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "daemon",
        flags: &["-D", "--daemon"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        scope: Scope::Launch,
        help: "Detach from the terminal and run in the background.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "raw_env",
        flags: &["-e", "--env"],
        metavar: "ENV",
        kind: Kind::Texts,
        default: Default::Texts(&[]),
        scope: Scope::Master,
        help: "Environment variable for master and workers, NAME=VALUE; may be repeated.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "pidfile",
        flags: &["-p", "--pid"],
        metavar: "FILE",
        scope: Scope::Master,
        help: "File for the master's process id.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "worker_tmp_dir",
        flags: &["--worker-tmp-dir"],
        metavar: "DIR",
        effect: Effect::Moot("the heartbeat is in shared memory, there is no file"),
        help: "Directory of the heartbeat file.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "user",
        flags: &["-u", "--user"],
        metavar: "USER",
        kind: Kind::User,
        default: Default::EffectiveUser,
        scope: Scope::Master,
        help: "User to run workers as, name or number.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "group",
        flags: &["-g", "--group"],
        metavar: "GROUP",
        kind: Kind::Group,
        default: Default::EffectiveGroup,
        scope: Scope::Master,
        help: "Group to run workers as, name or number.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "umask",
        flags: &["-m", "--umask"],
        metavar: "INT",
        kind: OCTAL,
        default: Default::Int(0),
        scope: Scope::Master,
        help: "Mode bits that unix sockets and files are made without, 022 or 0o22.\n\
               On the command line a leading 0 means octal; in a config file it is a number, or a text with the \
               prefix 0o.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "initgroups",
        flags: &["--initgroups"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        scope: Scope::Master,
        help: "Give workers all groups of their user.",
        since: Since::Gunicorn(Some("19.7")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "tmp_upload_dir",
        metavar: "DIR",
        help: "Directory of the files that hold large request bodies.\n\
               If not set, the system's directory for temporary files is used. (Nothing reads this setting in \
               Gunicorn 27.)",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "secure_scheme_headers",
        kind: Kind::Pairs,
        default: Default::Pairs(&[
            ("X-FORWARDED-PROTOCOL", "ssl"),
            ("X-FORWARDED-PROTO", "https"),
            ("X-FORWARDED-SSL", "on"),
        ]),
        help: "Request headers, and the value of each, by which a trusted proxy says that its client used \
               https.\n\
               Names are written in upper case, values are compared exactly.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "forwarded_allow_ips",
        flags: &["--forwarded-allow-ips"],
        metavar: "STRING",
        kind: Kind::Peers,
        default: Default::Text("127.0.0.1,::1"),
        environment: Some(FromEnvironment { variable: "FORWARDED_ALLOW_IPS", value: environment::text }),
        help: "Proxies whose forwarding headers are believed: addresses and networks with commas, or *.\n\
               Peers on unix sockets are always believed.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "pythonpath",
        flags: &["--pythonpath"],
        metavar: "STRING",
        scope: Scope::Launch,
        help: "Directories to put in front of sys.path, with commas.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "paste",
        flags: &["--paste", "--paster"],
        metavar: "STRING",
        scope: Scope::Worker,
        help: "PasteDeploy file to load the application from, FILE.ini[#SECTION].",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "proxy_protocol",
        flags: &["--proxy-protocol"],
        metavar: "MODE",
        kind: Kind::Word(&PROXY_MODES),
        default: Default::Text("off"),
        help: "Expect the PROXY protocol on new connections: off, v1, v2 or auto.\n\
               Without a mode the flag means auto. The next word is taken for the mode only if it is one.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "proxy_allow_ips",
        flags: &["--proxy-allow-from"],
        metavar: "PROXY_ALLOW_IPS",
        kind: Kind::Peers,
        default: Default::Text("127.0.0.1,::1"),
        help: "Peers that may speak the PROXY protocol: addresses and networks with commas, or *.",
        ..SERVER_MECHANICS
    },
    Setting {
        name: "protocol",
        flags: &["--protocol"],
        metavar: "STRING",
        default: Default::Text("http"),
        effect: Effect::NotYet,
        help: "What clients speak: http or uwsgi.",
        since: Since::Gunicorn(Some("24.0")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "uwsgi_allow_ips",
        flags: &["--uwsgi-allow-from"],
        metavar: "UWSGI_ALLOW_IPS",
        kind: Kind::Peers,
        default: Default::Text("127.0.0.1,::1"),
        effect: Effect::NotYet,
        help: "Peers that may speak the uwsgi protocol: addresses and networks with commas, or *.",
        since: Since::Gunicorn(Some("24.0")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "raw_paste_global_conf",
        flags: &["--paste-global"],
        metavar: "CONF",
        kind: Kind::Texts,
        default: Default::Texts(&[]),
        scope: Scope::Worker,
        help: "Global variable for PasteDeploy, NAME=VALUE; may be repeated.",
        since: Since::Gunicorn(Some("19.7")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "permit_obsolete_folding",
        flags: &["--permit-obsolete-folding"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Accept header values folded over several lines (RFC 9112 section 5.2).\n\
               Unsafe behind proxies that see the lines differently.",
        since: Since::Gunicorn(Some("23.0")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "strip_header_spaces",
        flags: &["--strip-header-spaces"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Accept spaces between header name and colon.\n\
               Unsafe: RFC 9112 section 5.1 demands refusal, because it enables request smuggling.",
        since: Since::Gunicorn(Some("20.0.1")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "permit_unconventional_http_method",
        flags: &["--permit-unconventional-http-method"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Accept request methods with lower-case letters, # or an unusual length.",
        since: Since::Gunicorn(Some("22.0")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "permit_unconventional_http_version",
        flags: &["--permit-unconventional-http-version"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Accept HTTP versions other than 1.0 and 1.1.",
        since: Since::Gunicorn(Some("22.0")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "casefold_http_method",
        flags: &["--casefold-http-method"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Turn request methods to upper case.",
        since: Since::Gunicorn(Some("22.0")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "forwarder_headers",
        flags: &["--forwarder-headers"],
        metavar: "FORWARDER_HEADERS",
        kind: Kind::CommaList,
        default: Default::Text("SCRIPT_NAME,PATH_INFO"),
        help: "Header names with underscores that a trusted proxy may send, with commas, or *.\n\
               They are written in upper case and with underscores, as environ spells them.",
        since: Since::Gunicorn(Some("22.0")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "header_map",
        flags: &["--header-map"],
        metavar: "HEADER_MAP",
        kind: Kind::Word(&HEADER_MAPS),
        default: Default::Text("drop"),
        help: "What happens to other header names with underscores: drop, refuse or dangerous.\n\
               refuse answers 400. dangerous passes them on, where they are taken for names with hyphens.",
        since: Since::Gunicorn(Some("22.0")),
        ..SERVER_MECHANICS
    },
    Setting {
        name: "root_path",
        flags: &["--root-path"],
        metavar: "STRING",
        default: Default::Text(""),
        effect: Effect::NotYet,
        help: "Path under which an ASGI application is mounted.",
        since: Since::Gunicorn(Some("24.0")),
        ..SERVER_MECHANICS
    },
];
