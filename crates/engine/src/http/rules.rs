//! What a listener set accepts: limits and the switches that relax the grammar.
//!
//! Filled once from the settings by whoever builds the engine, then shared and never changed. Parsers read it; nothing
//! here parses. The limits use Gunicorn's clamps (`Rules::*_from_setting`), so a config file means the same here.

/// The largest request line whatever the settings say, in bytes without its CRLF.
const REQUEST_LINE_BYTES_HARD_MAX: usize = 64 * 1024;
/// Gunicorn's `MAX_REQUEST_LINE` and default field size, in bytes.
const LINE_BYTES_CLAMP: usize = 8190;
/// Gunicorn's `MAX_HEADERS`.
const FIELDS_CLAMP: usize = 32_768;

/// What happens to a field whose name contains `_` and is not a forwarder header (`--header-map`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderMap {
    /// The field is left out, which the engine reports: the default.
    Drop,
    /// The request is refused with 400.
    Refuse,
    /// The field is kept, although `X_Y` and `X-Y` become the same variable.
    Dangerous,
}

/// Limits and relaxations for the requests of one listener set.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Bytes of a request line without CRLF; 0 = no limit but the hard one of 64 KiB. Beyond: 414.
    pub request_line_bytes_max: usize,
    /// Number of field lines in a head, and again in a trailer section. Beyond: 431.
    pub fields_max: usize,
    /// Bytes of one field with its folded lines and CRLFs. Beyond: 431.
    pub field_bytes_max: usize,
    /// Bytes of a request body; 0 = no limit. Beyond: 413.
    pub body_bytes_max: u64,
    /// Accept folded field values (RFC 9112 section 5.2) and join the parts with one space.
    pub permit_obsolete_folding: bool,
    /// Accept and strip whitespace between a field name and its colon (RFC 9112 section 5.1 forbids it).
    pub strip_header_spaces: bool,
    /// Accept any token as method: lowercase, `#`, and any length.
    pub permit_unconventional_http_method: bool,
    /// Accept any `HTTP/d.d`; 0.x is then treated as 1.0 and 2.0 and above as 1.1.
    pub permit_unconventional_http_version: bool,
    /// Turn the method into upper case.
    pub casefold_http_method: bool,
    /// Accept HTTP/1.1 requests without Host (RFC 9112 section 3.2 demands 400).
    pub permit_missing_host: bool,
    /// The fate of names with an underscore.
    pub header_map: HeaderMap,
    /// Names with underscores a trusted peer may send, in upper case; `*` = all.
    pub forwarder_headers: Vec<Vec<u8>>,
    /// Fields (upper-case name, exact value) by which a trusted peer says that the client came by TLS.
    pub secure_scheme_headers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Default for Rules {
    /// The defaults of Gunicorn's settings; no limit for bodies.
    fn default() -> Self {
        let pair = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
        Rules {
            request_line_bytes_max: 4094,
            fields_max: 100,
            field_bytes_max: LINE_BYTES_CLAMP,
            body_bytes_max: 0,
            permit_obsolete_folding: false,
            strip_header_spaces: false,
            permit_unconventional_http_method: false,
            permit_unconventional_http_version: false,
            casefold_http_method: false,
            permit_missing_host: false,
            header_map: HeaderMap::Drop,
            forwarder_headers: vec![b"SCRIPT_NAME".to_vec(), b"PATH_INFO".to_vec()],
            secure_scheme_headers: vec![
                pair(b"X-FORWARDED-PROTOCOL", b"ssl"),
                pair(b"X-FORWARDED-PROTO", b"https"),
                pair(b"X-FORWARDED-SSL", b"on"),
            ],
        }
    }
}

impl Rules {
    /// `limit_request_line` as Gunicorn reads it: negative or at least 8190 means 8190, 0 means no limit.
    pub fn request_line_from_setting(setting: i64) -> usize {
        usize::try_from(setting).unwrap_or(LINE_BYTES_CLAMP).min(LINE_BYTES_CLAMP)
    }

    /// `limit_request_fields` as Gunicorn reads it: 0, negative or above 32768 means 32768.
    pub fn fields_from_setting(setting: i64) -> usize {
        match usize::try_from(setting) {
            Ok(count @ 1..=FIELDS_CLAMP) => count,
            _ => FIELDS_CLAMP,
        }
    }

    /// `limit_request_field_size` as Gunicorn reads it: 0 and negative mean 8190 (its documentation says unlimited).
    pub fn field_bytes_from_setting(setting: i64) -> usize {
        match usize::try_from(setting) {
            Ok(0) | Err(_) => LINE_BYTES_CLAMP,
            Ok(bytes) => bytes,
        }
    }

    /// The limit of a request line that is in force, in bytes without CRLF.
    pub(super) fn request_line_bytes(&self) -> usize {
        match self.request_line_bytes_max {
            0 => REQUEST_LINE_BYTES_HARD_MAX,
            bytes => bytes.min(REQUEST_LINE_BYTES_HARD_MAX),
        }
    }

    /// Whether a trusted peer may send a field of this name, underscores and all.
    pub fn is_forwarder_header(&self, name: &[u8]) -> bool {
        self.forwarder_headers.iter().any(|known| known == b"*" || name.eq_ignore_ascii_case(known))
    }

    /// Whether a body of this many bytes is refused with 413.
    pub fn is_body_too_large(&self, bytes: u64) -> bool {
        self.body_bytes_max != 0 && bytes > self.body_bytes_max
    }
}

#[cfg(test)]
mod tests {
    use super::Rules;

    #[test]
    fn limits_are_clamped_as_in_gunicorn() {
        for (setting, line, fields, field_bytes) in [
            (-1, 8190, 32_768, 8190),
            (0, 0, 32_768, 8190),
            (1, 1, 1, 1),
            (8189, 8189, 8189, 8189),
            (8191, 8190, 8191, 8191),
            (32_768, 8190, 32_768, 32_768),
            (32_769, 8190, 32_768, 32_769),
        ] {
            assert_eq!(Rules::request_line_from_setting(setting), line, "line {setting}");
            assert_eq!(Rules::fields_from_setting(setting), fields, "fields {setting}");
            assert_eq!(Rules::field_bytes_from_setting(setting), field_bytes, "field bytes {setting}");
        }
    }

    #[test]
    fn no_limit_for_the_request_line_is_still_a_hard_one() {
        let rules = Rules { request_line_bytes_max: 0, ..Rules::default() };
        assert_eq!(rules.request_line_bytes(), 65_536);
        let rules = Rules { request_line_bytes_max: usize::MAX, ..Rules::default() };
        assert_eq!(rules.request_line_bytes(), 65_536);
    }
}
