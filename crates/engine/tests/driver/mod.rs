//! A connection without a socket: what the engine does with received bytes, reduced to the protocol.
//!
//! Used by the corpus tests, the splitting tests and the replay of the fuzz corpora: PROXY header, head, body, next
//! request. It answers nothing and knows no application, so its outcome is what the parsers decided.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod cases;

use tricorn_engine::http::proxy::{ProxyInfo, ProxyMode, ProxyOutcome, ProxyParser};
use tricorn_engine::http::{ChunkedDecoder, Framing, HeadParser, ParseError, RequestHead, Rules, Version};

/// Names and values.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// One complete request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    pub path: Vec<u8>,
    pub query: Vec<u8>,
    pub version: (Version, Vec<u8>),
    pub fields: Fields,
    pub framing: Framing,
    pub is_keep_alive: bool,
    pub expects_continue: bool,
    pub wants_upgrade: bool,
    pub is_https: Option<bool>,
    pub body: Vec<u8>,
    pub trailers: Fields,
}

impl Request {
    fn of(head: &RequestHead) -> Self {
        Request {
            method: head.method().to_vec(),
            target: head.target().to_vec(),
            path: head.path().to_vec(),
            query: head.query().to_vec(),
            version: (head.version(), head.version_text().to_vec()),
            fields: owned(head.fields()),
            framing: head.framing(),
            is_keep_alive: head.is_keep_alive(),
            expects_continue: head.expects_continue(),
            wants_upgrade: head.wants_upgrade(),
            is_https: head.scheme_is_https(),
            body: Vec::new(),
            trailers: Vec::new(),
        }
    }

    /// The value of a field, in any case.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        let is_named = |field: &&(Vec<u8>, Vec<u8>)| field.0.eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().find(is_named).map(|(_, value)| value.as_slice())
    }
}

fn owned<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Fields {
    fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

/// How a connection stands when its bytes are used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Between two requests, nothing received.
    Idle,
    /// In the middle of a PROXY header or a head.
    InHead,
    /// In the middle of a body; the method and target of its request.
    InBody(Vec<u8>, Vec<u8>),
    /// The last request does not let another one follow.
    Closed,
    /// A parser refused.
    Refused(ParseError),
}

/// Everything that can be observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub proxy: Option<ProxyInfo>,
    pub requests: Vec<Request>,
    pub end: End,
}

enum Stage {
    Proxy,
    Head,
    Length(Box<Request>, u64),
    Chunked(Box<Request>, Box<ChunkedDecoder>),
    Over(End),
}

/// A connection that is fed with pieces.
pub struct Connection<'a> {
    rules: &'a Rules,
    is_trusted: bool,
    proxy_parser: ProxyParser,
    parser: HeadParser,
    head: RequestHead,
    buffer: Vec<u8>,
    stage: Stage,
    proxy: Option<ProxyInfo>,
    requests: Vec<Request>,
}

impl<'a> Connection<'a> {
    pub fn new(rules: &'a Rules, mode: ProxyMode, is_trusted: bool) -> Self {
        Connection {
            rules,
            is_trusted,
            proxy_parser: ProxyParser::new(mode),
            parser: HeadParser::new(),
            head: RequestHead::new(),
            buffer: Vec::new(),
            stage: Stage::Proxy,
            proxy: None,
            requests: Vec::new(),
        }
    }

    /// Receives some bytes.
    pub fn push(&mut self, piece: &[u8]) {
        if matches!(self.stage, Stage::Over(_)) {
            return;
        }
        self.buffer.extend_from_slice(piece);
        loop {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    self.stage = Stage::Over(End::Refused(error));
                    return;
                }
            }
        }
    }

    /// Receives the end of the client's side.
    pub fn push_end(&mut self) {
        if let Stage::Chunked(_, decoder) = &self.stage
            && let Some(error) = decoder.end_of_input()
        {
            self.stage = Stage::Over(End::Refused(error));
        }
    }

    pub fn outcome(self) -> Outcome {
        let end = match self.stage {
            Stage::Proxy | Stage::Head if self.buffer.is_empty() => End::Idle,
            Stage::Proxy | Stage::Head => End::InHead,
            Stage::Length(request, _) | Stage::Chunked(request, _) => {
                End::InBody(request.method, request.target)
            }
            Stage::Over(end) => end,
        };
        Outcome { proxy: self.proxy, requests: self.requests, end }
    }

    /// Does one step; false when more bytes are needed.
    fn advance(&mut self) -> Result<bool, ParseError> {
        match std::mem::replace(&mut self.stage, Stage::Head) {
            Stage::Proxy => self.read_proxy(),
            Stage::Head => self.read_head(),
            Stage::Length(request, left) => Ok(self.read_length(request, left)),
            Stage::Chunked(request, decoder) => self.read_chunks(request, decoder),
            Stage::Over(end) => {
                self.stage = Stage::Over(end);
                Ok(false)
            }
        }
    }

    fn read_proxy(&mut self) -> Result<bool, ParseError> {
        match self.proxy_parser.parse(&self.buffer)? {
            None => {
                self.stage = Stage::Proxy;
                return Ok(false);
            }
            Some(ProxyOutcome::Absent) => {}
            Some(ProxyOutcome::Present { consumed, info }) => {
                self.buffer.drain(..consumed);
                self.proxy = Some(info);
            }
        }
        Ok(true)
    }

    fn read_head(&mut self) -> Result<bool, ParseError> {
        let Some(taken) = self.parser.parse(&self.buffer, self.rules, self.is_trusted, &mut self.head)?
        else {
            return Ok(false);
        };
        self.buffer.drain(..taken);
        let request = Box::new(Request::of(&self.head));
        match self.head.framing() {
            Framing::None => self.complete(*request),
            Framing::Length(length) => self.stage = Stage::Length(request, length),
            Framing::Chunked => self.stage = Stage::Chunked(request, Box::new(ChunkedDecoder::new())),
        }
        Ok(true)
    }

    fn read_length(&mut self, mut request: Box<Request>, left: u64) -> bool {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
        request.body.extend(self.buffer.drain(..taken));
        let left = left - taken as u64;
        if left != 0 {
            self.stage = Stage::Length(request, left);
            return false;
        }
        self.complete(*request);
        true
    }

    fn read_chunks(
        &mut self,
        mut request: Box<Request>,
        mut decoder: Box<ChunkedDecoder>,
    ) -> Result<bool, ParseError> {
        let step = decoder.decode(&self.buffer, self.rules)?;
        assert!(step.consumed <= self.buffer.len());
        request.body.extend_from_slice(step.data);
        let (consumed, is_finished) = (step.consumed, step.is_finished);
        self.buffer.drain(..consumed);
        if is_finished {
            request.trailers = owned(decoder.trailers());
            self.complete(*request);
            return Ok(true);
        }
        self.stage = Stage::Chunked(request, decoder);
        Ok(!self.buffer.is_empty())
    }

    fn complete(&mut self, request: Request) {
        self.stage = if request.is_keep_alive { Stage::Head } else { Stage::Over(End::Closed) };
        self.requests.push(request);
    }
}

/// Runs a whole connection whose bytes arrive in pieces of these sizes, repeated.
pub fn run(bytes: &[u8], sizes: &[usize], mut connection: Connection<'_>, has_end: bool) -> Outcome {
    let mut rest = bytes;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |&size| size.clamp(1, rest.len()));
        let (piece, after) = rest.split_at(size);
        connection.push(piece);
        if matches!(connection.stage, Stage::Over(_)) {
            break;
        }
        rest = after;
    }
    if has_end {
        connection.push_end();
    }
    connection.outcome()
}
