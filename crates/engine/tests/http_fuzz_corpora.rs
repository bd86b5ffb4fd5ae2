//! Replays the committed fuzz corpora, so that whatever a fuzzer once found is checked by every ordinary test run.

#[path = "../../../fuzz/checks.rs"]
mod checks;

use std::path::Path;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("a committed corpus") {
        let path = entry.expect("a readable folder").path();
        let input = std::fs::read(&path).expect("a readable input");
        // The name of the input is all that a failure needs; the panic itself says the rest.
        println!("{}", path.display());
        check(&input);
        count += 1;
    }
    assert!(count > 10, "{target} has only {count} inputs");
}

#[test]
fn request_heads() {
    replay("request_head", checks::request_head);
}

#[test]
fn chunked_bodies() {
    replay("chunked", checks::chunked);
}

#[test]
fn proxy_headers() {
    replay("proxy", checks::proxy);
}
