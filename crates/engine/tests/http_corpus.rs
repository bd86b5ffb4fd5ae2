//! Every HTTP case that the protocol layer can decide, whole and in small pieces.
//!
//! The case's `ours` is the law; what the application must see and what must never happen are checked too. Cases that
//! need a clock, an application or TLS are skipped by name, with the reason.

mod driver;

use driver::cases::{Case, load};
use driver::{Connection, End, Outcome, run};
use tricorn_engine::http::Rules;
use tricorn_engine::http::proxy::ProxyMode;

const NEEDS_CLOCK: &str = "a deadline decides";
const NEEDS_APP: &str = "the application or its response decides";
const NEEDS_WEBSOCKET: &str = "the WebSocket handshake decides";

/// Cases that the black-box tests decide.
const SKIPPED: &[(&str, &str)] = &[
    ("cl-short-wait", NEEDS_CLOCK),
    ("ex-stall", NEEDS_CLOCK),
    ("pp2-long-stall", NEEDS_CLOCK),
    ("tm-partial-line", NEEDS_CLOCK),
    ("tm-trickle-line", NEEDS_CLOCK),
    ("ga-empty-idle", NEEDS_CLOCK),
    ("ga-tls-partial", "a TLS listener decides"),
    ("ga-oob", "urgent data exists only in a socket"),
    ("sm-cl0-500", NEEDS_APP),
    ("ka-10-stream", NEEDS_APP),
    ("ka-rst-mid", NEEDS_APP),
    ("ka-max-requests", NEEDS_APP),
    ("rs-status-crlf", NEEDS_APP),
    ("rs-no-start", NEEDS_APP),
    ("rs-304-cl", NEEDS_APP),
    ("rs-cl-less", NEEDS_APP),
    ("rs-empty-yield", NEEDS_APP),
    ("rs-generator-close", NEEDS_APP),
    ("rs-103-11", NEEDS_APP),
    ("rs-asgi-double-start", NEEDS_APP),
    ("rs-asgi-no-complete", NEEDS_APP),
    ("up-ws-nokey", NEEDS_WEBSOCKET),
    ("up-ws-badver", NEEDS_WEBSOCKET),
    ("up-ws-nonascii-all", NEEDS_WEBSOCKET),
    ("up-ws-early-frames", NEEDS_WEBSOCKET),
    ("up-ws-reject-smuggle", NEEDS_WEBSOCKET),
];

/// Cases whose first request is served and whose second message is refused, as their notes say.
const REFUSED_AFTER_ACCEPT: &[&str] = &["cl-long", "pp1-second-request"];

fn outcome(case: &Case, sizes: &[usize]) -> Outcome {
    let rules = Rules { body_bytes_max: 10_000_000, ..Rules::default() };
    let setup = case.text("setup");
    let mode = if setup.contains("--proxy-protocol") { ProxyMode::Auto } else { ProxyMode::Off };
    // The client is on this host, which the default of forwarded_allow_ips trusts.
    let is_trusted = !setup.contains("forwarded-allow-ips=192.0.2.1");
    let has_end = case.list_has("steps", "half_close") || case.list_has("steps", "\"close\"");
    run(&case.bytes, sizes, Connection::new(&rules, mode, is_trusted), has_end)
}

/// Cases with two requests of which the second, a plain HTTP/1.0 one, ends the connection.
const CLOSED_BY_SECOND: &[&str] = &["ka-10-keepalive"];

/// What is wrong with the outcome, in words.
fn complaint(case: &Case, outcome: &Outcome) -> Option<String> {
    let is_first_refused = outcome.requests.is_empty();
    let is_right = match case.ours.as_str() {
        "accept" if REFUSED_AFTER_ACCEPT.contains(&case.id.as_str()) => {
            outcome.requests.len() == 1
                && matches!(&outcome.end, End::Refused(error) if error.status().code() == 400)
        }
        "accept" if CLOSED_BY_SECOND.contains(&case.id.as_str()) => {
            outcome.end == End::Closed && outcome.requests.len() == 2
        }
        "accept" | "100,accept" => {
            outcome.end == End::Idle && outcome.requests.len() as u64 == case.json["n"].as_u64().unwrap_or(1)
        }
        "accept+close" => outcome.end == End::Closed && outcome.requests.len() == 1,
        "close" => is_first_refused && !matches!(outcome.end, End::Refused(_) | End::Closed),
        status => {
            let code = status.strip_suffix("+close").and_then(|code| code.parse().ok());
            is_first_refused
                && matches!(&outcome.end, End::Refused(error) if Some(error.status().code()) == code)
        }
    };
    if !is_right {
        return Some(format!("wants {}", case.ours));
    }
    if outcome.requests.iter().any(|request| request.target.starts_with(b"/smuggled")) {
        return Some("saw /smuggled".to_owned());
    }
    if case.ours.starts_with("100")
        != outcome.requests.first().is_some_and(|request| request.expects_continue)
    {
        return Some("100 Continue".to_owned());
    }
    see_complaint(case, outcome)
}

fn see_complaint(case: &Case, outcome: &Outcome) -> Option<String> {
    let see = case.json["see"].as_object()?;
    let first = outcome.requests.first()?;
    let latin1 = |text: &str| text.chars().map(|c| u8::try_from(c).expect("one byte")).collect::<Vec<u8>>();
    let mut path = Vec::new();
    tricorn_engine::http::percent_decode(&first.path, &mut path);
    for (key, wanted) in see {
        let text = latin1(wanted.as_str().unwrap_or(""));
        let is_right = match key.as_str() {
            "method" => first.method == text,
            "path" | "path_bytes" => path == text,
            "raw_path" => first.path == text,
            "body" => first.body == text,
            "body_len" => Some(first.body.len() as u64) == wanted.as_u64(),
            "headers" => wanted.as_object().expect("an object").iter().all(|(name, value)| {
                first.field(name) == Some(latin1(value.as_str().expect("a string")).as_slice())
            }),
            "remote_addr" | "remote_port" => {
                let source = outcome.proxy.and_then(|info| info.addresses)?.source;
                let (addr, port) = (source.ip().to_string(), u64::from(source.port()));
                wanted.as_str() == Some(addr.as_str()) || wanted.as_u64() == Some(port)
            }
            other => panic!("{}: nothing here can see {other}", case.id),
        };
        if !is_right {
            return Some(format!("must see {key} = {wanted}"));
        }
    }
    None
}

#[test]
fn every_case_gives_our_outcome_however_it_is_cut() {
    let cases = load();
    let mut complaints = Vec::new();
    let mut decided = 0;
    for case in &cases {
        if SKIPPED.iter().any(|(id, _)| *id == case.id) {
            continue;
        }
        decided += 1;
        let whole = outcome(case, &[]);
        if let Some(complaint) = complaint(case, &whole) {
            complaints.push(format!("{}: {complaint}: {whole:?}", case.id));
        }
        for size in [1, 2, 3, 7, 4096] {
            let cut = outcome(case, &[size]);
            if cut != whole {
                complaints.push(format!("{}: in pieces of {size}: {cut:?} instead of {whole:?}", case.id));
            }
        }
    }
    assert!(complaints.is_empty(), "{} of {decided}:\n{}", complaints.len(), complaints.join("\n"));
    assert_eq!(decided + SKIPPED.len(), cases.len(), "a skipped case does not exist");
    println!("{decided} cases decided, {} skipped", SKIPPED.len());
}

#[test]
fn a_refusal_is_the_same_behind_a_served_request() {
    for case in load().iter().filter(|case| case.ours.ends_with("+close")) {
        let is_other = SKIPPED.iter().any(|(id, _)| *id == case.id) || case.category == "proxy-protocol";
        let alone = outcome(case, &[]);
        if is_other || !alone.requests.is_empty() || case.text("setup").contains("allow-ips") {
            continue;
        }
        let mut bytes = b"GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n".to_vec();
        bytes.extend_from_slice(&case.bytes);
        let has_end = case.list_has("steps", "half_close");
        let rules = Rules { body_bytes_max: 10_000_000, ..Rules::default() };
        let both = run(&bytes, &[], Connection::new(&rules, ProxyMode::Off, true), has_end);
        assert_eq!((both.requests.len(), both.end), (1, alone.end), "{}", case.id);
    }
}
