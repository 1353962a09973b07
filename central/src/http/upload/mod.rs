//! `/upload`: the page where people hand in files that were carried out of a site, and get the one that is carried back.
//!
//! It works without scripts, and nothing of it is kept: the answer travels within the page, and comes back to be saved as a file.

mod page;

use super::Problem;
use super::bundles::PIECE;
use crate::bundles::{self, BundleFault, Chunks, Taken};
use crate::central::Central;
use crate::store::StoreError;
use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use highwater_rules::bundle::{BUNDLE_MAX_BYTES, MEDIA_TYPE, Writer, looks_like_one};
use page::{FileRow, Outcome};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// The longest request, all files together, in bytes.
const UPLOAD_MAX_BYTES: usize = 256 * 1024 * 1024;
/// The most files in one request.
const FILES_MAX: usize = 1000;
/// The name of the answer's field.
pub(super) const ANSWER_FIELD: &str = "bundle";
/// From `/upload` to where it lies, and from `/upload/answer`.
const HERE: &str = "";
const BELOW: &str = "../";
/// Letters of base64 that stand for whole bytes together.
const QUANTUM: usize = 4;

/// `GET` and `POST /upload`.
pub(super) fn routes() -> MethodRouter<Central> {
    get(async || page::form(StatusCode::OK, HERE, None))
        .post(take)
        .layer(DefaultBodyLimit::max(UPLOAD_MAX_BYTES))
}

/// `POST /upload/answer`: what the page holds, as a file.
pub(super) fn answer_routes() -> MethodRouter<Central> {
    post(give_back).layer(DefaultBodyLimit::max(UPLOAD_MAX_BYTES))
}

/// A part of a form, as it comes in.
struct Part<'p>(Field<'p>);

impl Chunks for Part<'_> {
    async fn next(&mut self) -> Option<Result<Bytes, String>> {
        match timeout(PIECE, self.0.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| error.body_text()).transpose(),
            Err(_) => Some(Err(format!("nothing came for {} s", PIECE.as_secs()))),
        }
    }
}

fn unfit(error: &impl std::fmt::Display) -> Problem {
    let mend = "choose the files again; many large ones are for `highwater courier`";
    Problem::new(StatusCode::BAD_REQUEST, "malformed", format!("the form can't be read: {error}"), mend)
}

fn shown(problem: &Problem, up: &str) -> Response {
    let (status, ..) = problem.told();
    page::form(status, up, Some(problem))
}

async fn take(State(central): State<Central>, form: Result<Multipart, MultipartRejection>) -> Response {
    match form {
        Ok(form) => taken(&central, form).await.unwrap_or_else(|problem| shown(&problem, HERE)),
        Err(error) => shown(&unfit(&error), HERE),
    }
}

async fn taken(central: &Central, mut form: Multipart) -> Result<Response, Problem> {
    let mut writer = Writer::new();
    let mut back = Vec::new();
    let mut rows = Vec::new();
    // What the answers take is given back when the page is made.
    let mut rooms: Vec<OwnedSemaphorePermit> = Vec::new();
    while let Some(part) = form.next_field().await.map_err(|error| unfit(&error.body_text()))? {
        let Some(name) = part.file_name().map(str::to_owned) else { continue };
        // A form without a chosen file has a part without a name.
        if name.is_empty() {
            continue;
        }
        if rows.len() >= FILES_MAX {
            return Err(unfit(&format!("more than {FILES_MAX} files")));
        }
        let outcome = match bundles::take_into(central, &mut Part(part), &mut writer).await {
            Ok((taken, bytes)) => {
                back.extend(bytes);
                let Taken { told, cut, room } = taken;
                rooms.push(room);
                Outcome::Taken { told, cut }
            }
            // Whoever is cut off sees no page.
            Err(error @ BundleFault::Broken(_)) => return Err(error.into()),
            Err(error) => Outcome::Refused(error.into()),
        };
        rows.push(FileRow { name, outcome });
    }
    if rows.is_empty() {
        let mend = "choose files that `highwater export` has made";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "no_file", "no file was chosen", mend));
    }
    let answer = if writer.records() > 0 {
        back.extend(writer.finish());
        Some(STANDARD.encode(&back))
    } else {
        None
    };
    Ok(page::result(&rows, answer.as_deref()))
}

async fn give_back(State(central): State<Central>, form: Result<Multipart, MultipartRejection>) -> Response {
    let given = match form {
        Ok(form) => given(&central, form).await,
        Err(error) => Err(unfit(&error)),
    };
    given.unwrap_or_else(|problem| shown(&problem, BELOW))
}

async fn given(central: &Central, mut form: Multipart) -> Result<Response, Problem> {
    while let Some(field) = form.next_field().await.map_err(|error| unfit(&error.body_text()))? {
        if field.name() == Some(ANSWER_FIELD) {
            let (bytes, _room) = decoded(central, &mut Part(field)).await?;
            return Ok(attachment(bytes));
        }
    }
    Err(unfit(&"it holds no bundle"))
}

/// A field's base64, as it comes in: only what it stands for is kept.
async fn decoded(central: &Central, part: &mut Part<'_>) -> Result<(Vec<u8>, OwnedSemaphorePermit), Problem> {
    let mut room = central.bundle_room.take(0).ok_or(StoreError::Busy)?;
    let mut bytes = Vec::new();
    let mut rest: Vec<u8> = Vec::new();
    while let Some(chunk) = part.next().await {
        let chunk = chunk.map_err(|why| unfit(&why))?;
        room.merge(central.bundle_room.take(chunk.len()).ok_or(StoreError::Busy)?);
        rest.extend(chunk.iter().filter(|byte| !byte.is_ascii_whitespace()));
        let behind = rest.split_off(rest.len() - rest.len() % QUANTUM);
        STANDARD.decode_vec(&rest, &mut bytes).map_err(|error| unfit(&error))?;
        rest = behind;
        if bytes.len() as u64 > BUNDLE_MAX_BYTES {
            return Err(BundleFault::TooLong.into());
        }
    }
    // What is given back is a bundle, and nothing that a browser would show.
    if !rest.is_empty() || !looks_like_one(bytes.get(..bytes.len().min(1024)).unwrap_or_default()) {
        return Err(unfit(&"what it holds is no bundle"));
    }
    Ok((bytes, room))
}

fn attachment(bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"receipts.hwb\"")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    (headers, bytes).into_response()
}
