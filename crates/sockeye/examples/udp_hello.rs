//! Says hello to whoever sends a name: no connection, each datagram is one message.
//!
//! `udp_hello [ADDRESS]` or `udp_hello client [ADDRESS [NAME…]]`: 127.0.0.1:9999.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::{env, time::Duration};

use sockeye::{Addr, Result, Socket, socket::Type};

fn main() -> Result<()> {
    let mut args = env::args().skip(1).peekable();
    let is_client = args.next_if(|word| word == "client").is_some();
    let addr: Addr = args.next().as_deref().unwrap_or("127.0.0.1:9999").parse()?;
    let socket = Socket::new(addr.family(), Type::Datagram)?;
    let mut buffer = [0; 65_535];
    if is_client {
        // Datagrams get lost: no answer must not mean no end.
        socket.set_timeout(Some(Duration::from_secs(5)))?;
        for name in args {
            socket.send_to(name.as_bytes(), &addr)?;
            let n = socket.recv(&mut buffer)?;
            println!("{}", String::from_utf8_lossy(&buffer[..n]));
        }
        return Ok(());
    }
    socket.bind(addr)?;
    println!("listening on {}", socket.local_addr()?);
    loop {
        let (n, peer) = socket.recv_from(&mut buffer)?;
        println!("received from {peer}");
        socket.send_to(&[b"Hello, ", &buffer[..n], b"!"].concat(), peer)?;
    }
}
