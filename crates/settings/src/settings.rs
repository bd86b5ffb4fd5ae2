//! The filled table: the value and the source of every setting.
//!
//! The bridge makes it once per load (start, reload), then sets layer by layer, weakest first; a later `set` wins. It does
//! not look for config files and does not read `GUNICORN_CMD_ARGS`: the bridge does, because the files are Python.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::command_line::Parsed;
use crate::error::SettingError;
use crate::kind::Kind;
use crate::setting::{Default, Effect, Setting};
use crate::source::Source;
use crate::table::TABLE;
use crate::value::Value;

/// Value and source of every row of [`TABLE`].
#[derive(Clone, Debug)]
pub struct Settings {
    slots: Vec<Slot>,
    defaults: Vec<Value>,
    cwd: PathBuf,
}

#[derive(Clone, Debug)]
struct Slot {
    value: Value,
    source: Source,
}

impl Settings {
    /// The defaults, with the changes that the environment makes to them (`PORT`, `WEB_CONCURRENCY`,
    /// `FORWARDED_ALLOW_IPS`, `SENDFILE`; `PWD` for `chdir`). `env` answers the value of a variable, `None` if it is not set.
    ///
    /// # Errors
    /// A variable whose text is not right, or a working directory that no longer exists.
    pub fn with_defaults(env: &dyn Fn(&str) -> Option<String>) -> Result<Settings, SettingError> {
        let cwd = working_directory(env)?;
        let mut settings = Settings { slots: Vec::new(), defaults: Vec::new(), cwd };
        for row in TABLE {
            let (given, source) =
                match row.environment.and_then(|from| env(from.variable).map(|text| (from, text))) {
                    None => (settings.default_of(row), Source::Default),
                    Some((from, text)) => {
                        let source = Source::Environment(from.variable);
                        match (from.value)(&text) {
                            Ok(value) => (value, source),
                            Err(wants) => {
                                return Err(SettingError::invalid(row.name, Value::Str(text), source, wants));
                            }
                        }
                    }
                };
            let value = settings.checked(row, given, &source)?;
            settings.defaults.push(value.clone());
            settings.slots.push(Slot { value, source });
        }
        Ok(settings)
    }

    /// Sets one setting; whatever it held before is replaced.
    ///
    /// # Errors
    /// No such setting (the error names the nearest), or a value its kind refuses. Then nothing changes.
    pub fn set(&mut self, name: &str, value: Value, source: Source) -> Result<(), SettingError> {
        let Some(index) = index_of(name) else {
            return Err(SettingError::unknown(name, source));
        };
        let value = self.checked(&TABLE[index], value, &source)?;
        self.slots[index] = Slot { value, source };
        Ok(())
    }

    /// Sets everything a command line or `GUNICORN_CMD_ARGS` gave, up to the first error.
    pub fn apply(&mut self, parsed: &Parsed, source: &Source) -> Result<(), SettingError> {
        parsed.values.iter().try_for_each(|(name, value)| self.set(name, value.clone(), source.clone()))
    }

    /// The validated value.
    ///
    /// # Panics
    /// If no setting has this name; ask [`setting`](crate::setting()) first if the name comes from outside.
    pub fn value(&self, name: &str) -> &Value {
        &self.slot(name).value
    }

    /// The layer the value came from.
    ///
    /// # Panics
    /// As [`value`](Settings::value).
    pub fn source(&self, name: &str) -> &Source {
        &self.slot(name).source
    }

    /// The settings that somebody set to something other than the default although this version does not act upon them;
    /// in the order of the table. Each deserves one line at start.
    pub fn inert(&self) -> Vec<&'static str> {
        let rows = TABLE.iter().zip(self.slots.iter().zip(&self.defaults));
        rows.filter(|(row, (slot, default))| {
            row.effect == Effect::NotYet && !is_same(row, &slot.value, default)
        })
        .map(|(row, _)| row.name)
        .collect()
    }

    /// An error about the present value of a setting, for those who find out later that it cannot be used (a user that
    /// does not exist, an address that cannot be parsed).
    ///
    /// # Panics
    /// As [`value`](Settings::value).
    pub fn refuse(&self, name: &str, wants: impl Into<String>) -> SettingError {
        let index = index_of(name).expect("the caller names a row of TABLE");
        let Slot { value, source } = self.slots[index].clone();
        SettingError::invalid(TABLE[index].name, value, source, wants)
    }

    fn slot(&self, name: &str) -> &Slot {
        &self.slots[index_of(name).unwrap_or_else(|| panic!("no setting is named {name:?}"))]
    }

    fn checked(&self, row: &Setting, value: Value, source: &Source) -> Result<Value, SettingError> {
        if value == Value::None && matches!(row.kind, Kind::Hook(_)) && *source == Source::Default {
            return Ok(value);
        }
        row.kind
            .check(value.clone(), &self.cwd)
            .map_err(|wants| SettingError::invalid(row.name, value, source.clone(), wants))
    }

    fn default_of(&self, row: &Setting) -> Value {
        match row.default {
            Default::None | Default::EffectiveUser | Default::EffectiveGroup => Value::None,
            Default::Bool(is_on) => Value::Bool(is_on),
            Default::Int(number) => Value::Int(number),
            Default::Text(text) => Value::from(text),
            Default::Texts(texts) => Value::List(texts.iter().map(|&text| text.to_owned()).collect()),
            Default::Pairs(pairs) => {
                Value::Map(pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect())
            }
            Default::WorkingDirectory => Value::Str(self.cwd.to_string_lossy().into_owned()),
        }
    }
}

fn index_of(name: &str) -> Option<usize> {
    TABLE.iter().position(|row| row.name == name)
}

/// Whether a value means the same as the default: two more names for the default logger do.
fn is_same(row: &Setting, value: &Value, default: &Value) -> bool {
    let is_logger = || matches!(value.as_str(), Some("simple" | "gunicorn.glogging.Logger"));
    value == default || (row.name == "logger_class" && is_logger())
}

/// The working directory, spelled as `PWD` has it if that is the same directory (a symbolic link keeps its name).
fn working_directory(env: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, SettingError> {
    let here = std::env::current_dir().map_err(|error| {
        SettingError::invalid(
            "chdir",
            Value::None,
            Source::Default,
            format!("the working directory is gone: {error}"),
        )
    })?;
    let pwd = env("PWD").map(PathBuf::from).filter(|pwd| pwd.is_absolute() && is_same_file(pwd, &here));
    Ok(pwd.unwrap_or(here))
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
