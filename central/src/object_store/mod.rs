//! Object storage, through which agents upload that do not speak with central itself: S3, Azure Blob Storage, Google Cloud Storage.
//!
//! ```text
//!   place     where in a bucket or container
//!   connect   the HTTPS client, and the store of a place with the credentials of the environment
//!   storage   signed URLs for agents; what central reads and writes itself
//! ```
//!
//! Credentials are the environment's, never the command line's, and nothing here shows them.

mod connect;
mod place;
mod storage;

pub use connect::ConnectError;
pub use place::{NoPlace, Place, Provider};
pub use storage::{Download, Found, ObjectStorage, StorageError, UrlPair};
