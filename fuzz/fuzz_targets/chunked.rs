//! `cargo +nightly fuzz run chunked`: see `checks.rs` for what must hold.
#![no_main]

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target runs one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::chunked(input));
