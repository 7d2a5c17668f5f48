//! Expressions as the kernel's bytecode (`INET_DIAG_REQ_BYTECODE`), and a machine that runs it.
//!
//! ```text
//! inet_diag_bc_op:    code u8 │ yes u8 │ no u16          distances in bytes from this operation
//! ports:              op, then an op whose `no` is the port
//! inet_diag_hostcond: op, then family u8 │ prefix length u8 │ pad u16 │ port i32 (-1 any) │ address
//! mark:               op, then mark u32 │ mask u32
//! device, cgroup:     op, then index u32 / id u64
//! ```
//!
//! The kernel accepts a socket when it arrives exactly at the end, and refuses it four bytes beyond. It
//! follows `yes` when the test holds, which must lead to the next operation: only `no` jumps, and only forward.
//! Source: `inet_diag_bc_audit` and `inet_diag_bc_run` in the kernel's `net/ipv4/inet_diag.c`.

use std::net::IpAddr;

use super::{Expr, Host, Order, Pattern, Predicate, Prefix, Side};
use crate::diag::{
    Endpoint, Socket,
    inet::{AF_INET, AF_INET6, address},
    wire::{u16_at, u32_at, u64_at},
};

const JMP: u8 = 1;
const S_GE: u8 = 2;
const S_LE: u8 = 3;
const D_GE: u8 = 4;
const D_LE: u8 = 5;
const AUTO: u8 = 6;
const S_COND: u8 = 7;
const D_COND: u8 = 8;
const DEV_COND: u8 = 9;
const MARK_COND: u8 = 10;
const CGROUP_COND: u8 = 13;

/// Compiles what the kernel can test of `expr`. Every socket that matches `expr` passes the program, but
/// not the other way round where a part cannot be compiled: evaluate `expr` on what passes. Empty: no filter.
pub fn compile(expr: &Expr) -> Vec<u8> {
    let Some(reduced) = reduce(expr) else { return Vec::new() };
    let mut program = Program::default();
    let refuse = program.label();
    program.emit(&reduced, refuse);
    program.place(refuse, 4);
    program.link().unwrap_or_default()
}

/// The part of `expr` that the kernel can test; `None` if there is none.
fn reduce(expr: &Expr) -> Option<Expr> {
    match expr {
        // Of what must all hold, each part may be tested alone.
        Expr::And(all) => {
            let all: Vec<_> = all.iter().filter_map(reduce).collect();
            (!all.is_empty()).then_some(Expr::And(all))
        }
        other => whole(other).then(|| other.clone()),
    }
}

fn whole(expr: &Expr) -> bool {
    match expr {
        Expr::And(all) | Expr::Or(all) => all.iter().all(whole),
        Expr::Not(inner) => whole(inner),
        Expr::Is(predicate) => match predicate {
            Predicate::Host(_, host) => {
                matches!(host.address, Pattern::Any | Pattern::Ip(_))
                    && host.port.is_none_or(|p| i32::try_from(p).is_ok_and(|p| p != -1))
            }
            Predicate::Port(_, _, port) => u16::try_from(*port).is_ok(),
            // "autobound" means another thing to the kernel (the port was not asked for by bind), and
            // marks are tested only for those with CAP_NET_ADMIN, who get them in the reply anyway.
            Predicate::Autobound | Predicate::Mark { .. } => true,
            Predicate::Device(_) | Predicate::Cgroup(_) => true,
            Predicate::Pid(_) | Predicate::Comm(_) | Predicate::Uid(_) | Predicate::Inode(_) => false,
        },
    }
}

#[derive(Debug, Clone, Copy)]
struct Label(usize);

/// Operations with jumps to labels that are placed later.
#[derive(Debug, Default)]
struct Program {
    code: Vec<u8>,
    /// Operations whose `no` leads to a label.
    jumps: Vec<(usize, Label)>,
    labels: Vec<Option<usize>>,
}

impl Program {
    fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Places a label here, or `beyond` bytes further.
    fn place(&mut self, label: Label, beyond: usize) {
        self.labels[label.0] = Some(self.code.len() + beyond);
    }

    fn op(&mut self, code: u8, payload: &[u8], no: Label) {
        self.jumps.push((self.code.len(), no));
        // Payloads are at most 24 bytes.
        let yes = if code == JMP { 4 } else { (4 + payload.len()) as u8 };
        self.code.extend([code, yes, 0, 0]);
        self.code.extend(payload);
    }

    /// Code that goes on behind itself where `expr` holds, and to `no` where it does not.
    fn emit(&mut self, expr: &Expr, no: Label) {
        match expr {
            Expr::And(all) => all.iter().for_each(|e| self.emit(e, no)),
            Expr::Or(any) => self.any(any.len(), no, |program, i, no| program.emit(&any[i], no)),
            Expr::Not(inner) => {
                let held_not = self.label();
                self.emit(inner, held_not);
                self.op(JMP, &[], no);
                self.place(held_not, 0);
            }
            Expr::Is(predicate) => self.test(predicate, no),
        }
    }

    /// Alternatives: the first that holds jumps behind the last.
    fn any(&mut self, count: usize, no: Label, mut emit: impl FnMut(&mut Self, usize, Label)) {
        let end = self.label();
        for i in 0..count {
            if i + 1 == count {
                emit(self, i, no);
            } else {
                let next = self.label();
                emit(self, i, next);
                self.op(JMP, &[], end);
                self.place(next, 0);
            }
        }
        self.place(end, 0);
    }

    fn test(&mut self, predicate: &Predicate, no: Label) {
        match predicate {
            Predicate::Host(side, host) => self.host(*side, host, no),
            Predicate::Port(side, order, port) => {
                let code = match (side, order) {
                    (Side::Local, Order::GreaterOrEqual) => S_GE,
                    (Side::Local, Order::LessOrEqual) => S_LE,
                    (Side::Peer, Order::GreaterOrEqual) => D_GE,
                    (Side::Peer, Order::LessOrEqual) => D_LE,
                };
                let [low, high] = (*port as u16).to_ne_bytes();
                self.op(code, &[0, 0, low, high], no);
            }
            Predicate::Device(index) => self.op(DEV_COND, &index.to_ne_bytes(), no),
            Predicate::Mark { mark, mask } => {
                self.op(MARK_COND, &[mark.to_ne_bytes(), mask.to_ne_bytes()].concat(), no);
            }
            Predicate::Cgroup(id) => self.op(CGROUP_COND, &id.to_ne_bytes(), no),
            Predicate::Autobound => self.op(AUTO, &[], no),
            // `reduce` keeps these out; a test that always holds lets everything pass.
            Predicate::Pid(_) | Predicate::Comm(_) | Predicate::Uid(_) | Predicate::Inode(_) => {}
        }
    }

    fn host(&mut self, side: Side, host: &Host, no: Label) {
        let code = if side == Side::Local { S_COND } else { D_COND };
        let port = host.port.map_or(-1, |p| p as i32);
        match &host.address {
            Pattern::Ip(prefixes) => {
                self.any(prefixes.len(), no, |program, i, no| {
                    program.op(code, &condition(Some(prefixes[i]), port), no);
                });
            }
            _ => self.op(code, &condition(None, port), no),
        }
    }

    /// Writes the distances; `None` where one does not fit its field.
    fn link(mut self) -> Option<Vec<u8>> {
        for (at, label) in self.jumps {
            let distance = u16::try_from(self.labels[label.0]?.checked_sub(at)?).ok()?;
            self.code[at + 2..at + 4].copy_from_slice(&distance.to_ne_bytes());
        }
        // It must fit an attribute, whose length has 16 bits.
        (self.code.len() < 65_000).then_some(self.code)
    }
}

fn condition(prefix: Option<Prefix>, port: i32) -> Vec<u8> {
    let (family, len) = match prefix {
        None => (0, 0),
        Some(p) => (if p.address.is_ipv4() { AF_INET } else { AF_INET6 }, p.len),
    };
    let mut out = vec![family, len, 0, 0];
    out.extend(port.to_ne_bytes());
    match prefix.map(|p| p.address) {
        None => {}
        Some(IpAddr::V4(v4)) => out.extend(v4.octets()),
        Some(IpAddr::V6(v6)) => out.extend(v6.octets()),
    }
    out
}

/// Runs a program on an inet socket as the kernel does. `bound` says that the local port was asked for by
/// bind. `None` where the kernel would refuse the program.
pub fn run(program: &[u8], socket: &Socket, bound: bool) -> Option<bool> {
    let (Endpoint::Inet(local, sport), Endpoint::Inet(peer, dport)) = (&socket.local, &socket.peer) else {
        return None;
    };
    let mut at = 0;
    while at < program.len() {
        let op = program.get(at..)?;
        let (code, yes, no) = (op[0], usize::from(*op.get(1)?), usize::from(u16_at(op, 2)));
        let port = u16_at(op, 6);
        let holds = match code {
            JMP => false,
            S_GE => *sport >= port,
            S_LE => *sport <= port,
            D_GE => *dport >= port,
            D_LE => *dport <= port,
            AUTO => !bound,
            S_COND => holds(op, *local, *sport)?,
            D_COND => holds(op, *peer, *dport)?,
            DEV_COND => u32_at(op, 4) == socket.interface,
            MARK_COND => socket.mark & u32_at(op, 8) == u32_at(op, 4),
            CGROUP_COND => u64_at(op, 4) == socket.cgroup,
            _ => return None,
        };
        // Backward or endless jumps do not exist: a distance is at least one operation.
        let step = if holds { yes } else { no };
        if step < 4 || step % 4 != 0 {
            return None;
        }
        at += step;
    }
    match at - program.len() {
        0 => Some(true),
        4 => Some(false),
        _ => None,
    }
}

fn holds(op: &[u8], ip: IpAddr, is: u16) -> Option<bool> {
    let (family, len) = (*op.get(4)?, *op.get(5)?);
    let port = u32_at(op, 8).cast_signed();
    if port != -1 && port != i32::from(is) {
        return Some(false);
    }
    if family == 0 {
        return Some(true);
    }
    let address = address(family, op.get(12..)?)?;
    let limit = if address.is_ipv4() { 32 } else { 128 };
    (len <= limit).then(|| Prefix { address, len }.contains(ip))
}
