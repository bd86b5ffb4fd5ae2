//! Opening a log file for appending, and the error that says which setting and path could not be opened.
//!
//! Called by [`sink`](crate::sink) at start and on reopen. It creates the file itself and nothing else: no directory.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Gid, OFlags, Uid};
use rustix::io::Errno;

/// Who shall own a log file that is opened while the process is still root, so that workers can reopen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// A log that cannot be opened or reopened.
#[derive(Debug)]
pub struct OpenError {
    /// `errorlog` or `accesslog`, the setting to correct.
    pub setting: &'static str,
    /// The path as set.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: cannot open '{}': {}", self.setting, self.path.display(), self.source)?;
        if self.source.raw_os_error() == Some(Errno::NXIO.raw_os_error()) {
            f.write_str(" (nobody reads this FIFO)")?;
        }
        Ok(())
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> io::Error {
        io::Error::new(error.source.kind(), error.to_string())
    }
}

/// Opens `path` for appending; mode 0666 less the umask, closed on exec.
///
/// `O_NONBLOCK` is set for the open alone, because open(2) of a FIFO would wait for its reader, for ever if need be.
pub(crate) fn append_to(path: &Path, owner: Option<Owner>) -> io::Result<OwnedFd> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file: File =
        OpenOptions::new().append(true).create(true).custom_flags(flags.bits() as i32).open(path)?;
    let status = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, status - OFlags::NONBLOCK)?;
    if let Some(Owner { uid, gid }) = owner
        && FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) == FileType::RegularFile
    {
        // Gunicorn ignores a refusal too: the file may already belong to the right user, or we are not root.
        let _ = rustix::fs::fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    }
    Ok(file.into())
}
