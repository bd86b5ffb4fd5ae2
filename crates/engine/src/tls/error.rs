//! What is wrong with a TLS policy: which part of it, and why. The bridge turns the part into the name of a setting.

use std::fmt;

/// The part of a policy that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsPart {
    /// The certificate chain, or what it is in.
    Certificate,
    /// The private key.
    Key,
    /// The authorities of client certificates.
    Authorities,
    /// Whether client certificates are asked for.
    Clients,
    /// The list of ciphers, or the versions.
    Ciphers,
}

/// Why a policy cannot be put in force. Its text names the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    /// The part that is to blame.
    pub part: TlsPart,
    /// What is wrong with it, in one line.
    pub reason: String,
}

impl TlsError {
    pub(super) fn new(part: TlsPart, reason: impl Into<String>) -> TlsError {
        TlsError { part, reason: reason.into() }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for TlsError {}
