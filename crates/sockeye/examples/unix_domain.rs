//! Sockets of this machine: an upper-casing server at a path, over streams or datagrams.
//!
//! `unix_domain stream|datagram server|client [PATH [TEXT]]`: /tmp/sockeye-example.sock. A path that an earlier server
//! left behind is removed first.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::env;

use sockeye::{
    Addr, Result, Socket,
    socket::{Family, Type, remove_stale},
};

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let arg = |n: usize, default| args.get(n).map_or(default, String::as_str);
    let (kind, side) = (arg(0, "stream"), arg(1, "server"));
    let (path, text) = (arg(2, "/tmp/sockeye-example.sock"), arg(3, "hello"));
    match (kind, side) {
        ("stream", "client") => {
            let client = Socket::create_connection(Addr::path(path))?;
            client.send_all(text.as_bytes())?;
            let mut answer = vec![0; text.len()];
            client.recv_exact(&mut answer)?;
            println!("{}", String::from_utf8_lossy(&answer));
            Ok(())
        }
        ("datagram", "client") => {
            let client = Socket::new(Family::Unix, Type::Datagram)?;
            // To get an answer, a datagram socket needs a name; given none, the kernel chooses one.
            client.bind(Addr::Unix(sockeye::socket::UnixAddr::Unnamed))?;
            client.send_to(text.as_bytes(), Addr::path(path))?;
            let mut answer = [0; 4096];
            let n = client.recv(&mut answer)?;
            println!("{}", String::from_utf8_lossy(&answer[..n]));
            Ok(())
        }
        ("stream", _) => serve_streams(path),
        _ => serve_datagrams(path),
    }
}

fn serve_streams(path: &str) -> Result<()> {
    let server = Socket::create_server(Addr::path(path))?;
    println!("listening on {path}");
    let mut buffer = [0; 4096];
    loop {
        let (client, _) = server.accept()?;
        loop {
            let n = client.recv(&mut buffer)?;
            if n == 0 {
                break;
            }
            client.send_all(&buffer[..n].to_ascii_uppercase())?;
        }
    }
}

fn serve_datagrams(path: &str) -> Result<()> {
    remove_stale(path)?;
    let server = Socket::new(Family::Unix, Type::Datagram)?;
    server.bind(Addr::path(path))?;
    println!("listening on {path}");
    let mut buffer = [0; 4096];
    loop {
        let (n, peer) = server.recv_from(&mut buffer)?;
        server.send_to(&buffer[..n].to_ascii_uppercase(), peer)?;
    }
}
