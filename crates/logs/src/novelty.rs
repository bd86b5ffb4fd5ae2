//! Whether something was said before: for lines that clients can cause as often as they like.
//!
//! Each word is said once per process, and no more than a few new ones a minute, so that who invents words does not fill a
//! disk. It keeps the account; what is said, and when it is now, its owner knows.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// New words that are said in one stretch.
const WORDS_MAX: u32 = 5;
const STRETCH: Duration = Duration::from_secs(60);
/// Words that are remembered; then all are forgotten, and begin anew.
const REMEMBERED_MAX: usize = 1000;

/// The words that were said.
#[derive(Default)]
pub struct Novelty {
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    words: HashSet<Box<[u8]>>,
    /// When the stretch began, and how many words were said in it.
    began: Option<Instant>,
    count: u32,
    /// How often a new word went unsaid since the last one that was said.
    unsaid: u64,
}

impl Novelty {
    /// May `word` be said at `now`? Case does not make a word new. If so: how often a new one went unsaid before it.
    pub fn admit(&self, word: &[u8], now: Instant) -> Option<u64> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let word: Box<[u8]> = word.to_ascii_lowercase().into();
        if said.words.contains(&word) {
            return None;
        }
        if said.began.is_none_or(|began| now.duration_since(began) >= STRETCH) {
            said.began = Some(now);
            said.count = 0;
        }
        if said.count == WORDS_MAX {
            said.unsaid += 1;
            return None;
        }
        if said.words.len() == REMEMBERED_MAX {
            said.words.clear();
        }
        said.count += 1;
        said.words.insert(word);
        Some(std::mem::take(&mut said.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Novelty, REMEMBERED_MAX, STRETCH};

    #[test]
    fn each_word_is_said_once_and_few_a_minute() {
        let (novelty, start) = (Novelty::default(), Instant::now());
        for (word, minute, admitted) in [
            ("a", 0, Some(0)),
            ("A", 0, None),
            ("b", 0, Some(0)),
            ("c", 0, Some(0)),
            ("d", 0, Some(0)),
            ("e", 0, Some(0)),
            ("f", 0, None),
            ("g", 0, None),
            ("a", 1, None),
            ("f", 1, Some(2)),
            ("g", 1, Some(0)),
            ("f", 2, None),
        ] {
            assert_eq!(
                novelty.admit(word.as_bytes(), start + minute * STRETCH),
                admitted,
                "{word} in minute {minute}"
            );
        }
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let (novelty, start) = (Novelty::default(), Instant::now());
        for number in 0..=REMEMBERED_MAX as u32 {
            assert!(novelty.admit(number.to_string().as_bytes(), start + number * STRETCH).is_some());
        }
        assert_eq!(novelty.said.lock().expect("no test panics with it").words.len(), 1);
    }
}
