//! The picture, drawn on a terminal in memory and compared with files.

use std::net::Ipv4Addr;

use ratatui::{Terminal, backend::TestBackend};
use sockeye::{
    diag::{Endpoint, Kind, Socket},
    proto::diag::{TcpInfo, Timer, TimerKind, detail::Details},
};

use super::*;

fn socket(local: u16, peer: u16, state: State) -> Socket {
    let end = |port| Endpoint::Inet(Ipv4Addr::LOCALHOST.into(), port);
    let peer =
        if state == State::Listen { Endpoint::Inet(Ipv4Addr::UNSPECIFIED.into(), 0) } else { end(peer) };
    Socket::new(Kind::Tcp, state, end(local), peer)
}

fn with_info(mut socket: Socket, sent: u64, received: u64) -> Socket {
    let info = TcpInfo {
        bytes_acked: sent,
        bytes_received: received,
        rtt: 1234,
        total_retrans: 2,
        ..TcpInfo::default()
    };
    socket.details = Some(Box::new(Details { info: Some(Box::new(info)), ..Details::default() }));
    socket
}

/// A server with a client that closed first, and two others.
fn story() -> (View, Watch, Duration) {
    let mut resting = socket(40001, 8080, State::TimeWait);
    resting.timer = Some(Timer { kind: TimerKind::Timewait, milliseconds: 58_200, retransmits: 0 });
    let mut listening = socket(8080, 0, State::Listen);
    listening.send_q = 128;
    let mut waiting = socket(8080, 40003, State::CloseWait);
    waiting.recv_q = 1;
    let samples = [
        vec![
            listening.clone(),
            socket(40001, 8080, State::Established),
            with_info(socket(40002, 8080, State::Established), 0, 0),
            socket(8080, 40003, State::Established),
        ],
        vec![
            listening.clone(),
            socket(40001, 8080, State::FinWait2),
            with_info(socket(40002, 8080, State::Established), 1_500_000, 700),
            waiting.clone(),
        ],
        vec![
            listening,
            resting.clone(),
            with_info(socket(40002, 8080, State::Established), 3_000_000, 1400),
            waiting,
        ],
    ];
    let (mut view, mut watch) = (View::new(Duration::from_secs(1)), Watch::default());
    for (second, sample) in samples.iter().enumerate() {
        let (now, mut changes) = (Duration::from_secs(second as u64), Vec::new());
        watch.begin();
        sample.iter().for_each(|s| watch.socket(now, s, &mut changes));
        watch.end(&mut changes);
        view.seen.extend(changes.iter().map(|c| ((c.from, c.to), now)));
    }
    view.chosen = Some(ConnectionKey::of(&resting));
    view.choose(&watch);
    (view, watch, Duration::from_millis(2500))
}

fn picture(width: u16, height: u16) -> String {
    let (mut view, watch, now) = story();
    drawn(&mut view, &watch, now, (width, height))
}

fn drawn(view: &mut View, watch: &Watch, now: Duration, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view.draw(frame, now, watch, Some(3))).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(|y| row(y).trim_end().to_owned() + "\n").collect()
}

fn compare(name: &str, picture: &str) {
    let path = format!("{}/tests/snapshots/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("SOCKEYE_WRITE_SNAPSHOTS").is_some() {
        std::fs::write(&path, picture).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(expected, picture, "{path} (SOCKEYE_WRITE_SNAPSHOTS=1 writes it anew)");
}

#[test]
fn the_picture() {
    compare("watch-110x32", &picture(110, 32));
}

#[test]
fn a_small_terminal_is_no_panic() {
    compare("watch-80x24", &picture(80, 24));
    compare("watch-48x16", &picture(48, 16));
    compare("watch-160x26", &picture(160, 26));
    for (width, height) in [(1, 1), (20, 5), (62, 12), (300, 80)] {
        assert_eq!(picture(width, height).lines().count(), usize::from(height));
    }
}

#[test]
fn more_connections_than_there_is_room_for() {
    let (mut view, mut watch) = (View::new(Duration::from_secs(1)), Watch::default());
    let mut sampled = |view: &mut View, count: u16| {
        watch.begin();
        let ports = 10_000..10_000 + count;
        ports.for_each(|p| watch.socket(Duration::ZERO, &socket(p, 80, State::Established), &mut Vec::new()));
        watch.end(&mut Vec::new());
        view.choose(&watch);
        drawn(view, &watch, Duration::ZERO, (80, 24))
    };
    let all = sampled(&mut view, 150);
    assert!(all.contains("127.0.0.1:10006 ") && !all.contains("127.0.0.1:10007 "), "{all}");
    assert!(!all.contains("Story"), "nothing is chosen: {all}");
    view.key(KeyCode::PageDown);
    assert_eq!(view.chosen.as_ref().map(|c| c.local.port()), Some(10_007));
    view.key(KeyCode::End);
    let last = sampled(&mut view, 150);
    assert!(last.contains("127.0.0.1:10149 ") && last.contains("127.0.0.1:10149 → 127.0.0.1:80"), "{last}");
    view.key(KeyCode::Home);
    assert_eq!(view.chosen.as_ref().map(|c| c.local.port()), Some(10_000));
    assert!(sampled(&mut view, 300).contains("Connections: the first 200 in this order"));
    assert_eq!(view.rows.len(), ROWS);
}

#[test]
fn transitions_light_up_for_a_moment() {
    let (mut view, watch, now) = story();
    let lit = |view: &mut View, now| {
        let mut terminal = Terminal::new(TestBackend::new(110, 32)).unwrap();
        terminal.draw(|frame| view.draw(frame, now, &watch, None)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let diagram = (0..64u16).flat_map(|x| (1..12u16).map(move |y| (x, y)));
        diagram.filter(|at| buffer[*at].fg == Color::Yellow).count()
    };
    assert!(lit(&mut view, now) > 0);
    assert_eq!(lit(&mut view, now + LIT), 0);
}

#[test]
fn keys_choose_and_order() {
    let (mut view, watch, _) = story();
    view.chosen = None;
    assert_eq!(view.key(KeyCode::Down), Key::Other);
    assert_eq!(view.chosen.as_ref(), view.rows.first());
    view.key(KeyCode::Down);
    assert_eq!(view.chosen.as_ref(), view.rows.get(1));
    (0..10).for_each(|_| assert_eq!(view.key(KeyCode::Down), Key::Other));
    assert_eq!(view.chosen.as_ref(), view.rows.last());
    (0..10).for_each(|_| assert_eq!(view.key(KeyCode::Up), Key::Other));
    assert_eq!(view.chosen.as_ref(), view.rows.first());
    view.key(KeyCode::Char('s'));
    view.choose(&watch);
    assert_eq!(view.rows[0].local.port(), 40002, "the fastest comes first");
    assert_eq!(view.key(KeyCode::Char('q')), Key::Quit);
}
