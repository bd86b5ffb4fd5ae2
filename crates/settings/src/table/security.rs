//! Rows of the section Security.
//!
//! Data only; `table` joins the files. What the fields mean stands at [`Setting`].

use crate::kind::Kind;
use crate::setting::{Default, Section, Setting, Since};
use crate::table::words::{BODY_SPOOLS, COUNT};

const SECURITY: Setting = Setting { section: Section::Security, ..Setting::BASE };

/// Rows in the order of `--help`.
pub(super) const ROWS: [Setting; 10] = [
    Setting {
        name: "limit_request_line",
        flags: &["--limit-request-line"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(4094),
        help: "Longest request line in bytes; 0 means no limit, more than 8190 means 8190.",
        ..SECURITY
    },
    Setting {
        name: "limit_request_fields",
        flags: &["--limit-request-fields"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(100),
        help: "Most header fields of a request; 0 or more than 32768 means 32768.",
        ..SECURITY
    },
    Setting {
        name: "limit_request_field_size",
        flags: &["--limit-request-field_size"],
        metavar: "INT",
        kind: COUNT,
        default: Default::Int(8190),
        help: "Longest header line in bytes, its line end included; 0 means 8190.",
        ..SECURITY
    },
    Setting {
        name: "limit_request_body",
        flags: &["--limit-request-body"],
        metavar: "BYTES",
        kind: COUNT,
        default: Default::Int(0),
        help: "Longest request body in bytes; 0 means no limit.\n\
               A longer one is answered 413.",
        since: Since::Tricorn("0.1"),
        ..SECURITY
    },
    Setting {
        name: "header_timeout",
        flags: &["--header-timeout"],
        metavar: "SECONDS",
        kind: COUNT,
        default: Default::Int(10),
        help: "Seconds a client may take to send a request head; 0 means for ever.\n\
               Then it is answered 408.",
        since: Since::Tricorn("0.1"),
        ..SECURITY
    },
    Setting {
        name: "body_timeout",
        flags: &["--body-timeout"],
        metavar: "SECONDS",
        kind: COUNT,
        default: Default::Int(30),
        help: "Seconds between two pieces of a request body; 0 means for ever.\n\
               Then it is answered 408.",
        since: Since::Tricorn("0.1"),
        ..SECURITY
    },
    Setting {
        name: "write_timeout",
        flags: &["--write-timeout"],
        metavar: "SECONDS",
        kind: COUNT,
        default: Default::Int(60),
        help: "Seconds without progress towards the client before a connection is cut; 0 means for ever.",
        since: Since::Tricorn("0.1"),
        ..SECURITY
    },
    Setting {
        name: "body_buffer",
        flags: &["--body-buffer"],
        metavar: "BYTES",
        kind: COUNT,
        default: Default::Int(1_048_576),
        help: "Bytes of a request body that are kept in memory.",
        since: Since::Tricorn("0.1"),
        ..SECURITY
    },
    Setting {
        name: "body_spool",
        flags: &["--body-spool"],
        metavar: "MODE",
        kind: Kind::Word(&BODY_SPOOLS),
        default: Default::Text("file"),
        help: "Where the rest of a longer body goes: file or stream.\n\
               file collects it in a temporary file before the application is called. stream calls the \
               application at once and lets it read from the connection.",
        since: Since::Tricorn("0.1"),
        ..SECURITY
    },
    Setting {
        name: "permit_missing_host",
        flags: &["--permit-missing-host"],
        kind: Kind::Switch,
        default: Default::Bool(false),
        help: "Accept HTTP/1.1 requests without a Host header.\n\
               RFC 9112 section 3.2 demands that they are answered 400.",
        since: Since::Tricorn("0.1"),
        ..SECURITY
    },
];
