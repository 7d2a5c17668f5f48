//! Sampling TCP over time: sock_diag asked again and again, and the kernel's word of sockets that end.

use std::time::Duration;

use sockeye_proto::diag::{
    Endpoint, Socket,
    filter::Expr,
    request::{Protocol, Want},
    watch::{Change, Key, Watch},
};

use super::{Destroyed, Machine, Processes, Query, States, Step, Table, netlink::Diag};
use crate::Result;

/// Above this many connections a sample leaves TCP's measurements out: they more than double its cost. The
/// rows that are shown are measured one by one ([`Sampler::measure`]).
const MEASURE_ALL: usize = 5_000;

/// The TCP sockets of the machine, sampled.
#[derive(Debug)]
pub struct Sampler {
    query: Query,
    machine: Machine,
    pids: Vec<u32>,
    watch: Watch,
    destroyed: Option<Destroyed>,
    single: Option<Diag>,
    brief: u64,
}

impl Sampler {
    /// Samples the TCP sockets in these states that match. A filter that asks for processes by `pid` is
    /// answered by looking at `pids` only.
    pub fn new(states: States, filter: Option<Expr>, pids: Vec<u32>) -> Self {
        let query = Query { filter, ..Query::of(&[Table::Tcp]).states(states) };
        Self {
            query,
            machine: Machine::new(),
            pids,
            watch: Watch::default(),
            destroyed: Destroyed::listen(&[1, 3]).ok(),
            single: None,
            brief: 0,
        }
    }

    /// Takes a sample at `now`; what changed since the last one.
    pub fn sample(&mut self, now: Duration) -> Result<Vec<Change>> {
        self.query.want = Want { info: self.watch.len() <= MEASURE_ALL, ..Want::default() };
        let asks = super::Filter { expr: self.query.filter.clone(), ..super::Filter::default() };
        let processes = match (asks.asks_processes(), self.pids.is_empty()) {
            (false, _) => Processes::default(),
            (true, false) => Processes::of(&self.pids),
            (true, true) => Processes::walk(false),
        };
        let mut changes = Vec::new();
        let watch = &mut self.watch;
        watch.begin();
        self.query.each(&self.machine, &processes, &mut |step| {
            match step {
                Step::Socket(socket) => watch.socket(now, socket, &mut changes),
                Step::Begin => watch.checkpoint(),
                Step::Again => watch.again(),
                Step::MarksHidden => {}
            }
            Ok(())
        })?;
        // What was known until now does not count as unseen.
        self.count_brief()?;
        self.watch.end(&mut changes);
        Ok(changes)
    }

    /// Sockets that ended and were in no sample.
    fn count_brief(&mut self) -> Result<()> {
        let Some(destroyed) = &mut self.destroyed else { return Ok(()) };
        let (watch, filter) = (&self.watch, &self.query.filter);
        let (machine, none) = (&self.machine, Processes::default());
        let context = super::FilterContext::new(machine, &none);
        let mut brief = 0;
        destroyed.drain(|_, payload| {
            let Ok(mut socket) = Socket::parse_inet(Protocol::Tcp as u16, payload) else { return Ok(()) };
            // It is closed by now; its ends are those of the connection that it was.
            socket.state = super::State::Established;
            let wanted = filter.as_ref().is_none_or(|f| f.matches(&socket, &context));
            brief += u64::from(wanted && watch.get(&Key::of(&socket)).is_none());
            Ok(())
        })?;
        self.brief += brief;
        Ok(())
    }

    /// Measures these connections now, where the sample did not.
    pub fn measure(&mut self, now: Duration, keys: &[Key]) -> Result<()> {
        if self.query.want.info {
            return Ok(());
        }
        if self.single.is_none() {
            self.single = Diag::open().ok();
        }
        let Some(diag) = &mut self.single else { return Ok(()) };
        for key in keys {
            let Some(identity) = self.watch.get(key).and_then(|c| identity(key, c.cookie)) else { continue };
            let want = Want { info: true, ..Want::default() };
            let watch = &mut self.watch;
            diag.one(Protocol::Tcp, identity.0, &identity.1, want, |payload| {
                if let Ok(socket) = Socket::parse_inet(Protocol::Tcp as u16, payload) {
                    watch.measure(now, &socket);
                }
            })?;
        }
        Ok(())
    }

    /// What is known.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Sockets that ended unseen; `None` where the kernel does not tell this user.
    pub fn brief(&self) -> Option<u64> {
        self.destroyed.as_ref().map(|_| self.brief)
    }
}

/// `inet_diag_sockid` of a connection, with its family.
fn identity(key: &Key, cookie: u64) -> Option<(u8, [u8; 48])> {
    let (Endpoint::Inet(..), Endpoint::Inet(..)) = (&key.local, &key.peer) else { return None };
    let mut socket =
        Socket::new(super::Kind::Tcp, super::State::Established, key.local.clone(), key.peer.clone());
    socket.cookie = cookie;
    let mut bytes = Vec::new();
    socket.emit_inet(&mut bytes);
    sockeye_proto::diag::identity(&bytes)
}
