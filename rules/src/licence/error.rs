//! Why a licence is not believed.

/// Why a text is no licence, or not the holder's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LicenceError {
    /// It is longer than any licence.
    #[error("the licence is longer than {max} bytes: it is no licence of highwater's")]
    TooLong {
        /// The longest there is, in bytes.
        max: usize,
    },
    /// It is not three parts in base64url.
    #[error(
        "the licence is no compact JWT ({0}): it is incomplete or mistyped, or no licence; copy it again, whole"
    )]
    Form(&'static str),
    /// Its header is not one of a licence's.
    #[error("the licence's header is not one that central writes: {0}")]
    Header(String),
    /// It is signed by another algorithm, or by none.
    #[error("the licence is signed with {0:?}: only EdDSA is accepted")]
    Algorithm(String),
    /// No key that is known has the id that it names.
    #[error(
        "the licence is signed by key {kid}, which is not known here: has central changed its key since? Export, hand the bundle in, and \
         import what comes back: it brings central's new key; then install this licence. Else it is another central's"
    )]
    Key {
        /// The key's id, in hexadecimal.
        kid: String,
    },
    /// The signature does not fit.
    #[error("the licence's signature does not fit: it was changed since central signed it; fetch it again")]
    Signature,
    /// It is a token of highwater-central's key, but not a licence for highwater.
    #[error("the token is no licence: its {claim:?} is {found:?}, and must be {wanted:?}")]
    NoLicence {
        /// Which claim tells so.
        claim: &'static str,
        /// What it says.
        found: String,
        /// What it must say.
        wanted: &'static str,
    },
    /// Its claims can't be read, or make no sense together.
    #[error("the licence's claims make no sense: {0}; update highwater, or ask who gave it")]
    Claims(String),
    /// It is someone else's.
    #[error("the licence is for {of}, not for this instance: fetch this one's")]
    Foreign {
        /// Whose it is.
        of: String,
    },
}
