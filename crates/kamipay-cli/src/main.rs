//! kamipay
fn main() {}
