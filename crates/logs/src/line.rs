//! One line of the error log: Gunicorn's text, or one JSON object (RFC 8259) for machines.
//!
//! Used by [`ErrorLog`](crate::ErrorLog) for records and for its own notices. It makes bytes and writes nothing.

use std::io;
use std::time::SystemTime;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::clock::LocalClock;
use crate::escape::Escape;
use crate::level::Level;

/// How the lines of the error log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFormat {
    /// `[date] [pid] [LEVEL] message`, Gunicorn's `Logger.error_fmt`.
    Text,
    /// `{"time":...,"level":...,"pid":...,"message":...}`, and `"traceback"` if there is one.
    Json,
}

/// What all lines of one record have in common.
#[derive(Clone, Copy)]
pub(crate) struct Stamp<'a> {
    pub(crate) format: LineFormat,
    pub(crate) clock: &'a LocalClock,
    pub(crate) time: SystemTime,
    pub(crate) pid: u32,
}

impl Stamp<'_> {
    /// Appends one record with its line's end.
    pub(crate) fn push_line(&self, level: Level, message: &str, out: &mut Vec<u8>) {
        match self.format {
            LineFormat::Text => self.push_text(level, message, out),
            LineFormat::Json => self.push_json(level, message, out),
        }
        out.push(b'\n');
    }

    fn push_text(&self, level: Level, message: &str, out: &mut Vec<u8>) {
        let head = format!("{} [{}] [{}] ", self.clock.error_stamp(self.time), self.pid, level.label());
        out.extend_from_slice(head.as_bytes());
        Escape::Message.push_str(message, out);
    }

    fn push_json(&self, level: Level, message: &str, out: &mut Vec<u8>) {
        let (message, traceback) = split_traceback(message.trim_end_matches('\n'));
        let time = self.clock.rfc3339(self.time);
        let line = Line { time: &time, level: level.label(), pid: self.pid, message, traceback };
        let mut writer = serde_json::Serializer::with_formatter(out, Printed(CompactFormatter));
        line.serialize(&mut writer).expect("text and numbers in memory can always be written as JSON");
    }
}

#[derive(Serialize)]
struct Line<'a> {
    time: &'a str,
    level: &'a str,
    pid: u32,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceback: Option<&'a str>,
}

/// A message and the Python traceback that follows it, from the line on by which the interpreter begins one (of an
/// exception group it is indented). A message that is nothing but a traceback is told by its last line, the exception.
fn split_traceback(text: &str) -> (&str, Option<&str>) {
    const BEGIN: &str = "Traceback (most recent call last):";
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if bare.ends_with(BEGIN)
            && bare.trim_start_matches([' ', '+']).len() <= "Exception Group ".len() + BEGIN.len()
        {
            let traceback = &text[at..];
            let message = match text[..at].trim_end() {
                "" => traceback.lines().next_back().unwrap_or_default(),
                message => message,
            };
            return (message, Some(traceback));
        }
        at += line.len();
    }
    (text, None)
}

/// Escapes also the controls that JSON allows in strings (DEL and C1), some of which drive a terminal.
struct Printed(CompactFormatter);

impl Formatter for Printed {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(char::is_control) {
            let control = rest[at..].chars().next().expect("a character was found here");
            self.0.write_string_fragment(writer, &rest[..at])?;
            write!(writer, "\\u{:04x}", u32::from(control))?;
            rest = &rest[at + control.len_utf8()..];
        }
        self.0.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::{Value, json};

    use super::{LineFormat, Stamp};
    use crate::clock::LocalClock;
    use crate::level::Level;

    fn line(message: &str) -> String {
        let clock = LocalClock::in_zone("Europe/Berlin");
        let time = UNIX_EPOCH + Duration::from_millis(1_785_578_400_007);
        let mut out = Vec::new();
        Stamp { format: LineFormat::Json, clock: &clock, time, pid: 17 }.push_line(
            Level::Error,
            message,
            &mut out,
        );
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn a_record_is_one_line_with_its_traceback_in_a_field() {
        let trace = "Traceback (most recent call last):\n  File \"a\"\nKeyError: 'x'";
        let group = "  + Exception Group Traceback (most recent call last):\n  |   File \"a\"";
        for (text, message, traceback) in [
            ("Booting".to_owned(), "Booting", None),
            ("two\nlines\n".to_owned(), "two\nlines", None),
            (format!("Error handling request /\n{trace}\n"), "Error handling request /", Some(trace)),
            (format!("Error\n{group}"), "Error", Some(group)),
            (trace.to_owned(), "KeyError: 'x'", Some(trace)),
            (
                "see Traceback (most recent call last): in the manual of the server".to_owned(),
                "see Traceback (most recent call last): in the manual of the server",
                None,
            ),
            (String::new(), "", None),
        ] {
            let line = line(&text);
            assert_eq!(line.matches('\n').count(), 1, "{line:?}");
            let mut expected = json!({
                "time": "2026-08-01T12:00:00.007+02:00", "level": "ERROR", "pid": 17, "message": message
            });
            if let Some(traceback) = traceback {
                expected["traceback"] = json!(traceback);
            }
            assert_eq!(serde_json::from_str::<Value>(&line).expect("it is JSON"), expected);
        }
    }

    #[test]
    fn nothing_in_a_message_leaves_its_string_or_drives_a_terminal() {
        let message: String = (0..=0x2_0ff).filter_map(char::from_u32).collect();
        let line = line(&message);
        assert_eq!(line.trim_end_matches('\n').chars().find(|c| c.is_control()), None);
        let back: Value = serde_json::from_str(&line).expect("it is JSON");
        assert_eq!(back["message"], json!(message));
    }
}
