//! The closed sets of words, as the OpenAPI document tells them.

use crate::model::{ActivationState, AlarmKind, Confirm, ContractStatus, Mode};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

macro_rules! told {
    ($($name:ident $what:literal,)+) => {$(
        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = $name::ALL.iter().map(|one| one.word());
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some(words))
                    .description(Some($what))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )+};
}

told! {
    ActivationState "Whether an activation's reports are taken: only those of an `ACTIVE` one are.",
    AlarmKind "What was seen.",
    Confirm "What an activation needs: nothing more, or an operator's confirmation.",
    ContractStatus "Whether a contract holds.",
    Mode "How a contract's instances reach central: over the network, or by files.",
}
