//! The objects that hooks get, `server` and `worker`, kept in step with the master. They are plain Python objects
//! (`tricorn.arbiter`, `tricorn.worker`); nothing is read back from them.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tricorn_master::{ChildView, MasterView};

use crate::configuration::Configuration;
use crate::logger;
use crate::python_log::PythonLog;

/// `server`, `cfg`, `log`, and the workers by their age.
pub struct HookObjects {
    pub server: Py<PyAny>,
    pub cfg: Py<PyAny>,
    pub log: Py<PyAny>,
    /// The same, if the server's own lines go through it.
    pub python_log: Option<Arc<PythonLog>>,
    worker_class: Option<Py<PyAny>>,
    workers: HashMap<u64, Py<PyAny>>,
    proc_name: String,
}

impl HookObjects {
    /// The objects of a configuration. `server` is the one that is there already: an embedding program's, or that of the
    /// configuration before. It shows the new configuration after `enter`.
    pub fn new(
        py: Python<'_>,
        configuration: &Configuration,
        server: Option<&Py<PyAny>>,
    ) -> PyResult<HookObjects> {
        let cfg = configuration.cfg.bind(py);
        let (log, python_log) = logger::make(py, configuration, cfg)?;
        let server = match server {
            Some(server) => server.clone_ref(py),
            None => py.import("tricorn.arbiter")?.getattr("Arbiter")?.call1((&configuration.app,))?.unbind(),
        };
        Ok(HookObjects {
            server,
            cfg: cfg.clone().unbind(),
            log: log.unbind(),
            python_log,
            worker_class: configuration.worker_class.as_ref().map(|custom| custom.class.clone_ref(py)),
            workers: HashMap::new(),
            proc_name: configuration.config.process.proc_name.clone(),
        })
    }

    /// Makes `server` show this configuration.
    pub fn enter(&self, py: Python<'_>, configuration: &Configuration) -> PyResult<()> {
        configuration.app.setattr(py, "cfg", &self.cfg)?;
        self.server.setattr(py, "log", &self.log)?;
        self.server.call_method1(py, "setup", (&configuration.app,)).map(drop)
    }

    /// Takes over the workers of the objects before a reload.
    pub fn adopt(&mut self, py: Python<'_>, before: &HookObjects) {
        self.workers = before.workers.iter().map(|(age, worker)| (*age, worker.clone_ref(py))).collect();
    }

    /// Brings `server` up to date.
    pub fn update(&mut self, py: Python<'_>, view: &MasterView) -> PyResult<()> {
        let server = self.server.clone_ref(py);
        server.setattr(py, "pid", view.pid)?;
        // Past the property, whose setter asks the master for workers.
        server.setattr(py, "_num_workers", view.num_workers)?;
        server.setattr(py, "worker_age", view.worker_age)?;
        server.setattr(py, "master_pid", view.master_pid)?;
        server.setattr(py, "reexec_pid", view.reexec_pid)?;
        server.setattr(py, "systemd", view.is_activated)?;
        let (name, suffix) = if view.master_pid == 0 { ("Master", "") } else { ("Master.2", ".2") };
        server.setattr(py, "master_name", name)?;
        server.setattr(py, "proc_name", format!("{}{suffix}", self.proc_name))?;
        let table = PyDict::new(py);
        for child in &view.children {
            table.set_item(child.pid, self.worker(py, child)?)?;
        }
        server.setattr(py, "WORKERS", table)?;
        let listeners = server.getattr(py, "LISTENERS")?;
        let present: Vec<(i32, &String)> = view.listener_fds.iter().copied().zip(&view.listeners).collect();
        let listeners = py.import("tricorn.listener")?.call_method1("listeners", (listeners, present))?;
        server.setattr(py, "LISTENERS", listeners)
    }

    /// The `worker` of a child.
    pub fn worker(&mut self, py: Python<'_>, child: &ChildView) -> PyResult<Py<PyAny>> {
        let worker = match self.workers.get(&child.age) {
            Some(worker) => worker.clone_ref(py),
            None => self.new_worker(py, child.age)?,
        };
        worker.setattr(py, "pid", child.pid)?;
        worker.setattr(py, "booted", child.booted)?;
        worker.setattr(py, "aborted", child.aborted)?;
        Ok(worker)
    }

    /// The `worker` of this very process, which was forked a moment ago.
    pub fn worker_of(&mut self, py: Python<'_>, age: u64) -> PyResult<Py<PyAny>> {
        self.worker(py, &ChildView { pid: std::process::id(), age, booted: false, aborted: false })
    }

    /// The `worker` of a child that is about to be forked.
    pub fn new_worker(&mut self, py: Python<'_>, age: u64) -> PyResult<Py<PyAny>> {
        let cfg = self.cfg.bind(py);
        let fields = PyDict::new(py);
        fields.set_item("sockets", self.server.getattr(py, "LISTENERS")?)?;
        fields.set_item("age", age)?;
        fields.set_item("cfg", cfg)?;
        fields.set_item("log", &self.log)?;
        fields.set_item("ppid", std::process::id())?;
        let timeout: f64 = cfg.getattr("timeout")?.extract()?;
        fields.set_item("timeout", timeout / 2.0)?;
        fields.set_item("app", self.server.getattr(py, "app")?)?;
        let worker = match &self.worker_class {
            Some(class) => self.instance(py, class.bind(py), &fields)?,
            None => py.import("tricorn.worker")?.getattr("Worker")?.call((), Some(&fields))?.unbind(),
        };
        self.workers.insert(age, worker.clone_ref(py));
        Ok(worker)
    }

    /// An instance of a worker class, made as Gunicorn makes it.
    fn instance(
        &self,
        py: Python<'_>,
        class: &Bound<'_, PyAny>,
        fields: &Bound<'_, PyDict>,
    ) -> PyResult<Py<PyAny>> {
        let names = ["age", "ppid", "sockets", "app", "timeout", "cfg", "log"];
        let mut arguments = Vec::new();
        for name in names {
            arguments.push(fields.get_item(name)?);
        }
        let worker = class.call1(PyTuple::new(py, arguments)?)?;
        // A class derived from a real Gunicorn's beats into a file that our master does not read.
        let heartbeat = py.import("tricorn.workers.workertmp")?.getattr("WorkerTmp")?;
        let present = worker.getattr("tmp").ok();
        if present.is_none_or(|tmp| !tmp.is_instance(&heartbeat).unwrap_or(false)) {
            worker.setattr("tmp", heartbeat.call1((&self.cfg,))?)?;
        }
        Ok(worker.unbind())
    }

    /// Forgets the worker of a child that is gone.
    pub fn forget(&mut self, age: u64) {
        self.workers.remove(&age);
    }
}
