//! `pre_request`, `post_request` and the access lines of a logger in Python: made and called only if the configuration asks
//! for one of them, because they are the ways in which Python code other than the application sees every request.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use tricorn_engine::Exchange;
use tricorn_engine::http::Version;
use tricorn_engine::http::proxy::ProxyInfo;
use tricorn_logs::Level;

use crate::ffi::object::Obj;
use crate::hooks::UserHooks;
use crate::python_log::PythonLog;

/// The two request hooks of a configuration, with the objects they get.
pub struct RequestHooks {
    pre: Option<Py<PyAny>>,
    post: Option<(Py<PyAny>, usize)>,
    worker: Py<PyAny>,
    request_class: Py<PyAny>,
    response_class: Py<PyAny>,
    look: Py<PyAny>,
    amend: Py<PyAny>,
    /// The logger in Python, if it is to be told of requests.
    access: Option<Arc<PythonLog>>,
    is_https: bool,
    log: fn(Level, &str),
}

/// The `req` object of one request.
pub struct Request(Py<PyAny>);

impl RequestHooks {
    /// The hooks of `hooks`, or `None` if it has neither.
    pub fn new(
        py: Python<'_>,
        hooks: &UserHooks,
        worker: &Py<PyAny>,
        python: Option<&Arc<PythonLog>>,
        log: fn(Level, &str),
    ) -> PyResult<Option<RequestHooks>> {
        let (pre, post) = (hooks.function(py, "pre_request"), hooks.function(py, "post_request"));
        let access = python.filter(|python| python.wants_access(py)).cloned();
        if pre.is_none() && post.is_none() && access.is_none() {
            return Ok(None);
        }
        let message = py.import("tricorn.message")?;
        let arity = hooks.arity("post_request").unwrap_or(2);
        Ok(Some(RequestHooks {
            pre,
            post: post.map(|post| (post, arity)),
            worker: worker.clone_ref(py),
            request_class: message.getattr("Request")?.unbind(),
            response_class: message.getattr("Response")?.unbind(),
            look: message.getattr("look")?.unbind(),
            amend: message.getattr("amend")?.unbind(),
            access,
            is_https: false,
            log,
        }))
    }

    /// The `req` object of the exchange; `None` (logged) if it cannot be made.
    pub fn request(&self, exchange: &Exchange) -> Option<Request> {
        Python::attach(|py| {
            let made = self.make_request(py, exchange);
            made.inspect_err(|error| (self.log)(Level::Error, &crate::python::traceback(py, error))).ok()
        })
    }

    /// Calls `pre_request(worker, req)`, and lets the environ say what it has changed. Whether it wants the connection closed;
    /// an exception comes back as its traceback.
    pub fn pre_request(&self, request: &Request, environ: Option<&Obj>) -> Result<bool, String> {
        let Some(pre) = &self.pre else { return Ok(false) };
        Python::attach(|py| {
            let amended = || {
                let before = self.look.call1(py, (&request.0,))?;
                pre.call1(py, (&self.worker, &request.0))?;
                if let Some(environ) = environ {
                    let environ = crate::ffi::convert::to_py(py, environ);
                    self.amend.call1(py, (environ, &request.0, before))?;
                }
                request.0.getattr(py, "must_close")?.is_truthy(py)
            };
            amended().map_err(|error| crate::python::traceback(py, &error))
        })
    }

    /// Calls `post_request` with as many of worker, req, environ and resp as it takes; an exception is logged.
    pub fn post_request(&self, request: &Request, environ: Option<&Obj>, exchange: &Exchange, status: u16) {
        let Some((post, arity)) = &self.post else { return };
        Python::attach(|py| {
            let called = self.call_post(py, post, *arity, request, environ, exchange, status);
            if let Err(error) = called {
                let traceback = crate::python::traceback(py, &error);
                (self.log)(Level::Error, &format!("Exception in post_request hook\n{traceback}"));
            }
        });
    }

    /// Has the logger in Python write the line of a request, if it is one in Python. `ended`: the status and the duration.
    pub fn access(
        &self,
        request: &Request,
        environ: Option<&Obj>,
        exchange: &Exchange,
        ended: (u16, Duration),
    ) {
        let Some(access) = &self.access else { return };
        Python::attach(|py| match self.make_response(py, request, exchange, ended.0) {
            Ok(response) => {
                let environ = environ.map(|environ| crate::ffi::convert::to_py(py, environ));
                access.access(py, &response, &request.0, environ, ended.1);
            }
            Err(error) => (self.log)(Level::Error, &crate::python::traceback(py, &error)),
        });
    }

    #[expect(clippy::too_many_arguments, reason = "the hook's own four, and where they come from")]
    fn call_post(
        &self,
        py: Python<'_>,
        post: &Py<PyAny>,
        arity: usize,
        request: &Request,
        environ: Option<&Obj>,
        exchange: &Exchange,
        status: u16,
    ) -> PyResult<()> {
        let mut arguments = vec![self.worker.clone_ref(py), request.0.clone_ref(py)];
        if arity > 2 {
            arguments.push(match environ {
                Some(environ) => crate::ffi::convert::to_py(py, environ),
                None => PyDict::new(py).into_any().unbind(),
            });
        }
        if arity > 3 {
            arguments.push(self.make_response(py, request, exchange, status)?);
        }
        post.call1(py, PyTuple::new(py, arguments)?).map(drop)
    }

    fn make_request(&self, py: Python<'_>, exchange: &Exchange) -> PyResult<Request> {
        let (head, peer) = (exchange.head(), exchange.peer());
        let fields = PyDict::new(py);
        fields.set_item("method", latin1(head.method()))?;
        fields.set_item("uri", latin1(head.target()))?;
        fields.set_item("path", latin1(head.path()))?;
        fields.set_item("query", latin1(head.query()))?;
        fields.set_item("version", (1, u8::from(head.version() != Version::Http10)))?;
        fields.set_item("headers", pairs(py, head.fields())?)?;
        let trailers = exchange.trailers().iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        fields.set_item("trailers", pairs(py, trailers)?)?;
        let is_https = head.scheme_is_https().unwrap_or(self.is_https);
        fields.set_item("scheme", if is_https { "https" } else { "http" })?;
        match peer.address {
            Some(address) => fields.set_item("peer_addr", (address.ip().to_string(), address.port()))?,
            None => fields.set_item("peer_addr", "")?,
        }
        let proxied = peer.proxied.as_ref().and_then(|info| info.addresses.as_ref());
        match proxied.map(|addresses| addresses.source).or(peer.address) {
            Some(address) => fields.set_item("remote_addr", (address.ip().to_string(), address.port()))?,
            None => fields.set_item("remote_addr", "")?,
        }
        if let Some(info) = &peer.proxied {
            fields.set_item("proxy_protocol_info", proxy_info(py, info)?)?;
        }
        fields.set_item("req_number", exchange.number())?;
        Ok(Request(self.request_class.call(py, (), Some(&fields))?))
    }

    fn make_response(
        &self,
        py: Python<'_>,
        request: &Request,
        exchange: &Exchange,
        status: u16,
    ) -> PyResult<Py<PyAny>> {
        let head = exchange.response_head();
        let fields = PyDict::new(py);
        let line =
            if head.status_code() == status { latin1(head.status_line()) } else { page_status(py, status)? };
        fields.set_item("status", line)?;
        fields.set_item("status_code", status)?;
        let headers = PyList::empty(py);
        for (name, value) in head.fields() {
            headers.append((latin1(name), latin1(value)))?;
        }
        fields.set_item("headers", headers)?;
        fields.set_item("headers_sent", true)?;
        fields.set_item("sent", exchange.sent_bytes())?;
        fields.set_item("response_length", head.content_length())?;
        fields.set_item("chunked", exchange.is_chunked())?;
        fields.set_item("upgrade", head.is_upgrade())?;
        fields.set_item("must_close", exchange.is_closing())?;
        fields.set_item("req", &request.0)?;
        self.response_class.call(py, (), Some(&fields))
    }
}

/// The status line of an error page.
fn page_status(py: Python<'_>, status: u16) -> PyResult<String> {
    let phrase: String =
        py.import("http")?.getattr("HTTPStatus")?.call1((status,))?.getattr("phrase")?.extract()?;
    Ok(format!("{status} {phrase}"))
}

/// What the PROXY header said, in Gunicorn's words.
fn proxy_info<'py>(py: Python<'py>, info: &ProxyInfo) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    fields.set_item("proxy_protocol", info.protocol)?;
    let addresses = info.addresses.as_ref();
    for (names, address) in [
        (["client_addr", "client_port"], addresses.map(|addresses| addresses.source)),
        (["proxy_addr", "proxy_port"], addresses.map(|addresses| addresses.destination)),
    ] {
        fields.set_item(names[0], address.map(|address| address.ip().to_string()))?;
        fields.set_item(names[1], address.map(|address| address.port()))?;
    }
    Ok(fields)
}

fn pairs<'py, 'h>(
    py: Python<'py>,
    fields: impl Iterator<Item = (&'h [u8], &'h [u8])>,
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for (name, value) in fields {
        list.append((latin1(name).to_uppercase(), latin1(value)))?;
    }
    Ok(list)
}

/// Bytes as the characters of the same numbers.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
