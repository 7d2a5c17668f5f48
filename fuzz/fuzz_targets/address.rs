//! Any text is an address or a refusal that points into the text, and an address prints and parses back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_proto::address::{Address, Role, Spec};

fuzz_target!(|text: &str| {
    for role in [Role::Relay, Role::Connect, Role::Listen] {
        match Address::parse_for(text, role) {
            Ok(read) => assert_eq!(Address::parse(&read.address.to_string()), Ok(read.address)),
            Err(error) => assert!(text.get(error.at.clone()).is_some() && !error.diagram().is_empty()),
        }
    }
    if let Ok(spec) = Spec::parse(text) {
        assert_eq!(Spec::parse(&spec.to_string()), Ok(spec));
    }
});
