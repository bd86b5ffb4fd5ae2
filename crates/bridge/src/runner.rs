//! A runner: a thread that runs Python. Its whole life is: ask the engine for an exchange, serve it, ask again. It owns what
//! must not be shared between threads or interpreters: caches, prototypes, the objects of the current request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use tricorn_engine::http::Status;
use tricorn_engine::{Engine, Exchange, Next, Response, monotonic_ms};
use tricorn_logs::Level;
use tricorn_master::RunnerSlot;

use crate::access::{self, Finish};
use crate::ffi::environ::{EnvironError, EnvironMaker};
use crate::ffi::error::{Caught, Class};
use crate::ffi::gil::Detachable;
use crate::ffi::object::{Obj, Raised};
use crate::ffi::signals;
use crate::ffi::types::Types;
use crate::request_hooks::RequestHooks;
use crate::worker_state::{WorkerState, is_quitting, quit_code};
use crate::wsgi::{Desk, Outcome, Server};

/// Why a runner stopped.
pub enum End {
    /// The engine has drained.
    Drained,
    /// A signal handler raised, or the application called `sys.exit` while the worker was told to quit.
    Quit,
}

/// The exceptions that `wsgi.input` raises for what the client did.
pub struct InputErrors {
    pub disconnected: Obj,
    pub invalid: Obj,
    pub timeout: Obj,
}

/// One thread's worth of serving.
pub struct Runner {
    pub engine: Arc<Engine>,
    pub state: Arc<WorkerState>,
    pub slot: RunnerSlot,
    pub server: Server,
    pub maker: EnvironMaker,
    pub types: Types,
    pub errors: InputErrors,
    pub hooks: Option<RequestHooks>,
    /// Does this thread run Python's signal handlers (the main thread of a sync worker)?
    pub runs_handlers: bool,
    desk: Option<Desk>,
}

/// What a runner is made of; see the fields of `Runner`.
pub struct Parts {
    pub server: Server,
    pub maker: EnvironMaker,
    pub types: Types,
    pub errors: InputErrors,
    pub hooks: Option<RequestHooks>,
}

impl Runner {
    /// A runner for the calling thread, which is attached.
    pub fn new(state: Arc<WorkerState>, slot: RunnerSlot, parts: Parts, runs_handlers: bool) -> Runner {
        let Parts { server, maker, types, errors, hooks } = parts;
        let engine = state.engine.clone();
        Runner { engine, state, slot, server, maker, types, errors, hooks, runs_handlers, desk: None }
    }

    /// Serves until the engine has drained or the worker is told to quit.
    pub fn run(&mut self) -> End {
        let mut gate = Detachable::new(Some(self.slot));
        loop {
            match self.engine.next(&mut gate) {
                Next::Exchange(exchange) => self.serve_guarded(exchange, &mut gate),
                Next::Interrupted => {}
                Next::Stopped => return End::Drained,
            }
            if self.runs_handlers
                && let Err(raised) = signals::run_handlers()
            {
                // Only our own handlers raise SystemExit; whatever else a handler of the application raises ends nothing.
                let caught = Caught::take(raised);
                if !caught.is(Class::SystemExit) {
                    self.state
                        .log(Level::Error, &format!("Error in a signal handler\n{}", caught.traceback()));
                }
            }
            if is_quitting() {
                return End::Quit;
            }
        }
    }

    /// A panic costs this request, not the worker: the exchange answers or cuts the connection when it is dropped.
    fn serve_guarded(&mut self, exchange: Exchange, gate: &mut Detachable) {
        if catch_unwind(AssertUnwindSafe(|| self.serve(exchange, gate))).is_err() {
            self.state.log(Level::Critical, "internal error: a panic was caught while serving a request");
            if let Some(desk) = self.desk.take() {
                drop(desk.end());
            }
            self.slot.leave(monotonic_ms());
        }
    }

    fn serve(&mut self, exchange: Exchange, gate: &mut Detachable) {
        let started = self.wants_times().then(Instant::now);
        self.slot.enter(exchange.head().method(), exchange.head().target(), monotonic_ms());
        self.state.count_request();
        match self.desk() {
            Ok(()) => self.serve_at_desk(exchange, started, gate),
            Err(raised) => {
                self.state.log(
                    Level::Error,
                    &format!("Error preparing a request\n{}", Caught::take(raised).traceback()),
                );
                drop(exchange);
            }
        }
        self.slot.leave(monotonic_ms());
    }

    /// Does somebody ask how long requests take? Without, the clock is not asked.
    fn wants_times(&self) -> bool {
        let WorkerState { access, statsd, python, .. } = &*self.state;
        access.is_some() || statsd.is_some() || python.is_some()
    }

    /// Makes sure that there is a desk nobody else knows.
    fn desk(&mut self) -> Result<(), Raised> {
        if self.desk.as_ref().is_none_or(|desk| !desk.is_unshared(&self.types)) {
            self.desk = Some(Desk::new(&self.types, self.slot)?);
        }
        Ok(())
    }

    fn serve_at_desk(&mut self, exchange: Exchange, started: Option<Instant>, gate: &mut Detachable) {
        let Some(desk) = self.desk.take() else { return };
        self.state.debug(|| label(&exchange)); // Gunicorn's default pre_request
        let request = self.hooks.as_ref().and_then(|hooks| hooks.request(&exchange));
        let environ = desk.environ(&exchange, &mut self.maker);
        desk.begin(exchange);
        let (outcome, environ, result) = self.call(&desk, environ, request.as_ref(), gate);
        let left = desk.end();
        if let Some(mut exchange) = left.exchange {
            let status = self.settle(&mut exchange, outcome);
            let elapsed = started.map(|started| started.elapsed());
            if let (Some(access), Some(elapsed)) = (&self.state.access, elapsed) {
                let finish = Finish { environ: environ.as_ref(), status, elapsed, pid: self.state.pid };
                access::log(access, &exchange, &finish);
            }
            if let (Some(statsd), Some(elapsed)) = (&self.state.statsd, elapsed) {
                statsd.finished(status, elapsed);
            }
            if let (Some(hooks), Some(request)) = (&self.hooks, &request) {
                hooks.access(request, environ.as_ref(), &exchange, (status, elapsed.unwrap_or_default()));
            }
            self.close(result.as_ref());
            if let (Some(hooks), Some(request)) = (&self.hooks, &request) {
                hooks.post_request(request, environ.as_ref(), &exchange, status);
            }
            if let Some(socket) = left.raw_socket {
                self.close(Some(&socket));
            }
            drop((environ, result));
            exchange.release();
        }
        self.desk = Some(desk);
    }

    fn call(
        &mut self,
        desk: &Desk,
        environ: Result<Obj, EnvironError>,
        request: Option<&crate::request_hooks::Request>,
        gate: &mut Detachable,
    ) -> (Outcome, Option<Obj>, Option<Obj>) {
        if let (Some(hooks), Some(request)) = (&self.hooks, request) {
            match hooks.pre_request(request, environ.as_ref().ok()) {
                Ok(false) => {}
                Ok(true) => desk.close_after_response(),
                Err(traceback) => return (Outcome::Failed(traceback), None, None),
            }
        }
        let environ = match environ {
            Ok(environ) => environ,
            Err(EnvironError::Raised(raised)) => return (Outcome::Raised(Caught::take(raised)), None, None),
            Err(EnvironError::OutsideScriptName) => return (Outcome::Misconfigured, None, None),
        };
        let (outcome, result) = self.server.answer(desk, &environ, gate);
        (outcome, Some(environ), result)
    }

    /// Draws the consequences of an outcome: log lines, error pages. Returns the status that the client got.
    fn settle(&self, exchange: &mut Exchange, outcome: Outcome) -> u16 {
        match outcome {
            Outcome::Answered => self.note_lengths(exchange),
            Outcome::ClientGone => {
                self.state.debug(|| format!("The client went away before {} was answered", label(exchange)));
            }
            Outcome::Silent => {
                if exchange.state() == Response::Unsent {
                    exchange.hang_up();
                }
            }
            Outcome::Misconfigured => {
                let message = "Configuration problem: the path is not below SCRIPT_NAME";
                self.state.log(Level::Error, &format!("{message}: {}", label(exchange)));
                return fail(exchange, Status::InternalServerError, message);
            }
            Outcome::Failed(traceback) => {
                self.state
                    .log(Level::Error, &format!("Error handling request {}\n{traceback}", label(exchange)));
                return fail(exchange, Status::InternalServerError, "");
            }
            Outcome::Raised(caught) => return self.settle_exception(exchange, &caught),
        }
        exchange.response_head().status_code()
    }

    fn settle_exception(&self, exchange: &mut Exchange, caught: &Caught) -> u16 {
        if caught.is_a(&self.errors.disconnected) {
            self.state.debug(|| format!("The client went away while {} was read", label(exchange)));
            exchange.fail(Status::BadRequest, "");
            return Status::BadRequest.code();
        }
        let client_error = if caught.is_a(&self.errors.invalid) {
            Some(Status::BadRequest)
        } else if caught.is_a(&self.errors.timeout) {
            Some(Status::RequestTimeout)
        } else {
            None
        };
        if let Some(status) = client_error {
            let message = caught.value().text();
            self.state.log_rejection(exchange.peer(), &message);
            return fail(exchange, status, &message);
        }
        if caught.is(Class::SystemExit) && quit_code() == Some(0) {
            // INT or QUIT: the exception is ours, and where it struck tells nothing. (ABRT has another code: there it does.)
            self.state.debug(|| format!("Told to quit while handling {}", label(exchange)));
            return fail(exchange, Status::InternalServerError, "");
        }
        self.state.log_exception(&format!("Error handling request {}", label(exchange)), caught);
        if caught.is(Class::SystemExit) && !is_quitting() {
            self.state.retire("the application called sys.exit()");
        }
        fail(exchange, Status::InternalServerError, "")
    }

    /// What the application declared and what it sent should agree.
    fn note_lengths(&self, exchange: &Exchange) {
        if exchange.missing_bytes() > 0 {
            let missing = exchange.missing_bytes();
            let text = format!(
                "{}: the response is {missing} bytes shorter than its Content-Length",
                label(exchange)
            );
            self.state.log(Level::Error, &text);
        } else if exchange.is_overlong() {
            let text =
                format!("{}: the response is longer than its Content-Length and was cut", label(exchange));
            self.state.log(Level::Error, &text);
        }
    }

    fn close(&self, result: Option<&Obj>) {
        let Some(result) = result else { return };
        if let Err(raised) = self.server.close(result) {
            let traceback = Caught::take(raised).traceback();
            self.state.log(Level::Error, &format!("Error in close() of a response\n{traceback}"));
        }
    }
}

/// Sends the error page, or cuts the response; the status that the client got.
fn fail(exchange: &mut Exchange, status: Status, message: &str) -> u16 {
    if exchange.fail(status, message) { status.code() } else { exchange.response_head().status_code() }
}

/// Method and target of a request, fit for a log line.
fn label(exchange: &Exchange) -> String {
    let head = exchange.head();
    format!("{} {}", tricorn_logs::Printable(head.method()), tricorn_logs::Printable(head.target()))
}
