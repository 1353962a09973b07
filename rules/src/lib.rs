//! The rules of highwater, as pure functions.
//!
//! ```text
//!   slot, day        where in time a figure belongs
//!   meter            the words: meters, series, gaps
//!   record           what one slot says
//!   timeline         which slots were missed, and why; whether two counter readings make a figure
//!   figure           counters and gauges -> readings; the instance's total
//!   tally            the many counters of a scrape -> one
//!   accepted         whether a proxy's counters were cleared
//!   pattern          regular expressions of label matchers
//!   assemble         what the sources saw -> the record of a slot
//!   chain            the digest that ties each slot to the one before
//!   coverage, peaks  a day's slots -> what a bill is made from
//!   interfaces       which network interfaces count
//!   memory           which memory limit counts
//!   quantity         Kubernetes quantities -> bytes
//!   selector         which pods are meant
//!   pods             the memory of a pod, and of a node's pods
//!   facts            a day's hourly RAM and clock anomalies
//!   node             which machine of which cluster; which identities are one node
//!   report           a closed day -> what is signed and sent; what central takes for a report
//!   sign, trust      signatures; which key of central's is believed
//!   receipt          what central answered, held against what was sent
//!   carried          the same, where both were carried by hand
//!   bundle           the form of files that are carried
//!   renewal          what central answered to an agent that asks for a licence
//!   upload           what central answered to an agent that asks where to upload to
//!   token            enrolment tokens
//!   lineage          where a report belongs; forks
//!   retry            when to push, and when again
//!   licence          who may use the software, and until when; what the gate says
//!   grace            days left until the gate closes
//!   dead_man         for how long what the gate told may be believed
//! ```
//!
//! Nothing here opens a file, reads a clock, or waits: functions take `now` and return values.
#![forbid(unsafe_code)]

pub mod accepted;
pub mod assemble;
pub mod bundle;
pub mod burst;
pub mod carried;
pub mod chain;
pub mod coverage;
pub mod day;
pub mod dead_man;
pub mod facts;
pub mod figure;
pub mod grace;
pub mod interfaces;
pub mod lease;
pub mod licence;
pub mod lineage;
pub mod memory;
pub mod meter;
pub mod node;
pub mod pattern;
pub mod peaks;
pub mod pods;
pub mod quantity;
pub mod receipt;
pub mod record;
pub mod renewal;
pub mod report;
pub mod retry;
pub mod selector;
pub mod sign;
pub mod slot;
pub mod spokesman;
pub mod tally;
pub mod timeline;
pub mod token;
pub mod trust;
pub mod upload;
