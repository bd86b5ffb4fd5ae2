//! From a finished exchange to a line of the access log. Everything but `%({name}e)s` comes from the exchange, without
//! Python; environ values are looked up before the line is formatted, and only if the format asks for them.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use tricorn_engine::Exchange;
use tricorn_engine::http::percent_decode;
use tricorn_logs::{AccessLog, AccessRecord, FieldKind, Text};

use crate::ffi::object::Obj;

/// What the exchange itself does not know.
pub struct Finish<'a> {
    /// The environ, if one was made.
    pub environ: Option<&'a Obj>,
    /// The status that was sent.
    pub status: u16,
    /// From the complete request to the end of the response.
    pub elapsed: Duration,
    /// The worker's pid.
    pub pid: u32,
}

/// Writes the line of one exchange.
pub fn log(access: &AccessLog, exchange: &Exchange, finish: &Finish<'_>) {
    let head = exchange.head();
    let environ = environ_values(access, finish.environ);
    let mut path = Vec::with_capacity(head.path().len());
    percent_decode(head.path(), &mut path);
    let last = |name: &str| {
        let matching = head.fields().filter(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        matching.last().map(|(_, value)| Text::Latin1(value))
    };
    let sent = |name: &str| {
        let fields = exchange.response_head().fields();
        fields
            .filter(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))
            .last()
            .map(|(_, value)| Text::Latin1(value))
    };
    let in_environ = |name: &str| {
        let found = environ.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| Text::Unicode(value.as_str().into()))
    };
    access.log(&AccessRecord {
        remote_addr: Some(&remote_address(exchange)),
        authorization: head.field(b"authorization"),
        time: SystemTime::now(),
        method: head.method(),
        uri: head.target(),
        path: &path,
        query: head.query(),
        protocol: head.version_text(),
        status: finish.status,
        sent_bytes: Some(exchange.sent_bytes()),
        referer: head.field(b"referer"),
        agent: head.field(b"user-agent"),
        elapsed: finish.elapsed,
        pid: finish.pid,
        request_field: &last,
        response_field: &sent,
        environ: &in_environ,
    });
}

/// `REMOTE_ADDR` as the environ has it: what a PROXY header said, else the socket's peer, empty for unix sockets.
fn remote_address(exchange: &Exchange) -> String {
    let peer = exchange.peer();
    let proxied: Option<SocketAddr> =
        peer.proxied.as_ref().and_then(|info| info.addresses.as_ref()).map(|addresses| addresses.source);
    proxied.or(peer.address).map(|address| address.ip().to_string()).unwrap_or_default()
}

fn environ_values(access: &AccessLog, environ: Option<&Obj>) -> Vec<(String, String)> {
    let Some(environ) = environ else { return Vec::new() };
    let names = access.format().names(FieldKind::Environ);
    names.filter_map(|name| Some((name.to_owned(), environ_value(environ, name)?))).collect()
}

/// The value of a key that is equal to `name` but for case (the format's names are lower case, as in Gunicorn).
fn environ_value(environ: &Obj, name: &str) -> Option<String> {
    environ
        .dict_items()
        .into_iter()
        .find(|(key, _)| key.text().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.text())
}
