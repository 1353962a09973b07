//! Values of rows, as the types they stand for.

use crate::store::StoreError;
use highwater_rules::chain::Digest;
use highwater_rules::sign::KeyId;
use rusqlite::Row;
use rusqlite::types::{Type, ValueRef};
use serde::Serialize;
use std::str::FromStr;

fn wrong(index: usize, kind: Type, what: impl Into<String>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, kind, what.into().into())
}

/// A column that holds one of a closed set of words.
pub(super) fn word<T: FromStr<Err = String>>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(index)?.as_str()?;
    text.parse().map_err(|what: String| wrong(index, Type::Text, what))
}

/// A column that holds a digest.
pub(super) fn digest(row: &Row<'_>, index: usize) -> rusqlite::Result<Digest> {
    let bytes = row.get_ref(index)?.as_blob()?;
    bytes.try_into().map(Digest).map_err(|_| wrong(index, Type::Blob, "no digest of 32 bytes"))
}

/// A column that may hold a digest.
pub(super) fn maybe_digest(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Digest>> {
    if row.get_ref(index)?.as_blob_or_null()?.is_none() { Ok(None) } else { digest(row, index).map(Some) }
}

/// A column that holds a key's id.
pub(super) fn key_id(row: &Row<'_>, index: usize) -> rusqlite::Result<KeyId> {
    KeyId::from_slice(row.get_ref(index)?.as_blob()?)
        .ok_or_else(|| wrong(index, Type::Blob, "no key id of 16 bytes"))
}

/// A column that holds 32 bytes.
pub(super) fn key_bytes(row: &Row<'_>, index: usize) -> rusqlite::Result<[u8; 32]> {
    row.get_ref(index)?.as_blob()?.try_into().map_err(|_| wrong(index, Type::Blob, "no key of 32 bytes"))
}

/// A column that holds a whole number that is not negative.
pub(super) fn count(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(index)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, number))
}

/// The same, for a column that may hold nothing.
pub(super) fn maybe_count(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<u64>> {
    if row.get_ref(index)? == ValueRef::Null { Ok(None) } else { count(row, index).map(Some) }
}

/// A column that holds JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(index)?.as_str()?).map_err(|e| wrong(index, Type::Text, e.to_string()))
}

/// A value as a column of JSON keeps it.
pub(super) fn as_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Conflict(format!("it can't be kept as JSON: {e}")))
}

/// A number as SQLite keeps it: larger ones than 2^63 saturate.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
