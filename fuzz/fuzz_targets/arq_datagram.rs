//! Any datagram to an endpoint that accepts: no panic, no connection, no more answers than one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_proto::{
    arq::{Config, Endpoint, frame::Frames},
    time::Time,
};

fuzz_target!(|data: &[u8]| {
    for frame in Frames::new(data).flatten() {
        let mut out = Vec::new();
        frame.encode(&mut out);
        assert_eq!(Frames::new(&out).next(), Some(Ok(frame)));
    }
    let mut endpoint = Endpoint::new(Config::default(), [1; 32], true);
    let now = Time::after(std::time::Duration::from_secs(1));
    let from = std::net::SocketAddr::from(([192, 0, 2, 9], 9));
    endpoint.handle_datagram(now, from, false, &mut data.to_vec());
    let mut out = Vec::new();
    while endpoint.poll_transmit(now, &mut out, 4).is_some() {}
    assert!(endpoint.connections() == 0 && out.len() <= data.len());
});
