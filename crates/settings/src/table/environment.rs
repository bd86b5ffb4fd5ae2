//! How environment variables become defaults of rows that name one.
//!
//! Platforms set these variables; Gunicorn 27.0.1 reads the same four.

use crate::kind::{Base, python_int};
use crate::value::Value;

/// `PORT`: listen there on all IPv4 addresses. Whether it is a port is asked when the address is used: a `--bind` replaces it.
#[expect(clippy::unnecessary_wraps, reason = "the signature of FromEnvironment")]
pub(super) fn bind_of_port(port: &str) -> Result<Value, &'static str> {
    Ok(Value::List(vec![format!("0.0.0.0:{port}")]))
}

/// `WEB_CONCURRENCY`: plain decimal.
pub(super) fn workers_of_web_concurrency(workers: &str) -> Result<Value, &'static str> {
    python_int(workers, Base::Decimal).map(Value::Int).ok_or("must be a whole number, 0 or more")
}

/// `SENDFILE`: everything but a word for yes means no.
#[expect(clippy::unnecessary_wraps, reason = "the signature of FromEnvironment")]
pub(super) fn sendfile_of_word(word: &str) -> Result<Value, &'static str> {
    Ok(Value::Bool(matches!(word.to_lowercase().as_str(), "y" | "1" | "yes" | "true")))
}

/// The text as it is; the row's kind looks at it.
#[expect(clippy::unnecessary_wraps, reason = "the signature of FromEnvironment")]
pub(super) fn text(text: &str) -> Result<Value, &'static str> {
    Ok(Value::from(text))
}
