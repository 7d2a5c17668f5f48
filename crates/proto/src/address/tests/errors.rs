//! Errors point at their place and help on.

use crate::address::{Address, Problem, Spec};

fn refused(text: &str) -> (String, String) {
    let error = Spec::parse(text).expect_err(text);
    assert!(!error.to_string().contains('\n'), "one line");
    (text[error.at.clone()].to_owned(), error.what.to_string())
}

#[test]
fn the_place_and_the_reason() {
    let cases = [
        ("", "", "an address is expected, such as TCP:<host>:<port>"),
        ("TPC:h:1", "TPC", "unknown keyword \"TPC\"; did you mean \"TCP\"?"),
        ("-!!TCPP:h:1", "TCPP", "unknown keyword \"TCPP\"; did you mean \"TCP\"?"),
        ("zzz", "zzz", "unknown keyword \"zzz\""),
        ("tcp:h:1,nodelai", "nodelai", "unknown option \"nodelai\"; did you mean \"nodelay\"?"),
        ("tcp:h", ":h", "wrong number of parameters: write TCP:<host>:<port>"),
        (
            "tcp:::1:80",
            ":::1:80",
            "wrong number of parameters: write TCP:<host>:<port>; an IPv6 address stands in brackets, such as [::1]",
        ),
        ("tcp-l:", "", "the port is missing: write TCP-L:[<host>:]<port>"),
        (
            "tcp:h:99999",
            "99999",
            "\"99999\" is not a port: a number from 0 to 65535, or the name of a service",
        ),
        (
            "-,fork",
            "fork",
            "STDIO does not take the option \"fork\"; it is for addresses that serve many peers",
        ),
        (
            "tcp:h:1,ttl=999",
            "999",
            "\"999\" is no value for the option \"ttl\": a whole number from 0 to 255",
        ),
        ("tcp:h:1,ttl", "ttl", "the option \"ttl\" needs a value: a whole number from 0 to 255"),
        ("exec:(ls", "(", "this ( is never closed; \\( stands for the character itself"),
        ("exec:ls\\", "\\", "nothing follows the backslash; \\\\ stands for the character itself"),
    ];
    for (text, place, reason) in cases {
        assert_eq!(refused(text), (place.to_owned(), reason.to_owned()), "{text}");
    }
}

#[test]
fn a_diagram_has_carets_under_the_place() {
    let error = Address::parse("tcp:主机:99999,fork").expect_err("bad port");
    let expected = "\"99999\" is not a port: a number from 0 to 65535, or the name of a service\n  \
                    tcp:主机:99999,fork\n         ^^^^^";
    assert_eq!(error.diagram(), expected);
    assert!(matches!(error.what, Problem::Port { .. }));
}
