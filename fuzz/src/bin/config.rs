//! A configuration file of any bytes gives a configuration or its mistakes; what is shown of one is that one again; and what it
//! names can be asked for. The first byte picks what stands before the other bytes: from nothing alone no input finds its way to a
//! matcher of labels or a list of ports.
#![no_main]

use highwater::config::ssl::{Prometheus, SslSource};
use highwater::config::{self, Inputs};
use highwater::sources::ssl::kernel::filter;
use libfuzzer_sys::fuzz_target;
use std::io::Write;

const BEGINNINGS: [&str; 6] = [
    "",
    "[[ssl]]\nkind = \"kernel\"\n",
    "[[ssl]]\nkind = \"kernel\"\nports = [",
    "[[ssl]]\nkind = \"prometheus\"\nurl = \"http://127.0.0.1/\"\n",
    "[[ssl]]\nkind = \"prometheus\"\npath = \"/a\"\nmetric = \"a\"\nlabels = ['a",
    "[[ssl]]\nkind = \"loadmaster\"\nurl = \"https://192.0.2.1\"\n",
];

fn inputs(bytes: &[u8]) -> (tempfile::NamedTempFile, Inputs) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    let env = vec![("HIGHWATER_STATE_DIR".into(), "/state".into())];
    let path = Some(file.path().to_owned());
    (file, Inputs { file: path, env, overrides: Vec::new(), cwd: "/".into(), now_s: 1_795_000_000 })
}

/// A filter whose jumps land inside it, and that ends.
fn assert_sound(ports: &[u16]) {
    const RETURN: u16 = 0x06;
    const JUMP: u16 = 0x05;
    let program = filter::program(ports);
    for (at, step) in program.iter().enumerate() {
        let is_jump = step.code & 0x07 == JUMP;
        let far = if step.code == JUMP { step.k as usize } else { usize::from(step.if_true.max(step.if_false)) };
        assert!(step.code == RETURN || at + 1 + if is_jump { far } else { 0 } < program.len(), "{at}: {ports:?}");
    }
    assert_eq!(program.last().expect("a program").code, RETURN);
}

/// A matcher decides of any value, and its opposite decides otherwise.
fn assert_decided(source: &Prometheus, value: &str) {
    use highwater::config::ssl::Compare::{Fits, FitsNot, Is, IsNot};
    for matcher in &source.matchers {
        let mut opposite = matcher.clone();
        opposite.compare = match matcher.compare.clone() {
            Is(text) => IsNot(text),
            IsNot(text) => Is(text),
            Fits(pattern) => FitsNot(pattern),
            FitsNot(pattern) => Fits(pattern),
        };
        assert_ne!(matcher.takes(value), opposite.takes(value), "{matcher}");
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((pick, rest)) = data.split_first() else { return };
    let text = [BEGINNINGS[usize::from(*pick) % BEGINNINGS.len()].as_bytes(), rest].concat();
    let (_file, given) = inputs(&text);
    match config::load(&given) {
        Err(mistakes) => assert!(!mistakes.to_string().is_empty()),
        Ok(loaded) => {
            let shown = config::show(&loaded);
            let (_again, given) = inputs(shown.as_bytes());
            let again = config::load(&given).unwrap_or_else(|m| panic!("what is shown is refused: {m}\n{shown}"));
            assert_eq!(again.config.retention_s, loaded.config.retention_s);
            assert_eq!(again.config.ssl, loaded.config.ssl);
            for source in &loaded.config.ssl {
                match &source.source {
                    SslSource::Kernel(kernel) => assert_sound(&kernel.ports),
                    SslSource::Prometheus(source) => assert_decided(source, &String::from_utf8_lossy(rest)),
                    _ => {}
                }
            }
        }
    }
});
