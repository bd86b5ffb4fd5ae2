//! The WSGI environ: a copy of a prototype dict in which every key of every request already has its place, filled with what
//! this request says (PEP 3333 "environ Variables"; gunicorn.http.wsgi.create for the additions). The prototype is made
//! once per listener, so that what does not depend on the request costs one copy of the table.

use std::ffi::CStr;
use std::net::SocketAddr;
use std::sync::Arc;

use tricorn_engine::http::proxy::{ProxyAddresses, ProxyInfo};
use tricorn_engine::http::{RequestHead, Version};
use tricorn_engine::{Exchange, ListenAddress, Peer};

use super::header_names::HeaderNames;
use super::object::{Obj, Raised};

/// Connections whose address strings are kept per runner.
const PEERS_MAX: usize = 1024;

/// What a worker decides once for all its environs.
pub struct EnvironTraits {
    pub is_multithread: bool,
    pub is_multiprocess: bool,
    pub is_https: bool,
    pub server_software: &'static str,
    /// The `SCRIPT_NAME` of the process environment.
    pub script_name: Vec<u8>,
}

/// The objects of one request that go into its environ.
pub struct RequestObjects<'a> {
    pub input: &'a Obj,
    pub early_hints: &'a Obj,
    pub socket: &'a Obj,
}

/// Why an environ could not be made.
pub enum EnvironError {
    /// A Python exception (memory).
    Raised(Raised),
    /// The path is not below `SCRIPT_NAME`: a configuration problem, status 500.
    OutsideScriptName,
}

impl From<Raised> for EnvironError {
    fn from(raised: Raised) -> EnvironError {
        EnvironError::Raised(raised)
    }
}

macro_rules! keys {
    ($($field:ident = $text:literal),* $(,)?) => {
        /// Keys and constant values, interned once per runner.
        struct Words { $($field: Obj),* }
        impl Words {
            fn new() -> Result<Words, Raised> {
                Ok(Words { $($field: Obj::interned($text)?),* })
            }
        }
    };
}

keys! {
    request_method = c"REQUEST_METHOD", raw_uri = c"RAW_URI", query_string = c"QUERY_STRING",
    server_protocol = c"SERVER_PROTOCOL", path_info = c"PATH_INFO", script_name = c"SCRIPT_NAME",
    remote_addr = c"REMOTE_ADDR", remote_port = c"REMOTE_PORT", server_name = c"SERVER_NAME",
    server_port = c"SERVER_PORT", wsgi_input = c"wsgi.input", early_hints = c"wsgi.early_hints",
    url_scheme = c"wsgi.url_scheme", raw_socket = c"gunicorn.socket",
    proxy_protocol = c"PROXY_PROTOCOL", proxy_addr = c"PROXY_ADDR", proxy_port = c"PROXY_PORT",
    http = c"http", https = c"https", empty = c"",
    http10 = c"HTTP/1.0", http11 = c"HTTP/1.1", get = c"GET", post = c"POST", root = c"/",
}

/// Makes environs; one per runner.
pub struct EnvironMaker {
    words: Words,
    traits: EnvironTraits,
    /// `wsgi.errors` and `wsgi.file_wrapper`: (key, value) pairs that are the same for every request.
    fixed: Vec<(Obj, Obj)>,
    prototypes: Vec<(Arc<ListenAddress>, Obj)>,
    names: HeaderNames,
    /// Address, host and port of the connections, by their place.
    peers: Vec<Option<(SocketAddr, Obj, Obj)>>,
    path: Vec<u8>,
}

impl EnvironMaker {
    /// A maker; `errors` and `file_wrapper` are what the keys of these names hold.
    pub fn new(traits: EnvironTraits, errors: Obj, file_wrapper: Obj) -> Result<EnvironMaker, Raised> {
        let fixed = vec![
            (Obj::interned(c"wsgi.errors")?, errors),
            (Obj::interned(c"wsgi.file_wrapper")?, file_wrapper),
        ];
        Ok(EnvironMaker {
            words: Words::new()?,
            traits,
            fixed,
            prototypes: Vec::new(),
            names: HeaderNames::default(),
            peers: Vec::new(),
            path: Vec::new(),
        })
    }

    /// The environ of one request.
    pub fn make(&mut self, exchange: &Exchange, objects: &RequestObjects<'_>) -> Result<Obj, EnvironError> {
        let (head, peer) = (exchange.head(), exchange.peer());
        let environ = self.prototype(&peer.listener)?.copy_dict()?;
        self.put_request_line(&environ, head)?;
        let script_header = self.put_fields(&environ, head)?;
        self.put_paths(&environ, head, script_header)?;
        self.put_scheme(&environ, head)?;
        self.put_addresses(&environ, head, peer, exchange.place())?;
        let words = &self.words;
        environ.set_item(&words.wsgi_input, objects.input)?;
        environ.set_item(&words.early_hints, objects.early_hints)?;
        environ.set_item(&words.raw_socket, objects.socket)?;
        Ok(environ)
    }

    fn prototype(&mut self, listener: &Arc<ListenAddress>) -> Result<Obj, Raised> {
        if let Some((_, prototype)) = self.prototypes.iter().find(|(known, _)| Arc::ptr_eq(known, listener)) {
            return Ok(prototype.clone());
        }
        let prototype = self.new_prototype(listener)?;
        self.prototypes.push((listener.clone(), prototype.clone()));
        Ok(prototype)
    }

    fn new_prototype(&self, listener: &ListenAddress) -> Result<Obj, Raised> {
        let (words, traits) = (&self.words, &self.traits);
        let prototype = Obj::dict()?;
        for (key, value) in &self.fixed {
            prototype.set_item(key, value)?;
        }
        let put = |key: &'static CStr, value: Obj| prototype.set_item(&Obj::interned(key)?, &value);
        put(c"wsgi.version", Obj::pair(1, 0)?)?;
        put(c"wsgi.multithread", Obj::bool(traits.is_multithread))?;
        put(c"wsgi.multiprocess", Obj::bool(traits.is_multiprocess))?;
        put(c"wsgi.run_once", Obj::bool(false))?;
        put(c"wsgi.input_terminated", Obj::bool(true))?;
        put(c"SERVER_SOFTWARE", Obj::str(traits.server_software)?)?;
        let none = Obj::none();
        for per_request in [
            &words.wsgi_input,
            &words.early_hints,
            &words.raw_socket,
            &words.request_method,
            &words.raw_uri,
            &words.path_info,
        ] {
            prototype.set_item(per_request, &none)?;
        }
        prototype.set_item(&words.query_string, &words.empty)?;
        prototype.set_item(&words.server_protocol, &words.http11)?;
        prototype.set_item(&words.script_name, &Obj::latin1(&traits.script_name)?)?;
        prototype.set_item(&words.url_scheme, self.default_scheme())?;
        prototype.set_item(&words.remote_addr, &words.empty)?;
        if let ListenAddress::Inet(address) = listener {
            prototype.set_item(&words.remote_port, &words.empty)?;
            prototype.set_item(&words.server_name, &Obj::str(&address.ip().to_string())?)?;
            prototype.set_item(&words.server_port, &Obj::str(&address.port().to_string())?)?;
        }
        Ok(prototype)
    }

    fn default_scheme(&self) -> &Obj {
        if self.traits.is_https { &self.words.https } else { &self.words.http }
    }

    fn put_request_line(&self, environ: &Obj, head: &RequestHead) -> Result<(), Raised> {
        let words = &self.words;
        match head.method() {
            b"GET" => environ.set_item(&words.request_method, &words.get)?,
            b"POST" => environ.set_item(&words.request_method, &words.post)?,
            other => environ.set_item(&words.request_method, &Obj::latin1(other)?)?,
        }
        environ.set_item(&words.raw_uri, &self.text(head.target())?)?;
        if !head.query().is_empty() {
            environ.set_item(&words.query_string, &Obj::latin1(head.query())?)?;
        }
        match (head.version(), head.version_text()) {
            (Version::Http11, b"HTTP/1.1") => Ok(()), // The prototype says so.
            (Version::Http10, _) => environ.set_item(&words.server_protocol, &words.http10),
            (Version::Http11, other) => environ.set_item(&words.server_protocol, &Obj::latin1(other)?),
        }
    }

    /// Puts the header fields; the value of a `SCRIPT_NAME` header is also returned (only trusted peers get one this far).
    fn put_fields<'h>(&mut self, environ: &Obj, head: &'h RequestHead) -> Result<Option<&'h [u8]>, Raised> {
        let mut script_name = None;
        for (name, value) in head.fields() {
            let key = self.names.key(name)?;
            let text = Obj::latin1(value)?;
            if let Some(before) = environ.set_default(&key, &text)? {
                let joined = Self::join(&key, &before, value)?;
                environ.set_item(&key, &joined)?;
            }
            if name.len() == 11 && name.eq_ignore_ascii_case(b"SCRIPT_NAME") {
                script_name = Some(value);
            }
        }
        Ok(script_name)
    }

    /// A repeated field is one list (RFC 9110 5.3); cookies have a separator of their own (RFC 6265 5.4).
    fn join(key: &Obj, before: &Obj, value: &[u8]) -> Result<Obj, Raised> {
        let is_cookie = key.as_latin1() == Some(b"HTTP_COOKIE");
        let mut joined = before.as_latin1().unwrap_or_default().to_vec();
        joined.extend_from_slice(if is_cookie { b"; " } else { b"," });
        joined.extend_from_slice(value);
        Obj::latin1(&joined)
    }

    fn put_paths(
        &mut self,
        environ: &Obj,
        head: &RequestHead,
        script_header: Option<&[u8]>,
    ) -> Result<(), EnvironError> {
        let raw = head.path();
        let script_name: &[u8] = script_header.unwrap_or(&self.traits.script_name);
        let path = if script_name.is_empty() { raw } else { below(raw, script_name)? };
        if script_header.is_some() {
            environ.set_item(&self.words.script_name, &Obj::latin1(script_name)?)?;
        }
        if !path.contains(&b'%') {
            return Ok(environ.set_item(&self.words.path_info, &self.text(path)?)?);
        }
        self.path.clear();
        tricorn_engine::http::percent_decode(path, &mut self.path);
        Ok(environ.set_item(&self.words.path_info, &Obj::latin1(&self.path)?)?)
    }

    fn put_scheme(&self, environ: &Obj, head: &RequestHead) -> Result<(), Raised> {
        let words = &self.words;
        match head.scheme_is_https() {
            None => Ok(()),
            Some(true) => environ.set_item(&words.url_scheme, &words.https),
            Some(false) => environ.set_item(&words.url_scheme, &words.http),
        }
    }

    fn put_addresses(
        &mut self,
        environ: &Obj,
        head: &RequestHead,
        peer: &Peer,
        place: usize,
    ) -> Result<(), Raised> {
        if let Some(address) = peer.address {
            self.put_peer(environ, address, place)?;
        }
        if let ListenAddress::Unix(path) = &*peer.listener {
            self.put_unix_server(environ, head, path.as_deref())?;
        }
        match &peer.proxied {
            Some(info) => self.put_proxied(environ, info),
            None => Ok(()),
        }
    }

    fn put_peer(&mut self, environ: &Obj, address: SocketAddr, place: usize) -> Result<(), Raised> {
        let place = place % PEERS_MAX;
        if self.peers.len() <= place {
            self.peers.resize_with(place + 1, || None);
        }
        let kept = &mut self.peers[place];
        let (_, host, port) = match kept {
            Some(peer) if peer.0 == address => peer,
            // Another connection had this place before.
            other => other.insert((
                address,
                Obj::str(&address.ip().to_string())?,
                Obj::str(&address.port().to_string())?,
            )),
        };
        environ.set_item(&self.words.remote_addr, host)?;
        environ.set_item(&self.words.remote_port, port)
    }

    /// Behind a unix socket the Host header is all that names the server (as Gunicorn does).
    fn put_unix_server(
        &self,
        environ: &Obj,
        head: &RequestHead,
        path: Option<&std::path::Path>,
    ) -> Result<(), Raised> {
        let is_https = head.scheme_is_https().unwrap_or(self.traits.is_https);
        let (name, port) = match head.host() {
            Some(host) => split_host(host, if is_https { b"443" } else { b"80" }),
            None => (path.map(|path| path.as_os_str().as_encoded_bytes()).unwrap_or_default(), &b""[..]),
        };
        environ.set_item(&self.words.server_name, &Obj::latin1(name)?)?;
        environ.set_item(&self.words.server_port, &Obj::latin1(port)?)
    }

    fn put_proxied(&self, environ: &Obj, info: &ProxyInfo) -> Result<(), Raised> {
        let words = &self.words;
        environ.set_item(&words.proxy_protocol, &Obj::str(info.protocol)?)?;
        if let Some(ProxyAddresses { source, destination }) = &info.addresses {
            environ.set_item(&words.remote_addr, &Obj::str(&source.ip().to_string())?)?;
            environ.set_item(&words.remote_port, &Obj::str(&source.port().to_string())?)?;
            environ.set_item(&words.proxy_addr, &Obj::str(&destination.ip().to_string())?)?;
            environ.set_item(&words.proxy_port, &Obj::str(&destination.port().to_string())?)?;
        }
        Ok(())
    }

    fn text(&self, bytes: &[u8]) -> Result<Obj, Raised> {
        if bytes == b"/" { Ok(self.words.root.clone()) } else { Obj::latin1(bytes) }
    }
}

/// The rest of `path` below `script_name`. Segments are compared whole: `/app` is not above `/application`.
fn below<'p>(path: &'p [u8], script_name: &[u8]) -> Result<&'p [u8], EnvironError> {
    let rest = path.strip_prefix(script_name).ok_or(EnvironError::OutsideScriptName)?;
    if rest.is_empty() || rest.starts_with(b"/") || script_name.ends_with(b"/") {
        Ok(rest)
    } else {
        Err(EnvironError::OutsideScriptName)
    }
}

/// Name and port of a Host header that was validated before (RFC 9110 7.2).
fn split_host<'h>(host: &'h [u8], default_port: &'h [u8]) -> (&'h [u8], &'h [u8]) {
    let after_name = if host.starts_with(b"[") {
        host.iter().position(|&byte| byte == b']').map_or(host.len(), |end| end + 1)
    } else {
        host.iter().position(|&byte| byte == b':').unwrap_or(host.len())
    };
    match host[after_name..].strip_prefix(b":") {
        Some(port) if !port.is_empty() => (&host[..after_name], port),
        _ => (&host[..after_name], default_port),
    }
}
