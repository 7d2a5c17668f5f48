//! The words for what receives bring.

use super::*;
use crate::framing::{Deframer, Framing};

/// The lines for a stream that arrives in these receives.
fn explain(spec: &str, receives: &[&[u8]]) -> Vec<String> {
    let framing: Framing = spec.parse().unwrap();
    let (mut deframer, mut explainer) = (Deframer::new(&framing), Explainer::new());
    let mut lines = Vec::new();
    for bytes in receives {
        deframer.space()[..bytes.len()].copy_from_slice(bytes);
        deframer.received(bytes.len());
        explainer.received(bytes.len());
        loop {
            let step = match deframer.advance() {
                Ok(step) => step,
                Err(error) => {
                    explainer.failed(&error);
                    lines.extend(explainer.drain().map(|e| e.to_string()));
                    return lines;
                }
            };
            let message = if let Step::Message(f) = &step { deframer.bytes(f.payload.clone()) } else { b"" };
            explainer.step(&step, message);
            if let Step::NeedMore(_) = step {
                break;
            }
        }
        lines.extend(explainer.drain().map(|e| e.to_string()));
    }
    explainer.ended(deframer.end().err());
    lines.extend(explainer.drain().map(|e| e.to_string()));
    lines
}

#[test]
fn sticky_and_half_are_named() {
    let lines = explain(
        "len:u8",
        &[b"\x05hello\x05world", b"\x05whole", b"\x06ha", b"lf", b"!!\x02ok\x04m", b"ore", b"\x09cut"],
    );
    assert_eq!(
        lines,
        [
            "receive 1         12 bytes  STICKY: 2 messages",
            "  message 1        5 bytes  \"hello\"",
            "  message 2        5 bytes  \"world\"",
            "receive 2          6 bytes  message 3, whole",
            "  message 3        5 bytes  \"whole\"",
            "receive 3          3 bytes  HALF: 3 bytes of message 4, 4 to come",
            "receive 4          2 bytes  HALF: now 5 bytes of message 4, 2 to come",
            "receive 5          7 bytes  STICKY, HALF: the rest of message 4 and 1 more; 2 bytes of message 6, 3 to come",
            "  message 4        6 bytes  \"half!!\"  in 3 receives",
            "  message 5        2 bytes  \"ok\"",
            "receive 6          3 bytes  HALF: the rest of message 6",
            "  message 6        4 bytes  \"more\"  in 2 receives",
            "receive 7          4 bytes  HALF: 4 bytes of message 7, 6 to come",
            "end           6 messages in 7 receives; half a message is left, 4 of 10 bytes",
        ]
    );
}

#[test]
fn damage_and_errors_are_named() {
    let lines = explain("len:u8,max=3", &[b"\x01a\x09b"]);
    assert_eq!(
        lines,
        [
            "receive 1          4 bytes  STICKY, HALF: message 1, whole; 2 bytes of message 2, its end to come",
            "  message 1        1 byte   \"a\"",
            "broken        the message at byte 2 of the stream has 9 bytes; the limit is 3 (max=)",
        ]
    );
    let lines = explain("sealed", &[b"noise"]);
    assert_eq!(lines[1], "  skipped          5 bytes  no frame begins there");
}

#[test]
fn previews_keep_text_and_escape_the_rest() {
    assert_eq!(preview("你好\n".as_bytes()), "\"你好\\n\"");
    assert_eq!(preview(b"\xff\"x\\"), "\"\\xff\\\"x\\\\\"");
    let long = "好".repeat(20);
    assert_eq!(preview(long.as_bytes()), format!("\"{}\"…", "好".repeat(10)));
}

#[test]
fn events_have_the_documented_shape() {
    let mut explainer = Explainer::new();
    explainer.received_bytes(7);
    explainer.received(2);
    explainer.step(&Step::NeedMore(Need::Exactly(3)), b"");
    let told: Vec<_> = explainer.drain().map(|e| serde_json::to_value(e).unwrap()).collect();
    assert_eq!(told[0]["shape"], "bytes");
    assert_eq!(
        told[1],
        serde_json::json!({"event": "frame-receive", "receive": 2, "bytes": 2, "shape": "half",
            "messages": 0, "continues": false, "next": 1, "left": 2, "awaits": {"exactly": 3}})
    );
}
