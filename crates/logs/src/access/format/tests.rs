//! Broken formats: each is refused with its place, its text and its fault.

use super::AccessFormat;

fn check(format: &str, index: usize, text: &str, reason: &str) {
    let error = AccessFormat::compile(format).expect_err(format);
    assert_eq!((error.index, error.text.as_str()), (index, text), "{format:?}: {error}");
    assert!(error.reason.contains(reason), "{format:?}: {error}");
    assert!(error.to_string().starts_with("access_log_format: at index "), "{error}");
}

#[test]
fn a_broken_format_names_its_place_and_its_fault() {
    check("%", 0, "%", "type is missing");
    check("é %(h)s %", 8, "%", "type is missing");
    check("%(h)s %(t", 6, "%(t", "never closed");
    check("%(h(x)s", 0, "%(h(x)s", "never closed");
    check("%(h)", 0, "%(h)", "type is missing");
    check("%(h)-5.", 0, "%(h)-5.", "type is missing");
    check("%(h) %(s)s", 0, "%(h) %", "written %%");
    check("x%(h)ys", 1, "%(h)y", "unknown conversion type 'y'");
    check("%(h)é", 0, "%(h)é", "unknown conversion type 'é'");
    check("%(D)e", 0, "%(D)e", "unknown conversion type 'e'");
    check("%(h)*s", 0, "%(h)*", "has no arguments");
    check("%(h).*s", 0, "%(h).*", "has no arguments");
    check("%(h)d", 0, "%(h)d", "this atom is text");
    check("%({x}i)05d", 0, "%({x}i)05d", "this atom is text");
    check("%(h)1001s", 0, "%(h)1001", "above 1000");
    check("%(D).99999999999999999999f", 0, "%(D).99999999999999999999", "above 1000");
    check("%s", 0, "%s", "names no atom");
    check("50% of %(h)s", 2, "% o", "names no atom");
    check("%5%", 0, "%5%", "written %%");
}

#[test]
fn every_prefix_of_a_sound_format_compiles_or_is_refused_without_a_panic() {
    let format = "é%({x-ü}i)-08.3ls%%%(D)#012x%(h)r{%(nö)s}";
    assert!(AccessFormat::compile(format).is_ok());
    for (end, _) in format.char_indices() {
        let _ = AccessFormat::compile(&format[..end]);
    }
}
