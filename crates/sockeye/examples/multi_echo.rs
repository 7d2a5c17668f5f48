//! An echo for many clients in one thread: epoll says which of them has something to say.
//!
//! `multi_echo [ADDRESS [LIMIT]]`: 127.0.0.1:5500, and 10 clients at a time; one more is told so and closed.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::{collections::HashMap, env, os::fd::AsRawFd};

use rustix::event::epoll;
use sockeye::{Addr, Socket};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    let addr: Addr = args.next().as_deref().unwrap_or("127.0.0.1:5500").parse()?;
    let limit: usize = args.next().as_deref().unwrap_or("10").parse()?;
    let server = Socket::create_server(addr)?;
    println!("listening on {}", server.local_addr()?);

    let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let key = |socket: &Socket| epoll::EventData::new_u64(socket.as_raw_fd().unsigned_abs().into());
    epoll::add(&ready, &server, key(&server), epoll::EventFlags::IN)?;
    let mut clients: HashMap<u64, (Socket, Addr)> = HashMap::new();
    let mut events = Vec::with_capacity(64);
    loop {
        epoll::wait(&ready, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            if event.data.u64() != key(&server).u64() {
                let (client, peer) = &clients[&event.data.u64()];
                if !echo(client, peer) {
                    clients.remove(&event.data.u64());
                }
                continue;
            }
            let (client, peer) = server.accept()?;
            if clients.len() >= limit {
                println!("refused: {peer}");
                // It may have gone already, which is as well.
                let _ = client.send_all(format!("Sorry, all {limit} places are taken\r\n").as_bytes());
                continue;
            }
            client.set_blocking(false)?;
            epoll::add(&ready, &client, key(&client), epoll::EventFlags::IN)?;
            clients.insert(key(&client).u64(), (client, peer));
        }
    }
}

/// Sends back what has come; false once the client has gone, or does not read what it gets.
fn echo(client: &Socket, peer: &Addr) -> bool {
    let mut buffer = [0; 4096];
    match client.recv(&mut buffer) {
        Ok(0) => false,
        Ok(n) => {
            println!("Message from {peer}: {}", String::from_utf8_lossy(&buffer[..n]).trim_end());
            client.send_all(&buffer[..n]).is_ok()
        }
        Err(error) => error.would_block(),
    }
}
