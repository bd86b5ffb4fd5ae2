//! PEM files (RFC 7468): reading them, and noticing that they changed. Errors name the file, never its content.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::{TlsError, TlsPart};

/// All certificates of a file, in their order; at least one.
pub(super) fn certificates(part: TlsPart, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(part, path)?;
    let found: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(refused(part, path, "holds no certificate in PEM form")),
        Ok(found) => Ok(found),
        Err(error) => Err(refused(part, path, &format!("is no PEM file: {}", words(&error)))),
    }
}

/// The private key of a file: PKCS#8, PKCS#1 or SEC 1, not encrypted.
pub(super) fn private_key(part: TlsPart, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(part, path)?;
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) if !is_encrypted(&bytes) => Ok(key),
        Ok(_) => Err(refused(part, path, ENCRYPTED)),
        Err(PemError::NoItemsFound) if is_encrypted(&bytes) => Err(refused(part, path, ENCRYPTED)),
        Err(PemError::NoItemsFound) => Err(refused(part, path, "holds no private key in PEM form")),
        Err(error) => Err(refused(part, path, &format!("is no PEM file: {}", words(&error)))),
    }
}

const ENCRYPTED: &str =
    "holds an encrypted private key; a server that restarts by itself needs one without a passphrase";

/// PKCS#8 says it in its label (RFC 7468 section 11), the older forms in a header (RFC 1421 section 4.6.1.1).
fn is_encrypted(pem: &[u8]) -> bool {
    let has = |text: &[u8]| memchr::memmem::find(pem, text).is_some();
    has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED")
}

fn read(part: TlsPart, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| refused(part, path, &format!("cannot be read: {error}")))
}

/// An error about a file.
pub(super) fn refused(part: TlsPart, path: &Path, why: &str) -> TlsError {
    TlsError::new(part, format!("{} {why}", path.display()))
}

fn words(error: &PemError) -> String {
    match error {
        // Its text would print the line, which may be half a key.
        PemError::MissingSectionEnd { .. } => "a section does not end".to_owned(),
        PemError::IllegalSectionStart { .. } => "a section does not begin as it should".to_owned(),
        PemError::Base64Decode(_) => "the text is no Base64".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Identity and age of a file, to notice that it changed; `None` if it cannot be looked at.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// The stamps of some files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Stamps(Vec<Stamp>);

impl Stamps {
    /// Follows symbolic links, as those who replace certificates exchange links (Kubernetes, certbot).
    pub fn of(paths: &[PathBuf]) -> Stamps {
        let stamp = |path: &PathBuf| {
            let data = std::fs::metadata(path).ok()?;
            Some((data.dev(), data.ino(), data.size(), data.mtime(), data.mtime_nsec()))
        };
        Stamps(paths.iter().map(stamp).collect())
    }
}
