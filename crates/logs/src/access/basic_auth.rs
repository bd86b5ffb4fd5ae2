//! The user name in Basic credentials (RFC 7617 section 2), for the atom `u`.
//!
//! Anything that is not well-formed has no user, and no message: the line shows `-`. It never looks at the password.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

/// Padding is required, loose trailing bits are not refused: as Python's `b64decode`, which Gunicorn uses.
const DECODER: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// The user of an `Authorization` field's value; `None` for other schemes, broken base64, names that are not UTF-8, and
/// the empty name.
pub(super) fn user_of(authorization: &[u8]) -> Option<String> {
    let space = memchr::memchr(b' ', authorization)?;
    let (scheme, credentials) = authorization.split_at(space);
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let mut decoded = DECODER.decode(credentials.trim_ascii()).ok()?;
    decoded.truncate(memchr::memchr(b':', &decoded).unwrap_or(decoded.len()));
    String::from_utf8(decoded).ok().filter(|user| !user.is_empty())
}

#[cfg(test)]
mod tests {
    use super::user_of;

    #[test]
    fn only_well_formed_basic_credentials_name_a_user() {
        for (authorization, user) in [
            ("Basic YWxpY2U6c2VjcmV0", Some("alice")),
            ("basic YWxpY2U6c2VjcmV0", Some("alice")),
            ("BASIC   YWxpY2U6c2VjcmV0  ", Some("alice")),
            ("Basic YWxpY2U=", Some("alice")), // no colon
            ("Basic w6k6eA==", Some("é")),
            ("Basic YTpiOmM=", Some("a")),
            ("Basic OnNlY3JldA==", None), // empty name
            ("Basic YWxpY2U", None),      // no padding
            ("Basic ****", None),
            ("Basic /zp4", None), // not UTF-8
            ("Basic", None),
            ("Basic ", None),
            ("", None),
            ("Bearer YWxpY2U6c2VjcmV0", None),
        ] {
            assert_eq!(user_of(authorization.as_bytes()).as_deref(), user, "{authorization:?}");
        }
    }
}
