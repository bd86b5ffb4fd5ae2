//! TLS, from the settings to the engine: which policy they mean, with what the hook `ssl_context` makes of it, and who
//! hears when certificates change. Nothing here runs per connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use tricorn_engine::{
    ClientCertificates, Refreshed, TicketKeys, TlsError, TlsKeeper, TlsPart, TlsPolicy, TlsVersions,
    absent_ciphers,
};
use tricorn_logs::{ErrorLog, Level};
use tricorn_settings::{CertReqs, Settings, Source, Tls};

use crate::configuration::Configuration;
use crate::python;

/// The certificates of a configuration, loaded; `None` if it is plain. The error is one line that names the setting. `cfg`
/// is the configuration as hooks get it.
pub fn keeper(
    py: Python<'_>,
    configuration: &Configuration,
    cfg: &Py<PyAny>,
    tickets: &Arc<TicketKeys>,
) -> Result<Option<Arc<TlsKeeper>>, String> {
    let Some(tls) = &configuration.config.tls else { return Ok(None) };
    let hook = configuration.hooks.function(py, "ssl_context");
    let settings = &configuration.settings;
    let policy = match &hook {
        Some(hook) => hooked_policy(py, hook, cfg).map_err(|error| hook_error(py, settings, &error))?,
        None => plain_policy(tls, settings)?,
    };
    let keeper = TlsKeeper::load(policy, tickets.clone());
    keeper.map(Some).map_err(|error| match &hook {
        Some(_) => settings.refuse("ssl_context", error.to_string()).to_string(),
        None => settings.refuse(setting_of(&error, tls), error.to_string()).to_string(),
    })
}

fn plain_policy(tls: &Tls, settings: &Settings) -> Result<TlsPolicy, String> {
    let Some(certfile) = &tls.certfile else {
        return Err(settings.refuse("certfile", "is needed where keyfile is set").to_string());
    };
    Ok(TlsPolicy {
        certificate: absolute(certfile),
        key: tls.keyfile.as_deref().map(absolute),
        authorities: tls.ca_certs.as_deref().map(absolute),
        clients: clients(tls.cert_reqs),
        ciphers: tls.ciphers.clone(),
        versions: TlsVersions::Both,
        has_tickets: true,
    })
}

fn hooked_policy(py: Python<'_>, hook: &Py<PyAny>, cfg: &Py<PyAny>) -> PyResult<TlsPolicy> {
    let read = py.import("tricorn.tls_context")?.getattr("read_context")?.call1((hook, cfg))?;
    let path = |name: &str| read.get_item(name)?.extract::<Option<PathBuf>>();
    let versions = match (read.get_item("has_tls12")?.extract()?, read.get_item("has_tls13")?.extract()?) {
        (true, true) => TlsVersions::Both,
        (true, false) => TlsVersions::Only12,
        (false, true) => TlsVersions::Only13,
        (false, false) => {
            let text = "ssl_context leaves neither TLS 1.2 nor TLS 1.3, and there is nothing older here";
            return Err(pyo3::exceptions::PyValueError::new_err(text));
        }
    };
    Ok(TlsPolicy {
        certificate: absolute(&path("certfile")?.unwrap_or_default()),
        key: path("keyfile")?.as_deref().map(absolute),
        authorities: path("cafile")?.as_deref().map(absolute),
        clients: clients(CertReqs::of(read.get_item("cert_reqs")?.extract()?).unwrap_or(CertReqs::Required)),
        ciphers: read.get_item("ciphers")?.extract()?,
        versions,
        has_tickets: read.get_item("has_tickets")?.extract()?,
    })
}

/// Our own refusals are one line; what the hook raises comes with its traceback.
fn hook_error(py: Python<'_>, settings: &Settings, error: &PyErr) -> String {
    let is_ours = py
        .import("tricorn.errors")
        .and_then(|module| module.getattr("ContextError"))
        .is_ok_and(|class| error.matches(py, class).unwrap_or(false));
    let line = settings.refuse("ssl_context", error.value(py).to_string()).to_string();
    if is_ours { line } else { format!("{line}\n{}", python::traceback(py, error)) }
}

/// Applications change their directory; the files do not move with it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn clients(cert_reqs: CertReqs) -> ClientCertificates {
    match cert_reqs {
        CertReqs::Ignored => ClientCertificates::Ignored,
        CertReqs::Optional => ClientCertificates::Optional,
        CertReqs::Required => ClientCertificates::Required,
    }
}

fn setting_of(error: &TlsError, tls: &Tls) -> &'static str {
    match error.part {
        TlsPart::Key if tls.keyfile.is_some() => "keyfile",
        TlsPart::Certificate | TlsPart::Key => "certfile",
        TlsPart::Authorities => "ca_certs",
        TlsPart::Clients => "cert_reqs",
        TlsPart::Ciphers => "ciphers",
    }
}

/// What deserves a line at start and after a reload.
pub fn log_remarks(configuration: &Configuration, keeper: Option<&TlsKeeper>, errors: &ErrorLog) {
    let settings = &configuration.settings;
    let is_set = |name: &str| *settings.source(name) != Source::Default;
    if is_set("ssl_version") {
        errors.log(Level::Warning, "setting ssl_version is ignored, as Gunicorn ignores it; use ssl_context");
    }
    let Some(keeper) = keeper else {
        if is_set("ssl_context") {
            errors.log(Level::Warning, "setting ssl_context has no effect without certfile or keyfile");
        }
        return;
    };
    let absent = keeper.policy().ciphers.as_deref().map(absent_ciphers).unwrap_or_default();
    if !absent.is_empty() {
        errors.log(Level::Warning, &format!("setting ciphers: not available here: {}", absent.join(" ")));
    }
}

/// Says what a look at the certificate files led to.
pub fn log_refreshed(refreshed: &Refreshed, keeper: &TlsKeeper, errors: &ErrorLog) {
    match refreshed {
        Refreshed::No => {}
        Refreshed::Yes => {
            let file = keeper.policy().certificate.display();
            errors.log(Level::Info, &format!("TLS: the changed files of {file} are in force"));
        }
        Refreshed::Failed(error) => {
            let text =
                format!("TLS: a changed file cannot be used, the certificate before it stays: {error}");
            errors.log(Level::Error, &text);
        }
    }
}
