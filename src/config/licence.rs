//! `[licence]`: a licence of the operator's own.

use super::mistakes::Fault;
use super::reader::{Reader, absolute};
use std::path::PathBuf;

/// `[licence]`. Whether the file is there is asked when it is read: it may be carried in later.
pub(super) fn read(reader: &mut Reader) -> Option<Option<PathBuf>> {
    reader.value("licence.file", None, |raw| {
        let path = absolute(raw)?;
        if raw.text()?.ends_with('/') || path.file_name().is_none() {
            return Err(Fault::new(
                "a directory is no licence",
                "write the file's name too: /etc/highwater/licence.jwt",
            ));
        }
        Ok(Some(path))
    })
}
