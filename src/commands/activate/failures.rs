//! What can go wrong with central and with what is kept of it, as exit codes and advice.

use crate::commands::{Failure, exit};
use crate::enroller::JoinError;
use crate::uplink::activate::ActivateError;
use crate::uplink::{EnrolmentError, IdentityError, PushError, UplinkError};

fn as_whom(code: u8) -> &'static str {
    if code == exit::PERMISSION { "\n    do it as the agent's user, or as root" } else { "" }
}

impl From<UplinkError> for Failure {
    fn from(error: UplinkError) -> Self {
        let code = match &error {
            UplinkError::Settings { .. } => exit::CONFIG,
            UplinkError::Status { status: 401 | 403, .. } => exit::PERMISSION,
            UplinkError::Status { status: 400..=499, .. } if !error.is_transient() => exit::DATA,
            _ => exit::UNAVAILABLE,
        };
        Failure::new(code, format!("{error}\n    {}", error.mend()))
    }
}

impl From<PushError> for Failure {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Uplink(error) => error.into(),
            PushError::Answer(_) => Failure::new(exit::DATA, format!("{error}\n    {}", error.mend())),
            PushError::Random(_) => Failure::new(exit::UNAVAILABLE, format!("{error}\n    {}", error.mend())),
        }
    }
}

impl From<ActivateError> for Failure {
    fn from(error: ActivateError) -> Self {
        match error {
            ActivateError::Exchange(error) => error.into(),
            ActivateError::Enrolment(error) => error.into(),
        }
    }
}

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Activate(error) => error.into(),
            JoinError::Identity(error) => error.into(),
            JoinError::Enrolment(error) => error.into(),
        }
    }
}

impl From<EnrolmentError> for Failure {
    fn from(error: EnrolmentError) -> Self {
        let code = match &error {
            _ if error.is_permission() => exit::PERMISSION,
            EnrolmentError::Io { .. } => exit::UNAVAILABLE,
            _ => exit::DATA,
        };
        Failure::new(code, format!("{error}{}", as_whom(code)))
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        let code = match &error {
            _ if error.is_permission() => exit::PERMISSION,
            IdentityError::Garbled { .. } => exit::DATA,
            _ => exit::UNAVAILABLE,
        };
        let mend = if matches!(error, IdentityError::Io { .. }) { as_whom(code) } else { "" };
        Failure::new(code, format!("{error}{mend}"))
    }
}
