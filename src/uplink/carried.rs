//! A file on its way to central: sent as it is read, so that it is never in memory as a whole.

use super::client::Client;
use super::error::UplinkError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::fs::File;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What is read and sent at once, in bytes.
const PIECE_BYTES: u64 = 64 * 1024;
/// Where bundles go.
const PATH: &str = "/v1/bundles";

/// A file's next bytes, so many of them.
struct FileBody {
    file: File,
    left: u64,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut piece = Vec::new();
        let wanted = self.left.min(PIECE_BYTES);
        // A file of a local disk: reading so little of it keeps nobody waiting.
        let read = (&self.file).take(wanted).read_to_end(&mut piece);
        Poll::Ready(Some(read.and_then(|read| {
            if read as u64 != wanted {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter"));
            }
            self.left -= wanted;
            Ok(Frame::data(Bytes::from(piece)))
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Client {
    /// Sends a bundle: the next `bytes` bytes of a file. Gives the bundle that goes back.
    ///
    /// # Errors
    /// When central can't be reached, or answers anything but 200 with a bundle within bounds.
    pub async fn send_bundle(&self, file: File, bytes: u64) -> Result<Vec<u8>, UplinkError> {
        let body = reqwest::Body::wrap(FileBody { file, left: bytes });
        self.post_bundle(PATH, body).await
    }
}
