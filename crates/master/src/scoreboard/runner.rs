//! A runner's part of the scoreboard: three cache lines with the request it is in.
//!
//! One writer, the runner itself. Method and target are guarded by a sequence lock (odd while written), so
//! that a reader never shows half of one request and half of the next; the writer never waits and never makes
//! a system call.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::LINE_WORDS;
use crate::clock::seconds;

/// Words of one runner.
pub(super) const WORDS: usize = 3 * LINE_WORDS;

const SEQUENCE: usize = 0;
const ENTERED_MS: usize = 1;
const ATTACH_MS: usize = 2;
const LENGTHS: usize = 3;
const METHOD: usize = 4;
const TARGET: usize = 5;
const TARGET_WORDS: usize = 15;
const BUSY_MS: usize = 20;
/// The sequence number of the request whose answer has begun.
const ANSWERED: usize = 21;
/// When the application got its interpreter's time back from a client it had waited for; `u64::MAX` while it waits.
const RESUMED_MS: usize = 22;

/// Bytes of the method that are kept.
const METHOD_BYTES_MAX: usize = 8;
/// Bytes of the request target that are kept.
const TARGET_BYTES_MAX: usize = TARGET_WORDS * 8;

/// One runner's slot. Cheap to copy.
#[derive(Clone, Copy)]
pub struct RunnerSlot {
    words: &'static [AtomicU64; WORDS],
}

/// A request as the scoreboard shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSeen {
    /// At most 8 bytes; control characters are escaped.
    pub method: String,
    /// At most 120 bytes of the target, followed by `...` if there were more; control characters are escaped.
    pub target: String,
    /// When the application was called, `monotonic_ms`.
    pub entered_ms: u64,
}

/// A request that the application has not begun to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// When the application was entered, in `monotonic_ms`.
    pub entered_ms: u64,
    /// Since when it has been the application's turn: the same, or when it had last waited for the client.
    pub since_ms: u64,
}

impl RequestSeen {
    /// `GET /report for 1.2 s`. `now_ms` is `monotonic_ms`.
    pub fn with_age(&self, now_ms: u64) -> String {
        let age = seconds(now_ms.saturating_sub(self.entered_ms));
        format!("{} {} for {age}", self.method, self.target)
    }
}

impl RunnerSlot {
    pub(super) fn new(words: &'static [AtomicU64]) -> RunnerSlot {
        RunnerSlot { words: words.try_into().expect("the scoreboard cuts runners to WORDS") }
    }

    /// The runner calls the application for this request. `now_ms` is `monotonic_ms()`.
    pub fn enter(&self, method: &[u8], target: &[u8], now_ms: u64) {
        let method_bytes = method.len().min(METHOD_BYTES_MAX);
        let target_bytes = target.len().min(TARGET_BYTES_MAX);
        let is_cut = target.len() > TARGET_BYTES_MAX;
        let sequence = self.words[SEQUENCE].load(Ordering::Relaxed);
        self.words[SEQUENCE].store(sequence | 1, Ordering::Relaxed);
        fence(Ordering::Release);
        let lengths = (u64::from(is_cut) << 16) | (target_bytes as u64) << 8 | method_bytes as u64;
        self.words[LENGTHS].store(lengths, Ordering::Relaxed);
        self.words[METHOD].store(word_of(&method[..method_bytes]), Ordering::Relaxed);
        for (word, piece) in self.words[TARGET..].iter().zip(target[..target_bytes].chunks(8)) {
            word.store(word_of(piece), Ordering::Relaxed);
        }
        self.words[ENTERED_MS].store(now_ms, Ordering::Relaxed);
        self.words[SEQUENCE].store((sequence | 1).wrapping_add(1), Ordering::Release);
    }

    /// The application answers the request it is in: from here on its time is the client's as well.
    pub fn begin_answer(&self) {
        let sequence = self.words[SEQUENCE].load(Ordering::Relaxed);
        self.words[ANSWERED].store(sequence, Ordering::Relaxed);
    }

    /// The application waits for its client (a body that streams).
    pub fn await_client(&self) {
        self.words[RESUMED_MS].store(u64::MAX, Ordering::Relaxed);
    }

    /// It goes on. `now_ms` is `monotonic_ms()`.
    pub fn resume(&self, now_ms: u64) {
        self.words[RESUMED_MS].store(now_ms, Ordering::Relaxed);
    }

    /// The application is done with the request.
    pub fn leave(&self, now_ms: u64) {
        let entered_ms = self.words[ENTERED_MS].load(Ordering::Relaxed);
        self.words[ENTERED_MS].store(0, Ordering::Relaxed);
        let busy_ms = self.words[BUSY_MS].load(Ordering::Relaxed);
        self.words[BUSY_MS].store(busy_ms + now_ms.saturating_sub(entered_ms), Ordering::Relaxed);
    }

    /// The runner starts to wait for the interpreter.
    pub fn begin_attach(&self, now_ms: u64) {
        self.words[ATTACH_MS].store(now_ms, Ordering::Relaxed);
    }

    /// The runner has the interpreter.
    pub fn end_attach(&self) {
        self.words[ATTACH_MS].store(0, Ordering::Relaxed);
    }

    /// Since when the runner is inside the application.
    pub fn entered_ms(&self) -> Option<u64> {
        Some(self.words[ENTERED_MS].load(Ordering::Relaxed)).filter(|ms| *ms != 0)
    }

    /// The request that the runner is in, if its answer has not begun and it does not wait for its client.
    pub fn unanswered(&self) -> Option<Unanswered> {
        let word = |index: usize| self.words[index].load(Ordering::Relaxed);
        let sequence = self.words[SEQUENCE].load(Ordering::Acquire);
        let (entered_ms, answered, resumed_ms) = (word(ENTERED_MS), word(ANSWERED), word(RESUMED_MS));
        fence(Ordering::Acquire);
        // The next request may begin meanwhile: then this look at the last one was one too many.
        let is_whole = sequence.is_multiple_of(2) && word(SEQUENCE) == sequence;
        let is_asked = entered_ms != 0 && answered != sequence && resumed_ms != u64::MAX;
        let since_ms = entered_ms.max(resumed_ms);
        (is_whole && is_asked).then_some(Unanswered { entered_ms, since_ms })
    }

    /// Since when the runner waits for the interpreter.
    pub fn attach_ms(&self) -> Option<u64> {
        Some(self.words[ATTACH_MS].load(Ordering::Relaxed)).filter(|ms| *ms != 0)
    }

    /// Time spent inside the application, over all finished requests.
    pub fn busy_ms(&self) -> u64 {
        self.words[BUSY_MS].load(Ordering::Relaxed)
    }

    /// The request the runner is in, if it is in one and the words hold still for a moment. A process that
    /// died while it wrote them leaves `None`.
    pub fn request(&self) -> Option<RequestSeen> {
        (0..16).find_map(|_| (*self).try_request())
    }

    fn try_request(self) -> Option<RequestSeen> {
        let before = self.words[SEQUENCE].load(Ordering::Acquire);
        let lengths = self.words[LENGTHS].load(Ordering::Relaxed);
        let method = self.words[METHOD].load(Ordering::Relaxed).to_le_bytes();
        let mut target = [0; TARGET_BYTES_MAX];
        for (piece, word) in target.chunks_mut(8).zip(&self.words[TARGET..]) {
            piece.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        let entered_ms = self.words[ENTERED_MS].load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let after = self.words[SEQUENCE].load(Ordering::Relaxed);
        if before & 1 == 1 || before != after || entered_ms == 0 {
            return None;
        }
        // A worker that wrote over its own slot must not make the master index out of bounds.
        let method_bytes = (lengths as usize & 0xff).min(METHOD_BYTES_MAX);
        let target_bytes = (lengths as usize >> 8 & 0xff).min(TARGET_BYTES_MAX);
        let cut = if lengths >> 16 == 0 { "" } else { "..." };
        Some(RequestSeen {
            method: method[..method_bytes].escape_ascii().to_string(),
            target: format!("{}{cut}", target[..target_bytes].escape_ascii()),
            entered_ms,
        })
    }
}

/// Up to 8 bytes as one word, little end first, padded with zeros.
fn word_of(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}
