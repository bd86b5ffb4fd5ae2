//! A session and a client in one memory: plaintext keeps its order whatever the sizes of records, reads and buffers are.

use std::io::Write;
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

use super::{Fault, Session};

fn pair() -> (Session, ClientConnection) {
    let made = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.clone()], key).expect("they fit");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a certificate");
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("a.test").expect("a DNS name");
    let client = ClientConnection::new(Arc::new(client), name).expect("a good configuration");
    (Session::new(Arc::new(config), false).expect("a good configuration"), client)
}

fn records(client: &mut ClientConnection) -> Vec<u8> {
    let mut records = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut records).expect("a vector takes everything");
    }
    records
}

fn shake_hands(session: &mut Session, client: &mut ClientConnection) {
    for _ in 0..3 {
        assert_eq!(session.open(&records(client), &mut [0; 64]), Ok(0));
        let mut answer = Vec::new();
        while session.has_staged() {
            session.transmit(&mut answer).expect("a vector takes everything");
        }
        let mut answer = &answer[..];
        while !answer.is_empty() {
            client.read_tls(&mut answer).expect("bytes");
            client.process_new_packets().expect("good records");
        }
    }
    assert!(session.facts().is_some());
}

#[test]
fn plaintext_keeps_its_order() {
    for (read, room) in [(1, 5), (7, 1), (100_000, 7), (33_000, 16_384), (5000, 100_000)] {
        let (mut session, mut client) = pair();
        shake_hands(&mut session, &mut client);
        client.set_buffer_limit(None);
        let sent: Vec<u8> = (0..50_000_u32).map(|at| (at >> 3) as u8).collect();
        for piece in sent.chunks(3333) {
            client.writer().write_all(piece).expect("room");
        }
        client.send_close_notify();
        let (mut opened, mut into) = (Vec::new(), vec![0; room]);
        for piece in records(&mut client).chunks(read) {
            let mut count = session.open(piece, &mut into).expect("good records");
            opened.extend_from_slice(&into[..count]);
            while session.has_more() && !session.is_ended() {
                count = session.open(&[], &mut into).expect("good records");
                opened.extend_from_slice(&into[..count]);
            }
        }
        assert!(opened == sent && session.is_ended(), "reads of {read}, room for {room}");
    }
}

#[test]
fn a_damaged_record_ends_it_and_what_came_before_is_kept() {
    let (mut session, mut client) = pair();
    shake_hands(&mut session, &mut client);
    client.writer().write_all(b"good").expect("room");
    let mut bytes = records(&mut client);
    client.writer().write_all(b"bad").expect("room");
    let mut damaged = records(&mut client);
    *damaged.last_mut().expect("a record") ^= 1;
    let mut into = [0; 64];
    assert_eq!(session.open(&bytes, &mut into), Ok(4));
    assert!(matches!(session.open(&damaged, &mut into), Err(Fault::Broken(_))));
    assert!(session.has_staged() && session.has_more(), "an alert waits, and the fault is there to stay");
    bytes.clear();
    assert!(matches!(session.open(&bytes, &mut into), Err(Fault::Broken(_))));
}

#[test]
fn http_is_told_from_tls_by_its_first_byte() {
    for (first, is_http) in [(b'G', true), (b'p', true), (0x16, false), (0x80, false), (b' ', false)] {
        let (mut session, _) = pair();
        let opened = session.open(&[first; 20], &mut [0; 64]);
        assert_eq!(opened == Err(Fault::PlainHttp), is_http, "{first}");
        assert!(!(is_http && session.has_staged()), "no alert in the face of HTTP");
    }
}
