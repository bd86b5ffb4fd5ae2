//! The state machine of one connection: PROXY header, head, body, (the application), sending, lingering, and round again.
//! It reads and parses; it is driven by whoever noticed that its socket moved, one thread at a time, because whoever
//! drives it owns it. What an application answers is not here but in `exchange`.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use crate::body::Body;
use crate::clock::deadline_ms;
use crate::http::proxy::{ProxyOutcome, ProxyParser};
use crate::http::{self, Excerpt, Framing, ParseError};
use crate::kit::Kit;
use crate::options::{EngineOptions, LeftOut, Observer, Rejection, Trouble};
use crate::peer::Peer;
use crate::receiver::{Progress, ReceiveError, Receiver};
use crate::refusal::Refusal;
use crate::slots::Token;
use crate::wire::{Received, Sent, Wire};

/// Bytes read from a socket at once. One buffer per thread: an idle connection owns none.
const READ_BYTES: usize = 64 * 1024;

/// A closing connection is read until the client closes too, so that the client can read the whole response before a
/// reset could reach it (RFC 9112 9.6). This long without a byte, or this long in all, and it is closed anyway.
const LINGER_IDLE: Duration = Duration::from_secs(2);
const LINGER_TOTAL: Duration = Duration::from_secs(10);

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What driving a connection led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A request is complete: `take_request` has it.
    Ready,
    /// Nothing more can be done until the socket moves or the deadline passes.
    Waiting,
    /// The connection is over.
    Closed,
}

enum Phase {
    Proxy,
    Head,
    Body(Box<Receiver>),
    Serving,
    Sending(After),
    Lingering { until_ms: u64 },
}

/// What follows once the queue of the wire is empty.
#[derive(Clone, Copy)]
enum After {
    NextRequest,
    Linger,
    Close,
}

enum Digest {
    More,
    Ready,
    Refused(Refusal),
}

/// What a connection needs to know of the engine while it is driven.
pub(crate) struct Context<'a> {
    pub options: &'a EngineOptions,
    pub observer: &'a dyn Observer,
    pub now_ms: u64,
}

/// One accepted connection.
pub(crate) struct Connection {
    pub wire: Arc<Wire>,
    pub token: Token,
    pub peer: Peer,
    /// When `expire` is due, in monotonic milliseconds; 0 = never.
    pub deadline_ms: u64,
    /// Does the engine's epoll know the socket, and for writing too?
    pub is_registered: bool,
    pub is_write_watched: bool,
    /// Requests handed to the application so far.
    pub served: u64,
    /// Since when it waits for its next request, or its first, in monotonic milliseconds; means nothing while it does not.
    pub idle_since_ms: u64,
    phase: Phase,
    pending: Vec<u8>,
    kit: Option<Box<Kit>>,
    body: Option<Body>,
    is_ended: bool,
    is_head_started: bool,
    /// Reading stopped before the socket was empty: with edge-triggered epoll nobody will tell again.
    is_unread: bool,
}

impl Connection {
    pub fn new(wire: Arc<Wire>, peer: Peer, context: &Context<'_>) -> Connection {
        let mut connection = Connection::plain(wire, peer, context);
        // A PROXY header comes before the handshake: then TLS begins behind it.
        if context.options.proxy.is_none() {
            connection.secure(&[], context);
        }
        connection
    }

    fn plain(wire: Arc<Wire>, peer: Peer, context: &Context<'_>) -> Connection {
        Connection {
            wire,
            token: Token::default(),
            peer,
            deadline_ms: deadline_ms(context.now_ms, context.options.header_timeout),
            is_registered: false,
            is_write_watched: false,
            served: 0,
            idle_since_ms: context.now_ms,
            phase: if context.options.proxy.is_some() { Phase::Proxy } else { Phase::Head },
            pending: Vec::new(),
            kit: None,
            body: None,
            is_ended: false,
            is_head_started: false,
            is_unread: false,
        }
    }

    /// Begins TLS, if this is a port for it; `received` is what was read of it already.
    fn secure(&mut self, received: &[u8], context: &Context<'_>) {
        match context.options.tls.as_ref().map(|keeper| keeper.begin()) {
            None => {}
            Some(Ok(session)) => self.wire.secure(Box::new(session), received),
            // rustls refuses a configuration that it has accepted; plain text is no way out of that.
            Some(Err(_)) => self.wire.cut(),
        }
    }

    /// A connection that waits for its next request, from another worker; its PROXY header was read there.
    pub fn handed_over(wire: Arc<Wire>, peer: Peer, served: u64, context: &Context<'_>) -> Connection {
        Connection { served, phase: Phase::Head, ..Connection::plain(wire, peer, context) }
    }

    /// Does as much as the socket allows. `is_hangup`: the poller saw the peer's end, so read on until it shows.
    pub fn advance(&mut self, context: &Context<'_>, is_hangup: bool) -> Step {
        // A response that was held may be in the wire still: it goes before anything else is decided.
        if self.served > 0
            && !matches!(self.phase, Phase::Sending(_))
            && self.wire.flush() == Sent::Queued
            && matches!(self.phase, Phase::Head)
        {
            self.phase = Phase::Sending(After::NextRequest);
        }
        if let Phase::Sending(after) = self.phase {
            match self.wire.flush() {
                Sent::All => {
                    if let Some(step) = self.after_sending(after, context) {
                        return step;
                    }
                }
                Sent::Queued => {
                    self.deadline_ms = deadline_ms(self.wire.progress_ms(), context.options.write_timeout);
                    return Step::Waiting;
                }
                Sent::Broken => return Step::Closed,
            }
        }
        if !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            if let Some(step) = self.absorb(pending, context) {
                return step;
            }
        }
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.resize(READ_BYTES, 0);
            self.read_on(scratch, context, is_hangup)
        })
    }

    fn read_on(&mut self, scratch: &mut [u8], context: &Context<'_>, is_hangup: bool) -> Step {
        self.is_unread = false;
        loop {
            let received = match self.phase {
                // Nothing of it is used any more, so nothing of it is decrypted.
                Phase::Lingering { .. } => self.wire.receive_raw(scratch),
                _ => self.wire.receive(scratch),
            };
            let (count, is_more) = match received {
                Received::Bytes { count, is_more } => (count, is_more || is_hangup),
                Received::Nothing => return Step::Waiting,
                Received::End => {
                    self.is_ended = true;
                    return self.end_of_input(context);
                }
                Received::Broken => return Step::Closed,
                Received::NotTls => return self.refuse(&Refusal::PlainHttp, context),
                Received::Unsafe(why) => return self.refuse_silently(&Refusal::Tls(why), context),
            };
            let step = if self.pending.is_empty() {
                let (used, digest) = self.digest(&scratch[..count], context);
                self.pending.extend_from_slice(&scratch[used..count]);
                self.settle(digest, context)
            } else {
                let mut pending = std::mem::take(&mut self.pending);
                pending.extend_from_slice(&scratch[..count]);
                self.absorb(pending, context)
            };
            if let Some(step) = step {
                self.is_unread = is_more;
                return step;
            }
            // Edge-triggered epoll needs the socket emptied. A read that got less than it asked for has not always done that
            // (against epoll(7), question 9): it also ends before a byte of urgent data (tcp(7)). So it is asked again; only
            // what did not come in one piece pays for that.
        }
    }

    /// Digests what an earlier read left over; what is still not used stays pending.
    fn absorb(&mut self, mut pending: Vec<u8>, context: &Context<'_>) -> Option<Step> {
        let (used, digest) = self.digest(&pending, context);
        if used < pending.len() {
            pending.drain(..used);
            self.pending = pending;
        }
        self.settle(digest, context)
    }

    fn settle(&mut self, digest: Digest, context: &Context<'_>) -> Option<Step> {
        match digest {
            Digest::More => None,
            Digest::Ready => {
                self.phase = Phase::Serving;
                self.served += 1;
                self.is_head_started = false;
                self.deadline_ms = 0;
                Some(Step::Ready)
            }
            // A page before the handshake would be no page to whoever waits for TLS.
            Digest::Refused(error) if context.options.tls.is_some() && !self.wire.is_tls() => {
                Some(self.refuse_silently(&error, context))
            }
            Digest::Refused(error) => Some(self.refuse(&error, context)),
        }
    }

    /// Consumes `input` as far as the current phase can: how much of it, and what came of it.
    fn digest(&mut self, input: &[u8], context: &Context<'_>) -> (usize, Digest) {
        let mut at = 0;
        loop {
            match &mut self.phase {
                Phase::Proxy => match self.proxy_header(&input[at..], context) {
                    Ok(Some(consumed)) => {
                        at += consumed;
                        let is_before_tls = context.options.tls.is_some() && !self.wire.is_tls();
                        if !is_before_tls || consumed > 0 {
                            self.phase = Phase::Head;
                        }
                        if is_before_tls {
                            // A connection that does not begin with the header may still have it inside TLS.
                            self.secure(&input[at..], context);
                            return (input.len(), Digest::More);
                        }
                    }
                    Ok(None) => return (at, Digest::More),
                    Err(error) => return (input.len(), Digest::Refused(error.into())),
                },
                Phase::Head => match self.head(&input[at..], context) {
                    Ok(Some((consumed, is_ready))) => {
                        at += consumed;
                        if is_ready {
                            return (at, Digest::Ready);
                        }
                    }
                    Ok(None) => return (at, Digest::More),
                    Err(error) => return (input.len(), Digest::Refused(error.into())),
                },
                Phase::Body(_) => {
                    let (consumed, digest) = self.body_piece(&input[at..], context);
                    return (at + consumed, digest);
                }
                // Nothing of the peer's is used while a response is on its way, nor after the last one.
                Phase::Serving | Phase::Sending(_) => return (at, Digest::More),
                Phase::Lingering { until_ms } => {
                    let idle_ms = deadline_ms(context.now_ms, Some(LINGER_IDLE));
                    self.deadline_ms = idle_ms.min(*until_ms);
                    return (input.len(), Digest::More);
                }
            }
        }
    }

    fn proxy_header(&mut self, input: &[u8], context: &Context<'_>) -> Result<Option<usize>, ParseError> {
        let Some(mode) = context.options.proxy else { return Ok(Some(0)) };
        match ProxyParser::new(mode).parse(input)? {
            None => Ok(None),
            Some(ProxyOutcome::Absent) => Ok(Some(0)),
            Some(ProxyOutcome::Present { consumed, info }) => {
                if !(context.options.may_proxy)(self.peer.ip()) {
                    let who = self.peer.ip().map(|ip| ip.to_string()).unwrap_or_default();
                    return Err(ParseError::ProxyForbidden(Excerpt::of(who.as_bytes())));
                }
                self.peer.proxied = Some(Box::new(info));
                Ok(Some(consumed))
            }
        }
    }

    /// Parses the head and starts its body: bytes consumed and whether the request is complete with them.
    fn head(&mut self, input: &[u8], context: &Context<'_>) -> Result<Option<(usize, bool)>, ParseError> {
        if input.is_empty() {
            return Ok(None);
        }
        if !self.is_head_started {
            self.is_head_started = true;
            if self.served > 0 {
                self.deadline_ms = deadline_ms(context.now_ms, context.options.header_timeout);
            }
        }
        let kit = &mut **self.kit.get_or_insert_with(Kit::take);
        let Kit { parser, head, .. } = kit;
        let Some(head_bytes) = parser.parse(input, &context.options.rules, self.peer.is_trusted, head)?
        else {
            return Ok(None);
        };
        let left_out = parser.left_out(input);
        if left_out.len() > 0 {
            report_left_out(left_out, &self.peer, context);
        }
        let rest = &input[head_bytes..];
        match head.framing() {
            Framing::None | Framing::Length(0) => {
                self.body = Some(Body::default());
                Ok(Some((head_bytes, true)))
            }
            Framing::Length(length) if is_at_hand(length, rest, context.options) => {
                let length = length as usize;
                self.body = Some(Body::from_bytes(rest[..length].to_vec()));
                Ok(Some((head_bytes + length, true)))
            }
            framing => {
                if head.expects_continue() && rest.is_empty() {
                    // A broken wire shows at the next read.
                    let _ = self.wire.send(&[http::CONTINUE]);
                }
                self.phase = Phase::Body(Box::new(Receiver::new(framing)));
                Ok(Some((head_bytes, false)))
            }
        }
    }

    fn body_piece(&mut self, input: &[u8], context: &Context<'_>) -> (usize, Digest) {
        let Phase::Body(receiver) = &mut self.phase else { return (0, Digest::More) };
        self.deadline_ms = deadline_ms(context.now_ms, context.options.body_timeout);
        let used = match receiver.take_in(input, context.options) {
            Ok(Progress::More) => return (input.len(), Digest::More),
            Ok(Progress::Complete(used) | Progress::Full(used)) => used,
            Err(ReceiveError::Parse(error)) => return (input.len(), Digest::Refused(error.into())),
            Err(ReceiveError::Spool(error)) => {
                context.observer.troubled(&Trouble::Spool(error));
                return (input.len(), Digest::Refused(Refusal::SpoolFailed));
            }
        };
        if let Phase::Body(receiver) = std::mem::replace(&mut self.phase, Phase::Serving) {
            self.body = Some(Body::from_receiver(receiver));
        }
        (used, Digest::Ready)
    }

    fn end_of_input(&mut self, context: &Context<'_>) -> Step {
        match &self.phase {
            // The client has everything it will get asked for; only what is queued still matters.
            Phase::Sending(_) | Phase::Serving => Step::Waiting,
            // A chunked body whose data is complete but whose end is not gets an answer; otherwise the client is gone.
            Phase::Body(receiver) => match receiver.end_of_input() {
                Some(error) => self.refuse(&error.into(), context),
                None => Step::Closed,
            },
            Phase::Proxy | Phase::Head | Phase::Lingering { .. } => Step::Closed,
        }
    }

    /// The deadline has passed.
    pub fn expire(&mut self, context: &Context<'_>) -> Step {
        match &self.phase {
            Phase::Head if self.is_head_started => self.refuse(&Refusal::HeadTimeout, context),
            Phase::Head => self.give_up_idle(context),
            Phase::Body(_) => self.refuse(&Refusal::BodyTimeout, context),
            Phase::Sending(_) => {
                self.wire.cut();
                Step::Closed
            }
            Phase::Proxy | Phase::Serving | Phase::Lingering { .. } => Step::Closed,
        }
    }

    /// The end of an idle connection, unless its next request has arrived while that was decided: a proxy that gets a
    /// closed connection for an answer tells its client 502. What is still on the way when the FIN goes cannot be helped
    /// (RFC 9112 9.6); clients know, and ask again (RFC 9110 9.2.2).
    pub fn give_up_idle(&mut self, context: &Context<'_>) -> Step {
        match self.advance(context, true) {
            Step::Waiting if self.is_idle() => Step::Closed,
            step => step,
        }
    }

    fn refuse(&mut self, refusal: &Refusal, context: &Context<'_>) -> Step {
        context.observer.rejected(&Rejection { peer: &self.peer, refusal });
        self.pending = Vec::new();
        let mut page = Vec::with_capacity(512);
        let status = refusal.status();
        http::error_page(status, status.reason(), &refusal.message(), self.was_head(), &mut page);
        match self.wire.send(&[&page]) {
            Sent::All => self.linger(context),
            Sent::Queued => {
                self.phase = Phase::Sending(After::Linger);
                self.deadline_ms = deadline_ms(context.now_ms, context.options.write_timeout);
                Step::Waiting
            }
            Sent::Broken => Step::Closed,
        }
    }

    /// As `refuse`, for a client that was told already.
    fn refuse_silently(&mut self, refusal: &Refusal, context: &Context<'_>) -> Step {
        context.observer.rejected(&Rejection { peer: &self.peer, refusal });
        self.linger(context)
    }

    fn was_head(&self) -> bool {
        matches!((&self.phase, &self.kit), (Phase::Body(_), Some(kit)) if kit.head.is_head())
    }

    fn after_sending(&mut self, after: After, context: &Context<'_>) -> Option<Step> {
        match after {
            After::NextRequest => {
                self.await_request(context);
                None
            }
            After::Linger => Some(self.linger(context)),
            After::Close => Some(Step::Closed),
        }
    }

    /// Announces the end to the peer and reads until it agrees.
    fn linger(&mut self, context: &Context<'_>) -> Step {
        if self.is_ended {
            return Step::Closed;
        }
        self.wire.end_sending();
        let until_ms = deadline_ms(context.now_ms, Some(LINGER_TOTAL));
        self.phase = Phase::Lingering { until_ms };
        self.deadline_ms = deadline_ms(context.now_ms, Some(LINGER_IDLE));
        self.pending = Vec::new();
        if let Some(kit) = self.kit.take() {
            kit.give_back();
        }
        Step::Waiting
    }

    fn await_request(&mut self, context: &Context<'_>) {
        self.phase = Phase::Head;
        self.idle_since_ms = context.now_ms;
        let timeout =
            if self.is_head_started { context.options.header_timeout } else { context.options.keep_alive };
        self.deadline_ms = deadline_ms(context.now_ms, timeout);
    }

    /// The complete request, after `Step::Ready`.
    pub fn take_request(&mut self) -> (Box<Kit>, Body) {
        (self.kit.take().unwrap_or_default(), self.body.take().unwrap_or_default())
    }

    /// The application is done and its response is in the wire. `Keep`: wait for the next request.
    pub fn settle_response(&mut self, ending: Ending, context: &Context<'_>) -> Step {
        let is_queued = self.wire.queued_bytes() > 0;
        let after = match ending {
            Ending::Keep => After::NextRequest,
            // Nothing of the client's is unread and it asked for the close: closing cannot lose it anything. (A client that
            // speaks TLS says goodbye, and would be answered with a reset.)
            Ending::CloseAsAsked if self.pending.is_empty() && !self.wire.is_tls() => After::Close,
            Ending::CloseAsAsked | Ending::Close => After::Linger,
        };
        if is_queued {
            self.phase = Phase::Sending(after);
            self.deadline_ms = deadline_ms(context.now_ms, context.options.write_timeout);
            return Step::Waiting;
        }
        match self.after_sending(after, context) {
            Some(step) => step,
            None if self.pending.is_empty() && !self.is_unread => Step::Waiting,
            None => self.advance(context, true),
        }
    }

    /// Is it idle between two requests (or before the first)?
    pub fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Head) && !self.is_head_started
    }

    /// Was nothing of its next request read yet, so that another worker can do all of it?
    pub fn is_untouched(&self) -> bool {
        self.is_idle() && self.pending.is_empty() && self.kit.is_none() && !self.wire.is_tls()
    }

    /// Its next request is there and has to wait: the time between requests is over.
    pub fn postpone(&mut self) {
        if self.served > 0 {
            self.deadline_ms = 0;
        }
    }

    /// Takes what was read but belongs to nobody yet (for a raw hand-over of the socket).
    pub fn take_pending(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    /// More of a streamed body: reads once from the wire into `receiver`.
    pub fn read_body(
        &mut self,
        receiver: &mut Receiver,
        context: &Context<'_>,
    ) -> Result<BodyRead, ReceiveError> {
        let mut input = std::mem::take(&mut self.pending);
        self.is_unread = true;
        if input.is_empty() {
            input.resize(READ_BYTES, 0);
            match self.wire.receive(&mut input) {
                Received::Bytes { count, .. } => input.truncate(count),
                Received::Nothing => return Ok(BodyRead::Nothing),
                Received::End | Received::Broken | Received::NotTls | Received::Unsafe(_) => {
                    self.is_ended = true;
                    return Ok(BodyRead::End);
                }
            }
        }
        if let Progress::Complete(used) | Progress::Full(used) = receiver.take_in(&input, context.options)? {
            input.drain(..used);
            self.pending = input;
        }
        Ok(BodyRead::Some)
    }
}

/// What reading more of a streamed body gave.
pub(crate) enum BodyRead {
    Some,
    Nothing,
    End,
}

/// How a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The connection can carry another request.
    Keep,
    /// It closes because the client said so.
    CloseAsAsked,
    /// It closes because we want it to.
    Close,
}

#[cold]
fn report_left_out<'a>(names: impl Iterator<Item = &'a [u8]>, peer: &Peer, context: &Context<'_>) {
    for name in names {
        let is_forwarder = context.options.rules.is_forwarder_header(name);
        context.observer.left_out(&LeftOut { peer, name: Excerpt::of(name), is_forwarder });
    }
}

fn is_at_hand(length: u64, input: &[u8], options: &EngineOptions) -> bool {
    length <= input.len() as u64 && length <= options.body_buffer_bytes as u64
}
