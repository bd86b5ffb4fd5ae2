//! What an application may want to know of a TLS connection: what was negotiated, and who the client is.

use rustls::ServerConnection;

use super::ciphers;

/// What was negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// OpenSSL's name of the suite.
    pub cipher: &'static str,
    /// The strength of its key, in bits.
    pub cipher_bits: u32,
    /// The protocol that both sides named (ALPN), if the client named any.
    pub protocol: Option<Vec<u8>>,
    /// The name the client asked for (SNI), if it named one.
    pub server_name: Option<String>,
    /// The client's certificate chain in DER form, its own first; empty if it sent none. It was verified.
    pub client_chain: Vec<Vec<u8>>,
    /// Are clients asked for a certificate?
    pub asks_clients: bool,
}

impl TlsFacts {
    /// The facts of a connection; `None` before its handshake is complete.
    pub(super) fn of(connection: &ServerConnection, asks_clients: bool) -> Option<TlsFacts> {
        let (cipher, version, cipher_bits) = ciphers::describe(connection.negotiated_cipher_suite()?);
        let chain = connection.peer_certificates().unwrap_or_default();
        Some(TlsFacts {
            version,
            cipher,
            cipher_bits,
            protocol: connection.alpn_protocol().map(<[u8]>::to_vec),
            server_name: connection.server_name().map(str::to_owned),
            client_chain: chain.iter().map(|certificate| certificate.as_ref().to_vec()).collect(),
            asks_clients,
        })
    }
}
