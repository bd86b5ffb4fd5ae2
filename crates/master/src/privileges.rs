//! Whom the workers run as.
//!
//! Applied by a worker, in the child only: the master keeps its user, so that it can bind, reopen logs and
//! fork workers again after a reload.

use std::ffi::CString;
use std::io;

use nix::unistd::{Gid, Uid, User, initgroups, setgid, setgroups, setuid};

/// User, group and whether the user's other groups are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Privileges {
    pub user: Option<u32>,
    pub group: Option<u32>,
    pub initgroups: bool,
}

impl Privileges {
    /// Groups before the user: after setuid(2) the process may not change them any more. What already holds
    /// is not asked for again, so that an unprivileged server may name its own user.
    pub fn apply(&self) -> io::Result<()> {
        let is_user_change = self.user.is_some_and(|user| user != Uid::effective().as_raw());
        if let Some(group) = self.group {
            self.set_groups(Gid::from_raw(group), is_user_change)?;
        }
        if let Some(user) = self.user.filter(|_| is_user_change) {
            setuid(Uid::from_raw(user))?;
        }
        Ok(())
    }

    fn set_groups(&self, group: Gid, is_user_change: bool) -> io::Result<()> {
        if self.initgroups
            && let Some(name) = self.user_name()?
        {
            initgroups(&name, group)?;
        } else if is_user_change && Uid::effective().is_root() {
            // root's supplementary groups must not stay with a worker that is no longer root.
            setgroups(&[group])?;
        }
        if group != Gid::effective() {
            setgid(group)?;
        }
        Ok(())
    }

    /// `None` for a user without an entry in the user database, whose groups nobody can list.
    fn user_name(&self) -> io::Result<Option<CString>> {
        let Some(user) = self.user else { return Ok(None) };
        let entry = User::from_uid(Uid::from_raw(user))?;
        Ok(entry.and_then(|entry| CString::new(entry.name).ok()))
    }
}
