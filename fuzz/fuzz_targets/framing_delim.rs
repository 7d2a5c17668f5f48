#![no_main]

#[path = "framing/drive.rs"]
#[allow(dead_code)]
mod drive;

libfuzzer_sys::fuzz_target!(|data: &[u8]| drive::drive(drive::DELIM, data));
