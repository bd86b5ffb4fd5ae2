//! A policy: what the settings ask of TLS, as names of files and choices. Loading it reads the files and gives what
//! rustls serves with. The bridge makes policies; the keeper loads them, at start, at a reload and when a file changed.

use std::path::PathBuf;
use std::sync::Arc;

use ring::digest::{Context as Digest, SHA256};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::ciphers;
use super::error::{TlsError, TlsPart};
use super::files;
use super::tickets::{TicketKeys, Ticketer};

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not.
    #[default]
    Ignored,
    /// They are, and one that is sent must be good.
    Optional,
    /// A client without a good one is refused.
    Required,
}

/// Which versions of TLS are spoken. There is nothing before 1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    Both,
    /// 1.2 alone.
    Only12,
    /// 1.3 alone.
    Only13,
}

/// What the settings ask of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPolicy {
    /// The server's certificate, and behind it those that lead to an authority.
    pub certificate: PathBuf,
    /// Its key; `None`: in the same file.
    pub key: Option<PathBuf>,
    /// The authorities that sign client certificates.
    pub authorities: Option<PathBuf>,
    /// Whether clients are asked for one.
    pub clients: ClientCertificates,
    /// An OpenSSL cipher list; `None` is what rustls prefers.
    pub ciphers: Option<String>,
    /// The versions.
    pub versions: TlsVersions,
    /// Do sessions resume?
    pub has_tickets: bool,
}

/// The protocol of every connection (RFC 7301, RFC 9112 has registered it).
const ALPN: &[u8] = b"http/1.1";

impl TlsPolicy {
    /// The files whose change makes the policy worth loading again.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let others = [&self.key, &self.authorities];
        std::iter::once(&self.certificate).chain(others.into_iter().flatten()).cloned().collect()
    }

    /// Reads the files and checks that all of it fits together.
    pub(super) fn load(&self, tickets: &Arc<TicketKeys>) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(self.provider()?);
        let chain = files::certificates(TlsPart::Certificate, &self.certificate)?;
        let (part, key_file) = match &self.key {
            Some(key) => (TlsPart::Key, key),
            None => (TlsPart::Certificate, &self.certificate),
        };
        let key = files::private_key(part, key_file)?;
        let authorities = self.read_authorities()?;
        let context = self.resumption_context(&authorities);
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(self.protocols())
            .map_err(|error| TlsError::new(TlsPart::Ciphers, format!("leaves nothing to speak: {error}")))?;
        let builder = match self.clients {
            ClientCertificates::Ignored => builder.with_no_client_auth(),
            clients => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider);
                let verifier = match clients {
                    ClientCertificates::Optional => verifier.allow_unauthenticated(),
                    _ => verifier,
                };
                let built = verifier.build();
                builder.with_client_cert_verifier(built.map_err(|error| {
                    TlsError::new(
                        TlsPart::Authorities,
                        format!("no client certificate can be checked: {error}"),
                    )
                })?)
            }
        };
        let mut config =
            builder.with_single_cert(chain, key).map_err(|error| self.unfit(key_file, &error))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Tickets carry the state; a table of sessions in one worker would be of no use to the others.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if self.has_tickets {
            config.ticketer = Arc::new(Ticketer::new(tickets.clone(), context));
        } else {
            config.send_tls13_tickets = 0;
        }
        // Whoever writes a list means its order.
        config.ignore_client_order = self.ciphers.is_some();
        Ok(Arc::new(config))
    }

    fn provider(&self) -> Result<CryptoProvider, TlsError> {
        let mut provider = default_provider();
        if let Some(list) = &self.ciphers {
            let selected = ciphers::select(list);
            provider.cipher_suites = selected.map_err(|why| TlsError::new(TlsPart::Ciphers, why))?.suites;
        }
        Ok(provider)
    }

    fn protocols(&self) -> &'static [&'static SupportedProtocolVersion] {
        static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        match self.versions {
            TlsVersions::Both => &BOTH,
            TlsVersions::Only12 => &BOTH[1..],
            TlsVersions::Only13 => &BOTH[..1],
        }
    }

    fn read_authorities(&self) -> Result<RootCertStore, TlsError> {
        let mut store = RootCertStore::empty();
        match &self.authorities {
            Some(path) => {
                for certificate in files::certificates(TlsPart::Authorities, path)? {
                    store.add(certificate).map_err(|error| {
                        let why = format!("holds a certificate that cannot be used: {error}");
                        files::refused(TlsPart::Authorities, path, &why)
                    })?;
                }
            }
            None if self.clients != ClientCertificates::Ignored => {
                let why = "needs authorities to check client certificates against";
                return Err(TlsError::new(TlsPart::Clients, why));
            }
            None => {}
        }
        Ok(store)
    }

    /// What a resumed session takes over without checking it again.
    fn resumption_context(&self, authorities: &RootCertStore) -> Vec<u8> {
        let mut digest = Digest::new(&SHA256);
        digest.update(&[self.clients as u8]);
        for anchor in &authorities.roots {
            digest.update(&anchor.subject);
            digest.update(&anchor.subject_public_key_info);
            digest.update(anchor.name_constraints.as_deref().unwrap_or_default());
        }
        digest.finish().as_ref().to_vec()
    }

    /// The error of a certificate and a key that cannot serve, in words.
    fn unfit(&self, key_file: &std::path::Path, error: &rustls::Error) -> TlsError {
        match error {
            rustls::Error::InconsistentKeys(_) => {
                let why = format!("is not the key of the certificate in {}", self.certificate.display());
                files::refused(TlsPart::Key, key_file, &why)
            }
            rustls::Error::General(text) => {
                files::refused(TlsPart::Key, key_file, &format!("cannot be used: {text}"))
            }
            error => {
                files::refused(TlsPart::Certificate, &self.certificate, &format!("cannot be used: {error}"))
            }
        }
    }
}
