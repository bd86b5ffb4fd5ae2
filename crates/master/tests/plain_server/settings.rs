//! The words of the settings file of `plain-server`.

use std::path::Path;
use std::time::Duration;

use tricorn_master::{Plan, WorkerKind};

/// What the master and what the workers are to do.
pub struct Settings {
    pub plan: Plan,
    /// `boot WORDS`: what a worker does instead of becoming ready at once.
    pub boot: String,
    /// `failing_hook NAME`, repeatable.
    pub failing_hooks: Vec<String>,
    /// `life_ms N`: the worker exits with code 1 so long after it was ready.
    pub life_ms: Option<u64>,
    /// `steals 1`: the host reaps children before the master can.
    pub steals: bool,
    /// `exec PATH`: the program of the next master, if not this one.
    pub exec: String,
}

impl Settings {
    /// The error names the line.
    pub fn read(file: &Path) -> Result<Settings, String> {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let plan = Plan { binds: Vec::new(), umask: 0o077, ..Plan::default() };
        let mut settings = Settings {
            plan,
            boot: "ok".to_owned(),
            failing_hooks: Vec::new(),
            life_ms: None,
            steals: false,
            exec: String::new(),
        };
        for line in text.lines() {
            let (name, value) = line.split_once(' ').ok_or_else(|| format!("bad line '{line}'"))?;
            settings.set(name, value).map_err(|reason| format!("bad line '{line}': {reason}"))?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = || value.parse::<u64>().map_err(|error| error.to_string());
        let time = || number().map(Duration::from_millis);
        let plan = &mut self.plan;
        match name {
            "bind" => plan.binds.push(value.parse().map_err(|error| format!("{error}"))?),
            "workers" => plan.workers = number()? as usize,
            "runners" => plan.runners_per_worker = number()? as usize,
            "timeout_ms" => plan.timeout = Some(time()?),
            "graceful_ms" => plan.graceful_timeout = time()?,
            "boot_timeout_ms" => plan.boot_timeout = Some(time()?),
            "kind" => plan.kind = if value == "sync" { WorkerKind::Sync } else { WorkerKind::Threads },
            "pidfile" => plan.pidfile = Some(value.into()),
            "daemon" => plan.daemon = true,
            "keep_stdio" => plan.keep_stdio = true,
            "user" => plan.user = Some(number()? as u32),
            "group" => plan.group = Some(number()? as u32),
            "tls" => plan.is_tls = true,
            "boot" => value.clone_into(&mut self.boot),
            "failing_hook" => self.failing_hooks.push(value.to_owned()),
            "exec" => value.clone_into(&mut self.exec),
            "steals" => self.steals = true,
            "life_ms" => self.life_ms = Some(number()?),
            _ => return Err("unknown name".to_owned()),
        }
        Ok(())
    }
}
