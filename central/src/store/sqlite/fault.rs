//! What goes wrong inside, before it is known which file it was.

use crate::store::StoreError;
use rusqlite::ErrorCode;
use std::path::Path;

/// An error of SQLite's, or one that is told as it is.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(rusqlite::Error),
    Told(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Told(error)
    }
}

impl Fault {
    /// The error as the caller gets it.
    pub(super) fn at(self, place: &Path) -> StoreError {
        let error = match self {
            Fault::Told(error) => return error,
            Fault::Sql(error) => error,
        };
        let place = place.to_owned();
        let why = error.to_string();
        match error.sqlite_error_code() {
            Some(
                ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::AuthorizationForStatementDenied,
            ) => StoreError::Permission { place, why },
            Some(ErrorCode::NotADatabase) => StoreError::Foreign { place },
            Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { place, what: why },
            // A value in a row that this program never wrote.
            None => StoreError::Damaged { place, what: why },
            _ => StoreError::Unavailable { place, why },
        }
    }
}
