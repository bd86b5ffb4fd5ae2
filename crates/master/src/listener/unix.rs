//! The path of a unix socket: whose it is, and when it may be replaced or removed.
//!
//! Gunicorn removes any socket file it finds, also the one of a running server. We ask first: a path is
//! replaced only if it is a socket and nobody answers there, and removed only if it is still the file that we
//! made.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::PathBuf;
use std::{env, fs};

use rustix::fs::{Gid, Mode, Uid, chown};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, bind, connect};

use super::{ListenError, new_socket};
use crate::plan::Plan;

/// A path that we made, recognised by its inode.
pub(super) struct OwnedPath {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl OwnedPath {
    pub(super) fn of(path: &str) -> io::Result<OwnedPath> {
        // Absolute, because a hook of the application may change the working directory.
        let path = env::current_dir()?.join(path);
        let metadata = fs::symlink_metadata(&path)?;
        Ok(OwnedPath { path, device: metadata.dev(), inode: metadata.ino() })
    }

    pub(super) fn is_ours(&self) -> bool {
        fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| metadata.dev() == self.device && metadata.ino() == self.inode)
    }

    pub(super) fn remove(&self) {
        if self.is_ours() {
            // Another process may have removed it in between, which is as well.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket that nobody serves any more from `path`; refuses anything else that is there.
pub(super) fn make_way(path: &str) -> Result<(), ListenError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !metadata.file_type().is_socket() {
        return Err(ListenError::Refused(format!("'{path}' is not a socket")));
    }
    let probe = new_socket(AddressFamily::UNIX)?;
    match connect(&probe, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => Ok(fs::remove_file(path)?),
        Err(Errno::NOENT) => Ok(()),
        // A datagram socket of somebody else.
        Err(Errno::PROTOTYPE) => Err(ListenError::Refused(format!("'{path}' is not a stream socket"))),
        // EAGAIN: its backlog is full, so it lives.
        Ok(()) | Err(Errno::AGAIN) => Err(Errno::ADDRINUSE.into()),
        Err(error) => Err(error.into()),
    }
}

/// bind(2) under the umask of the plan, then the owner of the plan.
pub(super) fn bind_path(fd: &OwnedFd, path: &str, plan: &Plan) -> Result<OwnedPath, ListenError> {
    let addr = SocketAddrUnix::new(path)?;
    let umask_before = rustix::process::umask(Mode::from_raw_mode(plan.umask));
    let bound = bind(fd, &addr);
    rustix::process::umask(umask_before);
    bound?;
    let owned = OwnedPath::of(path)?;
    if plan.user.is_some() || plan.group.is_some() {
        let changed = chown(path, plan.user.map(Uid::from_raw), plan.group.map(Gid::from_raw));
        if let Err(error) = changed {
            owned.remove();
            return Err(error.into());
        }
    }
    Ok(owned)
}
