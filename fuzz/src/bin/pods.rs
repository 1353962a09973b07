//! What an API server, a kubelet's cgroups and pods themselves say: quantities, label selectors, lists of pods, a node, annotations.
//! The first byte picks the parser.
#![no_main]

use highwater::sources::pods::{Want, object, tree};
use highwater::sources::ssl::prometheus::pods::scrape;
use highwater_rules::quantity;
use highwater_rules::selector::Selector;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((pick, bytes)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    match pick % 6 {
        0 => {
            if let Ok(bytes) = quantity::bytes(&text) {
                assert!(i64::try_from(bytes).is_ok());
            }
        }
        1 => {
            if let Ok(selector) = Selector::parse(&text) {
                assert_eq!(Selector::parse(selector.as_str()).as_ref(), Ok(&selector));
                let _ = selector.takes(|key| (key.len() % 2 == 0).then_some("a"));
            }
        }
        2 => {
            let metered = Selector::parse("metered=yes").expect("it is one");
            let wants = [Want::Selected(metered), Want::Annotated, Want::All];
            if let Ok(page) = object::page(bytes, "node-a", &wants) {
                assert!(page.pods.iter().all(|pod| pod.wanted & 0b100 != 0 && pod.name.contains('/')));
            }
        }
        3 => drop(object::allocatable(bytes)),
        4 => drop(tree::uid(&text)),
        _ => {
            if let Some((port, path)) = scrape(&text) {
                assert!(port > 0 && !path.contains(char::is_whitespace));
            }
        }
    }
});
