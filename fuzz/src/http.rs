//! What the HTTP targets do with their input. The seeded runs in proto's tests call the same functions.

use sockeye_proto::http::{
    Body, BodyEvent, Event, Framing, Limits, Method, RequestEvent, RequestReader, ResponseReader,
};

/// A head of a request and of an answer, in one piece.
pub fn head(data: &[u8]) {
    let _ = RequestReader::new(Limits::default()).step(data).map(|(event, used)| {
        assert!(used <= data.len());
        if let RequestEvent::Head(head) = event {
            let _ = (head.path(), head.keeps_alive());
        }
    });
    let _ = ResponseReader::new(Method::GET, Limits::default()).step(data).map(|(_, used)| {
        assert!(used <= data.len());
    });
}

/// A chunked body; the first byte says in what pieces it comes. All pieces must give the same body.
pub fn chunked(data: &[u8]) {
    let Some((&piece, data)) = data.split_first() else { return };
    let whole = chunked_in(data, usize::MAX);
    let pieces = chunked_in(data, usize::from(piece) + 1);
    assert_eq!(whole.0, pieces.0, "the same body, in whatever pieces it comes");
    assert_eq!(whole.1, pieces.1, "the same verdict, in whatever pieces it comes");
}

fn chunked_in(data: &[u8], piece: usize) -> (Vec<u8>, Option<bool>) {
    let mut machine = Body::new(Framing::Chunked, Limits::default());
    let (mut body, mut start, mut end) = (Vec::new(), 0, 0);
    loop {
        match machine.step(&data[start..end]) {
            Err(_) => return (body, Some(false)),
            Ok((BodyEvent::End(_), _)) => return (body, Some(true)),
            Ok((BodyEvent::Wait, _)) if end == data.len() => return (body, None),
            Ok((BodyEvent::Wait, _)) => end = end.saturating_add(piece).min(data.len()),
            Ok((event, used)) => {
                assert!(used > 0 && used <= end - start);
                if event == BodyEvent::Data {
                    body.extend_from_slice(&data[start..start + used]);
                }
                start += used;
            }
        }
    }
}

/// A whole answer, in pieces; the first byte says which method it answers and how large the pieces are.
pub fn response(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else { return };
    let method = if how & 1 == 0 { Method::GET } else { Method::HEAD };
    let mut reader = ResponseReader::new(method, Limits::default());
    let piece = usize::from(how >> 1) + 1;
    let (mut start, mut end, mut body) = (0, 0, 0u64);
    loop {
        match reader.step(&data[start..end]) {
            Err(_) => return,
            Ok((Event::Body(BodyEvent::End(_)), used)) => {
                assert!(used <= end - start);
                break;
            }
            Ok((Event::Wait | Event::Body(BodyEvent::Wait), _)) if end == data.len() => {
                let _ = reader.eof();
                break;
            }
            Ok((Event::Wait | Event::Body(BodyEvent::Wait), _)) => end = (end + piece).min(data.len()),
            Ok((event, used)) => {
                assert!(used <= end - start);
                if matches!(event, Event::Body(BodyEvent::Data)) {
                    assert!(used > 0);
                    body += used as u64;
                }
                start += used;
            }
        }
    }
    assert_eq!(reader.received(), body);
}
