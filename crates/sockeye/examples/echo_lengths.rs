//! An echo that knows how long each message is: four bytes of length (big-endian), then the message, however it was
//! split or merged on the way.
//!
//! `echo_lengths [ADDRESS]` or `echo_lengths client ADDRESS MESSAGE…`: 127.0.0.1:5600.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::env;

use sockeye::{Addr, Result, Socket};

/// No peer makes us allocate more than this.
const LONGEST: u32 = 1 << 20;

fn main() -> Result<()> {
    let mut args = env::args().skip(1).peekable();
    let is_client = args.next_if(|word| word == "client").is_some();
    let addr: Addr = args.next().as_deref().unwrap_or("127.0.0.1:5600").parse()?;
    if is_client {
        let client = Socket::create_connection(addr)?;
        // All of them first: the answers are still told apart.
        let messages: Vec<String> = args.collect();
        messages.iter().try_for_each(|message| send(&client, message.as_bytes()))?;
        for _ in &messages {
            println!("{}", String::from_utf8_lossy(&receive(&client)?));
        }
        return Ok(());
    }
    let server = Socket::create_server(addr)?;
    println!("listening on {}", server.local_addr()?);
    loop {
        let (client, peer) = server.accept()?;
        let ended = loop {
            match receive(&client).and_then(|message| send(&client, &message)) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        println!("{peer}: {ended}");
    }
}

fn send(socket: &Socket, message: &[u8]) -> Result<()> {
    let length = u32::try_from(message.len()).expect("the examples' messages are short");
    socket.send_all(&[&length.to_be_bytes(), message].concat())
}

fn receive(socket: &Socket) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    socket.recv_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST {
        let reason =
            sockeye::error::Reason::Protocol(format!("a message of {length} bytes, the limit is {LONGEST}"));
        return Err(sockeye::Error::new("receive from", socket.peer_addr()?, reason));
    }
    let mut message = vec![0; length as usize];
    socket.recv_exact(&mut message)?;
    Ok(message)
}
