//! Any text is a filter or a refusal; a filter compiles to a program that decides as the evaluator does.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use sockeye_proto::diag::{
    Endpoint, Filter, Kind, Socket, State,
    filter::{Context, Family, Names, bytecode},
};

struct Nothing;

impl Names for Nothing {
    fn host(&self, _: &str, _: Option<Family>) -> Vec<IpAddr> {
        Vec::new()
    }
    fn service(&self, _: &str) -> Vec<u16> {
        Vec::new()
    }
    fn interface(&self, _: &str) -> Option<u32> {
        None
    }
    fn cgroup(&self, _: &str) -> Option<u64> {
        Some(1)
    }
    fn ether_type(&self, _: &str) -> Option<u16> {
        None
    }
    fn netlink_protocol(&self, _: &str) -> Option<u32> {
        None
    }
    fn user(&self, _: &str) -> Option<u32> {
        None
    }
}

impl Context for Nothing {
    fn is_ephemeral(&self, port: u16) -> bool {
        port >= 32768
    }
    fn held_by(&self, _: u32, _: &mut dyn FnMut(u32, &str) -> bool) -> bool {
        false
    }
}

fuzz_target!(|text: &str| {
    let Ok(Filter { expr: Some(expr), .. }) = Filter::parse(&[text], None, &Nothing) else { return };
    let end = |port| Endpoint::Inet(IpAddr::from([127, 0, 0, 1]), port);
    let socket = Socket::new(Kind::Tcp, State::Established, end(22), end(40000));
    let program = bytecode::compile(&expr);
    if !program.is_empty() && expr.matches(&socket, &Nothing) {
        // What matches must pass the kernel; the port 22 was asked for by bind, so it is not "autobound" there.
        assert_ne!(bytecode::run(&program, &socket, !text.contains("autobound")), None);
    }
});
