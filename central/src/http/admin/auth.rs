//! Who may: a bearer token (RFC 6750), of which central keeps the SHA-256 only.

use super::super::Problem;
use crate::central::Central;
use crate::model::By;
use crate::secrets::ADMIN_PREFIX;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use highwater_rules::sign::sha256;

/// No token is longer, in bytes: nothing longer is even hashed.
const TOKEN_MAX_BYTES: usize = 256;

/// Who asks: the name of the token.
#[derive(Debug, Clone)]
pub(super) struct Admin(String);

impl Admin {
    /// Who changes something, and when, for the audit trail.
    pub(super) fn by(&self, central: &Central) -> By {
        By { who: format!("admin:{}", self.0), at: central.clock.now_s() }
    }
}

/// A handler that was put on a route without [`admit`] lets nobody in.
impl FromRequestParts<Central> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Central) -> Result<Self, Response> {
        parts.extensions.get::<Admin>().cloned().ok_or_else(unauthorized)
    }
}

/// Lets those in who have a token of the administration.
pub(super) async fn admit(State(central): State<Central>, mut request: Request, next: Next) -> Response {
    let Some(token) = bearer(request.headers()) else { return unauthorized() };
    match central.store.admin_token(sha256(token.as_bytes())).await {
        Ok(Some(token)) => {
            request.extensions_mut().insert(Admin(token.name));
            next.run(request).await
        }
        Ok(None) => unauthorized(),
        Err(error) => Problem::from(error).into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    // Of two it could not be said which one counts.
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let ours = token.starts_with(ADMIN_PREFIX) && token.len() <= TOKEN_MAX_BYTES;
    (scheme.eq_ignore_ascii_case("bearer") && ours).then_some(token)
}

fn unauthorized() -> Response {
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "a token of the administration is missing, unknown or revoked",
        "send the header `Authorization: Bearer TOKEN`; `highwater-central admin-token create` makes a token",
    );
    let mut response = problem.into_response();
    let asked = HeaderValue::from_static("Bearer realm=\"highwater-central\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, asked);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expect: Option<&str>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        assert_eq!(bearer(&headers), expect, "{values:?}");
    }

    #[test]
    fn only_one_bearer_token_of_ours_is_looked_at() {
        check(&["Bearer hwa_1"], Some("hwa_1"));
        check(&["bearer  hwa_1 "], Some("hwa_1"));
        check(&[], None);
        check(&["hwa_1"], None);
        check(&["Basic hwa_1"], None);
        check(&["Bearer hwt_1"], None);
        check(&["Bearer hwa_1", "Bearer hwa_2"], None);
        check(&[&format!("Bearer hwa_{}", "1".repeat(TOKEN_MAX_BYTES))], None);
    }
}
