//! -m and -i: memory, and TCP's measurements in ss's words.

use std::{fmt::Write as _, io::Write as _};

use sockeye::{
    diag::{Kind, Socket, State},
    proto::diag::{
        TcpInfo,
        detail::{Control, Details, Mptcp, Subflow, Tls, Ulp},
        write_ip,
    },
};

use super::{
    ss::{Show, number, number_of},
    ss_text::{Key, Text},
};

/// ` skmem:(r0,rb131072,…)`.
pub(super) fn memory(text: &mut Text, s: &Socket) {
    let Some(details) = &s.details else { return };
    if let Some(m) = details.memory {
        let parts = [
            (Key::Receive, Some(m.receive)),
            (Key::ReceiveLimit, Some(m.receive_limit)),
            (Key::Transmit, Some(m.send)),
            (Key::TransmitLimit, Some(m.send_limit)),
            (Key::Forward, Some(m.forward)),
            (Key::Queued, Some(m.queued)),
            (Key::OptionMemory, Some(m.options)),
            (Key::Backlogged, m.backlog),
            (Key::Dropped, m.drops),
        ];
        for (key, n) in parts {
            if let Some(n) = n {
                text.pair(key, n.into());
            }
        }
        text.push(b')');
    } else if let Some([r, w, f, t]) = details.old_memory {
        let _ = write!(text, " mem:(r{r},w{w},f{f},t{t})");
    }
}

/// -i.
pub(super) fn details(text: &mut Text, s: &Socket, show: Show) {
    let Some(d) = &s.details else { return };
    if s.netid == Kind::Mptcp {
        if let Some(mptcp) = &d.mptcp {
            multipath(text, mptcp);
        }
        return;
    }
    for (name, addresses) in [(" locals:", &d.locals), (" peers:", &d.peers)] {
        for (i, ip) in addresses.iter().enumerate() {
            text.extend_from_slice(if i == 0 { name.as_bytes() } else { b"," });
            let _ = write_ip(text, *ip);
        }
    }
    if let Some(info) = &d.info {
        measurements(text, info, d, s.state, show);
    }
    for (i, key) in d.md5_keys.iter().enumerate() {
        let _ = write!(text, "{}{}/{}=", if i == 0 { " md5keys:" } else { "," }, key.address, key.prefix);
        for byte in &key.key {
            match byte {
                b' ' | b',' | b'\\' => drop(write!(text, "\\{byte:03o}")),
                b if b.is_ascii_graphic() => text.push(*b),
                b => drop(write!(text, "\\{b:03o}")),
            }
        }
    }
    if let Some(ulp) = &d.ulp {
        upper_layer(text, ulp);
    }
}

/// The numbers that are shown where they are not 0, with their names.
fn counters(text: &mut Text, parts: &[(Key, u64)]) {
    for (key, n) in parts {
        if *n != 0 {
            text.pair(*key, *n);
        }
    }
}

fn measurements(text: &mut Text, i: &TcpInfo, d: &Details, state: State, show: Show) {
    if show.options {
        for (bit, name) in [(1, " ts"), (2, " sack"), (8, " ecn"), (16, " ecnseen"), (32, " fastopen")] {
            if i.option(bit) {
                text.extend_from_slice(name.as_bytes());
            }
        }
    }
    if let Some(name) = d.congestion.filter(|n| !n.as_str().is_empty()) {
        text.push(b' ');
        text.extend_from_slice(name.as_str().as_bytes());
    }
    if i.option(4) {
        let (send, receive) = i.window_scales();
        two(text, Key::Wscale, (send.into(), receive.into()), |text| {
            number_of(text, send.into());
            text.push(b',');
            number_of(text, receive.into());
        });
    }
    if i.rto != 0 && i.rto != 3_000_000 {
        time(text, Key::Rto, i.rto);
    }
    counters(text, &[(Key::Backoff, i.backoff.into())]);
    if i.rtt != 0 {
        two(text, Key::Rtt, (i.rtt, i.rttvar), |text| {
            micros(text, i.rtt);
            text.push(b'/');
            micros(text, i.rttvar);
        });
    }
    if i.ato != 0 {
        time(text, Key::Ato, i.ato);
    }
    let ssthresh = if i.snd_ssthresh < 0xffff { i.snd_ssthresh } else { 0 };
    counters(
        text,
        &[
            (Key::Mss, i.snd_mss.into()),
            (Key::Pmtu, i.pmtu.into()),
            (Key::Rcvmss, i.rcv_mss.into()),
            (Key::Advmss, i.advmss.into()),
            (Key::Cwnd, i.snd_cwnd.into()),
            (Key::Ssthresh, ssthresh.into()),
            (Key::BytesSent, i.bytes_sent),
            (Key::BytesRetrans, i.bytes_retrans),
            (Key::BytesAcked, i.bytes_acked),
            (Key::BytesReceived, i.bytes_received),
            (Key::SegsOut, i.segs_out.into()),
            (Key::SegsIn, i.segs_in.into()),
            (Key::DataSegsOut, i.data_segs_out.into()),
            (Key::DataSegsIn, i.data_segs_in.into()),
        ],
    );
    control(text, d.control, show.numeric);
    rates(text, i, d, show.numeric);
    limits(text, i);
    losses(text, i, state);
}

fn control(text: &mut Text, control: Option<Control>, numeric: bool) {
    match control {
        Some(Control::Dctcp { enabled: true, ce_state, alpha, ab_ecn, ab_tot }) => {
            let _ =
                write!(text, " dctcp:(ce_state:{ce_state},alpha:{alpha},ab_ecn:{ab_ecn},ab_tot:{ab_tot})");
        }
        Some(Control::Dctcp { enabled: false, .. }) => text.extend_from_slice(b" dctcp:fallback_mode"),
        Some(Control::Bbr { bandwidth, min_rtt, pacing_gain, cwnd_gain }) => {
            rate(text, Key::Bbr, bandwidth as f64 * 8.0, numeric);
            text.value(Key::BbrMinrtt, min_rtt.into(), |text| {
                general(text, f64::from(min_rtt) / 1000.0, 6);
            });
            for (key, gain) in [(Key::BbrPacing, pacing_gain), (Key::BbrCwnd, cwnd_gain)] {
                if gain != 0 {
                    text.value(key, gain.into(), |text| general(text, f64::from(gain) / 256.0, 6));
                }
            }
            text.push(b')');
        }
        _ => {}
    }
}

fn rates(text: &mut Text, i: &TcpInfo, d: &Details, numeric: bool) {
    let rtt = match d.control {
        Some(Control::Vegas { enabled: true, rtt }) if rtt != 0 && rtt != 0x7fff_ffff => rtt,
        _ => i.rtt,
    };
    if rtt > 0 && i.snd_mss != 0 && i.snd_cwnd != 0 {
        let sends = f64::from(i.snd_cwnd) * f64::from(i.snd_mss) * 8_000_000.0 / f64::from(rtt);
        rate(text, Key::Send, sends, numeric);
    }
    counters(
        text,
        &[
            (Key::Lastsnd, i.last_data_sent.into()),
            (Key::Lastrcv, i.last_data_recv.into()),
            (Key::Lastack, i.last_ack_recv.into()),
        ],
    );
    if i.pacing_rate != 0 && i.pacing_rate != u64::MAX {
        rate(text, Key::PacingRate, i.pacing_rate as f64 * 8.0, numeric);
        if i.max_pacing_rate != 0 && i.max_pacing_rate != u64::MAX {
            text.push(b'/');
            bits(text, i.max_pacing_rate as f64 * 8.0, numeric);
        }
    }
    if i.delivery_rate != 0 {
        rate(text, Key::DeliveryRate, i.delivery_rate as f64 * 8.0, numeric);
    }
    counters(text, &[(Key::Delivered, i.delivered.into()), (Key::DeliveredCe, i.delivered_ce.into())]);
    if i.app_limited() {
        text.key(Key::AppLimited);
    }
}

fn limits(text: &mut Text, i: &TcpInfo) {
    if i.busy_time == 0 {
        return;
    }
    text.pair(Key::Busy, i.busy_time / 1000);
    text.extend_from_slice(b"ms");
    for (name, time) in [(Key::RwndLimited, i.rwnd_limited), (Key::SndbufLimited, i.sndbuf_limited)] {
        if time != 0 {
            text.pair(name, time / 1000);
            let _ = write!(text, "ms({:.1}%)", 100.0 * time as f64 / i.busy_time as f64);
        }
    }
}

fn losses(text: &mut Text, i: &TcpInfo, state: State) {
    counters(text, &[(Key::Unacked, i.unacked.into())]);
    if i.retrans != 0 || i.total_retrans != 0 {
        two(text, Key::Retrans, (i.retrans, i.total_retrans), |text| {
            number_of(text, i.retrans.into());
            text.push(b'/');
            number_of(text, i.total_retrans.into());
        });
    }
    let sacked = if state == State::Listen { 0 } else { i.sacked };
    counters(
        text,
        &[
            (Key::Lost, i.lost.into()),
            (Key::Sacked, sacked.into()),
            (Key::DsackDups, i.dsack_dups.into()),
            (Key::Fackets, i.fackets.into()),
        ],
    );
    if i.reordering != 3 {
        let n = i.reordering;
        text.value(Key::Reordering, n.into(), |text| number(text, n.cast_signed()));
    }
    counters(text, &[(Key::ReordSeen, i.reord_seen.into())]);
    if i.rcv_rtt != 0 {
        time(text, Key::RcvRtt, i.rcv_rtt);
    }
    counters(
        text,
        &[
            (Key::RcvSpace, i.rcv_space.into()),
            (Key::RcvSsthresh, i.rcv_ssthresh.into()),
            (Key::Notsent, i.notsent_bytes.into()),
        ],
    );
    if i.min_rtt != 0 && i.min_rtt != u32::MAX {
        time(text, Key::Minrtt, i.min_rtt);
    }
    counters(text, &[(Key::RcvOoopack, i.rcv_ooopack.into()), (Key::SndWnd, i.snd_wnd.into())]);
}

fn multipath(text: &mut Text, m: &Mptcp) {
    counters(
        text,
        &[
            (Key::Subflows, m.subflows.into()),
            (Key::AddAddrSignal, m.add_addr_signal.into()),
            (Key::AddAddrAccepted, m.add_addr_accepted.into()),
            (Key::SubflowsMax, m.subflows_max.into()),
            (Key::AddAddrSignalMax, m.add_addr_signal_max.into()),
            (Key::AddAddrAcceptedMax, m.add_addr_accepted_max.into()),
        ],
    );
    for (bit, name) in [(1, " fallback"), (2, " remote_key")] {
        if m.flags & bit != 0 {
            text.extend_from_slice(name.as_bytes());
        }
    }
    let hex = [
        ("token", u64::from(m.token)),
        ("write_seq", m.write_seq),
        ("snd_una", m.snd_una),
        ("rcv_nxt", m.rcv_nxt),
    ];
    for (name, n) in hex.into_iter().filter(|(_, n)| *n != 0) {
        let _ = write!(text, " {name}:{n:x}");
    }
}

fn upper_layer(text: &mut Text, ulp: &Ulp) {
    if let Some(name) = ulp.name {
        let _ = write!(text, " tcp-ulp-{}", name.as_str());
    }
    if let Some(tls) = &ulp.tls {
        kernel_tls(text, tls);
    }
    if let Some(flow) = &ulp.subflow {
        subflow(text, flow);
    }
}

fn kernel_tls(text: &mut Text, tls: &Tls) {
    let out = text;
    match tls.version {
        Some(0x0303) => drop(out.write_str(" version: 1.2")),
        Some(0x0304) => drop(out.write_str(" version: 1.3")),
        Some(n) => drop(write!(out, " version: unknown({n})")),
        None => {}
    }
    match tls.cipher {
        Some(51) => drop(out.write_str(" cipher: aes-gcm-128")),
        Some(52) => drop(out.write_str(" cipher: aes-gcm-256")),
        _ => {}
    }
    for (name, n) in [("rxconf", tls.receive), ("txconf", tls.transmit)] {
        let Some(n) = n else { continue };
        let _ = match ["", "none", "sw", "hw", "hw-record"].get(usize::from(n)) {
            Some(word) if n > 0 => write!(out, " {name}: {word}"),
            _ => write!(out, " {name}: unknown({n})"),
        };
    }
    if tls.zerocopy {
        let _ = out.write_str(" zc_ro_tx");
    }
}

fn subflow(text: &mut Text, f: &Subflow) {
    let out = text;
    if let Some(flags) = f.flags.filter(|f| *f != 0) {
        // In the order of the bits that linux/mptcp.h defines.
        let letters = "MmJjBbecv".chars().enumerate().filter(|(bit, _)| flags & (1 << bit) != 0);
        let _ = write!(out, " flags:{}", letters.map(|(_, c)| c).collect::<String>());
    }
    if let (Some(rt), Some(lt), Some(ri), Some(li)) = (f.token_remote, f.token_local, f.id_remote, f.id_local)
    {
        let _ = write!(out, " token:{rt:04x}(id:{ri})/{lt:04x}(id:{li})");
    }
    if let Some(seq) = f.map_seq {
        let _ = write!(out, " seq:{seq:x}");
    }
    let numbers =
        [("sfseq", f.map_sfseq), ("ssnoff", f.ssn_offset), ("maplen", f.map_datalen.map(u32::from))];
    for (name, n) in numbers {
        if let Some(n) = n {
            let _ = write!(out, " {name}:{n:x}");
        }
    }
}

/// A key with a value of two numbers.
fn two(text: &mut Text, key: Key, (a, b): (u32, u32), write: impl FnOnce(&mut Text)) {
    text.value(key, u64::from(a) << 32 | u64::from(b), write);
}

/// A key with a time in microseconds.
fn time(text: &mut Text, key: Key, n: u32) {
    text.value(key, n.into(), |text| micros(text, n));
}

/// A key with a rate in bits per second.
fn rate(text: &mut Text, key: Key, rate: f64, numeric: bool) {
    text.value(key, rate.to_bits(), |text| bits(text, rate, numeric));
}

/// A rate in bits per second, as `1.2Mbps`.
fn bits(text: &mut Text, rate: f64, numeric: bool) {
    let scaled = [(1e12, b'T'), (1e9, b'G'), (1e6, b'M'), (1e3, b'k')].into_iter().find(|(s, _)| rate >= *s);
    match scaled {
        // As `%.0f`; up to here every whole number is exact.
        _ if numeric && rate < 9e15 => number_of(text, rate.round_ties_even() as u64),
        _ if numeric => drop(write!(text, "{rate:.0}")),
        Some((scale, letter)) => {
            general(text, rate / scale, 3);
            text.push(letter);
        }
        None => general(text, rate, 6),
    }
    text.extend_from_slice(b"bps");
}

/// Microseconds as milliseconds.
fn micros(text: &mut Text, n: u32) {
    if n >= 1_000_000 {
        return general(text, f64::from(n) / 1000.0, 6);
    }
    // Six digits hold all of it.
    number_of(text, u64::from(n / 1000));
    let rest = n % 1000;
    if rest > 0 {
        let digits =
            [b'.', b'0' + (rest / 100) as u8, b'0' + (rest / 10 % 10) as u8, b'0' + (rest % 10) as u8];
        let len = digits.iter().rposition(|d| *d != b'0').map_or(0, |last| last + 1);
        text.extend_from_slice(&digits[..len]);
    }
}

/// A number as C's `%.{digits}g` prints it.
pub(super) fn general(text: &mut Vec<u8>, n: f64, digits: usize) {
    if n == 0.0 {
        text.push(b'0');
        return;
    }
    if digits == 3 && (1.0..999.0).contains(&n) && three_digits(text, n) {
        return;
    }
    let exact = format!("{n:.*e}", digits - 1);
    let (mantissa, exponent) = exact.split_once('e').unwrap_or((&exact, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= digits as i32 {
        let mantissa = if mantissa.contains('.') {
            mantissa.trim_end_matches('0').trim_end_matches('.')
        } else {
            mantissa
        };
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(text, "{mantissa}e{sign}{:02}", exponent.abs());
        return;
    }
    let start = text.len();
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    let _ = write!(text, "{n:.decimals$}");
    if text[start..].contains(&b'.') {
        while text.last() == Some(&b'0') {
            text.pop();
        }
        if text.last() == Some(&b'.') {
            text.pop();
        }
    }
}

/// The same of a number from 1 to 999 with three digits, the usual rate. `false`: it lies so close to the middle
/// between two that only an exact conversion tells which is nearer.
fn three_digits(text: &mut Vec<u8>, n: f64) -> bool {
    let scale = if n < 10.0 {
        100
    } else if n < 100.0 {
        10
    } else {
        1
    };
    let scaled = n * f64::from(scale);
    if (scaled.fract() - 0.5).abs() < 1e-6 {
        return false;
    }
    let rounded = scaled.round() as u32;
    number_of(text, (rounded / scale).into());
    let rest = rounded % scale;
    if rest > 0 {
        text.push(b'.');
        let hundredths = rest * (100 / scale);
        text.push(b'0' + (hundredths / 10) as u8);
        if !hundredths.is_multiple_of(10) {
            text.push(b'0' + (hundredths % 10) as u8);
        }
    }
    true
}
