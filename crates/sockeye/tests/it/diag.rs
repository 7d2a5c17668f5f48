//! Listing sockets: filters in the kernel and here, explanations of addresses in use.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::unix::net::UnixListener,
};

use sockeye::{
    diag::{
        Bind, Endpoint, Filter, FilterContext, Follow, Kind, Machine, Processes, Query, Socket, State, Table,
        explain_in_use,
    },
    proto::diag::filter::{Expr, Host, Order, Pattern, Predicate, Prefix, Side},
};

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

fn at(side: Side, address: SocketAddr) -> Expr {
    let prefix = Prefix { address: address.ip(), len: 32 };
    let host = Host { address: Pattern::Ip(vec![prefix]), port: Some(address.port().into()) };
    Expr::Is(Predicate::Host(side, host))
}

#[test]
fn a_connection_is_found_with_its_process() {
    let (listener, address) = listener();
    let _client = TcpStream::connect(address).expect("it listens");
    let _server = listener.accept().expect("a connection");
    let found: Vec<Socket> =
        Query::of(&[Table::Tcp]).filter(at(Side::Local, address)).sockets().expect("a list").collect();
    let mut states: Vec<State> = found.iter().map(|s| s.state).collect();
    states.sort();
    assert_eq!(states, [State::Established, State::Listen]);
    let processes = Processes::walk(false);
    for socket in &found {
        assert!(processes.holders(socket.inode).any(|h| h.pid == std::process::id()), "{socket:?}");
    }
    assert_eq!(processes.holders(0).count(), 0);
}

#[test]
fn filters_are_text_too() {
    let (_listener, address) = listener();
    let machine = Machine::new();
    let text = format!("sport=:{} pid={}", address.port(), std::process::id());
    let filter = Filter::parse(&[text], None, &machine).expect("a filter");
    let query = Query::of(&[Table::Tcp]).filter(filter.expr.expect("an expression"));
    assert_eq!(query.sockets().expect("a list").count(), 1);
}

/// Numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn expr(&mut self, ports: &[u16], depth: u32) -> Expr {
        let port = i64::from(ports[self.below(ports.len() as u64) as usize]) + self.below(3) as i64 - 1;
        let side = if self.below(2) == 0 { Side::Local } else { Side::Peer };
        let kinds = if depth == 0 { 3 } else { 6 };
        let is = match self.below(kinds) {
            0 => {
                let order = if self.below(2) == 0 { Order::GreaterOrEqual } else { Order::LessOrEqual };
                Predicate::Port(side, order, port)
            }
            1 => Predicate::Host(side, Host { address: Pattern::Any, port: Some(port) }),
            2 => {
                let address = ["127.0.0.1", "127.0.0.2", "::1", "0.0.0.0"][self.below(4) as usize];
                let address: std::net::IpAddr = address.parse().expect("an address");
                let len = self.below(if address.is_ipv4() { 33 } else { 129 }) as u8;
                let prefixes = vec![Prefix { address, len }; 1 + self.below(2) as usize];
                Predicate::Host(side, Host { address: Pattern::Ip(prefixes), port: None })
            }
            3 => return Expr::Not(Box::new(self.expr(ports, depth - 1))),
            n => {
                let parts = (0..2 + self.below(2)).map(|_| self.expr(ports, depth - 1)).collect();
                return if n == 4 { Expr::And(parts) } else { Expr::Or(parts) };
            }
        };
        Expr::Is(is)
    }
}

/// What the kernel lets through with the bytecode of a random expression is what the evaluator chooses
/// of everything.
#[test]
fn kernel_and_evaluator_agree() {
    let held: Vec<(TcpListener, SocketAddr)> = (0..4).map(|_| listener()).collect();
    let six = TcpListener::bind("[::1]:0").ok();
    let clients: Vec<_> = held.iter().map(|(_, a)| TcpStream::connect(a).expect("it listens")).collect();
    let own = |s: &Socket| {
        let ports = held
            .iter()
            .map(|(_, a)| a.port())
            .chain(six.iter().filter_map(|l| Some(l.local_addr().ok()?.port())));
        ports.into_iter().any(|p| s.local.port() == i64::from(p) || s.peer.port() == i64::from(p))
    };
    let mut ports: Vec<u16> = held.iter().map(|(_, a)| a.port()).collect();
    ports.push(clients[0].local_addr().expect("bound").port());
    let (machine, processes) = (Machine::new(), Processes::default());
    let context = FilterContext::new(&machine, &processes);
    let key = |s: &Socket| (s.local.to_string(), s.peer.to_string(), s.state);
    let mut random = Random(42);
    for _ in 0..300 {
        let expr = random.expr(&ports, 3);
        let all: Vec<Socket> = Query::of(&[Table::Tcp]).sockets().expect("a list").filter(&own).collect();
        let mut here: Vec<_> = all.iter().filter(|s| expr.matches(s, &context)).map(key).collect();
        let query = Query::of(&[Table::Tcp]).filter(expr.clone());
        let mut kernel: Vec<_> =
            query.kernel_only().expect("a list").iter().filter(|s| own(s)).map(key).collect();
        here.sort();
        kernel.sort();
        assert_eq!(here, kernel, "{expr:?}");
    }
}

#[test]
fn an_address_in_use_is_explained() {
    let (listener, address) = listener();
    let own = format!("(process {})", std::process::id());
    let text = explain_in_use(Bind::Tcp(address)).expect("an explanation");
    assert!(text.contains(&own) && text.contains("already listens on"), "{text}");
    // The wildcard is held too.
    let wildcard = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    assert!(explain_in_use(Bind::Tcp(wildcard)).is_some_and(|t| t.contains(&own)));
    assert_eq!(explain_in_use(Bind::Udp(address)), None);

    // A server that closed first leaves TIME-WAIT behind.
    let client = TcpStream::connect(address).expect("it listens");
    let (server, _) = listener.accept().expect("a connection");
    drop(listener);
    let text = explain_in_use(Bind::Tcp(address)).expect("an explanation");
    assert!(text.contains("still has a connection") && text.contains("reuseaddr"), "{text}");
    drop(server);
    drop(client);
    let text = explain_in_use(Bind::Tcp(address)).expect("an explanation");
    assert!(text.contains("in TIME-WAIT") && text.contains("reuseaddr"), "{text}");

    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let text = explain_in_use(Bind::Udp(udp.local_addr().expect("bound"))).expect("an explanation");
    assert!(text.contains(&own) && text.contains("is bound to"), "{text}");
}

#[test]
fn a_path_in_use_is_explained() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).expect("a path");
    let text = explain_in_use(Bind::Unix(&path)).expect("an explanation");
    assert!(text.contains(&format!("(process {}) already listens", std::process::id())), "{text}");
    drop(listener);
    let text = explain_in_use(Bind::Unix(&path)).expect("an explanation");
    assert!(text.contains("nobody holds it") && text.contains("unlink-early"), "{text}");
    let file = dir.path().join("f");
    std::fs::write(&file, "").expect("a file");
    assert!(explain_in_use(Bind::Unix(&file)).is_some_and(|t| t.contains("no socket")));
}

#[test]
fn a_connection_is_followed() {
    let (listener, address) = listener();
    let client = TcpStream::connect(address).expect("it listens");
    let (server, _) = listener.accept().expect("a connection");
    let mut follow = Follow::new(client.local_addr().expect("bound"), address);
    let mut next = || follow.sample().expect("a sample").map(|t| (t.from, t.to));
    assert_eq!(next(), Some((None, Some(State::Established))));
    assert_eq!(next(), None);
    client.shutdown(std::net::Shutdown::Write).expect("it is open");
    // The acknowledgement may be under way.
    let mut seen = Vec::new();
    while !seen.contains(&State::FinWait2) {
        seen.extend(next().and_then(|(_, to)| to));
    }
    drop(server);
    while !seen.contains(&State::TimeWait) {
        seen.extend(next().and_then(|(_, to)| to));
    }
    assert!(seen.iter().all(|s| [State::FinWait1, State::FinWait2, State::TimeWait].contains(s)), "{seen:?}");
}

#[test]
fn unix_sockets_by_type() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s");
    let _listener = UnixListener::bind(&path).expect("a path");
    let of = |table| -> Vec<Socket> {
        let all = Query::of(&[table]).sockets().expect("a list");
        let name = path.as_os_str().as_encoded_bytes();
        all.filter(|s| matches!(&s.local, Endpoint::Unix(Some(n), _) if **n == *name)).collect()
    };
    assert_eq!(of(Table::UnixStream).iter().map(|s| s.netid).collect::<Vec<_>>(), [Kind::UnixStream]);
    assert_eq!(of(Table::UnixDatagram), []);
}
