//! `/api/v1/openapi.json`: the document that describes the administration, made from its handlers.

use super::{activations, alarms, audit, clusters, contracts, keys, licences, reports, tokens};
use crate::shapes::ProblemShape;
use axum::http::header;
use axum::response::IntoResponse;
use std::sync::OnceLock;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Info, License, OpenApi};

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        contracts::list, contracts::create, contracts::show, contracts::change, contracts::revoke, contracts::restore,
        tokens::list, tokens::create, tokens::revoke,
        activations::list, activations::show, activations::confirm, activations::disable, activations::enable,
        activations::delete,
        clusters::list, clusters::show, clusters::rename, clusters::days,
        reports::list, reports::show, reports::raw,
        licences::list, licences::issue, licences::fetch,
        alarms::list, alarms::acknowledge,
        audit::list,
        keys::list, keys::rotate,
        crate::http::bundles::take, crate::http::uploads::grant,
        serve
    ),
    tags(
        (name = "contracts", description = "What was agreed with customers"),
        (name = "tokens", description = "What is handed out so that instances may join"),
        (name = "activations", description = "Instances that have joined"),
        (name = "clusters", description = "Clusters that instances run in, their nodes, and what they used"),
        (name = "reports", description = "What instances used, a billing day each"),
        (name = "licences", description = "What instances and clusters may use, signed"),
        (name = "alarms", description = "What someone should look at; nothing is refused for one"),
        (name = "audit", description = "Who changed what, and when"),
        (name = "keys", description = "What central signs receipts with"),
        (name = "bundles", description = "Files that were carried out of a site"),
        (name = "openapi", description = "This document")
    ),
    components(schemas(ProblemShape)),
    security(("admin_token" = []))
)]
struct Described;

const ABOUT: &str = "Contracts, enrolment tokens, activations, clusters, licences, usage reports, alarms, the audit trail and \
signing keys of a highwater-central.\n\nEvery request brings a token of the administration: `Authorization: Bearer TOKEN`. The \
first start of `highwater-central serve` prints one; `highwater-central admin-token create` makes more. A service \
token (`highwater-central service-token create`) may only fetch the licences of its contract.\n\nMoments are \
RFC 3339 in UTC, dates are `YYYY-MM-DD`, durations are in seconds (`_s`). Keys are only added: a reader passes over \
those it does not know. What is refused is told as a problem (RFC 9457), with what to do about it under `mend`. Lists \
come in pages: `next` of one page is `after` of the next.";

/// The OpenAPI document.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = <Described as utoipa::OpenApi>::openapi();
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".to_owned());
    let mut info = Info::new("highwater-central", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(license);
    document.info = info;
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some("A token of the administration: `hwa_` and 48 hexadecimal digits".to_owned());
    let mut service = Http::new(HttpAuthScheme::Bearer);
    service.description = Some("A service token: `hws_` and 48 hexadecimal digits".to_owned());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("admin_token", SecurityScheme::Http(scheme));
    components.add_security_scheme("service_token", SecurityScheme::Http(service));
    document
}

/// The document as text, laid out for people. Made once.
#[must_use]
pub fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    // It is made of plain texts and lists, which JSON can always write; a test holds it to that.
    TEXT.get_or_init(|| document().to_pretty_json().unwrap_or_default() + "\n")
}

/// Gives this document
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "openapi", operation_id = "openapi", security(()),
    responses((status = 200, description = "The document", body = utoipa::openapi::Object))
)]
pub(super) async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text())
}
