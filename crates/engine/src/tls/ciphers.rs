//! The setting `ciphers`: OpenSSL's cipher-list language (ciphers(1), "CIPHER LIST FORMAT") over the suites that rustls
//! has. As with OpenSSL, the list rules TLS 1.2; all suites of TLS 1.3 stay on unless the list names some of them.

use rustls::crypto::ring::cipher_suite as suite;
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

/// A suite and the names that OpenSSL has for it.
struct Known {
    name: &'static str,
    suite: SupportedCipherSuite,
    /// The words of the language that match it.
    words: &'static [&'static str],
    bits: u32,
}

const ECDSA: [&str; 2] = ["aECDSA", "ECDSA"];
/// Words that match every suite of TLS 1.2 that there is.
const EVERYWHERE: [&str; 9] =
    ["ALL", "DEFAULT", "HIGH", "ECDHE", "EECDH", "kECDHE", "kEECDH", "ECDH", "TLSv1.2"];

/// In OpenSSL's order.
static TLS12: [Known; 6] = [
    Known {
        name: "ECDHE-ECDSA-AES256-GCM-SHA384",
        suite: suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        words: &["AES", "AES256", "AESGCM", "FIPS", ECDSA[0], ECDSA[1]],
        bits: 256,
    },
    Known {
        name: "ECDHE-RSA-AES256-GCM-SHA384",
        suite: suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        words: &["AES", "AES256", "AESGCM", "FIPS", "aRSA"],
        bits: 256,
    },
    Known {
        name: "ECDHE-ECDSA-CHACHA20-POLY1305",
        suite: suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        words: &["CHACHA20", ECDSA[0], ECDSA[1]],
        bits: 256,
    },
    Known {
        name: "ECDHE-RSA-CHACHA20-POLY1305",
        suite: suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        words: &["CHACHA20", "aRSA"],
        bits: 256,
    },
    Known {
        name: "ECDHE-ECDSA-AES128-GCM-SHA256",
        suite: suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        words: &["AES", "AES128", "AESGCM", "FIPS", ECDSA[0], ECDSA[1]],
        bits: 128,
    },
    Known {
        name: "ECDHE-RSA-AES128-GCM-SHA256",
        suite: suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        words: &["AES", "AES128", "AESGCM", "FIPS", "aRSA"],
        bits: 128,
    },
];

static TLS13: [Known; 3] = [
    Known { name: "TLS_AES_256_GCM_SHA384", suite: suite::TLS13_AES_256_GCM_SHA384, words: &[], bits: 256 },
    Known {
        name: "TLS_CHACHA20_POLY1305_SHA256",
        suite: suite::TLS13_CHACHA20_POLY1305_SHA256,
        words: &[],
        bits: 256,
    },
    Known { name: "TLS_AES_128_GCM_SHA256", suite: suite::TLS13_AES_128_GCM_SHA256, words: &[], bits: 128 },
];

/// Words of the language for which rustls has no suite, most of them because the suites are broken. Excluding them is
/// granted; asking for them gives nothing.
const ABSENT: [&str; 66] = [
    "aNULL",
    "eNULL",
    "NULL",
    "EXPORT",
    "EXPORT40",
    "EXPORT56",
    "EXP",
    "LOW",
    "MEDIUM",
    "MD5",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA384",
    "RC4",
    "RC2",
    "DES",
    "3DES",
    "IDEA",
    "SEED",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "CAMELLIAGCM",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "AESCCM",
    "AESCCM8",
    "PSK",
    "kPSK",
    "aPSK",
    "kECDHEPSK",
    "kDHEPSK",
    "kRSAPSK",
    "SRP",
    "kSRP",
    "aSRP",
    "aDSS",
    "DSS",
    "DH",
    "DHE",
    "EDH",
    "kDHE",
    "kEDH",
    "ADH",
    "AECDH",
    "kRSA",
    "RSA",
    "kDHr",
    "kDHd",
    "kDH",
    "aDH",
    "kECDHr",
    "kECDHe",
    "kECDH",
    "aECDH",
    "GOST",
    "kGOST",
    "aGOST",
    "TLSv1",
    "TLSv1.0",
    "TLSv1.1",
    "SSLv3",
    "SSLv2",
];

/// How the names of OpenSSL's other suites begin.
const ABSENT_STARTS: [&str; 21] = [
    "DHE-",
    "EDH-",
    "DH-",
    "ADH-",
    "AECDH-",
    "ECDH-",
    "ECDHE-",
    "AES128-",
    "AES256-",
    "CAMELLIA128-",
    "CAMELLIA256-",
    "DES-",
    "RC4-",
    "PSK-",
    "SRP-",
    "SEED-",
    "IDEA-",
    "ARIA128-",
    "ARIA256-",
    "NULL-",
    "RSA-PSK-",
];

/// What a list selects.
#[derive(Debug)]
pub(super) struct Selection {
    /// In the order of preference.
    pub suites: Vec<SupportedCipherSuite>,
    /// Names and words that ask for suites which do not exist here.
    pub absent: Vec<String>,
}

/// Reads a list. The error says what is wrong with it.
pub(super) fn select(list: &str) -> Result<Selection, String> {
    let mut choice = Choice::default();
    for element in list.split([':', ',', ';', ' ']).filter(|element| !element.is_empty()) {
        choice.apply(element)?;
    }
    let Choice { tls12, tls13, absent, .. } = choice;
    if tls12.is_empty() && tls13.as_ref().is_none_or(Vec::is_empty) {
        let have = TLS12.iter().map(|known| known.name).collect::<Vec<_>>().join(":");
        return Err(format!("selects none of the suites that there are: {have}"));
    }
    let tls13 = tls13.unwrap_or_else(|| TLS13.iter().collect());
    let suites = tls13.into_iter().chain(tls12).map(|known| known.suite).collect();
    Ok(Selection { suites, absent })
}

/// The names and words of a list that ask for suites which do not exist here; empty if the list is wrong.
pub fn absent_ciphers(list: &str) -> Vec<String> {
    select(list).map(|selection| selection.absent).unwrap_or_default()
}

/// OpenSSL's name of a suite, its protocol and its strength in bits: what Python's `SSLSocket.cipher()` gives.
pub(super) fn describe(suite: SupportedCipherSuite) -> (&'static str, &'static str, u32) {
    let found = TLS13.iter().chain(&TLS12).find(|known| known.suite == suite);
    found.map_or(("", "", 0), |known| (known.name, version_name(suite.version()), known.bits))
}

fn version_name(version: &SupportedProtocolVersion) -> &'static str {
    if version.version == rustls::ProtocolVersion::TLSv1_3 { "TLSv1.3" } else { "TLSv1.2" }
}

#[derive(Default)]
struct Choice {
    tls12: Vec<&'static Known>,
    /// `None` while the list has named none: all of them.
    tls13: Option<Vec<&'static Known>>,
    killed: Vec<&'static str>,
    absent: Vec<String>,
}

impl Choice {
    fn apply(&mut self, element: &str) -> Result<(), String> {
        if let Some(command) = element.strip_prefix('@') {
            return self.obey(command);
        }
        let (operator, words) = match element.as_bytes()[0] {
            operator @ (b'!' | b'-' | b'+') => (operator, &element[1..]),
            _ => (b'=', element),
        };
        if let Some(known) = TLS13.iter().find(|known| known.name == words) {
            self.apply_tls13(operator, known);
            return Ok(());
        }
        let matching = matching(words)?;
        if matching.is_empty() && operator == b'=' {
            self.absent.push(words.to_owned());
        }
        match operator {
            b'!' => {
                self.killed.extend(matching.iter().map(|known| known.name));
                self.tls12.retain(|known| !is_in(&matching, known));
            }
            b'-' => self.tls12.retain(|known| !is_in(&matching, known)),
            b'+' => {
                let (last, first): (Vec<_>, Vec<_>) =
                    self.tls12.drain(..).partition(|known| is_in(&matching, known));
                self.tls12 = first.into_iter().chain(last).collect();
            }
            _ => {
                for known in matching {
                    if !self.killed.contains(&known.name) && !is_in(&self.tls12, known) {
                        self.tls12.push(known);
                    }
                }
            }
        }
        Ok(())
    }

    fn obey(&mut self, command: &str) -> Result<(), String> {
        match command {
            "STRENGTH" => self.tls12.sort_by_key(|known| std::cmp::Reverse(known.bits)),
            // All suites and key sizes here satisfy level 2.
            "SECLEVEL=0" | "SECLEVEL=1" | "SECLEVEL=2" => {}
            _ => return Err(format!("'@{command}' is not understood")),
        }
        Ok(())
    }

    fn apply_tls13(&mut self, operator: u8, known: &'static Known) {
        match operator {
            b'=' => {
                let named = self.tls13.get_or_insert_default();
                if !is_in(named, known) {
                    named.push(known);
                }
            }
            b'!' | b'-' => {
                let left = self.tls13.get_or_insert_with(|| TLS13.iter().collect());
                left.retain(|other| other.name != known.name);
            }
            _ => {}
        }
    }
}

fn is_in(list: &[&Known], known: &Known) -> bool {
    list.iter().any(|other| other.name == known.name)
}

/// The suites that match all of `words`, which a plus sign joins. An error if a word is none of OpenSSL's.
fn matching(words: &str) -> Result<Vec<&'static Known>, String> {
    let mut found: Vec<&'static Known> = TLS12.iter().collect();
    for word in words.split('+') {
        let before = found.len();
        found.retain(|known| known.name == word || known.words.contains(&word) || EVERYWHERE.contains(&word));
        let is_word = before > 0 && !found.is_empty();
        if !is_word && !is_openssl(word) {
            return Err(format!("'{}' is no cipher and no word of OpenSSL's", word.escape_debug()));
        }
    }
    Ok(found)
}

fn is_openssl(word: &str) -> bool {
    ABSENT.contains(&word)
        || EVERYWHERE.contains(&word)
        || ["COMPLEMENTOFALL", "COMPLEMENTOFDEFAULT"].contains(&word)
        || ABSENT_STARTS.iter().any(|start| word.starts_with(start))
        || TLS12.iter().any(|known| known.words.contains(&word))
}

#[cfg(test)]
mod tests;
