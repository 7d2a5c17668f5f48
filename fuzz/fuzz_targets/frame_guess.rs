#![no_main]

use sockeye_proto::framing::{Framing, guess};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for complete in [false, true] {
        for guess in guess(data, complete) {
            assert!(guess.bits > 0.0 && guess.covered <= data.len());
        }
    }
    // The text form takes any text as well.
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(framing) = text.parse::<Framing>()
    {
        assert_eq!(framing.to_string().parse(), Ok(framing));
    }
});
