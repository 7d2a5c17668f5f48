//! Any bytes are the kernel's reply or a refusal; what is read of an inet socket is written and read the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_proto::diag::{Malformed, Reply, Socket};

fuzz_target!(|bytes: &[u8]| {
    let _ = Reply::recorded().feed::<Malformed>(bytes, bytes.len(), |message| {
        let _ = Socket::parse_unix(message.payload);
        let _ = Socket::parse_packet(message.payload);
        let _ = Socket::parse_netlink(message.payload);
        let _ = Socket::parse_vsock(message.payload);
        let _ = Socket::parse_inet(262, message.payload);
        if let Ok(socket) = Socket::parse_inet(6, message.payload) {
            let mut emitted = Vec::new();
            assert!(socket.emit_inet(&mut emitted));
            assert!(Socket::parse_inet(6, &emitted).is_ok_and(|again| again.local == socket.local));
        }
        Ok(())
    });
});
