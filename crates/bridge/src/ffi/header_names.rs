//! From the bytes of a header's name to its environ key, `HTTP_ACCEPT` for `Accept`. The keys of names that were seen before
//! are cached per runner; the cache is bounded, because clients choose the names.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::object::{Obj, Raised};

/// Names kept. Real traffic has a few dozen; beyond the bound keys are made afresh.
const NAMES_MAX: usize = 512;

/// Longer names are not worth keeping.
const NAME_BYTES_MAX: usize = 64;

/// A bounded cache of environ keys.
#[derive(Default)]
pub struct HeaderNames {
    keys: HashMap<Box<[u8]>, Obj, BuildHasherDefault<Fnv>>,
    scratch: Vec<u8>,
}

impl HeaderNames {
    /// The environ key of the header `name` (CGI, RFC 3875 4.1.18; `CONTENT_TYPE` and `CONTENT_LENGTH` have no prefix).
    pub fn key(&mut self, name: &[u8]) -> Result<Obj, Raised> {
        if let Some(key) = self.keys.get(name) {
            return Ok(key.clone());
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(b"HTTP_");
        self.scratch.extend(name.iter().map(|byte| match byte {
            b'-' => b'_',
            byte => byte.to_ascii_uppercase(),
        }));
        let text = match &self.scratch[5..] {
            // Only the names with a dash are these two: with an underscore they were somebody's attempt.
            plain @ (b"CONTENT_TYPE" | b"CONTENT_LENGTH") if name.contains(&b'-') => plain,
            _ => &self.scratch,
        };
        let key = Obj::latin1(text)?;
        if self.keys.len() < NAMES_MAX && name.len() <= NAME_BYTES_MAX {
            self.keys.insert(name.into(), key.clone());
        }
        Ok(key)
    }
}

/// FNV-1a: short keys, and a table too small to be worth attacking.
pub struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
