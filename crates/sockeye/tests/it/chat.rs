//! A room full of clients, some of which never read.

use std::sync::{Arc, Mutex};

use sockeye::{
    endpoint::{Context, Direction, Opened, clients::Limits, open},
    event::Events,
    service::{Manner, Room, Service, serve},
    stop::{Stopper, Urgency},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::support::PATIENCE;

const CLIENTS: usize = 1000;
const DEAF: usize = 10;
/// Each line is about 1 KiB; together more than a deaf client's queue and buffers hold.
const LINES: usize = 400;

/// Collects events.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn enough_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(8192).min(8192);
    if limit.current.is_some_and(|now| now < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }).expect("up to the maximum");
    }
}

async fn line(client: &mut BufReader<TcpStream>, text: &mut String) {
    text.clear();
    let read = tokio::time::timeout(PATIENCE, client.read_line(text)).await.expect("a line in time");
    assert_ne!(read.expect("a line"), 0, "the server hung up on a good client");
}

/// 1,000 clients, 10 of which never read: the others lose nothing, and the 10 are dropped with a reason.
#[tokio::test]
async fn the_deaf_are_dropped_and_the_others_lose_nothing() {
    enough_descriptors();
    let address = "tcp-listen:127.0.0.1:0,sndbuf=4k,backlog=1024".parse().expect("an address");
    let Opened::Listener(listener) =
        open(&address, Direction::Both, &Context::default()).await.expect("free")
    else {
        panic!("not a listener")
    };
    let at = listener.about().local.clone().expect("bound");
    let sink = Sink::default();
    let room = Arc::new(Room::with_queue(64 << 10));
    let manner = Manner { room, events: Events::to(sink.clone()), ..Manner::default() };
    let (stopper, stop) = Stopper::new();
    let server =
        tokio::spawn(
            async move { serve(Service::Chat, *listener, &Limits::default(), &manner, &stop).await },
        );
    let (mut good, mut deaf, mut text) = (Vec::new(), Vec::new(), String::new());
    for i in 0..CLIENTS {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(8192).expect("a size");
        let mut client =
            BufReader::new(socket.connect(at.parse().expect("an address")).await.expect("it listens"));
        line(&mut client, &mut text).await;
        assert!(text.starts_with("welcome"), "{text}");
        if i < DEAF { deaf.push(client) } else { good.push(client) }
    }
    let filler = "x".repeat(1000);
    // Lines go out a few at a time, the next when every good client has the last: what is lost is the server's.
    for first in (0..LINES).step_by(20) {
        for i in first..first + 20 {
            let said = format!("{i} {filler}\n");
            good[0].get_mut().write_all(said.as_bytes()).await.expect("sent");
        }
        for client in &mut good[1..] {
            for i in first..first + 20 {
                let expected = format!(": {i} {filler}\n");
                loop {
                    line(client, &mut text).await;
                    // Who comes and goes is told as well.
                    if text.starts_with("Message from ") {
                        break;
                    }
                }
                assert!(text.ends_with(&expected), "line {i} is missing: {}", &text[..60]);
            }
        }
    }
    for client in &mut deaf {
        // The server has hung up: after what the buffers held comes the end, or a reset.
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, client.read_to_end(&mut rest)).await.expect("an end");
        let all = String::from_utf8_lossy(&rest).matches("Message from").count();
        assert!(all < LINES, "a deaf client got everything: {ended:?}");
    }
    drop((good, deaf));
    stopper.ask(Urgency::Now);
    server.await.expect("no panic").expect("served");
    let events = sink.0.lock().expect("no panic").clone();
    let told = String::from_utf8_lossy(&events).matches("it did not keep up with the others").count();
    assert_eq!(told, DEAF, "each is dropped with a reason");
}
