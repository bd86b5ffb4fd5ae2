//! The request's body, as the application reads it: what is at hand, then the spool file or the wire.

use super::{Exchange, held};
use crate::body::BodyError;
use crate::clock::deadline_ms;
use crate::connection::BodyRead;
use crate::engine::Gate;
use crate::receiver::ReceiveError;

impl Exchange {
    /// Trailer fields of a chunked request, as far as the body was received.
    pub fn trailers(&self) -> &[(Vec<u8>, Vec<u8>)] {
        &self.body.trailers
    }

    /// What can be read of the request's body, reading more if nothing is at hand; empty at its end.
    pub fn fill_body<G: Gate>(&mut self, gate: &mut G) -> Result<&[u8], BodyError> {
        while self.body.at_hand().is_empty() {
            if self.body.wants_file_read() {
                let body = &mut self.body;
                gate.detached(|| body.read_file())?;
            } else if !self.read_upstream(gate)? {
                break;
            }
        }
        Ok(self.body.at_hand())
    }

    /// Was the whole body received, so that reading it waits for nobody?
    pub fn is_body_received(&self) -> bool {
        self.body.is_received()
    }

    /// What can be read of the body without waiting for anything.
    pub fn body_at_hand(&self) -> &[u8] {
        self.body.at_hand()
    }

    /// Marks `count` bytes of what `fill_body` showed as read.
    pub fn consume_body(&mut self, count: usize) {
        self.body.consume(count);
    }

    /// Reads more of a streamed body; false at its end.
    fn read_upstream<G: Gate>(&mut self, gate: &mut G) -> Result<bool, BodyError> {
        let Some(mut receiver) = self.body.upstream.take() else { return Ok(false) };
        let connection = held(&mut self.connection);
        let context = self.engine.context();
        let read = if connection.wire.is_tls() {
            gate.detached(|| connection.read_body(&mut receiver, &context))
        } else {
            connection.read_body(&mut receiver, &context)
        };
        match read {
            Ok(BodyRead::Some) => {
                self.body.refill(receiver.take_store());
                if receiver.is_complete() {
                    self.body.trailers = receiver.trailers();
                } else {
                    self.body.upstream = Some(receiver);
                }
                Ok(true)
            }
            Ok(BodyRead::Nothing) => {
                self.body.upstream = Some(receiver);
                let due_ms = deadline_ms(context.now_ms, context.options.body_timeout);
                let wire = connection.wire.clone();
                if gate.detached(|| wire.wait_for_input(due_ms)) { Ok(true) } else { Err(BodyError::Timeout) }
            }
            Ok(BodyRead::End) => {
                self.body.upstream = Some(receiver);
                Err(BodyError::Incomplete)
            }
            Err(ReceiveError::Parse(error)) => {
                self.body.upstream = Some(receiver);
                Err(BodyError::Malformed(error))
            }
            Err(ReceiveError::Spool(error)) => Err(BodyError::Spool(error)),
        }
    }
}
