//! Prints the settings reference; the command that regenerates docs/reference/settings.md stands in that file.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(tricorn_settings::settings_reference().as_bytes())
}
