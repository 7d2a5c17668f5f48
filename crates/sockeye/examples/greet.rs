//! Thanks each client for connecting, and closes. With `client`, prints what a server says until it closes.
//!
//! `greet [ADDRESS]` or `greet client [ADDRESS]`: 127.0.0.1:8088.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::{env, io::Read};

use sockeye::{Addr, Socket};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1).peekable();
    let is_client = args.next_if(|word| word == "client").is_some();
    let addr: Addr = args.next().as_deref().unwrap_or("127.0.0.1:8088").parse()?;
    if is_client {
        let mut text = String::new();
        Socket::create_connection(addr)?.read_to_string(&mut text)?;
        print!("{text}");
        return Ok(());
    }
    let server = Socket::create_server(addr)?;
    println!("listening on {}", server.local_addr()?);
    loop {
        let (client, peer) = server.accept()?;
        println!("connected: {peer}");
        client.send_all(b"Thank you for connecting\r\n")?;
    }
}
