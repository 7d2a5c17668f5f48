//! Greets each client by the names it sends; every client has a thread of its own.
//!
//! `hello_server [ADDRESS [DELAY]]`: 127.0.0.1:9999 and no delay before an answer; the delay is in seconds.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::{env, thread, time::Duration};

use sockeye::{Result, Socket};

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let addr = args.first().map_or("127.0.0.1:9999", String::as_str);
    let delay = args.get(1).and_then(|s| s.parse().ok()).map_or(Duration::ZERO, Duration::from_secs_f64);
    let server = Socket::create_server(addr.parse::<sockeye::Addr>()?)?;
    println!("listening on {}", server.local_addr()?);
    loop {
        let (client, peer) = server.accept()?;
        println!("connected: {peer}");
        thread::spawn(move || match serve(&client, delay) {
            Ok(()) => println!("closed: {peer}"),
            Err(error) => println!("lost: {peer}: {error}"),
        });
    }
}

fn serve(client: &Socket, delay: Duration) -> Result<()> {
    client.send_all(b"Welcome!")?;
    let mut buffer = [0; 1024];
    loop {
        let n = client.recv(&mut buffer)?;
        let name = buffer[..n].trim_ascii_end();
        if n == 0 || name == b"exit" {
            return Ok(());
        }
        thread::sleep(delay);
        client.send_all(&[b"Hello, ", name, b"!"].concat())?;
    }
}
