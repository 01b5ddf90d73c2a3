//! See `properties::documents`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::documents(bytes));
