//! Invariants of the rows: what derives from the table relies on them.

use std::collections::BTreeSet;

use crate::kind::Kind;
use crate::setting::{Effect, Since};
use crate::table::TABLE;

/// What this version acts upon; everything else has no effect yet.
const ACTIVE: &str = "\
    config wsgi_app bind backlog workers worker_class threads worker_connections max_requests max_requests_jitter timeout \
    graceful_timeout keepalive limit_request_line limit_request_fields limit_request_field_size check_config print_config \
    preload_app sendfile chdir daemon raw_env pidfile user group umask initgroups secure_scheme_headers \
    forwarded_allow_ips pythonpath proxy_protocol proxy_allow_ips permit_obsolete_folding strip_header_spaces \
    permit_unconventional_http_method permit_unconventional_http_version casefold_http_method forwarder_headers header_map \
    accesslog disable_redirect_access_to_syslog access_log_format errorlog loglevel capture_output syslog_addr syslog \
    syslog_prefix syslog_facility enable_stdio_inheritance proc_name default_proc_name tmp_upload_dir paste raw_paste_global_conf \
    on_starting on_reload when_ready pre_fork post_fork post_worker_init worker_int worker_abort pre_request post_request \
    child_exit worker_exit nworkers_changed on_exit pre_exec ssl_context keyfile certfile ca_certs cert_reqs ciphers \
    reload reload_engine reload_extra_files spew reuse_port \
    header_timeout body_timeout write_timeout limit_request_body body_buffer body_spool response_buffer boot_timeout \
    response_batch request_timeout permit_missing_host log_split error_log_format \
    logger_class logconfig logconfig_dict logconfig_json statsd_host dogstatsd_tags statsd_prefix \
    enable_backlog_metric";

const MOOT: &str =
    "worker_tmp_dir control_socket_disable ssl_version do_handshake_on_connect suppress_ragged_eofs";

#[test]
fn effects_are_as_decided() {
    let names = |text: &'static str| text.split_whitespace().collect::<BTreeSet<_>>();
    let rows = |is_it: fn(Effect) -> bool| {
        TABLE.iter().filter(|row| is_it(row.effect)).map(|row| row.name).collect::<BTreeSet<_>>()
    };
    assert_eq!(rows(|effect| effect == Effect::Active), names(ACTIVE));
    assert_eq!(rows(|effect| matches!(effect, Effect::Moot(_))), names(MOOT));
}

#[test]
fn names_and_flags_are_unique() {
    let names: BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), TABLE.len());
    let flags: Vec<&str> = TABLE.iter().flat_map(|row| row.flags.iter().copied()).collect();
    let unique: BTreeSet<&str> = flags.iter().copied().chain(["-h", "--help", "-v", "--version"]).collect();
    assert_eq!(unique.len(), flags.len() + 4);
}

#[test]
fn rows_are_complete() {
    for row in TABLE {
        let name = row.name;
        assert!(
            row.summary().ends_with('.') || row.summary().ends_with("..."),
            "{name}: the first line is a sentence"
        );
        let is_switch = matches!(row.kind, Kind::Switch | Kind::OffSwitch);
        if row.flags.is_empty() {
            continue;
        }
        assert_eq!(row.metavar.is_empty(), is_switch, "{name}: an option's value has a name");
        assert!(row.long_flags().next().is_some(), "{name}: no long flag");
        for flag in row.flags {
            let is_short = flag.len() == 2 && flag.starts_with('-') && !flag.starts_with("--");
            assert!(is_short || flag.len() > 3 && flag.starts_with("--"), "{name}: {flag}");
        }
    }
}

#[test]
fn our_own_settings_are_marked() {
    let ours: BTreeSet<&str> =
        TABLE.iter().filter(|row| matches!(row.since, Since::Tricorn(_))).map(|row| row.name).collect();
    let expected = "header_timeout body_timeout write_timeout limit_request_body body_buffer body_spool response_buffer \
                    response_batch boot_timeout request_timeout permit_missing_host log_split error_log_format";
    assert_eq!(ours, expected.split_whitespace().collect());
}
