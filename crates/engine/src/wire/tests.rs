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
