//! The server hooks of a configuration: found, checked for their arity, and called with the objects that Gunicorn's hooks
//! get. A hook that raises is logged with its traceback; what follows from it is its caller's to decide.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The hooks a user configured, by name.
#[derive(Default)]
pub struct UserHooks {
    functions: HashMap<&'static str, (Py<PyAny>, usize)>,
}

impl UserHooks {
    /// Adds a hook; `value` is a callable or the dotted name of one, `arities` are the argument counts it may have.
    pub fn add(
        &mut self,
        py: Python<'_>,
        name: &'static str,
        value: &Bound<'_, PyAny>,
        arities: &[u8],
    ) -> PyResult<()> {
        let arities = PyTuple::new(py, arities)?;
        let loaded = py.import("tricorn.hooks")?.call_method1("load_hook", (value, arities))?;
        let (function, arity): (Py<PyAny>, usize) = loaded.extract()?;
        self.functions.insert(name, (function, arity));
        Ok(())
    }

    /// The hook's function, if the user configured it.
    pub fn function(&self, py: Python<'_>, name: &str) -> Option<Py<PyAny>> {
        self.functions.get(name).map(|(function, _)| function.clone_ref(py))
    }

    /// These hooks alone.
    pub fn only(&self, py: Python<'_>, names: &[&str]) -> UserHooks {
        let chosen = self.functions.iter().filter(|(name, _)| names.contains(name));
        let functions = chosen.map(|(name, (function, arity))| (*name, (function.clone_ref(py), *arity)));
        UserHooks { functions: functions.collect() }
    }

    /// How many arguments it takes.
    pub fn arity(&self, name: &str) -> Option<usize> {
        self.functions.get(name).map(|(_, arity)| *arity)
    }

    /// Calls a hook if it is configured.
    pub fn call<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        arguments: impl FnOnce() -> PyResult<Bound<'py, PyTuple>>,
    ) -> PyResult<()> {
        match self.functions.get(name) {
            Some((function, _)) => function.call1(py, arguments()?).map(drop),
            None => Ok(()),
        }
    }
}
