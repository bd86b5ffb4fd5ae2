//! Trust lists: which peers may speak for others.
//!
//! Made from `forwarded_allow_ips` and `proxy_allow_ips`, asked by the engine for each connection. What a unix socket's peer may
//! do is the engine's decision; it has no address.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::kind::trust_network;

/// A set of addresses and networks, or everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerList {
    is_any: bool,
    networks: Vec<IpNet>,
}

impl PeerList {
    /// From entries such as `127.0.0.1`, `10.0.0.0/8`, `2001:db8::/32` and `*`.
    ///
    /// # Errors
    /// The text of what is wrong with an entry.
    pub fn parse(entries: &[String]) -> Result<PeerList, String> {
        let mut list = PeerList::default();
        for entry in entries {
            if entry == "*" {
                list.is_any = true;
            } else {
                list.networks.push(trust_network(entry)?);
            }
        }
        Ok(list)
    }

    /// Whether it is `*`: every peer, those on unix sockets included.
    pub fn is_any(&self) -> bool {
        self.is_any
    }

    /// Whether the peer with this address belongs to it. An IPv4 peer of a dual-stack socket (`::ffff:10.0.0.1`, RFC 4291
    /// section 2.5.5.2) is the IPv4 address it stands for.
    pub fn contains(&self, addr: IpAddr) -> bool {
        let canonical = addr.to_canonical();
        self.is_any
            || self.networks.iter().any(|network| network.contains(&canonical) || network.contains(&addr))
    }
}

#[cfg(test)]
mod tests {
    use super::PeerList;

    fn list(entries: &str) -> PeerList {
        let entries: Vec<String> = entries.split_whitespace().map(str::to_owned).collect();
        PeerList::parse(&entries).expect("the test's entries are right")
    }

    #[test]
    fn a_peer_belongs_if_a_network_holds_it() {
        for (entries, addr, expected) in [
            ("127.0.0.1 ::1", "127.0.0.1", true),
            ("127.0.0.1 ::1", "::1", true),
            ("127.0.0.1 ::1", "127.0.0.2", false),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("::ffff:127.0.0.1", "::ffff:127.0.0.1", true),
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/255.0.0.0", "10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("*", "203.0.113.7", true),
            ("", "127.0.0.1", false),
        ] {
            let addr = addr.parse().expect("the test's address is right");
            assert_eq!(list(entries).contains(addr), expected, "{addr} in {entries:?}");
        }
    }

    #[test]
    fn only_the_star_is_any() {
        assert!(list("10.0.0.0/8 *").is_any());
        assert!(!list("0.0.0.0/0 ::/0").is_any());
    }
}
