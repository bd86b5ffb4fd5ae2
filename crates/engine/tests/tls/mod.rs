//! Certificates made for one test, and a rustls client: over a socket, or sans I/O to feed a server byte by byte. It tests
//! nothing by itself.
#![allow(dead_code, reason = "each test binary uses its part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tricorn_engine::{ClientCertificates, TicketKeys, TlsKeeper, TlsPolicy, TlsVersions};

use crate::server::PATIENCE;

pub const NAME: &str = "a.test";

/// An authority, and the files of a server's certificate.
pub struct Pki {
    pub folder: tempfile::TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub fn new() -> Pki {
        let folder = tempfile::tempdir().expect("a folder");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let pki = Pki { folder, authority };
        std::fs::write(pki.path("authority.pem"), pki.authority.pem()).expect("a file");
        pki.issue("cert.pem", "key.pem");
        pki
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a fresh certificate for [`NAME`] and its key.
    pub fn issue(&self, certificate: &str, key: &str) {
        let pair = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![NAME.to_owned()]).expect("a DNS name");
        let signed = params.signed_by(&pair, &self.authority).expect("a certificate");
        std::fs::write(self.path(certificate), signed.pem()).expect("a file");
        std::fs::write(self.path(key), pair.serialize_pem()).expect("a file");
    }

    pub fn policy(&self) -> TlsPolicy {
        TlsPolicy {
            certificate: self.path("cert.pem"),
            key: Some(self.path("key.pem")),
            authorities: None,
            clients: ClientCertificates::Ignored,
            ciphers: None,
            versions: TlsVersions::Both,
            has_tickets: true,
        }
    }

    pub fn keeper(&self) -> Arc<TlsKeeper> {
        TlsKeeper::load(self.policy(), TicketKeys::new().expect("randomness")).expect("good files")
    }

    /// A client that trusts the authority.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("a certificate");
        Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
    }

    /// A client that shows the certificate of these files.
    pub fn identified_client(&self, certificate: &str, key: &str) -> Arc<ClientConfig> {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject;
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("a certificate");
        let chain = CertificateDer::pem_file_iter(self.path(certificate)).expect("a file");
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_file(self.path(key)).expect("a key");
        let config = ClientConfig::builder().with_root_certificates(roots);
        Arc::new(config.with_client_auth_cert(chain, key).expect("they fit"))
    }
}

/// The client's side, sans I/O.
pub fn session(config: &Arc<ClientConfig>) -> ClientConnection {
    let name = ServerName::try_from(NAME).expect("a DNS name");
    ClientConnection::new(config.clone(), name).expect("a good configuration")
}

pub type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A connection to `address`; the handshake happens at the first read or write.
pub fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Stream {
    let socket = TcpStream::connect(address).expect("the server listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a valid timeout");
    socket.set_write_timeout(Some(PATIENCE)).expect("a valid timeout");
    socket.set_nodelay(true).expect("a TCP socket");
    StreamOwned::new(session(config), socket)
}

/// The next response with a declared length: its head and its body.
pub fn reply(stream: &mut Stream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head in time");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("ASCII");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
    stream.read_exact(&mut body).expect("a body in time");
    (head, body)
}

pub fn ask(stream: &mut Stream, request: &[u8]) -> (String, Vec<u8>) {
    stream.write_all(request).expect("the server reads");
    reply(stream)
}
