//! ICMP packets: no input panics a decoder, and what decodes as an echo encodes to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_proto::icmp::{Family, Message, decode, encode_request, ipv4_header, quoted_echo};

fuzz_target!(|bytes: &[u8]| {
    for family in [Family::V4, Family::V6] {
        match decode(family, bytes) {
            Ok(Message::Request(echo)) => {
                let mut packet = [&[0; 8], echo.payload].concat();
                encode_request(family, echo.id, echo.sequence, &mut packet);
                assert_eq!(decode(family, &packet), Ok(Message::Request(echo)));
            }
            Ok(Message::Error { report, .. }) => assert!(!report.to_string().is_empty()),
            _ => {}
        }
        quoted_echo(family, bytes);
    }
    if let Ok((header, body)) = ipv4_header(bytes) {
        assert_eq!(20 + header.options.len() + body.len(), bytes.len());
    }
});
