//! A text split into words as Python's `shlex.split` does it: POSIX quoting, no comments, nothing expanded.
//!
//! The shlex crate is not used: it takes a word that begins with `#` for a comment, and lets a backslash escape `$` and the
//! backtick inside double quotes, neither of which Python does.

/// The words, or Python's text for what is wrong.
pub(super) fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next().ok_or("No escaped character")?),
            '\'' | '"' => quoted(&mut chars, c, word.get_or_insert_default())?,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Appends what stands before the closing quote. Inside double quotes a backslash escapes only itself and the quote.
fn quoted(chars: &mut std::str::Chars<'_>, quote: char, word: &mut String) -> Result<(), &'static str> {
    loop {
        match chars.next().ok_or("No closing quotation")? {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => match chars.next().ok_or("No closing quotation")? {
                c @ ('"' | '\\') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_those_of_python() {
        for (text, expected) in [
            ("", Ok(vec![])),
            ("  -w 4\t\n-b :80 ", Ok(vec!["-w", "4", "-b", ":80"])),
            ("a'b c'd \"e f\"", Ok(vec!["ab cd", "e f"])),
            ("'' \"\"", Ok(vec!["", ""])),
            ("a\\ b \\'", Ok(vec!["a b", "'"])),
            (r#""\$ \" \\ \a""#, Ok(vec![r#"\$ " \ \a"#])),
            (r"'\a'", Ok(vec![r"\a"])),
            ("#a b#c", Ok(vec!["#a", "b#c"])),
            ("é\u{a0}x", Ok(vec!["é\u{a0}x"])),
            ("'a", Err("No closing quotation")),
            ("\"a\\", Err("No closing quotation")),
            ("a\\", Err("No escaped character")),
        ] {
            let expected = expected.map(|words| words.iter().map(|&word| word.to_owned()).collect());
            assert_eq!(split(text), expected, "{text:?}");
        }
    }
}
