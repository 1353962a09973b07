//! `[log]`: how a line is written, and which are.

use super::reader::Reader;
use super::{Log, LogFormat, LogLevel};

/// `[log]`.
pub(super) fn read(reader: &mut Reader) -> Option<Log> {
    let format =
        reader.value("log.format", LogFormat::Auto, |raw| raw.choice(LogFormat::ALL, LogFormat::word));
    let level = reader.value("log.level", LogLevel::Info, |raw| raw.choice(LogLevel::ALL, LogLevel::word));
    Some(Log { format: format?, level: level? })
}
