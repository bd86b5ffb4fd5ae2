//! When to look at the files again: the kernel says so (inotify(7)), or the time has come. Used by the thread of `reload`
//! only.
//!
//! An event is nothing but a reason to look: which file it names does not matter, so that lost, merged and renamed events
//! do no harm. The crate `notify` is not used: it brings threads and a queue of its own for what is one descriptor here.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use tricorn_logs::Level;
use tricorn_settings::ReloadEngine;

use crate::log_sink;

/// After an event: quiet for so long means that the editor is done. A file is often truncated first and filled then.
const QUIET: Duration = Duration::from_millis(50);
/// A folder in which something happens all the time does not keep us longer.
const UNQUIET_MAX: Duration = Duration::from_millis(500);

/// Wakes the thread.
pub struct Wake {
    inotify: Option<OwnedFd>,
    files: HashSet<PathBuf>,
    folders: HashSet<PathBuf>,
    looks_at_all: bool,
}

impl Wake {
    /// A wake-up of this kind. Without inotify (no descriptor, a kernel without it) it is the clock alone.
    pub fn new(engine: ReloadEngine) -> Wake {
        let inotify = match engine {
            ReloadEngine::Poll => None,
            ReloadEngine::Auto | ReloadEngine::Inotify => {
                init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()
            }
        };
        let looks_at_all = inotify.is_none() || engine != ReloadEngine::Inotify;
        Wake { inotify, files: HashSet::new(), folders: HashSet::new(), looks_at_all }
    }

    /// Every tick is a reason to look, not only an event.
    pub fn looks_at_all(&self) -> bool {
        self.looks_at_all
    }

    /// Listens for changes of these files: in their folders, since a file that is replaced is another inode, and in the
    /// folders of what they link to. Whether there was a new one, whose last change nobody has told of.
    pub fn watch(&mut self, files: &[PathBuf]) -> bool {
        let mut has_new = false;
        for path in files {
            if !self.files.contains(path) {
                self.files.insert(path.clone());
                self.watch_file(path);
                has_new = true;
            }
        }
        has_new
    }

    fn watch_file(&mut self, path: &Path) {
        let target = path.canonicalize().ok();
        for folder in [Some(path), target.as_deref()].into_iter().flatten().filter_map(Path::parent) {
            self.watch_folder(folder);
        }
    }

    fn watch_folder(&mut self, folder: &Path) {
        let Some(inotify) = &self.inotify else { return };
        if self.folders.contains(folder) {
            return;
        }
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE;
        match add_watch(inotify, folder, flags) {
            Ok(_) => {
                self.folders.insert(folder.to_owned());
            }
            // Where a missing module would be: tried again when it is there.
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => {}
            Err(error) => {
                self.folders.insert(folder.to_owned());
                if !std::mem::replace(&mut self.looks_at_all, true) {
                    let text = format!(
                        "Cannot watch {} ({error}); looking at files once a second",
                        folder.display()
                    );
                    log_sink::log(Level::Warning, &text);
                }
            }
        }
    }

    /// Sleeps until something happens in a folder, or for a tick; whether something has happened.
    pub fn wait(&self, tick: Duration) -> bool {
        let Some(inotify) = &self.inotify else {
            std::thread::sleep(tick);
            return false;
        };
        if !is_readable(inotify, tick) {
            return false;
        }
        let end = Instant::now() + UNQUIET_MAX;
        while discard(inotify) && Instant::now() < end && is_readable(inotify, QUIET) {}
        true
    }
}

fn is_readable(inotify: &OwnedFd, patience: Duration) -> bool {
    let timeout = Timespec::try_from(patience).expect("a tick is a small number");
    // EINTR is no event.
    poll(&mut [PollFd::new(inotify, PollFlags::IN)], Some(&timeout)).is_ok_and(|count| count > 0)
}

/// Whether there was something to throw away.
fn discard(inotify: &OwnedFd) -> bool {
    let mut bytes = [0; 4096];
    rustix::io::read(inotify, &mut bytes).is_ok_and(|count| count > 0)
}
