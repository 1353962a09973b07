//! Placeholder while the tests are brought up.
fn main() {}
