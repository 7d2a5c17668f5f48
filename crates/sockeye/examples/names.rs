//! Names and ports: the addresses of a host, the port of a service, the service of a port.
//!
//! `names [HOST [SERVICE]]`: localhost and http.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::env;

use sockeye::{
    Result,
    socket::{host_name, resolve, service_by_port},
};

fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let host = args.next().unwrap_or_else(|| "localhost".into());
    let service = args.next().unwrap_or_else(|| "http".into());
    println!("this machine is {}", host_name());
    for addr in resolve(&host, &service, None)? {
        let name = service_by_port(addr.port(), Some("tcp")).map_or_else(|| "unnamed".into(), |s| s.name);
        println!("{host} {service} is {addr} ({name})");
    }
    Ok(())
}
