//! Sends one message back and closes; with `endless`, sends everything back until the client closes.
//!
//! `echo [ADDRESS [endless]]`: 127.0.0.1:5500. One client at a time.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::env;

use sockeye::{Addr, Result, Socket};

fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let addr: Addr = args.next().as_deref().unwrap_or("127.0.0.1:5500").parse()?;
    let endless = args.next().as_deref() == Some("endless");
    let server = Socket::create_server(addr)?;
    println!("listening on {}", server.local_addr()?);
    let mut buffer = [0; 8192];
    loop {
        let (client, peer) = server.accept()?;
        println!("connected: {peer}");
        loop {
            let n = client.recv(&mut buffer)?;
            client.send_all(&buffer[..n])?;
            if n == 0 || !endless {
                break;
            }
        }
    }
}
