//! The looks of files: what stat(2) says of each, when it was first seen and now. Used by the thread of `reload` only. It
//! does not know what the files are for, nor when to look.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What tells one version of a file from another. Any difference counts: a checkout or a restored backup may be older, and
/// an editor that writes a new file and renames it gives it another inode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Since the epoch.
    modified_ns: i128,
    bytes: u64,
    inode: u64,
}

impl Look {
    /// What Python saw.
    pub fn new((modified_ns, bytes, inode): (i128, u64, u64)) -> Look {
        Look { modified_ns, bytes, inode }
    }
}

fn look_at(path: &Path) -> Option<Look> {
    let metadata = fs::metadata(path).ok()?;
    Some(Look {
        modified_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        bytes: metadata.size(),
        inode: metadata.ino(),
    })
}

/// The files that are watched.
#[derive(Default)]
pub struct Sources {
    /// `None`: it was not there. It has changed when it appears.
    looks: HashMap<PathBuf, Option<Look>>,
}

impl Sources {
    /// Adds a file as it looked when it was read or missed, unless it is known.
    pub fn add_noted(&mut self, path: PathBuf, look: Option<Look>) {
        self.looks.entry(path).or_insert(look);
    }

    /// Adds the files that are new, as they look now.
    pub fn add(&mut self, files: &[PathBuf]) {
        for path in files {
            if !self.looks.contains_key(path) {
                self.looks.insert(path.clone(), look_at(path));
            }
        }
    }

    /// The files that look otherwise than they did. One that is missing has not changed: an editor may be about to put it
    /// back.
    pub fn changed(&self) -> Vec<PathBuf> {
        let differs =
            |path: &Path, before: &Option<Look>| look_at(path).is_some_and(|now| *before != Some(now));
        self.looks
            .iter()
            .filter(|(path, before)| differs(path, before))
            .map(|(path, _)| path.clone())
            .collect()
    }
}
