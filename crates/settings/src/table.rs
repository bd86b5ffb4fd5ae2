//! THE table: every setting, once.
//!
//! The rows stand in one file per group of sections and are joined here at compile time. Nothing else in the workspace declares
//! a setting; a new one is a row here and a field of `Config`.

mod words;

mod environment;

mod sockets;

mod workers;

mod security;

mod debugging;

mod mechanics;

mod logging;

mod hooks;

mod tls;

mod outlook;

use crate::setting::Setting;

const PARTS: [&[Setting]; 9] = [
    &sockets::ROWS,
    &workers::ROWS,
    &security::ROWS,
    &debugging::ROWS,
    &mechanics::ROWS,
    &logging::ROWS,
    &hooks::ROWS,
    &tls::ROWS,
    &outlook::ROWS,
];

const COUNT: usize = {
    let mut count = 0;
    let mut part = 0;
    while part < PARTS.len() {
        count += PARTS[part].len();
        part += 1;
    }
    count
};

static ROWS: [Setting; COUNT] = {
    let mut rows = [Setting::BASE; COUNT];
    let (mut part, mut filled) = (0, 0);
    while part < PARTS.len() {
        let mut row = 0;
        while row < PARTS[part].len() {
            rows[filled] = PARTS[part][row];
            filled += 1;
            row += 1;
        }
        part += 1;
    }
    rows
};

/// All settings: Gunicorn 27.0.1's 120 and Tricorn's own. Rows of a section stand together, except that the two groups
/// of hooks share a file; use [`Section::ALL`](crate::Section::ALL) for the order of headings.
pub static TABLE: &[Setting] = &ROWS;

/// The row of a setting.
pub fn setting(name: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests;
