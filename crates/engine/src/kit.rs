//! The working memory of one request: its parsed head, the head of its response, an encoding buffer. Kits are recycled
//! per thread, so that a steady stream of requests allocates nothing, and an idle connection owns none.

use std::cell::RefCell;

use crate::http::{HeadParser, RequestHead, ResponseHead};

/// Kits kept per thread; more than one is out only while requests wait or bodies arrive.
const KEPT_MAX: usize = 64;

/// A buffer that a big head has grown beyond this is given back to the allocator.
const KEPT_BYTES_MAX: usize = 32 * 1024;

/// Working memory of one request.
#[derive(Default)]
pub(crate) struct Kit {
    pub parser: HeadParser,
    pub head: RequestHead,
    pub response: ResponseHead,
    pub out: Vec<u8>,
}

thread_local! {
    // Boxed, because that is how exchanges and connections hold them: recycling must not move their contents.
    #[expect(clippy::vec_box, reason = "the boxes themselves are what is recycled")]
    static KITS: RefCell<Vec<Box<Kit>>> = const { RefCell::new(Vec::new()) };
}

impl Kit {
    pub fn take() -> Box<Kit> {
        KITS.with_borrow_mut(Vec::pop).unwrap_or_default()
    }

    pub fn give_back(mut self: Box<Kit>) {
        if self.out.capacity() > KEPT_BYTES_MAX {
            return;
        }
        self.parser.reset();
        self.head.clear();
        self.response.clear();
        self.out.clear();
        KITS.with_borrow_mut(|kits| {
            if kits.len() < KEPT_MAX {
                kits.push(self);
            }
        });
    }
}
