//! Reads the HTTP cases: one JSON object per line, with `{{rep:N:TEXT}}` for repeated text.
//!
//! The shared collection beside the repository is preferred, so that a new case is seen at once; the committed copy
//! serves everybody else.

use std::path::Path;

use serde_json::Value;

/// One case, its bytes expanded.
pub struct Case {
    pub id: String,
    pub category: String,
    pub bytes: Vec<u8>,
    pub ours: String,
    pub json: Value,
}

impl Case {
    pub fn text(&self, key: &str) -> &str {
        self.json[key].as_str().unwrap_or("")
    }

    /// Whether any step or condition mentions these words.
    pub fn list_has(&self, key: &str, words: &str) -> bool {
        self.json[key].as_array().is_some_and(|list| list.iter().any(|item| item.to_string().contains(words)))
    }
}

pub fn load() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let paths = [root.join("../shared/cases/http1.jsonl"), root.join("tests/cases/http1.jsonl")];
    let path = paths.iter().find(|path| path.exists()).expect("a collection of cases");
    let text = std::fs::read_to_string(path).expect("readable cases");
    text.lines().map(parse).collect()
}

fn parse(line: &str) -> Case {
    let json: Value = serde_json::from_str(line).expect("a JSON object");
    let text = |key: &str| json[key].as_str().expect("a string").to_owned();
    let bytes = expand(&text("raw")).chars().map(|c| u8::try_from(c).expect("one byte")).collect::<Vec<u8>>();
    assert_eq!(bytes.len() as u64, json["len"].as_u64().expect("a length"), "{}", text("id"));
    Case { id: text("id"), category: text("category"), bytes, ours: text("ours"), json }
}

/// Expands the innermost repetition until there is none.
fn expand(raw: &str) -> String {
    let mut text = raw.to_owned();
    while let Some(start) = text.rfind("{{rep:") {
        let inside = &text[start + 6..];
        let end = inside.find("}}").expect("an end of the repetition");
        let (count, unit) = inside[..end].split_once(':').expect("count and text");
        let repeated = unit.repeat(count.parse().expect("a count"));
        text = format!("{}{repeated}{}", &text[..start], &inside[end + 2..]);
    }
    text
}
