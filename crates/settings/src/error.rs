//! What is said when a value cannot be used: setting, given value, where it came from, what would be right.
//!
//! Made by `Settings`, `Config` and `parse_command_args`; shown by the bridge as one line.

use std::fmt;

use crate::source::Source;
use crate::table::TABLE;
use crate::value::Value;

/// Below this likeness (Jaro-Winkler, 0 to 1) a name is not offered as "did you mean".
const LIKENESS_MIN: f64 = 0.8;
/// Longest part of a value that an error shows, in characters.
const SHOWN_CHARS_MAX: usize = 200;

/// A value that cannot be used. Its display text is one complete line without a trailing newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    subject: Subject,
    source: Source,
    wants: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    Setting { name: &'static str, value: Box<Value> },
    Unknown(String),
    CommandText,
}

impl SettingError {
    pub(crate) fn invalid(
        name: &'static str,
        value: Value,
        source: Source,
        wants: impl Into<String>,
    ) -> Self {
        SettingError {
            subject: Subject::Setting { name, value: Box::new(value) },
            source,
            wants: wants.into(),
        }
    }

    pub(crate) fn unknown(name: &str, source: Source) -> Self {
        let wants = nearest_setting(name).map_or_else(String::new, |near| format!("did you mean '{near}'?"));
        SettingError { subject: Subject::Unknown(name.to_owned()), source, wants }
    }

    /// The text of `GUNICORN_CMD_ARGS` is no list of options.
    pub(crate) fn command_text(reason: impl Into<String>) -> Self {
        SettingError { subject: Subject::CommandText, source: Source::CommandArgs, wants: reason.into() }
    }

    /// The setting in question; `None` if no such setting exists or a whole text could not be read.
    pub fn setting(&self) -> Option<&'static str> {
        if let Subject::Setting { name, .. } = self.subject { Some(name) } else { None }
    }

    /// Where the value came from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What would be right.
    pub fn wants(&self) -> &str {
        &self.wants
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SettingError { subject, source, wants } = self;
        let line = match subject {
            Subject::Setting { name, value } => {
                let mut shown = crate::python::repr(value);
                if let Some((end, _)) = shown.char_indices().nth(SHOWN_CHARS_MAX) {
                    shown.truncate(end);
                    shown.push_str("...");
                }
                format!("invalid value for {name}: {shown} ({source}): {wants}")
            }
            Subject::Unknown(name) => {
                let separator = if wants.is_empty() { "" } else { ": " };
                format!("no setting is named {} ({source}){separator}{wants}", crate::python::repr_str(name))
            }
            Subject::CommandText => format!("{source}: {wants}"),
        };
        f.write_str(&one_line(&line))
    }
}

/// The text with its control characters escaped: values, labels and paths may contain line ends.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

impl std::error::Error for SettingError {}

/// The setting that `name` most likely means: the one whose flag is spelled like it, else the most similar name.
fn nearest_setting(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let as_flag = format!("--{}", lower.trim_start_matches('-').replace('_', "-"));
    let by_flag = TABLE.iter().find(|row| row.flags.iter().any(|flag| flag.replace('_', "-") == as_flag));
    by_flag.map(|row| row.name).or_else(|| nearest(&lower, TABLE.iter().map(|row| row.name)))
}

/// The candidate most like `word`, if any is like enough. Leading dashes do not count as likeness.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (likeness(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn likeness(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a.trim_start_matches('-'), b.trim_start_matches('-'))
}
