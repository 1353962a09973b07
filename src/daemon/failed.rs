//! What is told where the agent can't begin, or go on.

use crate::config::{Log, LogFormat, LogLevel};
use crate::notify::{Asked, Manager};
use crate::{events, log};

/// Tells the log and the service manager why the agent ends: on one line, with its exit code, and as the operating system numbers it.
pub(crate) fn tell_failure(error: &str, exit_code: u8, errno: Option<i32>) {
    // Where the configuration can't be used, nothing has begun to log yet.
    let _ = log::begin(Log { format: LogFormat::Auto, level: LogLevel::Info });
    events::agent_failed(error, exit_code);
    Manager::new(&Asked::read()).failed(error, errno);
}
