//! Sends each datagram back to where it came from, IP and Unix alike.
//!
//! `udp_echo [ADDRESS]`: 127.0.0.1:5500.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::env;

use sockeye::{Addr, Result, Socket, socket::Type};

fn main() -> Result<()> {
    let addr: Addr = env::args().nth(1).as_deref().unwrap_or("127.0.0.1:5500").parse()?;
    let socket = Socket::new(addr.family(), Type::Datagram)?;
    socket.bind(addr)?;
    println!("listening on {}", socket.local_addr()?);
    let mut buffer = [0; 65_535];
    loop {
        let (n, peer) = socket.recv_from(&mut buffer)?;
        println!("{n} bytes from {peer}");
        socket.send_to(&buffer[..n], peer)?;
    }
}
