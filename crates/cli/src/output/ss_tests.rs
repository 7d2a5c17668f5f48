//! Columns, chunks and numbers. That they are ss's is shown by the tests that run ss.

use super::*;
use crate::output::{ss::milliseconds, ss_tcp::general, ss_text::Key};

const ALL: [Column; 9] = [
    Column::Netid,
    Column::State,
    Column::RecvQ,
    Column::SendQ,
    Column::Address,
    Column::Port,
    Column::PeerAddress,
    Column::PeerPort,
    Column::Process,
];

fn row(columns: &mut Columns<Vec<u8>>, fields: [&str; 9]) {
    for (column, field) in ALL.into_iter().zip(fields) {
        columns.go(column).unwrap();
        columns.text().extend_from_slice(field.as_bytes());
    }
}

fn text(columns: &mut Columns<Vec<u8>>) -> String {
    columns.render().unwrap();
    String::from_utf8(std::mem::take(&mut columns.out)).unwrap()
}

const FIRST: [&str; 9] =
    ["tcp", "ESTAB", "0     ", "0     ", "10.0.0.1:", "22", "10.0.0.2:", "40000", " users:(x)"];

#[test]
fn fields_line_up() {
    let mut columns = Columns::new(Vec::new(), None, &[Column::Netid]);
    columns.header();
    row(&mut columns, FIRST);
    row(&mut columns, ["tcp", "LISTEN", "1     ", "128   ", "*:", "80", "*:", "*", ""]);
    assert_eq!(
        text(&mut columns),
        "State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process   \n\
         ESTAB  0      0           10.0.0.1:22       10.0.0.2:40000 users:(x)\n\
         LISTEN 1      128                *:80              *:*              \n"
    );
    // Nothing was asked for and nothing came.
    assert_eq!(text(&mut Columns::new(Vec::new(), None, &[])), "");
}

#[test]
fn an_interrupted_table_is_taken_back() {
    let mut columns = Columns::new(Vec::new(), None, &[]);
    columns.header();
    row(&mut columns, FIRST);
    // The last field is still open, and has keys.
    columns.text().pair(Key::Mss, 7);
    let mark = columns.mark();
    row(&mut columns, FIRST);
    columns.text().pair(Key::Mss, 8);
    row(&mut columns, ["u_str", "A-VERY-LONG-STATE", "", "", "", "", "", "", &"x".repeat(300)]);
    assert!(columns.rewind(&mark));
    row(&mut columns, FIRST);
    columns.text().pair(Key::Mss, 7);
    let mut plain = Columns::new(Vec::new(), None, &[]);
    plain.header();
    for _ in 0..2 {
        row(&mut plain, FIRST);
        plain.text().extend_from_slice(b" mss:7");
    }
    assert_eq!(text(&mut columns), text(&mut plain));
}

#[test]
fn keys_and_what_repeats_are_printed_in_full() {
    let (mut kept, mut plain) = (Columns::new(Vec::new(), None, &[]), Columns::new(Vec::new(), None, &[]));
    for n in 0..300_u64 {
        let state = if n % 3 == 0 { "LISTEN" } else { "ESTAB" };
        let fields = ["tcp", state, "0", "", "127.0.0.1:", "80", "h", "1", ""];
        let words = format!(" mss:{n} lost:{}", n / 2);
        row(&mut plain, fields);
        plain.text().extend_from_slice(words.as_bytes());
        row(&mut kept, fields);
        kept.text().pair(Key::Mss, n);
        kept.text().pair(Key::Lost, n / 2);
    }
    assert_eq!((kept.used, kept.chunks), (plain.used, plain.chunks));
    assert!(kept.bytes.len() < 300 * 11, "{} bytes", kept.bytes.len());
    assert_eq!(text(&mut kept), text(&mut plain));
}

#[test]
fn what_is_printed_cannot_be_taken_back() {
    let mut columns = Columns::new(Vec::new(), None, &[]);
    let mark = columns.mark();
    let long = "y".repeat(60_000);
    (0..100).for_each(|_| row(&mut columns, ["t", "E", "0", "0", "a", "b", "c", "d", &long]));
    assert!(!columns.out.is_empty(), "five chunks of 1 MiB are rendered");
    assert!(columns.bytes.len() < 6 << 20);
    assert!(!columns.rewind(&mark));
    let all = text(&mut columns);
    assert_eq!(all.lines().count(), 100);
    assert!(all.lines().all(|l| l.ends_with(&long)));
}

#[test]
fn numbers_as_c_prints_them() {
    for (n, digits, expected) in [
        (0.0, 6, "0"),
        (204.0, 6, "204"),
        (0.008, 6, "0.008"),
        (1.5, 6, "1.5"),
        (1234.565, 6, "1234.57"),
        (123_456.7, 6, "123457"),
        (1_234_567.0, 6, "1.23457e+06"),
        (0.000_012_3, 6, "1.23e-05"),
        (999.9, 3, "1e+03"),
        (2.886_72, 6, "2.88672"),
        (12.34, 3, "12.3"),
        (100.0, 3, "100"),
        (9.996, 3, "10"),
        (99.96, 3, "100"),
        (998.7, 3, "999"),
        (12.25, 3, "12.2"),
        (12.35, 3, "12.3"),
        (1.005, 3, "1"),
        (4.07, 3, "4.07"),
    ] {
        let mut text = Vec::new();
        general(&mut text, n, digits);
        assert_eq!(String::from_utf8(text).unwrap(), expected, "{n} with {digits} digits");
    }
}

#[test]
fn times_grow_coarser() {
    for (n, expected) in [
        (0, ""),
        (7, "007ms"),
        (999, "999ms"),
        (1000, "1sec"),
        (3200, "3.200ms"),
        (13_116, "13sec"),
        (61_500, "1min1sec"),
        (120_000, "2min"),
        (3_599_000, "59min"),
    ] {
        let mut text = Text::default();
        milliseconds(&mut text, n);
        assert_eq!(String::from_utf8(text.to_vec()).unwrap(), expected, "{n}");
    }
}
