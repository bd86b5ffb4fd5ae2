//! Random and mutated connections: no panic, and the outcome never depends on how the bytes were cut.
//!
//! The seeds are the HTTP cases; mutations insert, delete and replace the bytes that framing is made of.

mod driver;

use std::sync::LazyLock;

use driver::cases::load;
use driver::{Connection, Outcome, run};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tricorn_engine::http::proxy::ProxyMode;
use tricorn_engine::http::{HeaderMap, Rules};

/// The bytes of the cases that are small enough to be cut thousands of times.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut seeds: Vec<_> = load().into_iter().map(|case| case.bytes).collect();
    seeds.retain(|bytes| bytes.len() < 2000);
    seeds
});

const DANGEROUS: &[u8] = b"\r\n\0:; \t,\"\\/_05aAfF=\x7f\x80\xff";

#[derive(Clone, Debug)]
struct Mutation {
    place: prop::sample::Index,
    removed: usize,
    inserted: Vec<u8>,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let byte = prop_oneof![4 => select(DANGEROUS), 1 => any::<u8>()];
    (any::<prop::sample::Index>(), 0..3_usize, vec(byte, 0..3))
        .prop_map(|(place, removed, inserted)| Mutation { place, removed, inserted })
}

fn mutated(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        let start = mutation.place.index(bytes.len() + 1);
        let end = (start + mutation.removed).min(bytes.len());
        bytes.splice(start..end, mutation.inserted.iter().copied());
    }
    bytes
}

/// Strict rules, rules with every relaxation, and narrow limits.
fn rules() -> impl Strategy<Value = Rules> {
    let strict = Rules { body_bytes_max: 1000, ..Rules::default() };
    let relaxed = Rules {
        permit_obsolete_folding: true,
        strip_header_spaces: true,
        permit_unconventional_http_method: true,
        permit_unconventional_http_version: true,
        casefold_http_method: true,
        permit_missing_host: true,
        header_map: HeaderMap::Dangerous,
        ..Rules::default()
    };
    let narrow = Rules {
        request_line_bytes_max: 24,
        fields_max: 2,
        field_bytes_max: 30,
        body_bytes_max: 10,
        header_map: HeaderMap::Refuse,
        ..Rules::default()
    };
    select(vec![strict, relaxed, narrow])
}

fn outcome(bytes: &[u8], sizes: &[usize], rules: &Rules, is_trusted: bool) -> Outcome {
    run(bytes, sizes, Connection::new(rules, ProxyMode::Auto, is_trusted), true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_case_has_one_outcome(
        seed in any::<prop::sample::Index>(),
        mutations in vec(mutation(), 0..4),
        sizes in vec(1..40_usize, 1..6),
        rules in rules(),
        is_trusted in any::<bool>(),
    ) {
        let bytes = mutated(seed.get(&SEEDS).clone(), &mutations);
        let whole = outcome(&bytes, &[], &rules, is_trusted);
        prop_assert_eq!(&outcome(&bytes, &sizes, &rules, is_trusted), &whole);
        prop_assert_eq!(&outcome(&bytes, &[1], &rules, is_trusted), &whole);
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300), sizes in vec(1..40_usize, 1..6)) {
        let rules = Rules::default();
        prop_assert_eq!(outcome(&bytes, &sizes, &rules, true), outcome(&bytes, &[], &rules, true));
    }

    #[test]
    fn what_is_accepted_is_clean(
        seed in any::<prop::sample::Index>(),
        mutations in vec(mutation(), 0..4),
        rules in rules(),
    ) {
        let bytes = mutated(seed.get(&SEEDS).clone(), &mutations);
        for request in outcome(&bytes, &[], &rules, true).requests {
            prop_assert!(request.target.iter().all(|byte| (0x21..=0x7e).contains(byte)));
            for (name, value) in request.fields.iter().chain(&request.trailers) {
                prop_assert!(tricorn_engine::http::grammar::is_token(name));
                prop_assert!(tricorn_engine::http::grammar::is_field_value(value));
                prop_assert!(!value.starts_with(b" ") && !value.ends_with(b"\t"));
            }
            let codings = request.field("transfer-encoding").is_some();
            prop_assert!(!(codings && request.field("content-length").is_some()));
        }
    }
}

/// A parser that starts over at every byte would look at about 2 GiB here, which takes minutes in a debug build; a
/// linear one needs well under a second, so the generous bound does not depend on the machine.
#[test]
fn a_byte_by_byte_sender_costs_linear_time() {
    let rules =
        Rules { request_line_bytes_max: 0, fields_max: 40_000, field_bytes_max: 70_000, ..Rules::default() };
    let long_value = format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "x".repeat(65_000));
    let long_line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(65_000));
    let long_name = format!("GET / HTTP/1.1\r\nHost: a\r\n{}: b\r\n\r\n", "x".repeat(65_000));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A:\r\n".repeat(16_000));
    let trailers = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{}\r\n",
        "A:\r\n".repeat(16_000)
    );
    let start = std::time::Instant::now();
    for bytes in [long_value, long_line, long_name, many, trailers] {
        let outcome = run(bytes.as_bytes(), &[1], Connection::new(&rules, ProxyMode::Off, false), false);
        assert_eq!(outcome.requests.len(), 1);
    }
    assert!(start.elapsed().as_secs() < 10, "took {:?}", start.elapsed());
}
