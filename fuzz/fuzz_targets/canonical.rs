//! See `properties::canonical`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::canonical(bytes));
