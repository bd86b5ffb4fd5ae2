//! Where lines go: nowhere, a standard stream, or a file that can be reopened under its writers.
//!
//! Used by both logs. It writes what it is given and says how far it came; it does not buffer, format or count.
//!
//! The file sits in an [`ArcSwap`]: writers take the current one without a lock, `reopen` swaps it in one step, and the old
//! descriptor closes when its last writer is done. A lock could be held by another thread when the application forks.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::bounded::{self, Written};
use crate::open::{self, OpenError, Owner};

pub(crate) struct Sink {
    target: Target,
    /// The last write ended inside a line and its rest was given up: the next one begins with a line's end.
    is_torn: AtomicBool,
}

enum Target {
    Nowhere,
    Stdout,
    Stderr,
    File(LogFile),
}

struct LogFile {
    setting: &'static str,
    /// Absolute, so that a later chdir does not move the log.
    path: PathBuf,
    owner: Option<Owner>,
    current: ArcSwap<OwnedFd>,
}

/// What a `-` means: the error log's is stderr, the access log's is stdout.
#[derive(Clone, Copy)]
pub(crate) enum Dash {
    Stdout,
    Stderr,
}

impl Sink {
    /// `None` and the empty text are no sink, `-` is `dash`, the two stream devices are the streams themselves (opening
    /// them fails when they are sockets, as under systemd, or belong to another user), the rest is a path.
    pub(crate) fn open(
        setting: &'static str,
        text: Option<&str>,
        dash: Dash,
        owner: Option<Owner>,
    ) -> Result<Sink, OpenError> {
        let target = match (text, dash) {
            (None | Some(""), _) => Target::Nowhere,
            (Some("/dev/stdout"), _) | (Some("-"), Dash::Stdout) => Target::Stdout,
            (Some("/dev/stderr"), _) | (Some("-"), Dash::Stderr) => Target::Stderr,
            (Some(path), _) => Target::File(LogFile::open(setting, Path::new(path), owner)?),
        };
        Ok(Sink { target, is_torn: AtomicBool::new(false) })
    }

    /// Standard output.
    pub(crate) fn stdout() -> Sink {
        Sink { target: Target::Stdout, is_torn: AtomicBool::new(false) }
    }

    /// No sink.
    pub(crate) fn nowhere() -> Sink {
        Sink { target: Target::Nowhere, is_torn: AtomicBool::new(false) }
    }

    /// Writes whole lines, waiting at most `patience` in all for a slow reader.
    pub(crate) fn write(&self, lines: &[u8], patience: Duration) -> Written {
        let wrote_all = Written { bytes: lines.len(), stopped_by: None };
        self.with_descriptor(|fd| {
            if self.is_torn.load(Relaxed) {
                let mended = bounded::write(fd, b"\n", patience);
                if mended.stopped_by.is_some() {
                    return Written { bytes: 0, ..mended };
                }
                self.is_torn.store(false, Relaxed);
            }
            bounded::write(fd, lines, patience)
        })
        .unwrap_or(wrote_all)
    }

    /// Says that what followed `written` will never be written.
    pub(crate) fn give_up_after(&self, written: &[u8]) {
        if written.last().is_some_and(|&byte| byte != b'\n') {
            self.is_torn.store(true, Relaxed);
        }
    }

    /// Opens the file's path anew; on failure the old descriptor stays in use. Streams have nothing to reopen.
    pub(crate) fn reopen(&self) -> Result<(), OpenError> {
        let Target::File(file) = &self.target else { return Ok(()) };
        file.current.store(Arc::new(open_file(file.setting, &file.path, file.owner)?));
        self.is_torn.store(false, Relaxed);
        Ok(())
    }

    pub(crate) fn is_nowhere(&self) -> bool {
        matches!(self.target, Target::Nowhere)
    }

    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self.target, Target::Stdout)
    }

    pub(crate) fn is_stderr(&self) -> bool {
        matches!(self.target, Target::Stderr)
    }

    /// Whether somebody reads as we write (a pipe, a socket, a terminal), so that lines should not linger in a buffer.
    pub(crate) fn has_reader(&self) -> bool {
        self.with_descriptor(|fd| bounded::has_reader(fd)).unwrap_or(false)
    }

    /// The name to use in a notice.
    pub(crate) fn name(&self) -> String {
        match &self.target {
            Target::Nowhere => "nowhere".to_owned(),
            Target::Stdout => "stdout".to_owned(),
            Target::Stderr => "stderr".to_owned(),
            Target::File(file) => format!("'{}'", file.path.display()),
        }
    }

    /// The descriptor of the open file, if it is one of ours.
    pub(crate) fn own_descriptor(&self) -> Option<RawFd> {
        let Target::File(file) = &self.target else { return None };
        Some(file.current.load().as_raw_fd())
    }

    pub(crate) fn with_descriptor<R>(&self, ask: impl FnOnce(BorrowedFd<'_>) -> R) -> Option<R> {
        match &self.target {
            Target::Nowhere => None,
            Target::Stdout => Some(ask(rustix::stdio::stdout())),
            Target::Stderr => Some(ask(rustix::stdio::stderr())),
            Target::File(file) => Some(ask(file.current.load_full().as_fd())),
        }
    }
}

impl LogFile {
    fn open(setting: &'static str, path: &Path, owner: Option<Owner>) -> Result<LogFile, OpenError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let current = ArcSwap::from_pointee(open_file(setting, &path, owner)?);
        Ok(LogFile { setting, path, owner, current })
    }
}

fn open_file(setting: &'static str, path: &Path, owner: Option<Owner>) -> Result<OwnedFd, OpenError> {
    open::append_to(path, owner).map_err(|source| OpenError { setting, path: path.to_owned(), source })
}
