//! What one row of the table says about a setting.
//!
//! Rows are constants in `table/`, made by struct update from [`Setting::BASE`]; everything else in this crate reads them.

use crate::kind::Kind;
use crate::value::Value;

/// One setting: the only place where it is declared.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The name in config files and `cfg`.
    pub name: &'static str,
    /// Command-line spellings, short ones with one dash; empty if the command line cannot set it.
    pub flags: &'static [&'static str],
    /// What `--help` calls the option's value; empty for switches.
    pub metavar: &'static str,
    /// Which values are right, and how they are normalised.
    pub kind: Kind,
    /// The value if no layer sets one.
    pub default: Default,
    /// An environment variable that changes the default.
    pub environment: Option<FromEnvironment>,
    /// Heading under which help and reference list it.
    pub section: Section,
    /// Who uses the value.
    pub scope: Scope,
    /// Whether this version acts upon it.
    pub effect: Effect,
    /// What it means. The first line stands in `--help`, all lines in the reference.
    pub help: &'static str,
    /// Who introduced it, and when.
    pub since: Since,
}

impl Setting {
    /// What rows have in common unless they say otherwise.
    pub(crate) const BASE: Setting = Setting {
        name: "",
        flags: &[],
        metavar: "",
        kind: Kind::Text,
        default: Default::None,
        environment: None,
        section: Section::ConfigFile,
        scope: Scope::Worker,
        effect: Effect::Active,
        help: "",
        since: Since::Gunicorn(None),
    };

    /// The first line of the help text.
    pub fn summary(&self) -> &'static str {
        self.help.lines().next().unwrap_or_default()
    }

    /// Long command-line spellings, without the dashes.
    pub(crate) fn long_flags(&self) -> impl Iterator<Item = &'static str> {
        self.flags.iter().filter_map(|flag| flag.strip_prefix("--"))
    }

    /// The short command-line spelling, without the dash.
    pub(crate) fn short_flag(&self) -> Option<char> {
        self.flags.iter().find(|flag| !flag.starts_with("--")).and_then(|flag| flag.chars().nth(1))
    }
}

/// A default as the row writes it; validated and normalised when `Settings` are made.
#[derive(Clone, Copy, Debug)]
pub enum Default {
    /// `None`; for a hook: nothing is called.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A text, written as on the command line.
    Text(&'static str),
    /// A list of texts.
    Texts(&'static [&'static str]),
    /// A dict.
    Pairs(&'static [(&'static str, &'static str)]),
    /// Where the program was started, as `$PWD` spells it if that is the same directory.
    WorkingDirectory,
    /// The user who started the program.
    EffectiveUser,
    /// The group of the user who started the program.
    EffectiveGroup,
}

/// How an environment variable becomes a default.
#[derive(Clone, Copy, Debug)]
pub struct FromEnvironment {
    /// Name of the variable.
    pub variable: &'static str,
    /// Its text as a value, or what would be right.
    pub value: fn(&str) -> Result<Value, &'static str>,
}

/// Headings, in the order in which help and reference print them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the titles below are the documentation")]
pub enum Section {
    ConfigFile,
    ServerSocket,
    WorkerProcesses,
    Security,
    Debugging,
    ServerMechanics,
    Logging,
    ProcessNaming,
    ServerHooks,
    Ssl,
    Http2,
    DirtyArbiters,
    DirtyArbiterHooks,
    Control,
}

impl Section {
    /// All sections in printing order.
    pub const ALL: [Section; 14] = [
        Section::ConfigFile,
        Section::ServerSocket,
        Section::WorkerProcesses,
        Section::Security,
        Section::Debugging,
        Section::ServerMechanics,
        Section::Logging,
        Section::ProcessNaming,
        Section::ServerHooks,
        Section::Ssl,
        Section::Http2,
        Section::DirtyArbiters,
        Section::DirtyArbiterHooks,
        Section::Control,
    ];

    /// The heading, Gunicorn's words.
    pub const fn title(self) -> &'static str {
        match self {
            Section::ConfigFile => "Config File",
            Section::ServerSocket => "Server Socket",
            Section::WorkerProcesses => "Worker Processes",
            Section::Security => "Security",
            Section::Debugging => "Debugging",
            Section::ServerMechanics => "Server Mechanics",
            Section::Logging => "Logging",
            Section::ProcessNaming => "Process Naming",
            Section::ServerHooks => "Server Hooks",
            Section::Ssl => "SSL",
            Section::Http2 => "HTTP/2",
            Section::DirtyArbiters => "Dirty Arbiters",
            Section::DirtyArbiterHooks => "Dirty Arbiter Hooks",
            Section::Control => "Control",
        }
    }
}

/// Who uses a setting; with that, what a reload (SIGHUP) can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The command while it starts. A reload does not change it.
    Launch,
    /// The master. A reload applies it.
    Master,
    /// The workers. A reload applies it to the workers it starts.
    Worker,
}

/// Whether this version acts upon a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does what its help says.
    Active,
    /// Accepted and validated; if set, one line at start says that it has no effect yet.
    NotYet,
    /// Accepted silently: having no effect is its right meaning here, for this reason.
    Moot(&'static str),
}

/// Who introduced a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Gunicorn, in this version (`None`: before its documentation recorded versions).
    Gunicorn(Option<&'static str>),
    /// Tricorn, in this version.
    Tricorn(&'static str),
}
