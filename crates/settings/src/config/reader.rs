//! Typed access to the values of `Settings`, with an error that names the setting if a value is beyond its type.
//!
//! Used by `Config` only. The kinds have checked the values, so a value of another type than asked for is its zero.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::choices::Owner;
use crate::error::SettingError;
use crate::peers::PeerList;
use crate::settings::Settings;
use crate::value::Value;

/// Longest deadline: 2^32 - 1 seconds, which can be added to every clock without overflow.
const SECONDS_MAX: u64 = u32::MAX as u64;

pub(super) struct Reader<'a> {
    settings: &'a Settings,
}

impl<'a> Reader<'a> {
    pub(super) fn new(settings: &'a Settings) -> Reader<'a> {
        Reader { settings }
    }

    pub(super) fn value(&self, name: &str) -> &'a Value {
        self.settings.value(name)
    }

    pub(super) fn refuse(&self, name: &str, wants: impl Into<String>) -> SettingError {
        self.settings.refuse(name, wants)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.value(name).is_true()
    }

    pub(super) fn list(&self, name: &str) -> &'a [String] {
        self.value(name).as_list()
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.value(name).as_str().map(str::to_owned)
    }

    /// A text that a config file may have set to `None`, which nobody could use.
    pub(super) fn needed_text(&self, name: &str) -> Result<String, SettingError> {
        self.text(name).ok_or_else(|| self.refuse(name, "must be a text"))
    }

    /// A path; the empty text is none.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.value(name).as_str().filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// A number; kinds guarantee 0 or more.
    pub(super) fn number(&self, name: &str) -> u64 {
        if let Value::Int(number) = self.value(name) { u64::try_from(*number).unwrap_or_default() } else { 0 }
    }

    pub(super) fn at_most(&self, name: &str, max: usize) -> Result<usize, SettingError> {
        usize::try_from(self.number(name))
            .ok()
            .filter(|number| *number <= max)
            .ok_or_else(|| self.refuse(name, format!("must be at most {max}")))
    }

    /// A number of bytes or things; the limit is that of the address space.
    pub(super) fn size(&self, name: &str) -> Result<usize, SettingError> {
        self.at_most(name, isize::MAX as usize)
    }

    /// A number of seconds; 0 is none.
    pub(super) fn deadline(&self, name: &str) -> Result<Option<Duration>, SettingError> {
        match self.number(name) {
            0 => Ok(None),
            seconds if seconds <= SECONDS_MAX => Ok(Some(Duration::from_secs(seconds))),
            _ => Err(self.refuse(name, format!("must be at most {SECONDS_MAX} seconds"))),
        }
    }

    pub(super) fn peers(&self, name: &str) -> Result<PeerList, SettingError> {
        PeerList::parse(self.list(name)).map_err(|wants| self.refuse(name, wants))
    }

    pub(super) fn owner(&self, name: &str) -> Owner {
        match self.value(name) {
            Value::Str(owner) => Owner::Name(owner.clone()),
            _ => Owner::Id(self.number(name) as u32),
        }
    }
}
