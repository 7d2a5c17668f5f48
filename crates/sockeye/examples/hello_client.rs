//! Sends names to the hello server and prints what it answers.
//!
//! `hello_client [ADDRESS [NAME…]]`: 127.0.0.1:9999, and the names Michael, Tracy and Sarah.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::env;

use sockeye::{Addr, Result, Socket};

fn main() -> Result<()> {
    let mut args: Vec<String> = env::args().skip(1).collect();
    let addr: Addr = if args.is_empty() { "127.0.0.1:9999".into() } else { args.remove(0) }.parse()?;
    if args.is_empty() {
        args = ["Michael", "Tracy", "Sarah"].map(String::from).to_vec();
    }
    let client = Socket::create_connection(addr)?;
    let mut buffer = [0; 1024];
    let n = client.recv(&mut buffer)?;
    println!("{}", String::from_utf8_lossy(&buffer[..n]));
    for name in &args {
        client.send_all(name.as_bytes())?;
        let n = client.recv(&mut buffer)?;
        println!("{}", String::from_utf8_lossy(&buffer[..n]));
    }
    client.send_all(b"exit")
}
