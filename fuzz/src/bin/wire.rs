//! What comes over the network, in a token or from the status file: any bytes give what they say or an error.
#![no_main]

use highwater::gate::Document;
use highwater_rules::receipt::{Sent, believe, believe_grant};
use highwater_rules::report;
use highwater_rules::sign::{Identity, sha256};
use highwater_rules::token::EnrolmentToken;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    let key = Identity::from_seed(&[1; 32]).public();
    let instance = "0f8fad5b-d9cb-469f-a165-70867728950e";
    match which % 5 {
        0 => {
            if let Ok(report) = report::read(bytes) {
                assert!(report::is_uuid(&report.instance) && report.sequence > 0 && report.day.is_some());
            }
        }
        1 => {
            let sent = Sent { instance: instance.to_owned(), sequence: 1, digest: sha256(b"report") };
            // Without the key nobody signs an answer.
            assert!(believe(bytes, &key, b"nonce", &[sent]).is_err());
        }
        2 => assert!(believe_grant(bytes, &key.fingerprint(), b"nonce", instance, &key).is_err()),
        3 => {
            let text = String::from_utf8_lossy(bytes);
            if let Ok(token) = EnrolmentToken::parse(&text) {
                assert_eq!(token.text(), text.trim());
            }
        }
        _ => {
            if let Ok(text) = std::str::from_utf8(bytes) {
                if let Ok(document) = Document::parse(text) {
                    // What is understood is written so that it is understood again.
                    assert!(Document::parse(&document.text()).is_ok());
                }
            }
        }
    }
});
