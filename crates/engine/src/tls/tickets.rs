//! Session tickets (RFC 5077, RFC 8446 section 4.6.1) that every worker of a server can read. The secret is drawn in the
//! master before the first fork; each worker derives the keys of the current period from it by the clock they share, so
//! that a session which began at one worker resumes at another without any message between them.
//!
//! Keys follow from each other by a one-way function and are forgotten after two periods: who reads a worker's memory
//! today cannot read what was recorded the day before yesterday.

use std::fmt;
use std::sync::{Arc, Mutex};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::server::ProducesTickets;

use crate::clock::monotonic_ms;
use crate::slots::lock;

/// How long one key makes tickets; it reads them for as long again.
const PERIOD_S: u64 = 6 * 3600;
const SECRET_BYTES: usize = 32;
const NAME_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// Longer than any ticket with a client's certificate chain; what is longer is not tried (and so costs nothing).
const TICKET_BYTES_MAX: usize = 32 * 1024;

type Secret = [u8; SECRET_BYTES];

/// The secret of a server's tickets. One for the whole life of a server: kept over reloads, inherited by every worker.
pub struct TicketKeys {
    ratchet: Mutex<Ratchet>,
}

#[derive(Clone)]
struct Ratchet {
    period: u64,
    current: Secret,
    previous: Option<Secret>,
}

impl TicketKeys {
    /// A new secret, from the system's random source; fails if that does.
    pub fn new() -> Result<Arc<TicketKeys>, String> {
        let mut current = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut current).map_err(|_| "no randomness for session tickets".to_owned())?;
        Ok(TicketKeys::from_secret(current, period_now()))
    }

    fn from_secret(current: Secret, period: u64) -> Arc<TicketKeys> {
        Arc::new(TicketKeys { ratchet: Mutex::new(Ratchet { period, current, previous: None }) })
    }

    /// The secrets of this period and of the one before.
    fn secrets(&self, period: u64) -> (Secret, Option<Secret>) {
        let mut ratchet = lock(&self.ratchet);
        while ratchet.period < period {
            let next = derive(&ratchet.current, &[b"tricorn tickets: next"]);
            ratchet.previous = Some(std::mem::replace(&mut ratchet.current, next));
            ratchet.period += 1;
        }
        (ratchet.current, ratchet.previous)
    }
}

fn period_now() -> u64 {
    monotonic_ms() / 1000 / PERIOD_S
}

struct Bytes<const N: usize>;

impl<const N: usize> KeyType for Bytes<N> {
    fn len(&self) -> usize {
        N
    }
}

/// HKDF-Expand (RFC 5869).
fn derive<const N: usize>(secret: &Secret, info: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    Prk::new_less_safe(HKDF_SHA256, secret)
        .expand(info, Bytes::<N>)
        .and_then(|okm| okm.fill(&mut out))
        .expect("lengths far below 255 hashes");
    out
}

/// Makes and reads the tickets of one policy. `context` stands for what a resumed session takes over unverified: how and
/// by whom client certificates were checked. Another context has other keys, so that no ticket survives a change of it.
pub(super) struct Ticketer {
    keys: Arc<TicketKeys>,
    context: Vec<u8>,
}

impl Ticketer {
    pub fn new(keys: Arc<TicketKeys>, context: Vec<u8>) -> Ticketer {
        Ticketer { keys, context }
    }

    fn key(&self, secret: &Secret) -> ([u8; NAME_BYTES], LessSafeKey) {
        let name = derive(secret, &[b"tricorn tickets: name", &self.context]);
        let key: Secret = derive(secret, &[b"tricorn tickets: key", &self.context]);
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key).expect("32 bytes are the length of its keys");
        (name, LessSafeKey::new(key))
    }

    /// Name of the key, nonce, sealed session, tag.
    fn seal(&self, session: &[u8], period: u64) -> Option<Vec<u8>> {
        let (secret, _) = self.keys.secrets(period);
        let (name, key) = self.key(&secret);
        // Random, not counted: the workers share the key and know nothing of each other.
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut ticket = Vec::with_capacity(NAME_BYTES + NONCE_LEN + session.len() + TAG_BYTES);
        ticket.extend_from_slice(&name);
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(session);
        let tag = key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(name),
                &mut ticket[NAME_BYTES + NONCE_LEN..],
            )
            .ok()?;
        ticket.extend_from_slice(tag.as_ref());
        Some(ticket)
    }

    fn open(&self, ticket: &[u8], period: u64) -> Option<Vec<u8>> {
        if ticket.len() > TICKET_BYTES_MAX {
            return None;
        }
        let (name, rest) = ticket.split_at_checked(NAME_BYTES)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let (current, previous) = self.keys.secrets(period);
        let keys = [Some(current), previous];
        let (name, key) =
            keys.iter().flatten().map(|secret| self.key(secret)).find(|(known, _)| known == name)?;
        let mut opened = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = key.open_in_place(nonce, Aad::from(name), &mut opened).ok()?.len();
        opened.truncate(length);
        Some(opened)
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    /// The hint to clients; what really ends a ticket is that its key is forgotten.
    fn lifetime(&self) -> u32 {
        2 * PERIOD_S as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal(plain, period_now())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.open(cipher, period_now())
    }
}

impl fmt::Debug for Ticketer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticketer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticketer(secret: u8, period: u64, context: &[u8]) -> Ticketer {
        Ticketer::new(TicketKeys::from_secret([secret; SECRET_BYTES], period), context.to_vec())
    }

    #[test]
    fn every_worker_reads_the_tickets_of_the_others() {
        let (one, other) = (ticketer(1, 7, b"c"), ticketer(1, 7, b"c"));
        let ticket = one.seal(b"session", 9).expect("a ticket");
        assert_eq!(other.open(&ticket, 9).as_deref(), Some(&b"session"[..]));
        assert_eq!(other.open(&ticket, 10).as_deref(), Some(&b"session"[..]), "the period after");
        assert_eq!(other.open(&ticket, 11), None, "the key is forgotten");
        assert_eq!(other.open(&one.seal(b"old", 9).expect("its clock is late"), 11), None);
    }

    #[test]
    fn tickets_of_others_are_refused() {
        let maker = ticketer(1, 0, b"c");
        let ticket = maker.seal(b"session", 0).expect("a ticket");
        assert_eq!(ticketer(2, 0, b"c").open(&ticket, 0), None, "another secret");
        assert_eq!(ticketer(1, 0, b"d").open(&ticket, 0), None, "another policy");
        for at in [0, NAME_BYTES, NAME_BYTES + NONCE_LEN, ticket.len() - 1] {
            let mut forged = ticket.clone();
            forged[at] ^= 1;
            assert_eq!(maker.open(&forged, 0), None, "byte {at}");
        }
        for length in [0, 1, NAME_BYTES, NAME_BYTES + NONCE_LEN, ticket.len() - 1] {
            assert_eq!(maker.open(&ticket[..length], 0), None, "{length} bytes");
        }
        let mut long = ticket;
        long.resize(TICKET_BYTES_MAX + 1, 0);
        assert_eq!(maker.open(&long, 0), None);
    }
}
