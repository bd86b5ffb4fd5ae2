//! TLS 1.2 and 1.3 by rustls, without sockets: certificates and policies in, records out. What a wire does with a session
//! is in `wire/secure`; this module reads the certificate files, keeps them fresh, makes tickets that every worker can
//! read, and translates what an application may want to know. It never touches Python.

mod ciphers;
mod error;
mod facts;
mod files;
mod keeper;
mod notice;
mod policy;
mod session;
mod tickets;

pub use ciphers::absent_ciphers;
pub use error::{TlsError, TlsPart};
pub use facts::TlsFacts;
pub use keeper::{Refreshed, TlsKeeper};
pub use policy::{ClientCertificates, TlsPolicy, TlsVersions};
pub(crate) use session::{Fault, Session};
pub use tickets::TicketKeys;
