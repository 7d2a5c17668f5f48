//! Each side sends one message, prints the other's, and closes. Any language: the text is UTF-8.
//!
//! `one_shot server [ADDRESS [MESSAGE]]` or `one_shot client [ADDRESS [MESSAGE]]`: 127.0.0.1:5500.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::{env, io::Read};

use sockeye::{Addr, Socket, socket::Shutdown};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    let side = args.next().unwrap_or_default();
    let addr: Addr = args.next().as_deref().unwrap_or("127.0.0.1:5500").parse()?;
    let message = args.next().unwrap_or_else(|| format!("你好, I am the {side}"));
    let (mut peer, name) = if side == "server" {
        let server = Socket::create_server(addr)?;
        println!("listening on {}", server.local_addr()?);
        server.accept()?
    } else {
        (Socket::create_connection(&addr)?, addr)
    };
    // The end of what is sent is the end of the message.
    peer.send_all(message.as_bytes())?;
    peer.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    peer.read_to_string(&mut answer)?;
    println!("{name}: {answer}");
    Ok(())
}
