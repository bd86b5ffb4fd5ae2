//! The page that answers a request which never reached the application, or whose application failed.
//!
//! Called by the engine with a status and a message. The bytes are Gunicorn's (no Server, no Date, LF inside the
//! body), except that every code has its registered reason phrase.

use super::status::Status;

/// Appends the whole response to `out`; without its body, but with the body's length, when the request was HEAD.
///
/// The message is escaped here. Characters above U+00FF cannot be sent in latin-1 and become `?`.
pub fn error_page(status: Status, reason: &str, message: &str, is_head: bool, out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(256 + message.len());
    body.extend_from_slice(b"<html>\n  <head>\n    <title>");
    push_escaped(reason, &mut body);
    body.extend_from_slice(b"</title>\n  </head>\n  <body>\n    <h1><p>");
    push_escaped(reason, &mut body);
    body.extend_from_slice(b"</p></h1>\n    ");
    push_escaped(message, &mut body);
    body.extend_from_slice(b"\n  </body>\n</html>\n");
    let head = format!(
        "HTTP/1.1 {} {reason}\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n",
        status.code(),
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    if !is_head {
        out.extend_from_slice(&body);
    }
}

/// As Python's `html.escape`, then latin-1.
fn push_escaped(text: &str, out: &mut Vec<u8>) {
    for character in text.chars() {
        match character {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\'' => out.extend_from_slice(b"&#x27;"),
            _ => out.push(u8::try_from(character).unwrap_or(b'?')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::error_page;
    use crate::http::Status;

    const PAGE: &str = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 158\r\n\r\n\
        <html>\n  <head>\n    <title>Bad Request</title>\n  </head>\n  <body>\n    <h1><p>Bad Request</p></h1>\n    \
        Invalid Method &#x27;&lt;&amp;\u{3f}&#x27;\n  </body>\n</html>\n";

    #[test]
    fn the_page_has_gunicorns_bytes() {
        let mut out = Vec::new();
        error_page(Status::BadRequest, "Bad Request", "Invalid Method '<&\u{2603}'", false, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), PAGE);
    }

    #[test]
    fn a_head_request_gets_the_head_only() {
        let mut out = Vec::new();
        error_page(Status::BadRequest, "Bad Request", "Invalid Method '<&?'", true, &mut out);
        let end = PAGE.find("\r\n\r\n").expect("a head") + 4;
        assert_eq!(String::from_utf8_lossy(&out), PAGE[..end]);
    }

    #[test]
    fn the_length_counts_latin_1_bytes() {
        let mut out = Vec::new();
        error_page(Status::BadRequest, "Bad Request", "\u{e9}", false, &mut out);
        let body = out.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        let head = String::from_utf8_lossy(&out[..body]).into_owned();
        assert!(head.contains(&format!("Content-Length: {}\r\n", out.len() - body)), "{head}");
        assert!(out.contains(&0xe9));
    }
}
