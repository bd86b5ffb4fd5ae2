//! What must hold for any bytes: no panic, one outcome however they are cut, nothing unclean accepted.
//!
//! Called by the fuzz targets here and by the engine's tests, which replay the committed corpora. The first two bytes
//! of an input choose rules and cut; the rest is what a client sent.

use tricorn_engine::http::grammar::{is_field_value, is_token};
use tricorn_engine::http::proxy::{ProxyMode, ProxyOutcome, ProxyParser};
use tricorn_engine::http::{ChunkedDecoder, Framing, HeadParser, HeaderMap, ParseError, RequestHead, Rules};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Splits an input into its choices and the client's bytes.
fn choices(input: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&[flags, size], bytes) = input.split_first_chunk::<2>()?;
    Some((flags, usize::from(size % 32) + 1, bytes))
}

/// Each bit of the flags switches one relaxation or limit.
fn rules(flags: u8) -> Rules {
    let has = |bit: u8| flags & (1 << bit) != 0;
    Rules {
        permit_obsolete_folding: has(0),
        strip_header_spaces: has(1),
        permit_unconventional_http_method: has(2),
        permit_unconventional_http_version: has(2),
        casefold_http_method: has(3),
        permit_missing_host: has(4),
        header_map: if has(5) { HeaderMap::Dangerous } else { HeaderMap::Drop },
        request_line_bytes_max: if has(6) { 40 } else { 4094 },
        fields_max: if has(6) { 4 } else { 100 },
        field_bytes_max: if has(6) { 40 } else { 8190 },
        body_bytes_max: if has(6) { 20 } else { 0 },
        ..Rules::default()
    }
}

fn owned<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Fields {
    fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

fn assert_clean(fields: &Fields) {
    for (name, value) in fields {
        assert!(is_token(name), "{name:?}");
        assert!(is_field_value(value), "{value:?}");
        assert!(!value.first().is_some_and(|byte| b" \t".contains(byte)), "{value:?}");
        assert!(!value.last().is_some_and(|byte| b" \t".contains(byte)), "{value:?}");
    }
}

/// Bytes taken, the parts of the request line with all decisions, and the fields.
type Head = (usize, Vec<Vec<u8>>, Fields);

/// Everything a head says; `step` bytes arrive at a time.
fn parse_head(bytes: &[u8], step: usize, flags: u8) -> Result<Option<Head>, ParseError> {
    let (mut parser, mut head) = (HeadParser::new(), RequestHead::new());
    let rules = rules(flags);
    let mut end = 0;
    loop {
        end = (end + step).min(bytes.len());
        let taken = parser.parse(&bytes[..end], &rules, flags & 128 != 0, &mut head)?;
        if let Some(taken) = taken {
            assert!(taken <= end);
            let mut path = Vec::new();
            head.decode_path(&mut path);
            let facts = format!(
                "{:?} {:?} {} {} {} {:?}",
                head.version(),
                head.framing(),
                head.is_keep_alive(),
                head.expects_continue(),
                head.wants_upgrade(),
                head.scheme_is_https()
            );
            let parts = [head.method(), head.target(), head.path(), head.query(), head.version_text(), &path];
            let mut parts: Vec<_> = parts.iter().map(|part| part.to_vec()).collect();
            parts.push(facts.into_bytes());
            assert!(head.field(b"transfer-encoding").is_some() == (head.framing() == Framing::Chunked));
            return Ok(Some((taken, parts, owned(head.fields()))));
        }
        if end == bytes.len() {
            return Ok(None);
        }
    }
}

/// The request head.
pub fn request_head(input: &[u8]) {
    let Some((flags, step, bytes)) = choices(input) else { return };
    let whole = parse_head(bytes, bytes.len().max(1), flags);
    assert_eq!(parse_head(bytes, step, flags), whole, "in steps of {step}");
    match whole {
        Ok(Some((_, parts, fields))) => {
            assert!(is_token(&parts[0]));
            assert!(parts[1].iter().all(|byte| (0x21..=0x7e).contains(byte)));
            assert_clean(&fields);
        }
        Ok(None) => {}
        Err(error) => {
            assert!((400..=505).contains(&error.status().code()));
            assert!(!error.message().chars().any(char::is_control), "{error}");
        }
    }
}

/// Data, trailers, bytes taken, and whether the body is complete.
type Body = (Vec<u8>, Fields, usize, bool);

fn decode(bytes: &[u8], step: usize, rules: &Rules) -> Result<Body, ParseError> {
    let mut decoder = ChunkedDecoder::new();
    let (mut data, mut taken, mut is_finished) = (Vec::new(), 0, false);
    for piece in bytes.chunks(step) {
        let mut rest = piece;
        while !rest.is_empty() && !is_finished {
            let found = decoder.decode(rest, rules)?;
            assert!(found.consumed > 0 && found.consumed <= rest.len() && found.data.len() <= found.consumed);
            data.extend_from_slice(found.data);
            taken += found.consumed;
            is_finished = found.is_finished;
            rest = &rest[found.consumed..];
        }
    }
    assert!(!is_finished || decoder.end_of_input().is_none());
    Ok((data, owned(decoder.trailers()), taken, is_finished))
}

/// The chunked body.
pub fn chunked(input: &[u8]) {
    let Some((flags, step, bytes)) = choices(input) else { return };
    let rules = rules(flags);
    let whole = decode(bytes, bytes.len().max(1), &rules);
    assert_eq!(decode(bytes, step, &rules), whole, "in steps of {step}");
    match whole {
        Ok((data, trailers, taken, is_finished)) => {
            assert!(!rules.is_body_too_large(data.len() as u64));
            assert!(taken <= bytes.len() && (is_finished || taken == bytes.len()));
            assert_clean(&trailers);
        }
        Err(error) => assert!(!error.message().chars().any(char::is_control), "{error}"),
    }
}

/// The PROXY header: the first prefix that decides must decide as all the bytes do.
pub fn proxy(input: &[u8]) {
    let Some((flags, _, bytes)) = choices(input) else { return };
    let modes = [ProxyMode::Off, ProxyMode::V1, ProxyMode::V2, ProxyMode::Auto];
    let parser = ProxyParser::new(modes[usize::from(flags % 4)]);
    let whole = parser.parse(bytes);
    let first = (0..=bytes.len()).map(|end| parser.parse(&bytes[..end])).find(|found| *found != Ok(None));
    assert_eq!(first.unwrap_or(Ok(None)), whole);
    if let Ok(Some(ProxyOutcome::Present { consumed, info })) = whole {
        assert!(consumed <= bytes.len());
        assert_eq!(info.addresses.is_some(), info.protocol.starts_with("TCP"));
    }
}
