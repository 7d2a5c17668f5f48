//! Framings as options of addresses.

use crate::address::{Address, OptionName};

fn framing(text: &str) -> Result<String, String> {
    let address = Address::parse(text).map_err(|e| e.to_string())?;
    let again = Address::parse(&address.to_string()).expect("what is printed can be parsed");
    assert_eq!(again, address);
    Ok(address.options.framing(OptionName::Frame).expect("it was given").to_string())
}

#[test]
fn framings_are_typed_when_the_address_is_parsed() {
    for (text, expected) in [
        ("tcp:h:1,frame=line", "line"),
        ("tcp:h:1,frame=len:u16le,nodelay", "len:u16le"),
        ("tcp:h:1,frame=(len:u32,le,max=64k),nodelay", "len:u32le,max=65536"),
        ("tcp:h:1,frame='len:u32be,adjust=-4'", "len:u32be,adjust=-4"),
        (r"tcp:h:1,frame=delim:\r\n", r"delim:\r\n"),
        ("tcp:h:1,frame=delim:0x0d0a", r"delim:\r\n"),
        (r"tcp:h:1,frame=delim:\\x1e", r"delim:\x1e"),
    ] {
        assert_eq!(framing(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_framing_is_explained_in_its_place() {
    let error = framing("tcp:h:1,frame=len:u23").expect_err("no such length");
    assert!(error.contains("no length field is of type \"u23\" (did you mean u24?)"), "{error}");
}
