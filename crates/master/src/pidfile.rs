//! The pid file: proof that one master runs, and where to send signals.
//!
//! Written by the master at start and after a reload that moved it. It appears complete (temporary file and
//! rename) and is removed only if it still holds our pid. A file that names a process that lives is somebody
//! else's; one that names a dead process, a zombie or ourselves is stale.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{env, fmt};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// A pid file that is ours.
pub(crate) struct PidFile {
    path: PathBuf,
    pid: u32,
}

/// Why there is no pid file. The display text is one line that names the setting.
#[derive(Debug)]
pub(crate) enum PidFileError {
    /// Gunicorn's words.
    AlreadyRunning {
        pid: u32,
        path: PathBuf,
    },
    Unwritable {
        path: PathBuf,
        error: io::Error,
    },
}

impl fmt::Display for PidFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PidFileError::AlreadyRunning { pid, path } => {
                write!(f, "Already running on PID {pid} (or pid file '{}' is stale)", path.display())
            }
            PidFileError::Unwritable { path, error } => {
                write!(f, "Can't create the pid file '{}' (setting pidfile): {error}", path.display())
            }
        }
    }
}

impl PidFile {
    /// Writes `pid` to `path`, unless another live process is named there.
    pub fn create(path: &Path, pid: u32) -> Result<PidFile, PidFileError> {
        let unwritable = |error| PidFileError::Unwritable { path: path.to_owned(), error };
        // Absolute, because a hook of the application may change the working directory.
        let path = env::current_dir().map_err(unwritable)?.join(path);
        if let Some(other) = named_pid(&path).filter(|other| *other != pid && is_alive(*other)) {
            return Err(PidFileError::AlreadyRunning { pid: other, path });
        }
        write_whole(&path, pid).map_err(|error| PidFileError::Unwritable { path: path.clone(), error })?;
        Ok(PidFile { path, pid })
    }

    /// `path` is where this file is.
    pub fn is_at(&self, path: &Path) -> bool {
        env::current_dir().is_ok_and(|dir| dir.join(path) == self.path)
    }

    /// Writes the file again if somebody has deleted it.
    pub fn restore(&self) -> io::Result<()> {
        if self.path.exists() { Ok(()) } else { write_whole(&self.path, self.pid) }
    }

    /// Writes the pid to `path` and gives up the present file; gives this one back if that cannot be.
    pub fn move_to(self, path: &Path) -> Result<PidFile, (PidFile, PidFileError)> {
        match PidFile::create(path, self.pid) {
            Ok(moved) => {
                if moved.path != self.path {
                    self.remove();
                }
                Ok(moved)
            }
            Err(error) => Err((self, error)),
        }
    }

    /// Removes the file if it still holds our pid.
    pub fn remove(self) {
        if named_pid(&self.path) == Some(self.pid) {
            // Gone in between, or a directory that became read-only: neither keeps a server from stopping.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A pid has at most 7 digits on Linux (`pid_max` is 2^22); more than this is not a pid file.
const FILE_BYTES_MAX: u64 = 32;

fn named_pid(path: &Path) -> Option<u32> {
    let mut text = String::new();
    // Non-blocking: a FIFO with that name must not hang the start.
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path).ok()?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    match test_kill_process(pid) {
        Ok(()) | Err(Errno::PERM) => !is_zombie(pid),
        Err(_) => false,
    }
}

/// State `Z` in /proc/PID/stat, after the name in parentheses (proc(5)). Without /proc nobody is a zombie.
fn is_zombie(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z'))
}

fn write_whole(path: &Path, pid: u32) -> io::Result<()> {
    // A device (`/dev/null`) or a socket would be replaced, and later removed. A link is only replaced itself.
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file() && !there.is_symlink()) {
        return Err(io::Error::other("it is there, and is no regular file"));
    }
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{pid}.tmp"));
    let temporary = path.with_file_name(name);
    let written = write_temporary(&temporary, pid).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_temporary(path: &Path, pid: u32) -> io::Result<()> {
    // A left-over of an earlier process with our pid; create_new then refuses whatever else is planted there.
    let _ = fs::remove_file(path);
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(format!("{pid}\n").as_bytes())?;
    // Whatever the umask says: others must be able to read it.
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_stale_unless_it_names_another_live_process() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("pid");
        let parent = std::os::unix::process::parent_id();
        let pid = std::process::id();
        let rows = [
            (None, true),
            (Some(String::new()), true),
            (Some("words\n".to_owned()), true),
            (Some("0\n".to_owned()), true),
            (Some("-1\n".to_owned()), true),
            (Some("4194999\n".to_owned()), true),
            (Some("99999999999999999999".to_owned()), true),
            (Some(format!("{pid}\n")), true),
            (Some(format!("{parent}\n")), false),
            (Some(format!(" {parent} ")), false),
        ];
        for (content, is_created) in rows {
            let _ = fs::remove_file(&path);
            if let Some(text) = &content {
                fs::write(&path, text).expect("writable");
            }
            match PidFile::create(&path, pid) {
                Ok(file) => {
                    assert!(is_created, "{content:?}");
                    assert_eq!(fs::read_to_string(&path).expect("created"), format!("{pid}\n"));
                    assert_eq!(fs::metadata(&path).expect("created").permissions().mode() & 0o777, 0o644);
                    file.remove();
                    assert!(!path.exists());
                }
                Err(error) => {
                    assert!(!is_created, "{content:?}: {error}");
                    let path = path.display();
                    let text = format!("Already running on PID {parent} (or pid file '{path}' is stale)");
                    assert_eq!(error.to_string(), text);
                }
            }
        }
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().expect("true runs");
        let pid = Pid::from_child(&child);
        let options = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        rustix::process::waitid(rustix::process::WaitId::Pid(pid), options).expect("it ends");
        assert!(!is_alive(child.id()));
        child.wait().expect("reaped");
        assert!(is_alive(std::process::id()));
    }

    #[test]
    fn only_our_own_file_is_removed_and_restored() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("pid");
        let file = PidFile::create(&path, std::process::id()).expect("free");
        assert!(file.is_at(&path));
        fs::remove_file(&path).expect("there");
        file.restore().expect("writable");
        assert_eq!(named_pid(&path), Some(std::process::id()));
        fs::write(&path, "1\n").expect("writable");
        file.restore().expect("nothing to do");
        file.remove();
        assert_eq!(named_pid(&path), Some(1));
    }

    #[test]
    fn an_unwritable_place_is_one_line_that_names_the_setting() {
        let dir = tempfile::tempdir().expect("a directory");
        for path in [dir.path().join("no/pid"), dir.path().to_owned()] {
            let error = PidFile::create(&path, 1).err().expect("unwritable").to_string();
            assert!(error.contains("setting pidfile") && !error.contains('\n'), "{error}");
        }
    }
}
