//! Groups tie options to kinds of address: a kind takes an option if they have a group in common.

use std::fmt;

/// A set of groups. The names are those of socat's listing where socat has the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Groups(u32);

macro_rules! groups {
    ($($bit:literal $name:ident $label:literal $doc:literal;)*) => {
        impl Groups {
            $(#[doc = $doc] pub const $name: Self = Self(1 << $bit);)*
            const ROWS: &[(Self, &str, &str)] = &[$((Self::$name, stringify!($name), $label)),*];
        }
    };
}

groups! {
    0  FD         "open descriptors"     "Anything with a file descriptor.";
    1  FIFO       "pipes"                "Pipes and named pipes.";
    2  DEVICE     "devices"              "Character and block devices.";
    3  REG        "files"                "Regular files.";
    4  SOCKET     "sockets"              "Sockets of any family.";
    5  NAMED      "names in the file system" "What has a name in the file system.";
    6  OPEN       "opened files"         "What is opened by path with open(2).";
    7  EXEC       "EXEC"                 "Programs started without a shell.";
    8  FORK       "programs"             "Programs started by the address.";
    9  LISTEN     "listening sockets"    "Sockets that accept connections or sessions.";
    10 CHILD      "addresses that serve many peers" "What can serve several peers at a time.";
    11 RETRY      "addresses that can be tried again" "What can be tried again after a failure.";
    12 TERMIOS    "terminals"            "What may be a terminal.";
    13 RANGE      "addresses that choose their peers" "What accepts or receives from IP peers.";
    14 PTY        "pseudo terminals"     "New pseudo terminals.";
    15 PARENT     "programs with a parent" "What passes signals on to a program.";
    16 UNIX       "Unix domain sockets"  "Unix domain sockets.";
    17 IP4        "IPv4 sockets"         "Sockets that may be IPv4.";
    18 IP6        "IPv6 sockets"         "Sockets that may be IPv6.";
    19 UDP        "UDP sockets"          "UDP sockets.";
    20 TCP        "TCP sockets"          "TCP sockets, and what runs over them.";
    21 TLS        "TLS"                  "TLS clients and servers.";
    22 SOCKS      "SOCKS"                "Clients of SOCKS servers.";
    23 HTTP       "PROXY"                "Clients of HTTP proxies.";
    24 ARQ        "ARQ"                  "Reliable connections over datagrams.";
    25 STREAM     "streams"              "Byte streams, which can take a framing.";
    26 CONNECT    "connecting addresses" "What connects to a server.";
    27 INTERFACE  "network interfaces"   "Network interfaces.";
}

impl Groups {
    /// No group.
    pub const NONE: Self = Self(0);
    /// Every group: what any address takes.
    pub const ANY: Self = Self(u32::MAX);

    /// The groups of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a group is in both.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// In plain words, for people: `TCP sockets, UDP sockets`.
    pub fn describe(self) -> String {
        self.list(|(_, _, label)| label)
    }

    fn list(self, text: impl Fn(&(Self, &'static str, &'static str)) -> &'static str) -> String {
        if self == Self::ANY {
            return "any".to_owned();
        }
        let names: Vec<_> = Self::ROWS.iter().filter(|row| self.meets(row.0)).map(text).collect();
        names.join(", ")
    }
}

/// The names, as in listings: `FD,SOCKET,TCP`; `ANY` for all.
impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.list(|(_, name, _)| name).replace(", ", ",").replace("any", "ANY"))
    }
}

/// What a table row has in a place that may be left out.
pub(super) const fn maybe(given: &[&'static str]) -> Option<&'static str> {
    match given {
        [word, ..] => Some(word),
        [] => None,
    }
}
