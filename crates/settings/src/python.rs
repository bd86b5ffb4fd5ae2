//! Values as Python would print them: `--print-config`, `[default]` in help, error texts.
//!
//! `text` is `str()`, `repr` is `repr()`. Objects that only the bridge holds are printed by their label.

use crate::kind::{Kind, StatsdAddress, statsd_address};
use crate::setting::Setting;
use crate::settings::Settings;
use crate::table::TABLE;
use crate::value::{Foreign, ForeignKind, Value};

/// All settings, sorted, one `name = value` per line as Gunicorn's `str(cfg)`, without a newline at the end.
pub fn print_config(settings: &Settings) -> String {
    let mut rows: Vec<&Setting> = TABLE.iter().collect();
    rows.sort_by_key(|row| row.name);
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let lines =
        rows.iter().map(|row| format!("{:width$} = {}", row.name, printed(row, settings.value(row.name))));
    lines.collect::<Vec<_>>().join("\n")
}

/// A value of this row, as `str()` of what Gunicorn would hold.
fn printed(row: &Setting, value: &Value) -> String {
    match (row.kind, value) {
        (Kind::Hook(_), Value::None) => format!("<{}()>", row.name),
        (Kind::Hook(_), Value::Str(path)) => format!("<{}()>", path.rsplit('.').next().unwrap_or(path)),
        (Kind::StatsdAddress, Value::Str(address)) => match statsd_address(address) {
            Some(StatsdAddress::Udp(host, port)) => format!("({}, {port})", repr_str(&host)),
            Some(StatsdAddress::Unix(path)) => path,
            Some(StatsdAddress::Fd(fd)) => fd.to_string(),
            None => address.clone(),
        },
        _ => text(value),
    }
}

/// Python's `str()`.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Str(text) => text.clone(),
        other => repr(other),
    }
}

/// Python's `repr()`.
pub(crate) fn repr(value: &Value) -> String {
    match value {
        Value::None => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Str(text) => repr_str(text),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| repr_str(item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(pairs) => {
            let pairs: Vec<String> =
                pairs.iter().map(|(key, value)| format!("{}: {}", repr_str(key), repr_str(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Foreign(Foreign { label, kind: ForeignKind::Callable | ForeignKind::Class, .. }) => {
            format!("<{label}()>")
        }
        Value::Foreign(foreign) => foreign.label.clone(),
    }
}

/// Python's `repr()` of a str. Unassigned and private-use code points are printed as they are, which Python would escape.
pub(crate) fn repr_str(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => out.push_str(&escaped(u32::from(c))),
        }
    }
    out.push(quote);
    out
}

fn is_printable(c: char) -> bool {
    !c.is_control()
        && (c == ' ' || !c.is_whitespace())
        && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
}

fn escaped(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{repr, repr_str};
    use crate::value::Value;

    #[test]
    fn texts_are_quoted_as_python_does() {
        for (text, expected) in [
            ("", "''"),
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("it's \"so\"", "'it\\'s \"so\"'"),
            ("back\\slash", "'back\\\\slash'"),
            ("\t\n\r\0\u{7f}", "'\\t\\n\\r\\x00\\x7f'"),
            ("é€𝄞", "'é€𝄞'"),
            ("\u{a0}\u{2028}", "'\\xa0\\u2028'"),
        ] {
            assert_eq!(repr_str(text), expected, "{text:?}");
        }
    }

    #[test]
    fn containers_print_their_items_as_repr() {
        let list = Value::List(vec!["a".to_owned(), "b'".to_owned()]);
        assert_eq!(repr(&list), "['a', \"b'\"]");
        assert_eq!(repr(&Value::Map(vec![("K".to_owned(), "v".to_owned())])), "{'K': 'v'}");
        assert_eq!(repr(&Value::List(Vec::new())), "[]");
    }
}
