//! What every operation may be refused with, as the OpenAPI document tells it.

use crate::shapes::ProblemShape;
use utoipa::IntoResponses;

/// Whatever is asked.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it stands for what is answered, in the OpenAPI document only")]
pub(super) enum Always {
    /// The token is missing, unknown or revoked.
    #[response(
        status = 401,
        content_type = "application/problem+json",
        headers(("WWW-Authenticate" = String, description = "The scheme: Bearer"))
    )]
    Unauthorized(ProblemShape),
    /// The token is a service token, which only fetches the licences of its contract.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemShape),
    /// The request took too long to come.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(ProblemShape),
    /// Too many requests from this address.
    #[response(
        status = 429,
        content_type = "application/problem+json",
        headers(("Retry-After" = u32, description = "Seconds to wait"))
    )]
    TooMany(ProblemShape),
    /// Central can't use its database now.
    #[response(
        status = 503,
        content_type = "application/problem+json",
        headers(("Retry-After" = u32, description = "Seconds to wait"))
    )]
    Unavailable(ProblemShape),
}

/// Where something can be said wrong: in the path, the query or the body.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it stands for what is answered, in the OpenAPI document only")]
pub(super) enum Malformed {
    /// The path, the query or the body is not as described here.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemShape),
}

/// Where something is looked for.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it stands for what is answered, in the OpenAPI document only")]
pub(super) enum Absent {
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    Absent(ProblemShape),
}

/// Where something is changed.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it stands for what is answered, in the OpenAPI document only")]
pub(super) enum Conflict {
    /// It can't be done as things stand.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemShape),
}

/// Where a body is read.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it stands for what is answered, in the OpenAPI document only")]
pub(super) enum Bodily {
    /// The body is too long.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemShape),
    /// The body is not told to be JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(ProblemShape),
}
