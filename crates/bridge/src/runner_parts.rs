//! Makes what each runner owns: the interpreter-side half of a worker, once per runner thread.

use std::sync::Arc;

use pyo3::prelude::*;
use tricorn_settings::{Config, WorkerClass};

use crate::ffi::convert::to_obj;
use crate::ffi::environ::{EnvironMaker, EnvironTraits};
use crate::ffi::error::Caught;
use crate::ffi::object::{Obj, Raised, import};
use crate::ffi::types::Types;
use crate::hooks::UserHooks;
use crate::log_sink;
use crate::request_hooks::RequestHooks;
use crate::runner::{InputErrors, Parts, Runner};
use crate::worker_state::WorkerState;
use crate::wsgi::{Names, Server};

/// The value of `SERVER_SOFTWARE`.
pub const SERVER_SOFTWARE: &str = concat!("tricorn/", env!("CARGO_PKG_VERSION"));

/// What all runners of a worker have in common.
pub struct PartsMaker {
    app: Py<PyAny>,
    worker: Py<PyAny>,
    hooks: UserHooks,
    is_multithread: bool,
    is_multiprocess: bool,
    uses_sendfile: bool,
    is_https: bool,
    is_traced: bool,
    script_name: Vec<u8>,
}

impl PartsMaker {
    /// For the worker that `worker` shows to hooks and the application it loaded.
    pub fn new(
        py: Python<'_>,
        config: &Config,
        hooks: &UserHooks,
        worker: &Py<PyAny>,
        app: Py<PyAny>,
    ) -> PyResult<PartsMaker> {
        // Read when the application is loaded: it may have set it.
        let script_name = py.import("os")?.getattr("environ")?.call_method1("get", ("SCRIPT_NAME", ""))?;
        Ok(PartsMaker {
            app,
            worker: worker.clone_ref(py),
            hooks: hooks.only(py, &["pre_request", "post_request"]),
            is_multithread: config.workers.class != WorkerClass::Sync,
            is_multiprocess: config.workers.count > 1,
            uses_sendfile: config.http.sendfile,
            is_https: config.tls.is_some(),
            is_traced: config.workers.spew,
            script_name: script_name.extract::<String>()?.into_bytes(),
        })
    }

    /// The runner `index`, for the calling thread.
    pub fn runner(
        &self,
        py: Python<'_>,
        state: &Arc<WorkerState>,
        index: usize,
        runs_handlers: bool,
    ) -> PyResult<Runner> {
        if self.is_traced {
            // A trace function belongs to one thread.
            py.import("tricorn.spew")?.call_method0("start")?;
        }
        let hooks = RequestHooks::new(py, &self.hooks, &self.worker, state.python.as_ref(), log_sink::log)?;
        let parts = self.parts(py, hooks).map_err(|raised| {
            let raised = Caught::take(raised).raise();
            let Raised = raised;
            PyErr::fetch(py)
        })?;
        Ok(Runner::new(state.clone(), state.slot().runner(index), parts, runs_handlers))
    }

    fn parts(&self, py: Python<'_>, hooks: Option<RequestHooks>) -> Result<Parts, Raised> {
        let file_wrapper = import(c"tricorn.wsgi", c"FileWrapper")?;
        let errors_stream = import(c"tricorn.wsgi", c"ErrorsStream")?.call0()?;
        let traits = EnvironTraits {
            is_multithread: self.is_multithread,
            is_multiprocess: self.is_multiprocess,
            is_https: self.is_https,
            server_software: SERVER_SOFTWARE,
            script_name: self.script_name.clone(),
        };
        Ok(Parts {
            server: Server {
                app: to_obj(self.app.bind(py)),
                file_wrapper: file_wrapper.clone(),
                uses_sendfile: self.uses_sendfile,
                names: Names::new()?,
            },
            maker: EnvironMaker::new(traits, errors_stream, file_wrapper)?,
            types: Types::new()?,
            errors: InputErrors {
                disconnected: error_class(c"ClientDisconnected")?,
                invalid: error_class(c"InvalidBody")?,
                timeout: error_class(c"BodyTimeout")?,
            },
            hooks,
        })
    }
}

fn error_class(name: &std::ffi::CStr) -> Result<Obj, Raised> {
    import(c"tricorn.errors", name)
}
