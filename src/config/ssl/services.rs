//! `services`: how many virtual services of a source have a series of their own.

use super::super::mistakes::Fault;
use super::super::raw::Raw;
use super::Keys;

/// The key's name.
pub(super) const SERVICES: &str = "services";
/// How many there are unless configured.
const DEFAULT: usize = 20;
/// The most that there may be. A series costs a row a slot.
const MAX: u64 = 200;

/// The key's value; `None` where it is wrong.
pub(super) fn read(keys: &mut Keys<'_>) -> Option<usize> {
    Some(keys.take(SERVICES, services)?.unwrap_or(DEFAULT))
}

fn services(raw: &Raw) -> Result<usize, Fault> {
    const MEND: &str = "write a number from 0, for none, to 200; those beyond it are summed";
    let number = raw.whole(MEND)?;
    usize::try_from(number)
        .ok()
        .filter(|_| number <= MAX)
        .ok_or_else(|| Fault::new(format!("{number} is more than {MAX}"), MEND))
}
