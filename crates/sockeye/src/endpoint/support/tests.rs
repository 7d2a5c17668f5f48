use std::path::Path;

use sockeye_proto::address::{Keyword, ValueType, keywords, options};

use super::*;

/// An address of each keyword.
fn address(keyword: &Keyword) -> Address {
    let parameters = match keyword.parameters() {
        ":<host>:<port>" => ":127.0.0.1:1",
        ":[<host>:]<port>" => ":1",
        ":<host>:<protocol>" => ":127.0.0.1:253",
        ":<protocol>" => ":253",
        ":<server>[:<port>]:<host>:<port>" => ":127.0.0.1:1:127.0.0.1:1",
        ":<num>" => ":3",
        ":<port>" => ":1",
        ":<cid>:<port>" => ":1:1",
        ":<domain>:<protocol>:<address>" => ":2:0:x0050x7f000001",
        ":<domain>:<type>:<protocol>:<address>" => ":2:2:0:x0050x7f000001",
        "" | "[:<shell-command>]" | "[:<ip-addr>/<bits>]" => "",
        _ => ":x",
    };
    Address::parse(&format!("{}{parameters}", keyword.name)).expect("an address")
}

fn value(of: ValueType) -> Option<Value> {
    [
        None,
        Some("1"),
        Some("8"),
        Some("64"),
        Some("300"),
        Some("1200"),
        Some("x"),
        Some("line"),
        Some("stream"),
        Some("1:2"),
        Some("1:2:3"),
    ]
    .into_iter()
    .find_map(|text| match text {
        None => match of {
            ValueType::Flag => Some(Value::Flag(true)),
            ValueType::OneOf { words, .. } => Some(Value::Text(words[0].to_owned())),
            _ => None,
        },
        Some(text) => of.parse(text),
    })
}

/// Every option does something for one kind at least: the table has no row that is refused everywhere.
#[test]
fn each_option_of_the_table_is_supported_somewhere() {
    for option in options() {
        let value = value(option.value).expect(option.spelling);
        let found = keywords().iter().filter(|k| k.groups.meets(option.groups)).any(|keyword| {
            let mut address = address(keyword);
            // Options that need the company of another one.
            if matches!(keyword.name, "EXEC" | "SYSTEM" | "SHELL") && option.name == OptionName::Ctty {
                address.options.push(OptionName::Pty, Value::Flag(true));
            }
            handled(option.name, &value, &address)
        });
        assert!(found, "{} is supported by no kind", option.spelling);
    }
}

/// Whatever is not a socket option, set from the table, is looked at by the code that opens or relays.
#[test]
fn each_supported_option_is_looked_at() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut code = String::new();
    let mut folders =
        vec![source.join("endpoint"), source.join("relay"), source.join("../../cli/src/command")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the source").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("support.rs") && !path.ends_with("tests.rs") {
                code.push_str(&std::fs::read_to_string(path).expect("a source file"));
            }
        }
    }
    for option in options() {
        let mention = format!("OptionName::{:?}", option.name);
        let found = code
            .match_indices(&mention)
            .any(|(at, _)| !code[at + mention.len()..].starts_with(|c: char| c.is_ascii_alphanumeric()));
        let by_table = option.socket.is_some_and(|name| crate::socket::options::find(name).is_some());
        // Options of programs that say what is so anyway; ARQ and framings have code of their own.
        let otherwise = matches!(option.name, OptionName::Socketpair)
            || option.groups == Groups::ARQ
            || option.name == OptionName::Frame;
        assert!(found || by_table || otherwise, "{} is looked at nowhere", option.spelling);
    }
}

#[test]
fn what_would_do_nothing_is_refused() {
    for (text, option) in [
        ("tcp:127.0.0.1:1,mode=600", "mode"),
        ("tcp:127.0.0.1:1,shut-null", "shut"),
        ("unix-connect:/x,unlink-early", "unlink-early"),
        ("unix-recv:/x,range=127.0.0.0/8", "range"),
        ("exec:true,raw", "raw"),
        ("exec:true,pipes,sndbuf=1", "sndbuf"),
        ("stdio,append", "append"),
        ("exec:true,nofork,pty", "nofork"),
        ("exec:true,nofork,cool-write", "cool-write"),
        ("tls:127.0.0.1:1,async", "async"),
        ("interface:lo,tun-name=x", "tun-name"),
        ("tls-listen:1,sni=x", "sni"),
        ("socks4:127.0.0.1:127.0.0.1:1,sockspass=x", "sockspass"),
    ] {
        let address = Address::parse(text);
        // The grammar refuses some already, by their groups.
        let error = match address.map_err(|e| e.to_string()) {
            Ok(address) => check(&address).expect_err(text).to_string(),
            Err(error) => error,
        };
        assert!(error.contains(&format!("\"{option}\"")), "{error}");
    }
    for text in
        ["tcp:127.0.0.1:1,nodelay,bind=127.0.0.1", "unix-connect:/x,bind=/y,unlink-early", "pty,raw,link=x"]
    {
        check(&Address::parse(text).expect(text)).expect(text);
    }
}
