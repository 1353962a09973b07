//! The courier: carries bundles of many hosts to central, and brings back one bundle of all receipts.
//!
//! ```text
//!   found  the files that are meant, those of directories with them
//!   look   a file's form and digest, before it is sent
//!   send   a file to central, again and again while it is away
//!   kept   what was answered, beside the bundle that it becomes: a run that was cut goes on from there
//!   back   what was kept, as one bundle
//! ```
//!
//! It has no key and no state: it believes nothing and proves nothing. What it carries is signed by those whom it is of, and only
//! they can believe what comes back.

mod back;
mod error;
mod found;
mod kept;
mod look;
mod round;
mod send;
mod told;

pub use error::CourierError;
pub use found::{Found, find};
pub use round::{Happened, Plan, Round, run};
pub use told::{Carried, State, Told};
