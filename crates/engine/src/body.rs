//! A request body as the application reads it: from memory, from the spool file, or (streaming) from the wire.
//! The reading interface is that of a buffered reader: look at what is there, then consume it.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::receiver::{Receiver, Store};

/// How much of a spool file is read at once.
const FILE_PIECE_BYTES: usize = 64 * 1024;

/// Why the application cannot have the rest of a body.
#[derive(Debug)]
pub enum BodyError {
    /// The client went away before the body was complete (RFC 9112 8).
    Incomplete,
    /// The client sent nothing for longer than the body timeout.
    Timeout,
    /// The client broke the framing, or a limit was passed.
    Malformed(crate::http::ParseError),
    /// The spool file could not be read or written.
    Spool(std::io::Error),
}

/// The body of one exchange.
#[derive(Default)]
pub(crate) struct Body {
    source: Source,
    /// Present while the end of the body has not been seen.
    pub upstream: Option<Box<Receiver>>,
    /// Trailer fields of a chunked body that was received before the application was called.
    pub trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

enum Source {
    Memory { data: Vec<u8>, at: usize },
    File { file: File, offset: u64, bytes: u64, piece: Vec<u8>, at: usize },
}

impl Default for Source {
    fn default() -> Source {
        Source::Memory { data: Vec::new(), at: 0 }
    }
}

impl Body {
    /// The body that `receiver` holds; incomplete ones keep the receiver as their upstream.
    pub fn from_receiver(mut receiver: Box<Receiver>) -> Body {
        let source = Source::from(receiver.take_store());
        let is_complete = receiver.is_complete();
        let trailers = if is_complete { receiver.trailers() } else { Vec::new() };
        Body { source, upstream: (!is_complete).then_some(receiver), trailers }
    }

    /// A complete body of these bytes.
    pub fn from_bytes(data: Vec<u8>) -> Body {
        Body { source: Source::Memory { data, at: 0 }, upstream: None, trailers: Vec::new() }
    }

    /// What can be consumed without reading anything; empty when that is nothing.
    pub fn at_hand(&self) -> &[u8] {
        match &self.source {
            Source::Memory { data, at } => &data[*at..],
            Source::File { piece, at, .. } => &piece[*at..],
        }
    }

    /// Is there anything in the spool file that is not at hand yet?
    pub fn wants_file_read(&self) -> bool {
        matches!(&self.source, Source::File { offset, bytes, .. } if offset < bytes)
    }

    /// Reads the next piece of the spool file; may block on the disk.
    pub fn read_file(&mut self) -> Result<(), BodyError> {
        if let Source::File { file, offset, bytes, piece, at } = &mut self.source {
            let want = usize::try_from(*bytes - *offset).unwrap_or(usize::MAX).min(FILE_PIECE_BYTES);
            piece.resize(want, 0);
            file.read_exact_at(piece, *offset).map_err(BodyError::Spool)?;
            *offset += want as u64;
            *at = 0;
        }
        Ok(())
    }

    /// Replaces what is at hand (and used up) by what the receiver got from the wire.
    pub fn refill(&mut self, store: Store) {
        self.source = Source::from(store);
    }

    /// Marks `count` bytes of what is at hand as read.
    pub fn consume(&mut self, count: usize) {
        match &mut self.source {
            Source::Memory { at, .. } | Source::File { at, .. } => *at += count,
        }
    }

    /// Was the end of the body received from the client?
    pub fn is_received(&self) -> bool {
        self.upstream.is_none()
    }
}

impl From<Store> for Source {
    fn from(store: Store) -> Source {
        match store {
            Store::Memory(data) => Source::Memory { data, at: 0 },
            Store::File { file, bytes } => Source::File { file, offset: 0, bytes, piece: Vec::new(), at: 0 },
        }
    }
}
