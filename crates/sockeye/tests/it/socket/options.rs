//! The option table against the kernel.

use sockeye::socket::{Family, Type, options};

use super::{loopback, socket};

#[test]
fn names_and_short_names_are_unique() {
    let mut names: Vec<&str> = options::table().flat_map(|o| [o.name, o.short]).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn buffers_take_text_and_numbers() {
    let tcp = socket(Family::Inet, Type::Stream);
    tcp.set_option("SO_RCVBUF", "64k").expect("a size");
    assert_eq!(tcp.option("rcvbuf").expect("get"), options::Value::Int(131_072), "the kernel doubles it");
    tcp.set_option("TCP_NODELAY", true).expect("a flag");
    assert_eq!(tcp.option("nodelay").expect("get"), options::Value::Bool(true));
    tcp.bind(loopback(Family::Inet)).expect("bind");
}
