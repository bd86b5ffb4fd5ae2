//! A server for the tests of the master: real processes, no Python, behaviour by words.
//!
//! Started by `tests/supervision` as `plain-server FILE`. FILE holds `name value` lines, read at start and at
//! every reload; see `settings.rs` for the names. Its workers answer one command per connection; see
//! `worker.rs`. Log lines go to standard error as `[level] text`.

mod settings;
mod worker;

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::WaitOptions;
use settings::Settings;
use tricorn_master::{Hook, HookError, Host, Level, Plan, Seat, run};

struct PlainHost {
    file: PathBuf,
    settings: Settings,
}

impl Host for PlainHost {
    fn before_fork(&mut self) {}
    fn after_fork_parent(&mut self) {}
    fn after_fork_child(&mut self) {}

    fn detached<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        let result = wait();
        // What a careless hook does: take its time, then wait for any child.
        if self.settings.steals {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        while self.settings.steals && matches!(rustix::process::wait(WaitOptions::NOHANG), Ok(Some(_))) {}
        result
    }

    fn hook(&mut self, hook: Hook<'_>) -> Result<(), HookError> {
        let detail = match &hook {
            Hook::NworkersChanged { new, old, .. } => format!(" {old:?}->{new}"),
            Hook::PreFork { age, .. } => format!(" {age}"),
            Hook::ChildExit { child, exit_code, signal, .. } => {
                format!(" {} booted={} {exit_code:?} {signal:?}", child.pid, child.booted)
            }
            _ => String::new(),
        };
        self.log(Level::Info, &format!("hook {}{detail}", hook.name()));
        if self.settings.failing_hooks.iter().any(|name| name == hook.name()) {
            return Err(HookError::new("the test asked for it"));
        }
        Ok(())
    }

    fn run_worker(&mut self, seat: Seat) -> i32 {
        worker::run(seat, &self.settings)
    }

    fn reload(&mut self) -> Result<Plan, String> {
        self.settings = Settings::read(&self.file)?;
        Ok(self.settings.plan.clone())
    }

    fn successor(&mut self) -> Result<Command, String> {
        let program = if self.settings.exec.is_empty() {
            std::env::current_exe().map_err(|error| error.to_string())?
        } else {
            PathBuf::from(&self.settings.exec)
        };
        let mut command = Command::new(program);
        command.arg(&self.file);
        Ok(command)
    }

    fn log(&mut self, level: Level, message: &str) {
        let _ = std::io::stderr().write_all(format!("[{level:?}] {message}\n").as_bytes());
    }

    fn reopen_logs(&mut self) {
        self.log(Level::Info, "logs reopened");
    }

    fn set_title(&mut self, title: &str) {
        self.log(Level::Debug, &format!("title {title}"));
    }
}

fn main() {
    let file = PathBuf::from(std::env::args_os().nth(1).expect("usage: plain-server FILE"));
    let settings = Settings::read(&file).expect("the test wrote a good file");
    let plan = settings.plan.clone();
    std::process::exit(run(plan, &mut PlainHost { file, settings }, "0-test"));
}
