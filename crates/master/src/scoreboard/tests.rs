//! The scoreboard as one process sees it: layout, what is cut off, readers against a writer.
//!
//! What crosses a fork (heartbeats, requests in flight of a worker that died) is covered by
//! `tests/supervision/faults.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

fn board(workers: usize, runners: usize) -> Scoreboard {
    Scoreboard::new(workers, runners).expect("a small mapping")
}

#[test]
fn capacity_leaves_room_for_growth() {
    for (workers, runners, workers_max, runners_max) in [(1, 1, 64, 1), (24, 4, 64, 4), (25, 0, 66, 1)] {
        let board = board(workers, runners);
        assert_eq!((board.workers_max(), board.runners_max()), (workers_max, runners_max));
    }
}

#[test]
fn slots_do_not_overlap() {
    let board = board(24, 3);
    for index in 0..board.workers_max() {
        let slot = board.worker(index);
        slot.beat(index as u64 + 1);
        slot.set_process(index as u32 + 7, index as u64);
        for (number, runner) in slot.runners().enumerate() {
            runner.enter(b"GET", format!("/{index}/{number}").as_bytes(), 1);
        }
    }
    board.worker(5).clear();
    for index in (0..board.workers_max()).filter(|index| *index != 5) {
        let slot = board.worker(index);
        assert_eq!(
            (slot.beat_ms(), slot.pid(), slot.age()),
            (index as u64 + 1, index as u64 + 7, index as u64)
        );
        for (number, runner) in slot.runners().enumerate() {
            assert_eq!(runner.request().expect("entered").target, format!("/{index}/{number}"));
        }
    }
    assert_eq!((board.worker(5).beat_ms(), board.worker(5).runner(2).request()), (0, None));
    assert!(!board.worker(0).is_server_stopping());
    board.worker(63).set_server_stopping();
    assert!(board.worker(63).is_server_stopping() && !board.worker(62).is_server_stopping());
}

#[test]
fn a_request_is_cut_and_escaped() {
    let runner = board(1, 1).worker(0).runner(0);
    let rows: [(&[u8], &[u8], &str, String); 5] = [
        (b"GET", b"/a?b=c", "GET", "/a?b=c".to_owned()),
        (b"", b"", "", String::new()),
        (b"PROPPATCHX", &[b'x'; 120], "PROPPATC", "x".repeat(120)),
        (b"GET", &[b'x'; 121], "GET", format!("{}...", "x".repeat(120))),
        (b"G\nT", b"/\x1b[1m\xff", "G\\nT", "/\\x1b[1m\\xff".to_owned()),
    ];
    for (method, target, shown_method, shown_target) in rows {
        runner.enter(method, target, 10);
        let seen = runner.request().expect("inside");
        assert_eq!((seen.method.as_str(), seen.target, seen.entered_ms), (shown_method, shown_target, 10));
        runner.leave(12);
        assert_eq!((runner.request(), runner.entered_ms()), (None, None));
    }
    assert_eq!(runner.busy_ms(), 10);
    runner.enter(b"GET", b"/", 20);
    let unanswered = |entered_ms, since_ms| Some(Unanswered { entered_ms, since_ms });
    assert_eq!(runner.unanswered(), unanswered(20, 20));
    runner.await_client();
    assert_eq!(runner.unanswered(), None, "the client's time does not count");
    runner.resume(25);
    assert_eq!(runner.unanswered(), unanswered(20, 25));
    runner.begin_answer();
    assert_eq!((runner.unanswered(), runner.entered_ms()), (None, Some(20)));
    runner.enter(b"GET", b"/", 31);
    assert_eq!(runner.unanswered(), unanswered(31, 31), "answers and waits count for their own request");
    runner.leave(32);
    assert_eq!(runner.unanswered(), None);
    runner.begin_attach(4);
    assert_eq!(runner.attach_ms(), Some(4));
    runner.end_attach();
    assert_eq!(runner.attach_ms(), None);
}

#[test]
fn a_reader_never_sees_two_requests_mixed() {
    let runner = board(1, 1).worker(0).runner(0);
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..200_000_u32 {
                let letter = b'a' + (round % 26) as u8;
                runner.enter(&[letter; 8], &vec![letter; 16 + (round % 100) as usize], 1);
            }
            is_done.store(true, Ordering::Relaxed);
        });
        let mut seen_count = 0;
        while !is_done.load(Ordering::Relaxed) || seen_count == 0 {
            let Some(seen) = runner.request() else { continue };
            let letter = seen.method.chars().next().expect("8 letters");
            assert!(seen.target.chars().all(|c| c == letter), "{seen:?}");
            seen_count += 1;
        }
    });
}
