//! Severity of an error line: the five names of Gunicorn's `loglevel` and their syslog severities.
//!
//! Used by [`ErrorLog`](crate::ErrorLog) as threshold and label. It does not know where lines go.

/// How serious a line is; ordered, so that `level >= threshold` asks whether it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For developers of the server.
    Debug,
    /// What an operator wants to see in normal operation; the default threshold.
    Info,
    /// Something works, but not as asked.
    Warning,
    /// Something failed.
    Error,
    /// The server or a worker cannot go on.
    Critical,
}

impl Level {
    /// The level a `loglevel` text names, in any case. Unknown text means [`Level::Info`], as in Gunicorn (`Logger.setup`).
    pub fn from_setting(text: &str) -> Level {
        match text.trim().to_ascii_lowercase().as_str() {
            "debug" => Level::Debug,
            "warning" => Level::Warning,
            "error" => Level::Error,
            "critical" => Level::Critical,
            _ => Level::Info,
        }
    }

    /// The level of Python's `logging` number (10 is DEBUG, 50 is CRITICAL); a number between two levels is the lower one.
    pub fn from_python(number: i64) -> Level {
        match number {
            ..20 => Level::Debug,
            20..30 => Level::Info,
            30..40 => Level::Warning,
            40..50 => Level::Error,
            50.. => Level::Critical,
        }
    }

    /// The label inside the brackets of an error line, as Python's `logging` spells it.
    pub fn label(self) -> &'static str {
        match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
            Level::Critical => "CRITICAL",
        }
    }

    /// The severity of RFC 3164 section 4.1.1.
    pub(crate) fn syslog_severity(self) -> u8 {
        match self {
            Level::Debug => 7,
            Level::Info => 6,
            Level::Warning => 4,
            Level::Error => 3,
            Level::Critical => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn setting_texts_name_levels_and_unknown_text_is_info() {
        for (text, level) in [
            ("debug", Level::Debug),
            ("DEBUG", Level::Debug),
            ("Info", Level::Info),
            ("warning", Level::Warning),
            ("warn", Level::Info),
            (" error ", Level::Error),
            ("critical", Level::Critical),
            ("", Level::Info),
            ("loud", Level::Info),
        ] {
            assert_eq!(Level::from_setting(text), level, "{text:?}");
        }
    }

    #[test]
    fn python_numbers_round_down() {
        for (number, level) in [
            (0, Level::Debug),
            (10, Level::Debug),
            (25, Level::Info),
            (30, Level::Warning),
            (49, Level::Error),
            (60, Level::Critical),
        ] {
            assert_eq!(Level::from_python(number), level, "{number}");
        }
    }
}
