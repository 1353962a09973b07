//! Random bytes of the operating system.

/// The operating system gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes (getrandom)")]
pub struct NoRandom;

/// Fills a buffer with random bytes that nobody can guess. Early in a boot it waits until there are such.
///
/// # Errors
/// When the operating system gives none: its sandbox forbids the call, say.
pub fn fill(buffer: &mut [u8]) -> Result<(), NoRandom> {
    let provider = rustls::crypto::ring::default_provider();
    provider.secure_random.fill(buffer).map_err(|_| NoRandom)
}

/// A random number, to spread retries with.
///
/// # Errors
/// When the operating system gives none.
pub fn number() -> Result<u64, NoRandom> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
