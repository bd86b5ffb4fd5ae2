//! Rows of the sections SSL and HTTP/2.
//!
//! Data only; `table` joins the files. What the fields mean stands at [`Setting`].

use crate::kind::{CliInt, Kind};
use crate::setting::{Default, Effect, Section, Setting, Since};
use crate::table::words::{COUNT, COUNT_AS_TEXT, HTTP2_CLEARTEXTS};

const SSL: Setting = Setting { section: Section::Ssl, ..Setting::BASE };
const HTTP2: Setting = Setting { section: Section::Http2, ..Setting::BASE };

/// Rows in the order of `--help`.
pub(super) const ROWS: [Setting; 14] = [
    Setting {
        name: "keyfile",
        flags: &["--keyfile"],
        metavar: "FILE",
        help: "TLS key file: PEM, not encrypted.\n\
               Read by the master at start and at a reload, and by the workers when it changes.",
        ..SSL
    },
    Setting {
        name: "certfile",
        flags: &["--certfile"],
        metavar: "FILE",
        help: "TLS certificate file; it may hold the key too.\n\
               PEM, the server's own certificate first. With it or keyfile every bind speaks HTTPS. A file that changes is\n\
               picked up within a few seconds; if it cannot be used, the certificate before it stays in force.",
        ..SSL
    },
    Setting {
        name: "ssl_version",
        flags: &["--ssl-version"],
        metavar: "SSL_VERSION",
        kind: Kind::SslVersion,
        default: Default::Int(2),
        effect: Effect::Moot("it has none in Gunicorn either; versions are chosen by `ssl_context`"),
        help: "TLS version; ignored, as in Gunicorn. Use ssl_context.",
        ..SSL
    },
    Setting {
        name: "cert_reqs",
        flags: &["--cert-reqs"],
        metavar: "CERT_REQS",
        kind: COUNT_AS_TEXT,
        default: Default::Int(0),
        help: "Client certificates: 0 none, 1 optional, 2 required.\n\
               1 and 2 need ca_certs.",
        ..SSL
    },
    Setting {
        name: "ca_certs",
        flags: &["--ca-certs"],
        metavar: "FILE",
        help: "File of the authorities that sign client certificates.",
        ..SSL
    },
    Setting {
        name: "suppress_ragged_eofs",
        flags: &["--suppress-ragged-eofs"],
        kind: Kind::Switch,
        default: Default::Bool(true),
        effect: Effect::Moot(
            "a response or a body that was cut is found by HTTP's own framing, whatever TLS says",
        ),
        help: "Treat a TLS connection cut without goodbye as its end.",
        ..SSL
    },
    Setting {
        name: "do_handshake_on_connect",
        flags: &["--do-handshake-on-connect"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        effect: Effect::Moot("a handshake never occupies a worker: the engine does it as its bytes arrive"),
        help: "Do the TLS handshake as soon as a connection is accepted.",
        ..SSL
    },
    Setting {
        name: "ciphers",
        flags: &["--ciphers"],
        metavar: "CIPHERS",
        help: "TLS ciphers, as an OpenSSL cipher list.\n\
               Rules TLS 1.2; the suites of TLS 1.3 stay on unless the list names some of them. Suites that do not exist\n\
               here are left out with a warning; a list without any that does is an error.",
        ..SSL
    },
    Setting {
        name: "http_protocols",
        flags: &["--http-protocols"],
        metavar: "STRING",
        kind: Kind::HttpProtocols,
        default: Default::Text("h1"),
        effect: Effect::NotYet,
        help: "HTTP versions, most preferred first, with a comma: h1, h2.",
        since: Since::Gunicorn(Some("25.0")),
        ..HTTP2
    },
    Setting {
        name: "http2_cleartext",
        flags: &["--http2-cleartext"],
        metavar: "STRING",
        kind: Kind::Word(&HTTP2_CLEARTEXTS),
        default: Default::Text("off"),
        effect: Effect::NotYet,
        help: "HTTP/2 without TLS: off, prior-knowledge, upgrade or both.",
        since: Since::Gunicorn(Some("26.2")),
        ..HTTP2
    },
    Setting {
        name: "http2_max_concurrent_streams",
        flags: &["--http2-max-concurrent-streams"],
        metavar: "INT",
        kind: Kind::Int { min: 1, max: i64::MAX, cli: CliInt::Decimal },
        default: Default::Int(100),
        effect: Effect::NotYet,
        help: "HTTP/2: most streams at a time per connection.",
        since: Since::Gunicorn(Some("25.0")),
        ..HTTP2
    },
    Setting {
        name: "http2_initial_window_size",
        flags: &["--http2-initial-window-size"],
        metavar: "INT",
        kind: Kind::Int { min: 0, max: 0x7fff_ffff, cli: CliInt::Decimal },
        default: Default::Int(65_535),
        effect: Effect::NotYet,
        help: "HTTP/2: first flow-control window in bytes (RFC 9113 section 6.9).",
        since: Since::Gunicorn(Some("25.0")),
        ..HTTP2
    },
    Setting {
        name: "http2_max_frame_size",
        flags: &["--http2-max-frame-size"],
        metavar: "INT",
        kind: Kind::Int { min: 16_384, max: 16_777_215, cli: CliInt::Decimal },
        default: Default::Int(16_384),
        effect: Effect::NotYet,
        help: "HTTP/2: longest frame payload in bytes.",
        since: Since::Gunicorn(Some("25.0")),
        ..HTTP2
    },
    Setting {
        name: "http2_max_header_list_size",
        flags: &["--http2-max-header-list-size"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(65_536),
        effect: Effect::NotYet,
        help: "HTTP/2: longest header list in bytes; 0 announces no limit.",
        since: Since::Gunicorn(Some("25.0")),
        ..HTTP2
    },
];
