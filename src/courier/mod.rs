//! The courier: carries bundles of many hosts to central, and brings back one bundle of all receipts.
//!
//! ```text
//!   found  the files that are meant, those of directories with them
//!   look   a file's form and digest, and what it asks (wants), before it is sent
//!   send   a file to central, again and again while it is away
//!   judge  an answer, held to what its file asks
//!   kept   what was answered, beside the bundle that it becomes: a run that was cut goes on from there
//!   back   what was kept, as one bundle
//! ```
//!
//! It has no key and no state: it proves nothing. What it carries is signed by those whom it is of, and only they can believe what
//! comes back. But it sees whether an answer is about what its file holds: else the file is not done with, and stays.

mod back;
mod error;
mod found;
mod judge;
mod kept;
mod look;
mod round;
mod send;
mod told;
mod wants;

pub use error::CourierError;
pub use found::{Found, find};
pub use round::{Happened, Plan, Round, run};
pub use send::WAIT_MAX_S;
pub(crate) use told::count;
pub use told::{Carried, State, Told};
