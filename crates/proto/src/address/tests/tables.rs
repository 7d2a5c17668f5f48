//! The tables hold together.

use std::collections::HashSet;

use crate::address::{Address, Keyword, OptionName, SHORTHANDS, keywords, options};

#[test]
fn no_spelling_stands_for_two_options() {
    let mut seen = HashSet::new();
    let all = options().iter().flat_map(|o| o.spellings()).chain(SHORTHANDS.iter().map(|row| row.0));
    for spelling in all {
        assert!(seen.insert(spelling), "{spelling} is in the table twice");
        assert!(!spelling.contains(|c: char| c.is_ascii_uppercase() || c == '_'), "{spelling} is not normal");
    }
}

#[test]
fn no_name_stands_for_two_keywords() {
    let mut seen = HashSet::new();
    for name in keywords().iter().flat_map(Keyword::names) {
        assert!(seen.insert(name), "{name} is in the table twice");
        assert_eq!(name, name.to_ascii_uppercase());
    }
}

#[test]
fn options_are_found_under_every_spelling() {
    for info in options() {
        assert_eq!(info.name.info().spelling, info.spelling);
        for spelling in info.spellings() {
            assert_eq!(OptionName::from_spelling(&spelling.to_ascii_uppercase()), Some(info.name));
            assert_eq!(OptionName::from_spelling(&spelling.replace('-', "_")), Some(info.name));
        }
    }
}

#[test]
fn shorthands_have_valid_values() {
    for (spelling, name, value) in SHORTHANDS {
        let typed = name.info().value.parse(value).expect(spelling);
        let text = if name.info().spelling == "shut" { "TCP:h:1" } else { "PTY" };
        let address = Address::parse(&format!("{text},{spelling}")).expect(spelling);
        assert_eq!(address.options.last(*name), Some(&typed), "{spelling}");
    }
}
