//! The rules of highwater, as pure functions.
//!
//! ```text
//!   slot, day        where in time a figure belongs
//!   meter            the words: meters, series, gaps
//!   record           what one slot says
//!   timeline         which slots were missed, and why; whether two counter readings make a figure
//!   figure           counters and gauges -> readings; the instance's total
//!   assemble         what the sources saw -> the record of a slot
//!   chain            the digest that ties each slot to the one before
//!   coverage, peaks  a day's slots -> what a bill is made from
//!   interfaces       which network interfaces count
//!   memory           which memory limit counts
//!   grace            days left until the gate closes
//! ```
//!
//! Nothing here opens a file, reads a clock, or waits: functions take `now` and return values.

pub mod assemble;
pub mod chain;
pub mod coverage;
pub mod day;
pub mod figure;
pub mod grace;
pub mod interfaces;
pub mod memory;
pub mod meter;
pub mod peaks;
pub mod record;
pub mod slot;
pub mod timeline;
