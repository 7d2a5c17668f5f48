//! Talking to programs of this machine: through pipes, through a socket pair, and a process for each client of a server.
//!
//! `local_processes pipe|socketpair` runs `tr` on a text; `local_processes server [ADDRESS]` starts it for each client.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::{
    env,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::{Command, Stdio},
};

use sockeye::{
    Addr, Socket,
    socket::{Shutdown, Type},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    match args.next().as_deref() {
        Some("server") => serve(&args.next().as_deref().unwrap_or("127.0.0.1:5500").parse()?),
        Some("socketpair") => socketpair(),
        _ => pipe(),
    }
}

fn upper() -> Command {
    let mut command = Command::new("tr");
    command.args(["a-z", "A-Z"]);
    command
}

/// One pipe each way: bytes in order, one direction each.
fn pipe() -> Result<(), Box<dyn std::error::Error>> {
    let mut child = upper().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    // Dropping our end is the end of its input.
    child.stdin.take().expect("asked for above").write_all(b"through two pipes\n")?;
    let mut text = String::new();
    child.stdout.take().expect("asked for above").read_to_string(&mut text)?;
    print!("{text}");
    child.wait()?;
    Ok(())
}

/// A socket pair serves both directions, and half-closes.
fn socketpair() -> Result<(), Box<dyn std::error::Error>> {
    let (mut ours, theirs) = Socket::pair(Type::Stream)?;
    let theirs = OwnedFd::from(theirs);
    let mut child = upper().stdin(theirs.try_clone()?).stdout(theirs).spawn()?;
    ours.send_all(b"through a socket pair\n")?;
    ours.shutdown(Shutdown::Write)?;
    let mut text = String::new();
    ours.read_to_string(&mut text)?;
    print!("{text}");
    child.wait()?;
    Ok(())
}

/// A process for each client, its input and output joined to the connection.
fn serve(addr: &Addr) -> Result<(), Box<dyn std::error::Error>> {
    let server = Socket::create_server(addr)?;
    println!("listening on {}", server.local_addr()?);
    loop {
        let (client, peer) = server.accept()?;
        let client = OwnedFd::from(client);
        let mut child = upper().stdin(client.try_clone()?).stdout(client).spawn()?;
        println!("process {} serves {peer}", child.id());
        std::thread::spawn(move || child.wait());
    }
}
