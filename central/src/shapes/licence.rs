//! A licence, as others read it.

use super::{LimitsShape, at};
use crate::model::{Licence, Mode};
use highwater_rules::licence::{self, Subject};
use serde::Serialize;

/// A licence that was issued. Its dates are not the contract's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Licence)]
pub struct LicenceShape {
    /// Its id: the claim `jti`.
    #[schema(format = "uuid")]
    pub id: String,
    /// The instance that it is for; null where it is for a cluster.
    #[schema(format = "uuid", required)]
    pub instance: Option<String>,
    /// The cluster that it is for; null where it is for an instance.
    #[schema(format = "uuid", required)]
    pub cluster: Option<String>,
    /// Whom the instance's reports are counted for; the cluster's own id.
    #[schema(format = "uuid")]
    pub identity: String,
    /// The contract.
    #[schema(format = "uuid")]
    pub contract: String,
    /// It gives the right, or takes it away.
    #[schema(value_type = LicenceStatus)]
    pub status: &'static str,
    /// How the instance reaches central.
    pub mode: Mode,
    /// When it was issued.
    #[schema(format = DateTime)]
    pub issued_at: String,
    /// Its first second.
    #[schema(format = DateTime)]
    pub not_before: String,
    /// The first second after it.
    #[schema(format = DateTime)]
    pub expires_at: String,
    /// From when on it is renewed for one who asks.
    #[schema(format = DateTime)]
    pub renewal_allowed_from: String,
    /// The end of the contract as it says it; null where that has none.
    #[schema(format = DateTime, required)]
    pub contract_end: Option<String>,
    /// What was sold.
    pub product: String,
    /// To whom.
    pub customer: String,
    /// The address that it is registered to.
    #[schema(required)]
    pub email: Option<String>,
    /// What of the product it unlocks.
    pub features: Vec<String>,
    /// How much of what may be used.
    pub limits: LimitsShape,
    /// How long the metered software may run after a receipt, in seconds.
    pub grace_s: u64,
    /// The slot's length that is to be kept to, in seconds.
    #[schema(required)]
    pub slot_s: Option<u64>,
    /// The id of the key that signed it first, in hexadecimal.
    pub key_id: String,
    /// Who had it issued: `cli:USER`, `admin:NAME`, `service:ID`, or `instance:ID` where it came by itself.
    pub issued_by: String,
}

/// Whether a licence gives the right, or takes it away.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it stands for the words of a status, in the OpenAPI document only")]
enum LicenceStatus {
    Active,
    Revoked,
}

impl From<Licence> for LicenceShape {
    fn from(licence: Licence) -> Self {
        let claims = licence.claims;
        let renewal_allowed_from = at(licence::renewal_allowed_from(&claims));
        let (instance, cluster) = match claims.subject {
            Subject::Instance(id) => (Some(id), None),
            Subject::Cluster(id) => (None, Some(id)),
        };
        LicenceShape {
            id: claims.id,
            instance,
            cluster,
            identity: claims.identity,
            contract: claims.contract,
            status: claims.status.word(),
            mode: match claims.mode {
                licence::Mode::Online => Mode::Online,
                licence::Mode::Offline => Mode::Offline,
            },
            issued_at: at(claims.issued_at),
            not_before: at(claims.not_before),
            expires_at: at(claims.expires_at),
            renewal_allowed_from,
            contract_end: claims.contract_end.map(at),
            product: claims.product,
            customer: claims.customer,
            email: claims.email,
            features: claims.features,
            limits: claims.limits.into(),
            grace_s: claims.grace_s,
            slot_s: claims.slot_s,
            key_id: licence.signer.hex(),
            issued_by: licence.issued_by,
        }
    }
}
