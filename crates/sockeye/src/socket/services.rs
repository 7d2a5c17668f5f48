//! Service names and well-known ports: services(5), with the most used ones built in.

use std::fs;

use super::Protocol;
use crate::{Error, Result, error::Reason};

/// A service: its name, other names, port and protocol.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Service {
    /// The official name.
    pub name: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// The port.
    pub port: u16,
    /// `tcp`, `udp`, `sctp`, …
    pub protocol: String,
}

/// `getservbyname`: the service of that name (or alias); of any protocol where none is given.
pub fn service_by_name(name: &str, protocol: Option<&str>) -> Option<Service> {
    find(|s| (s.name == name || s.aliases.iter().any(|a| a == name)) && fits(s, protocol))
}

/// `getservbyport`: the service at that port; of any protocol where none is given.
pub fn service_by_port(port: u16, protocol: Option<&str>) -> Option<Service> {
    find(|s| s.port == port && fits(s, protocol))
}

/// `getprotobyname`: the protocol of that name: protocols(5), in any case.
pub fn protocol_by_name(name: &str) -> Result<Protocol> {
    let file = fs::read("/etc/protocols").unwrap_or_default();
    let file = String::from_utf8_lossy(&file);
    let numbers = file.lines().chain(PROTOCOLS.lines()).filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (official, number) = (words.next()?, words.next()?.parse().ok()?);
        std::iter::once(official).chain(words).any(|w| w.eq_ignore_ascii_case(name)).then_some(number)
    });
    numbers.map(Protocol).next().ok_or_else(|| {
        let reason = Reason::Usage("no protocol has that name in /etc/protocols".into());
        Error::new("find the protocol", format_args!("`{name}`"), reason)
            .hint("give it as a number, such as 1 for icmp")
    })
}

fn fits(service: &Service, protocol: Option<&str>) -> bool {
    protocol.is_none_or(|p| service.protocol == p)
}

fn find(wanted: impl Fn(&Service) -> bool) -> Option<Service> {
    let file = fs::read("/etc/services").unwrap_or_default();
    let file = String::from_utf8_lossy(&file);
    file.lines().chain(BUILT_IN.lines()).filter_map(parse).find(wanted)
}

/// One line of services(5): `name port/protocol alias… # comment`.
fn parse(line: &str) -> Option<Service> {
    let mut words = line.split('#').next()?.split_whitespace();
    let name = words.next()?.to_owned();
    let (port, protocol) = words.next()?.split_once('/')?;
    Some(Service {
        name,
        port: port.parse().ok()?,
        protocol: protocol.to_owned(),
        aliases: words.map(str::to_owned).collect(),
    })
}

/// What a machine without /etc/services is asked for all the same: IANA's service name registry.
const BUILT_IN: &str = "\
echo 7/tcp
echo 7/udp
discard 9/tcp sink null
discard 9/udp sink null
daytime 13/tcp
daytime 13/udp
chargen 19/tcp
chargen 19/udp
ftp 21/tcp
ssh 22/tcp
telnet 23/tcp
smtp 25/tcp mail
time 37/tcp
time 37/udp
domain 53/tcp
domain 53/udp
bootps 67/udp
bootpc 68/udp
tftp 69/udp
http 80/tcp www
kerberos 88/tcp
pop3 110/tcp
ntp 123/udp
imap2 143/tcp imap
snmp 161/udp
bgp 179/tcp
ldap 389/tcp
https 443/tcp
https 443/udp
microsoft-ds 445/tcp
submissions 465/tcp
syslog 514/udp
submission 587/tcp
ldaps 636/tcp
domain-s 853/tcp
imaps 993/tcp
pop3s 995/tcp
socks 1080/tcp
mqtt 1883/tcp
nfs 2049/tcp
mysql 3306/tcp
ms-wbt-server 3389/tcp rdp
sip 5060/udp
postgresql 5432/tcp
mdns 5353/udp
amqp 5672/tcp
x11 6000/tcp
redis 6379/tcp
http-alt 8080/tcp webcache
mqtt-tls 8883/tcp secure-mqtt
memcached 11211/tcp
";

/// The same for a machine without /etc/protocols.
const PROTOCOLS: &str = "\
ip 0
icmp 1
igmp 2
tcp 6
udp 17
gre 47
esp 50
ah 51
ipv6-icmp 58 icmpv6
ospf 89
sctp 132
udplite 136
raw 255
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_line_is_a_service() {
        for line in BUILT_IN.lines() {
            assert!(parse(line).is_some(), "{line}");
        }
    }

    #[test]
    fn comments_and_broken_lines_are_passed_over() {
        assert_eq!(parse("# http 80/tcp"), None);
        assert_eq!(parse("http 80"), None);
        assert_eq!(parse("http 99999/tcp"), None);
        let www = parse("http\t80/tcp\twww # WorldWideWeb").expect("a line as Debian has it");
        assert_eq!((www.port, www.aliases), (80, vec!["www".to_owned()]));
    }
}
