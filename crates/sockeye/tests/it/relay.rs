//! What a relay says on the wire, counted by the kernel on the other side: TCP_INFO, tcp(7).

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::fd::AsFd,
};

use sockeye::{
    endpoint::{Context, Direction, Endpoint, Opened, Writer, open},
    proto::{address::Address, diag::TcpInfo},
    relay::{self, Plan},
    socket::options::{self, Value},
};

fn option(socket: impl AsFd, name: &str) -> Value {
    options::get(socket, options::find(name).expect("known")).expect("readable")
}

/// How many segments have come in.
fn segments(socket: &TcpStream) -> u32 {
    let Value::Bytes(info) = option(socket, "TCP_INFO") else { panic!("TCP_INFO is bytes") };
    TcpInfo::parse(&info).segs_in
}

fn congestion(endpoint: &Endpoint) -> String {
    let Writer::Stream(handle, _) = &endpoint.writer else { panic!("a stream") };
    option(handle, "TCP_CONGESTION").to_string()
}

/// An endpoint that has connected with these options, and its peer.
async fn connected(more: &str) -> (Endpoint, TcpStream) {
    let (endpoint, listener) = connecting(more, &Context::default()).await;
    (endpoint, listener.accept().expect("connected").0)
}

/// As [`connected`], before it is accepted.
async fn connecting(more: &str, context: &Context) -> (Endpoint, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("tcp:{}{more}", listener.local_addr().expect("bound"));
    let address = Address::parse(&address).expect("an address");
    let opened = open(&address, Direction::Both, context).await.expect("it listens");
    let Opened::Endpoint(endpoint) = opened else { panic!("one endpoint") };
    (*endpoint, listener)
}

async fn run(first: Endpoint, second: Endpoint) {
    let plan = Plan::default();
    relay::pair(Box::new([first, second]), &plan, Box::pin(std::future::pending())).await;
}

#[tokio::test]
async fn what_is_said_first_acknowledges_the_handshake() {
    let mut counted = Vec::new();
    for spoken in [false, true] {
        let (mut endpoint, listener) = connecting("", &Context { spoken, ..Context::default() }).await;
        endpoint.writer.send(b"hello").await.expect("sent");
        let mut peer = listener.accept().expect("connected").0;
        peer.read_exact(&mut [0; 5]).expect("heard");
        counted.push(segments(&peer));
    }
    assert_eq!(counted[0], counted[1] + 1, "{counted:?}");
}

#[tokio::test]
async fn the_last_words_and_the_end_go_together() {
    let mut counted = Vec::new();
    for ends_at_once in [false, true] {
        let (first, mut near) = connected("").await;
        let (second, mut far) = connected("").await;
        near.write_all(b"last words").expect("sent");
        if ends_at_once {
            near.shutdown(Shutdown::Write).expect("half-closed");
        }
        let heard = std::thread::spawn(move || {
            far.read_exact(&mut [0; 10]).expect("heard");
            if !ends_at_once {
                near.shutdown(Shutdown::Write).expect("half-closed");
            }
            assert_eq!(far.read(&mut [0; 1]).expect("the end"), 0);
            let counted = segments(&far);
            drop(far);
            assert_eq!(near.read(&mut [0; 1]).expect("the end"), 0);
            counted
        });
        run(first, second).await;
        counted.push(heard.join().expect("both ends"));
    }
    assert_eq!(counted[0], counted[1] + 1, "{counted:?}");
}

#[tokio::test]
async fn within_a_machine_bulk_is_not_paced() {
    const TOTAL: usize = 16 << 20;
    let system = option(TcpListener::bind("127.0.0.1:0").expect("a port"), "TCP_CONGESTION").to_string();
    let said = format!(",congestion={system}");
    for (more, bytes, expected) in [("", TOTAL, "reno"), ("", 1000, &*system), (&*said, TOTAL, &*system)] {
        let (first, mut near) = connected("").await;
        let (second, mut far) = connected(more).await;
        assert_eq!(congestion(&second), system);
        let Writer::Stream(sink, _) = &second.writer else { panic!("a stream") };
        let sink = sink.clone();
        let pouring = std::thread::spawn(move || {
            near.write_all(&vec![7; bytes]).expect("sent");
            near.shutdown(Shutdown::Write).expect("half-closed");
            near
        });
        let drinking = std::thread::spawn(move || {
            let mut all = Vec::new();
            far.read_to_end(&mut all).expect("no reset");
            all.len()
        });
        run(first, second).await;
        assert_eq!(drinking.join().expect("read"), bytes);
        assert_eq!(option(&sink, "TCP_CONGESTION").to_string(), expected, "{more} {bytes}");
        drop(pouring.join());
    }
}
