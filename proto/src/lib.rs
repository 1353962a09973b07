//! The wire format: the types generated from `highwater/v1/*.proto`.
//!
//! The generated code is committed, so that building needs no protobuf compiler; `tests/generated.rs` fails when it is older than
//! the `.proto` files, and `HIGHWATER_BLESS=1 cargo test -p highwater-proto` writes it anew.
#![forbid(unsafe_code)]

/// Version 1.
#[expect(missing_docs, reason = "generated: what has no comment of its own is said by its message")]
#[rustfmt::skip]
pub mod v1;
