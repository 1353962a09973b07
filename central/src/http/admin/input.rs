//! What a request brings, held to what it may bring. A wrong word is never passed over.

use super::super::{Problem, body};
use crate::central::Central;
use crate::model::{PAGE_DEFAULT, PAGE_MAX, Page};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use highwater_rules::node;
use highwater_rules::report::is_uuid;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};

/// The longest text that is told back in a problem, in characters.
const ECHO_MAX_CHARS: usize = 60;

/// A request that says something wrong at a named place.
pub(super) fn malformed(place: &str, what: impl std::fmt::Display, mend: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", format!("{place}: {what}"), mend)
}

fn echo(text: &str) -> String {
    let short: String = text.chars().take(ECHO_MAX_CHARS).collect();
    format!("{short:?}")
}

/// The query, without keys that the path does not know.
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(query) => Ok(Query(query.0)),
            Err(error) => {
                Err(malformed("the query", error.body_text(), "look up the keys in /api/v1/openapi.json"))
            }
        }
    }
}

/// A body of JSON, without keys that the path does not know.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Central> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, central: &Central) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "the body is not told to be JSON",
                "send JSON with the header `Content-Type: application/json`",
            ));
        }
        let body = body::whole(&central.bodies, request.into_body(), super::BODY_MAX_BYTES).await?;
        // An array would be taken for an object's values in their order.
        if body.bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed",
                "the body is no JSON object",
                "look up the keys and their types in /api/v1/openapi.json",
            ));
        }
        let read = serde_json::from_slice(&body.bytes);
        read.map(Body).map_err(|error| {
            malformed("the body", error, "look up the keys and their types in /api/v1/openapi.json")
        })
    }
}

/// The one id in the path: a UUID.
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let text = path.map_err(|error| malformed("the path", error.body_text(), "check the id"))?.0;
        uuid("the path", text).map(Id)
    }
}

/// The one cluster in the path.
pub(super) struct ClusterId(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for ClusterId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let text = path.map_err(|error| malformed("the path", error.body_text(), "check the id"))?.0;
        cluster("the path", text).map(ClusterId)
    }
}

/// The number in the path, from 1.
pub(super) struct Number(pub(super) i64);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let text = path.map_err(|error| malformed("the path", error.body_text(), "check the number"))?.0;
        number("the path", &text).map(Number)
    }
}

/// A report in the path: whom it is counted for, and its number.
pub(super) struct ReportName {
    pub(super) identity: String,
    pub(super) sequence: u64,
}

impl<S: Send + Sync> FromRequestParts<S> for ReportName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<(String, String)>::from_request_parts(parts, state).await;
        let (identity, sequence) =
            path.map_err(|error| malformed("the path", error.body_text(), "check the id and the number"))?.0;
        let identity = uuid("the path", identity)?;
        Ok(ReportName { identity, sequence: number("the path", &sequence)?.unsigned_abs() })
    }
}

/// A UUID, as ids are, in lower case whatever the case was.
pub(super) fn uuid(place: &str, mut text: String) -> Result<String, Problem> {
    text.make_ascii_lowercase();
    if is_uuid(&text) {
        return Ok(text);
    }
    Err(malformed(place, format!("{} is no id", echo(&text)), "ids are UUIDs"))
}

/// A cluster's id, as agents tell it.
pub(super) fn cluster(place: &str, text: String) -> Result<String, Problem> {
    if node::is_cluster(&text) {
        return Ok(text);
    }
    Err(malformed(
        place,
        format!("{} is no cluster's id", echo(&text)),
        node::NoNode::Cluster.to_string().as_str(),
    ))
}

/// A number from 1, written in the one way that there is.
pub(super) fn number(place: &str, text: &str) -> Result<i64, Problem> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain).ok_or_else(|| {
        malformed(place, format!("{} is no number from 1 to 2^63", echo(text)), "write digits only")
    })
}

/// A date: YYYY-MM-DD.
pub(super) fn day(place: &str, text: String) -> Result<String, Problem> {
    if text.len() == 10 && !text.starts_with(['-', '+']) && text.parse::<jiff::civil::Date>().is_ok() {
        return Ok(text);
    }
    Err(malformed(place, format!("{} is no date", echo(&text)), "write it as YYYY-MM-DD"))
}

/// A moment: RFC 3339, to unix seconds.
pub(super) fn moment(place: &str, text: &str) -> Result<i64, Problem> {
    let read = text.parse::<jiff::Timestamp>().ok().filter(|_| text.len() <= ECHO_MAX_CHARS);
    read.map(jiff::Timestamp::as_second).ok_or_else(|| {
        malformed(place, format!("{} is no moment", echo(text)), "write it as 2026-11-22T00:00:00Z")
    })
}

/// `true` or `false`; absent is false.
pub(super) fn flag(place: &str, text: Option<&str>) -> Result<bool, Problem> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => {
            Err(malformed(place, format!("{} is neither", echo(other)), "write `true` or `false`"))
        }
    }
}

/// A word of a closed set.
pub(super) fn word<T>(place: &str, text: Option<&str>) -> Result<Option<T>, Problem>
where
    T: std::str::FromStr<Err = String>,
{
    let short = |text: &str| text.chars().take(ECHO_MAX_CHARS).collect::<String>();
    text.map(|text| short(text).parse().map_err(|error: String| malformed(place, error, "use one of them")))
        .transpose()
}

/// The largest whole number that every reader of JSON keeps exactly: 2^53.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A whole number in a body. To JSON, `60.0` is as whole as `60`.
pub(super) fn whole<'de, D: Deserializer<'de>, N: TryFrom<u64>>(input: D) -> Result<Option<N>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(input)? else { return Ok(None) };
    let same =
        |value: f64| (value.fract() == 0.0 && (0.0..=WHOLE_MAX).contains(&value)).then_some(value as u64);
    let read = number.as_u64().or_else(|| number.as_f64().and_then(same)).and_then(|n| N::try_from(n).ok());
    read.map(Some)
        .ok_or_else(|| D::Error::custom(format!("{number} is not a whole number within its bounds")))
}

/// What a change may leave out, but where it says it, it has to say something.
pub(super) fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

/// What a change may leave out, or take away by null.
pub(super) fn changed<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    input: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(input).map(Some)
}

/// The same, for a whole number.
pub(super) fn changed_whole<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Option<u64>>, D::Error> {
    whole(input).map(Some)
}

/// A whole number that a change may leave out, but not take away.
pub(super) fn said_whole<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u64>, D::Error> {
    whole(input)?.map(Some).ok_or_else(|| D::Error::custom("null is not a whole number within its bounds"))
}

/// A stretch of a list: `limit`, and the cursor, which was checked already.
pub(super) fn page(limit: Option<&str>, after: Option<String>) -> Result<Page, Problem> {
    let limit = match limit {
        None => PAGE_DEFAULT,
        Some(text) => {
            let read = number("limit", text)?;
            u32::try_from(read).ok().filter(|rows| *rows <= PAGE_MAX).ok_or_else(|| {
                malformed("limit", format!("{read} rows are too many"), "ask for 1000 at the most")
            })?
        }
    };
    Ok(Page { limit, after })
}

/// Where the next page begins: behind the last row of a full page. A page that is not full is the last one.
pub(super) fn next<T>(page: &Page, rows: &[T], cursor: impl Fn(&T) -> String) -> Option<String> {
    let full = u32::try_from(rows.len()).is_ok_and(|rows| rows >= page.rows());
    rows.last().filter(|_| full).map(cursor)
}

impl From<Problem> for axum::response::Response {
    fn from(problem: Problem) -> Self {
        problem.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_moments_numbers_and_flags_are_read_in_one_way_only() {
        assert!(day("from", "2026-11-22".into()).is_ok());
        for wrong in ["", "2026-02-30", "20261122", "2026-11-22T", "-026-11-22", "2026-1-2"] {
            assert!(day("from", wrong.into()).is_err(), "{wrong}");
        }
        assert_eq!(moment("since", "2026-11-22T00:00:00Z").unwrap(), 1_795_305_600);
        assert_eq!(moment("since", "2026-11-22T01:00:00.5+01:00").unwrap(), 1_795_305_600);
        for wrong in ["", "2026-11-22", "now", "1795305600"] {
            assert!(moment("since", wrong).is_err(), "{wrong}");
        }
        assert_eq!(number("limit", "9223372036854775807").unwrap(), i64::MAX);
        for wrong in ["", "0", "01", "+1", "-1", "1.0", "9223372036854775808"] {
            assert!(number("limit", wrong).is_err(), "{wrong}");
        }
        assert!(flag("open", Some("true")).unwrap() && !flag("open", None).unwrap());
        assert!(flag("open", Some("1")).is_err());
    }

    #[test]
    fn a_full_page_names_the_next_one() {
        let page = page(Some("2"), None).unwrap();
        assert_eq!(next(&page, &[1, 2], i32::to_string), Some("2".to_owned()));
        assert_eq!(next(&page, &[1], i32::to_string), None);
        assert_eq!(next(&page, &[], i32::to_string), None);
    }
}
