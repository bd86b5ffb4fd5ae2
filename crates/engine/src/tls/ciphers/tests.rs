//! Cipher lists as people write them, and what OpenSSL 3.0 makes of them (`openssl ciphers LIST`), reduced to the suites
//! that there are.

use super::{TLS13, describe, select};

const E256: &str = "ECDHE-ECDSA-AES256-GCM-SHA384";
const R256: &str = "ECDHE-RSA-AES256-GCM-SHA384";
const ECHA: &str = "ECDHE-ECDSA-CHACHA20-POLY1305";
const RCHA: &str = "ECDHE-RSA-CHACHA20-POLY1305";
const E128: &str = "ECDHE-ECDSA-AES128-GCM-SHA256";
const R128: &str = "ECDHE-RSA-AES128-GCM-SHA256";
const ALL: [&str; 6] = [E256, R256, ECHA, RCHA, E128, R128];

/// The suites of TLS 1.2 that `list` selects, and what it asks for in vain.
fn check(list: &str, suites: &[&str], absent: &[&str]) {
    let selection = select(list).unwrap_or_else(|error| panic!("{list}: {error}"));
    let names: Vec<&str> = selection.suites.iter().map(|suite| describe(*suite).0).collect();
    let tls12: Vec<&str> = names.iter().copied().filter(|name| !name.starts_with("TLS_")).collect();
    assert_eq!((tls12.as_slice(), selection.absent.as_slice()), (suites, &to_texts(absent)[..]), "{list}");
}

fn to_texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn lists_mean_what_they_mean_to_openssl() {
    check("ECDHE-RSA-AES128-GCM-SHA256", &[R128], &[]);
    check("HIGH:!aNULL", &ALL, &[]);
    check("HIGH:!aNULL:!MD5:!RC4:!3DES", &ALL, &[]);
    check("DEFAULT@STRENGTH".split('@').next().expect("a word"), &ALL, &[]);
    check("EECDH+AESGCM:EDH+AESGCM", &[E256, R256, E128, R128], &["EDH+AESGCM"]);
    check("ECDHE+CHACHA20:ECDHE+AESGCM", &[ECHA, RCHA, E256, R256, E128, R128], &[]);
    check("ALL:!aECDSA", &[R256, RCHA, R128], &[]);
    check("ALL:-AES128:AES128", &ALL, &[]);
    check("ALL:!AES128:AES128", &[E256, R256, ECHA, RCHA], &[]);
    check("ALL:+AES256", &[ECHA, RCHA, E128, R128, E256, R256], &[]);
    check("AES128 AES256,@STRENGTH", &[E256, R256, E128, R128], &[]);
    check("ECDHE+aRSA+AES256:!SHA1", &[R256], &[]);
    check("ECDHE:@SECLEVEL=2", &ALL, &[]);
    check(
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:AES128-SHA",
        &[E128, R128],
        &["DHE-RSA-AES128-GCM-SHA256", "AES128-SHA"],
    );
}

#[test]
fn suites_of_tls13_stay_unless_they_are_named() {
    let count = |list: &str| {
        let suites = select(list).expect("a good list").suites;
        suites.iter().filter(|suite| describe(**suite).1 == "TLSv1.3").count()
    };
    assert_eq!(count("ECDHE+AESGCM"), TLS13.len());
    assert_eq!(count("TLS_AES_128_GCM_SHA256"), 1);
    assert_eq!(count("TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:ECDHE"), 2);
    assert_eq!(count("HIGH:!TLS_AES_128_GCM_SHA256"), 2);
}

#[test]
fn lists_that_select_nothing_or_mean_nothing_are_refused() {
    for (list, why) in [
        ("TLSv1", "selects none"),
        ("DHE-RSA-AES256-SHA:AES128-SHA", "selects none"),
        ("", "selects none"),
        ("!ALL", "selects none"),
        ("RSA", "selects none"),
        ("ECDHE:HIHG", "'HIHG' is no cipher"),
        ("ECDHE+AESCGM", "'AESCGM' is no cipher"),
        ("@SECLEVEL=5", "'@SECLEVEL=5' is not understood"),
        ("ECDHE:\u{1b}[2J", "is no cipher"),
    ] {
        let error = select(list).expect_err(list);
        assert!(error.contains(why) && !error.contains('\u{1b}'), "{list}: {error}");
    }
}
