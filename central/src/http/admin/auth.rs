//! Who may: a bearer token (RFC 6750), of which central keeps the SHA-256 only.

use super::super::Problem;
use crate::central::Central;
use crate::model::{AdminToken, By, ServiceToken};
use crate::secrets::{ADMIN_PREFIX, SERVICE_PREFIX};
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

/// Who fetches a licence: an administrator, or who has a service token.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    who: String,
    /// The one contract whose licences may be fetched; `None` is any.
    pub(super) scope: Option<String>,
}

impl Reader {
    /// Who fetches something, and when.
    pub(super) fn by(&self, central: &Central) -> By {
        By { who: self.who.clone(), at: central.clock.now_s() }
    }
}

/// A handler that was put on a route without [`admit`] lets nobody in.
impl FromRequestParts<Central> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Central) -> Result<Self, Response> {
        parts.extensions.get::<Admin>().cloned().ok_or_else(|| Wanted::Admin.missing())
    }
}

/// The same, of a route without [`admit_reader`].
impl FromRequestParts<Central> for Reader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Central) -> Result<Self, Response> {
        parts.extensions.get::<Reader>().cloned().ok_or_else(|| Wanted::Service.missing())
    }
}

/// What a token opens.
enum Opened {
    All(AdminToken),
    Licences(ServiceToken),
}

/// What token a route asks for.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Admin,
    Service,
}

async fn opened(central: &Central, token: Option<String>, wanted: Wanted) -> Result<Opened, Response> {
    let token = token.ok_or_else(|| wanted.missing())?;
    let secret = sha256(token.as_bytes());
    let found = if token.starts_with(SERVICE_PREFIX) {
        central.store.service_token(secret).await.map(|found| found.map(Opened::Licences))
    } else {
        central.store.admin_token(secret).await.map(|found| found.map(Opened::All))
    };
    found.map_err(|error| Problem::from(error).into_response())?.ok_or_else(|| wanted.missing())
}

/// Lets those in who have a token of the administration.
pub(super) async fn admit(State(central): State<Central>, mut request: Request, next: Next) -> Response {
    match opened(&central, bearer(request.headers()), Wanted::Admin).await {
        Ok(Opened::All(token)) => {
            request.extensions_mut().insert(Admin(token.name));
            next.run(request).await
        }
        Ok(Opened::Licences(_)) => Problem::new(
            StatusCode::FORBIDDEN,
            "service_token",
            "a service token may only fetch the licences of its contract",
            "ask for GET /api/v1/licences/INSTANCE, or take a token of the administration",
        )
        .into_response(),
        Err(refused) => refused,
    }
}

/// Lets those in who may fetch licences.
pub(super) async fn admit_reader(
    State(central): State<Central>,
    mut request: Request,
    next: Next,
) -> Response {
    let reader = match opened(&central, bearer(request.headers()), Wanted::Service).await {
        Ok(Opened::All(token)) => Reader { who: format!("admin:{}", token.name), scope: None },
        Ok(Opened::Licences(token)) => {
            Reader { who: format!("service:{}", token.id), scope: Some(token.contract) }
        }
        Err(refused) => return refused,
    };
    request.extensions_mut().insert(reader);
    next.run(request).await
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    // Of two it could not be said which one counts.
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let ours = token.starts_with(ADMIN_PREFIX) || token.starts_with(SERVICE_PREFIX);
    let fits = ours && token.len() <= TOKEN_MAX_BYTES;
    (scheme.eq_ignore_ascii_case("bearer") && fits).then(|| token.to_owned())
}

impl Wanted {
    /// It is not there, or is none that opens anything.
    fn missing(self) -> Response {
        let (what, mend) = match self {
            Wanted::Admin => (
                "a token of the administration is missing, unknown or revoked",
                "send the header `Authorization: Bearer TOKEN`; `highwater-central admin-token create` makes a token",
            ),
            Wanted::Service => (
                "a service token is missing, unknown or revoked",
                "send the header `Authorization: Bearer TOKEN`; `highwater-central service-token create --contract ID` makes a token",
            ),
        };
        let mut response = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", what, mend).into_response();
        let asked = HeaderValue::from_static("Bearer realm=\"highwater-central\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, asked);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expect: Option<&str>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        assert_eq!(bearer(&headers).as_deref(), expect, "{values:?}");
    }

    #[test]
    fn only_one_bearer_token_of_ours_is_looked_at() {
        check(&["Bearer hwa_1"], Some("hwa_1"));
        check(&["bearer  hwa_1 "], Some("hwa_1"));
        check(&["Bearer hws_1"], Some("hws_1"));
        check(&[], None);
        check(&["hwa_1"], None);
        check(&["Basic hwa_1"], None);
        check(&["Bearer hwt_1"], None);
        check(&["Bearer hwa_1", "Bearer hwa_2"], None);
        check(&[&format!("Bearer hwa_{}", "1".repeat(TOKEN_MAX_BYTES))], None);
    }
}
