//! The committed reference page is the generated one.

use std::path::Path;

#[test]
fn the_reference_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/settings.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let is_current = committed == tricorn_settings::settings_reference();
    assert!(
        is_current,
        "docs/reference/settings.md is not current; run\n\
         cargo run -p tricorn-settings --example reference > docs/reference/settings.md"
    );
}
