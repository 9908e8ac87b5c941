//! Every target, each by its own name: what it does stands in `kamipay_tests::fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    kamipay_tests::fuzz::run(env!("CARGO_BIN_NAME"), bytes);
});
