//! `user` and `group`: from a name to a number, by the system's own tables (getpwnam(3), getgrnam(3)).

use nix::unistd::{Group, User};
use tricorn_settings::{Config, Owner, Settings};

/// The uid that workers run with.
pub fn user_id(config: &Config, settings: &Settings) -> Result<u32, String> {
    let find = |name: &str| User::from_name(name).map(|user| user.map(|user| user.uid.as_raw()));
    resolve(&config.process.user, settings, "user", find)
}

/// The gid that workers run with.
pub fn group_id(config: &Config, settings: &Settings) -> Result<u32, String> {
    let find = |name: &str| Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw()));
    resolve(&config.process.group, settings, "group", find)
}

fn resolve(
    owner: &Owner,
    settings: &Settings,
    setting: &str,
    find: impl FnOnce(&str) -> nix::Result<Option<u32>>,
) -> Result<u32, String> {
    let name = match owner {
        Owner::Id(id) => return Ok(*id),
        Owner::Name(name) => name,
    };
    let wants = match find(name) {
        Ok(Some(id)) => return Ok(id),
        Ok(None) => format!("there is no such {setting} on this machine"),
        Err(error) => format!("it cannot be looked up: {error}"),
    };
    Err(settings.refuse(setting, wants).to_string())
}
