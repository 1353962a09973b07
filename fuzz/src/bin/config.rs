//! A configuration file of any bytes gives a configuration or its mistakes; and what is shown of one is that one again.
#![no_main]

use highwater::config::{self, Inputs};
use libfuzzer_sys::fuzz_target;
use std::io::Write;

fn inputs(bytes: &[u8]) -> (tempfile::NamedTempFile, Inputs) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    let env = vec![("HIGHWATER_STATE_DIR".into(), "/state".into())];
    let path = Some(file.path().to_owned());
    (file, Inputs { file: path, env, overrides: Vec::new(), cwd: "/".into(), now_s: 1_795_000_000 })
}

fuzz_target!(|data: &[u8]| {
    let (_file, given) = inputs(data);
    match config::load(&given) {
        Err(mistakes) => assert!(!mistakes.to_string().is_empty()),
        Ok(loaded) => {
            let shown = config::show(&loaded);
            let (_again, given) = inputs(shown.as_bytes());
            let again = config::load(&given).unwrap_or_else(|m| panic!("what is shown is refused: {m}\n{shown}"));
            assert_eq!(again.config.retention_s, loaded.config.retention_s);
            assert_eq!(again.config.ssl, loaded.config.ssl);
        }
    }
});
