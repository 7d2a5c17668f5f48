//! Sticky and half packets: the same two sends over UDP and TCP, and the cure.
//!
//! UDP keeps messages apart. TCP is a stream of bytes: two sends may come as one receive, and one send as several. A
//! length before each message mends that.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use sockeye::{Addr, Result, Socket, socket::Type};

fn main() -> Result<()> {
    let messages = ["hello", "world"];
    let mut buffer = [0; 64];

    let udp = Socket::new(sockeye::socket::Family::Inet, Type::Datagram)?;
    udp.bind(Addr::from(([127, 0, 0, 1], 0)))?;
    for message in messages {
        udp.send_to(message.as_bytes(), udp.local_addr()?)?;
    }
    for _ in messages {
        let n = udp.recv(&mut buffer)?;
        show("UDP", &buffer[..n]);
    }

    let (client, server) = tcp()?;
    for message in messages {
        client.send_all(message.as_bytes())?;
    }
    drop(client);
    // The end of the stream tells that all has arrived: what it holds is one run of bytes.
    let mut all = Vec::new();
    loop {
        let n = server.recv(&mut buffer)?;
        all.extend(&buffer[..n]);
        if n == 0 {
            break;
        }
    }
    show("TCP, all in one", &all);

    let (client, server) = tcp()?;
    client.send_all(messages[0].as_bytes())?;
    for half in [3, 2] {
        server.recv_exact(&mut buffer[..half])?;
        show("TCP, in halves", &buffer[..half]);
    }

    let (client, server) = tcp()?;
    for message in messages {
        let length = u8::try_from(message.len()).expect("both are short");
        client.send_all(&[&[length], message.as_bytes()].concat())?;
    }
    for _ in messages {
        let mut length = [0];
        server.recv_exact(&mut length)?;
        let message = &mut buffer[..length[0].into()];
        server.recv_exact(message)?;
        show("TCP with lengths", message);
    }
    Ok(())
}

fn tcp() -> Result<(Socket, Socket)> {
    let listener = Socket::create_server(([127, 0, 0, 1], 0))?;
    let client = Socket::create_connection(listener.local_addr()?)?;
    Ok((client, listener.accept()?.0))
}

fn show(how: &str, bytes: &[u8]) {
    println!("{how}: {:?}", String::from_utf8_lossy(bytes));
}
