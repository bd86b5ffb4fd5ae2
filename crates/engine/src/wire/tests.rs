//! The wire over a socket pair: order across the queue, the wait for room, and the end.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{Received, Sent, Wire};

fn pair() -> (Wire, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    ours.set_nonblocking(true).expect("a socket");
    theirs.set_read_timeout(Some(Duration::from_secs(10))).expect("a valid timeout");
    (Wire::new(ours.into()), theirs)
}

#[test]
fn what_the_socket_does_not_take_follows_in_order() {
    let (wire, mut peer) = pair();
    let large: Vec<u8> = (0..4_000_000_u32).map(|at| (at >> 7) as u8).collect();
    assert_eq!(wire.send(&[b"head"]), Sent::All);
    assert_eq!(wire.progress_ms(), 0);
    assert_eq!(wire.send(&[b"a", &large, b"z"]), Sent::Queued);
    assert_eq!(wire.send(&[b"end"]), Sent::Queued);
    assert!(wire.queued_bytes() > 0 && wire.progress_ms() > 0);
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).map(|_| all)
    });
    assert_eq!(wire.wait_for_room(0, Some(Duration::from_secs(10))), Sent::All);
    wire.end_sending();
    let all = reader.join().expect("no panic").expect("all of it in time");
    assert!(all == [b"heada".as_slice(), &large, b"zend"].concat());
}

#[test]
fn no_progress_and_a_gone_peer_break_it() {
    let (wire, peer) = pair();
    assert_eq!(wire.send(&[&vec![0; 4_000_000]]), Sent::Queued);
    assert_eq!(wire.wait_for_room(0, Some(Duration::from_millis(20))), Sent::Broken);
    assert_eq!((wire.send(&[b"x"]), wire.queued_bytes()), (Sent::Broken, 0));
    drop(peer);
    let (wire, peer) = pair();
    assert_eq!(wire.receive(&mut [0; 8]), Received::Nothing);
    drop(peer);
    assert_eq!(wire.receive(&mut [0; 8]), Received::End);
    assert_eq!(wire.send(&[b"x"]), Sent::Broken);
}

#[test]
fn what_is_held_leaves_when_let_go_and_before_anything_else() {
    let (wire, mut peer) = pair();
    let mut read = |count: usize| {
        let mut bytes = vec![0; count];
        peer.read_exact(&mut bytes).expect("they were sent");
        String::from_utf8(bytes).expect("text was sent")
    };
    assert_eq!(wire.hold(b"one".to_vec()), Ok(()));
    assert_eq!(wire.queued_bytes(), 0, "it is held on purpose: nobody has to drain it");
    assert_eq!(wire.hold(b"two".to_vec()), Err(b"two".to_vec()), "there is one place");
    assert_eq!((wire.let_go(), read(3)), (Sent::All, "one".into()));
    assert_eq!(wire.let_go(), Sent::All);
    assert_eq!(wire.hold(b"two".to_vec()), Ok(()));
    assert_eq!((wire.send(&[b"three"]), read(8)), (Sent::All, "twothree".into()));
    assert_eq!(wire.hold(b"four".to_vec()), Ok(()));
    assert_eq!((wire.flush(), read(4)), (Sent::All, "four".into()));
    assert_eq!(wire.hold(b"last".to_vec()), Ok(()));
    wire.end_sending();
    assert_eq!(read(4), "last");
    assert_eq!(peer.read(&mut [0]).expect("the end"), 0);
}

#[test]
fn nothing_is_held_behind_a_queue_or_for_nobody() {
    let (wire, mut peer) = pair();
    let large = vec![b'a'; 4_000_000];
    assert_eq!(wire.send(&[&large]), Sent::Queued);
    assert_eq!(wire.hold(b"b".to_vec()), Err(b"b".to_vec()));
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).map(|_| all.len())
    });
    assert_eq!(wire.wait_for_room(0, Some(Duration::from_secs(10))), Sent::All);
    assert_eq!(wire.hold(b"b".to_vec()), Ok(()));
    wire.cut();
    assert_eq!(wire.hold(b"c".to_vec()), Err(b"c".to_vec()));
    assert_eq!(reader.join().expect("no panic").expect("all of it in time"), large.len() + 1);
}

#[test]
fn what_a_full_socket_does_not_take_of_it_is_queued() {
    let (wire, mut peer) = pair();
    while wire.send(&[&[b'a'; 1000]]) == Sent::All {}
    let mut some = vec![0; 1_000_000];
    // All that waits fits now, and less than what is held besides.
    while wire.flush() != Sent::All {
        let _ = peer.read(&mut some).expect("there is something");
    }
    let held = vec![b'b'; 4_000_000];
    assert_eq!(wire.hold(held), Ok(()));
    assert_eq!(wire.let_go(), Sent::Queued);
    assert!(wire.queued_bytes() > 0 && wire.progress_ms() > 0);
}
