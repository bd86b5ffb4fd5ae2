//! A request body on its way in: counts or decodes the bytes and stores them, in memory up to a limit, then in an
//! unlinked temporary file. Sans-I/O towards the network: it is fed by whoever read the socket.

use std::fs::File;
use std::io::Write;

use crate::http::{ChunkedDecoder, Framing, ParseError};
use crate::options::{EngineOptions, Spool};

/// How much is reserved at first for a declared length: a client that announces much and sends nothing costs little.
const FIRST_RESERVE_BYTES: usize = 16 * 1024;

/// Where the bytes are.
pub(crate) enum Store {
    Memory(Vec<u8>),
    File { file: File, bytes: u64 },
}

/// Why a body cannot be received.
pub(crate) enum ReceiveError {
    /// The client's mistake, or a limit.
    Parse(ParseError),
    /// The spool file could not be made or written.
    Spool(std::io::Error),
}

/// What is known after some input.
pub(crate) enum Progress {
    /// The body is complete; this many bytes of the input belonged to it.
    Complete(usize),
    /// All input was taken and more is needed.
    More,
    /// As `More`, and what is in memory has reached the limit while the rest is to be streamed.
    Full(usize),
}

/// One body, being received.
pub(crate) struct Receiver {
    framing: Incoming,
    store: Store,
    is_complete: bool,
}

enum Incoming {
    Length { left: u64 },
    Chunked(Box<ChunkedDecoder>),
}

impl Receiver {
    /// A receiver for a framing that has a body.
    pub fn new(framing: Framing) -> Receiver {
        let incoming = match framing {
            Framing::Length(left) => Incoming::Length { left },
            Framing::Chunked => Incoming::Chunked(Box::new(ChunkedDecoder::new())),
            Framing::None => Incoming::Length { left: 0 },
        };
        let reserve = match &incoming {
            Incoming::Length { left } => {
                usize::try_from(*left).unwrap_or(usize::MAX).min(FIRST_RESERVE_BYTES)
            }
            Incoming::Chunked(_) => 0,
        };
        Receiver { framing: incoming, store: Store::Memory(Vec::with_capacity(reserve)), is_complete: false }
    }

    /// Takes what of `input` belongs to the body.
    pub fn take_in(&mut self, input: &[u8], options: &EngineOptions) -> Result<Progress, ReceiveError> {
        let mut at = 0;
        loop {
            if let Incoming::Length { left: 0 } = self.framing {
                self.is_complete = true;
            }
            if self.is_complete {
                return Ok(Progress::Complete(at));
            }
            if matches!(options.spool, Spool::Stream)
                && self.buffered_bytes() >= options.body_buffer_bytes.max(1)
            {
                return Ok(Progress::Full(at));
            }
            if at == input.len() {
                return Ok(Progress::More);
            }
            let (consumed, is_finished) = self.step(&input[at..], options)?;
            at += consumed;
            self.is_complete = is_finished;
        }
    }

    fn step(&mut self, input: &[u8], options: &EngineOptions) -> Result<(usize, bool), ReceiveError> {
        match &mut self.framing {
            Incoming::Length { left } => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                self.store.append(&input[..count], options)?;
                *left -= count as u64;
                Ok((count, *left == 0))
            }
            Incoming::Chunked(decoder) => {
                let step = decoder.decode(input, &options.rules).map_err(ReceiveError::Parse)?;
                self.store.append(step.data, options)?;
                Ok((step.consumed, step.is_finished))
            }
        }
    }

    /// What to answer when the client ends its side now; `None`: nothing, it is gone in the middle of its data.
    pub fn end_of_input(&self) -> Option<ParseError> {
        match &self.framing {
            Incoming::Length { .. } => None,
            Incoming::Chunked(decoder) => decoder.end_of_input(),
        }
    }

    /// The trailer fields of a chunked body, in wire order.
    pub fn trailers(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        match &self.framing {
            Incoming::Length { .. } => Vec::new(),
            Incoming::Chunked(decoder) => {
                decoder.trailers().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
            }
        }
    }

    /// Is every byte of the body here?
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Takes what was stored so far, leaving an empty store.
    pub fn take_store(&mut self) -> Store {
        std::mem::replace(&mut self.store, Store::Memory(Vec::new()))
    }

    fn buffered_bytes(&self) -> usize {
        match &self.store {
            Store::Memory(bytes) => bytes.len(),
            Store::File { .. } => 0,
        }
    }
}

impl Store {
    fn append(&mut self, data: &[u8], options: &EngineOptions) -> Result<(), ReceiveError> {
        match self {
            Store::Memory(bytes) => match &options.spool {
                Spool::File(folder) if bytes.len() + data.len() > options.body_buffer_bytes => {
                    let mut file = tempfile::tempfile_in(folder).map_err(ReceiveError::Spool)?;
                    file.write_all(bytes).map_err(ReceiveError::Spool)?;
                    file.write_all(data).map_err(ReceiveError::Spool)?;
                    *self = Store::File { file, bytes: (bytes.len() + data.len()) as u64 };
                }
                Spool::File(_) | Spool::Stream => bytes.extend_from_slice(data),
            },
            Store::File { file, bytes } => {
                file.write_all(data).map_err(ReceiveError::Spool)?;
                *bytes += data.len() as u64;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
