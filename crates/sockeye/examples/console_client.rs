//! A prompt: each line is sent, each answer shown with the address it came from.
//!
//! `console_client [ADDRESS]`: 127.0.0.1:5500, where an endless echo listens. `exit` or the end of input ends it.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::{
    env,
    io::{self, BufRead, Write},
};

use sockeye::{Addr, Socket};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr: Addr = env::args().nth(1).as_deref().unwrap_or("127.0.0.1:5500").parse()?;
    let client = Socket::create_connection(addr)?;
    let mut lines = io::stdin().lock().lines();
    let mut buffer = [0; 4096];
    loop {
        print!("> ");
        io::stdout().flush()?;
        let line = match lines.next().transpose()? {
            Some(line) if line != "exit" => line,
            _ => return Ok(()),
        };
        // Of an empty line nothing would be sent, and no answer come.
        if line.is_empty() {
            continue;
        }
        client.send_all(line.as_bytes())?;
        let (n, peer) = client.recv_from(&mut buffer)?;
        if n == 0 {
            println!("{peer} has closed");
            return Ok(());
        }
        println!("{peer}: {}", String::from_utf8_lossy(&buffer[..n]));
    }
}
