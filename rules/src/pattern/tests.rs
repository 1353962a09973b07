use super::*;
use proptest::prelude::*;

fn fits(pattern: &str, text: &str) -> bool {
    Pattern::parse(pattern).unwrap().fits(text)
}

#[test]
fn a_text_must_fit_from_end_to_end() {
    for (pattern, good, bad) in [
        ("web", &["web"][..], &["web1", "aweb", "", "we"][..]),
        ("", &[""], &["a"]),
        ("2..", &["200", "2xy", "2\n."], &["20", "2000", "300"]),
        ("a|bc|", &["a", "bc", ""], &["abc", "b"]),
        ("(web|api)-[0-9]+", &["web-1", "api-007"], &["web-", "web-x", "xapi-1"]),
        ("a*?b", &["b", "aab"], &["a", "ba"]),
        ("(?:ab){2,3}", &["abab", "ababab"], &["ab", "abababab"]),
        ("a{2}", &["aa"], &["a", "aaa"]),
        ("a{2,}", &["aa", "aaaaaa"], &["a"]),
        ("[^a-c]", &["d", "-", "é"], &["a", "b", ""]),
        ("[a-]", &["a", "-"], &["b"]),
        ("[]a]", &["]", "a"], &["b"]),
        (r"\d+\.\w\S", &["10._x"], &["10a_x", "10._ "]),
        (r"[\d.]+:443", &["0.0.0.0:443"], &["a:443"]),
        ("^a$", &["a"], &["aa"]),
        ("^(a|^b)$", &["a", "b"], &["ab"]),
        (".*", &["", "anything", "über"], &[]),
        ("(a*)*", &["", "aaa"], &["b"]),
        ("(|a)+", &["", "aaa"], &["b"]),
    ] {
        for text in good {
            assert!(fits(pattern, text), "{pattern} and {text:?}");
        }
        for text in bad {
            assert!(!fits(pattern, text), "{pattern} and {text:?}");
        }
    }
}

#[test]
fn what_is_not_understood_is_refused_in_words() {
    for pattern in [
        "(",
        ")",
        "a)",
        "a)|(b",
        "[",
        "[a",
        "*",
        "a**",
        "a{",
        "a{2",
        "a{,2}",
        "a{3,2}",
        "a{99999}",
        r"\",
        r"\p{L}",
        r"\1",
        "(?i)a",
        "(?P<x>a)",
        "[b-a]",
        "[[:alpha:]]",
        r"[\D]",
        "(a{1000}){1000}",
    ] {
        assert!(Pattern::parse(pattern).is_err(), "{pattern}");
    }
    assert!(Pattern::parse(&"(".repeat(900)).is_err());
    assert!(Pattern::parse(&"a".repeat(1001)).is_err());
}

#[test]
fn a_pattern_that_is_slow_elsewhere_is_done_at_once() {
    let pattern = format!("{}{}", "a?".repeat(100), "a".repeat(100));
    assert!(fits(&pattern, &"a".repeat(100)));
    assert!(!fits("(a|aa|a*)*b", &"a".repeat(5000)));
}

/// Patterns of what is understood here.
fn patterns() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("b".to_owned()),
        Just("-".to_owned()),
        Just(".".to_owned()),
        Just("[ab]".to_owned()),
        Just("[^a]".to_owned()),
        Just("[a-c-]".to_owned()),
        Just(r"\d".to_owned()),
        Just(r"\.".to_owned()),
        Just("^".to_owned()),
        Just("$".to_owned()),
        Just(String::new()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}{b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}|{b})")),
            inner.clone().prop_map(|a| format!("(?:{a})*")),
            inner.clone().prop_map(|a| format!("({a})+?")),
            inner.clone().prop_map(|a| format!("({a})?")),
            inner.prop_map(|a| format!("({a}){{1,2}}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_agrees_with_a_crate_that_others_keep(pattern in patterns(), text in "[abc1.-]{0,6}") {
        let theirs = regex_lite::Regex::new(&format!("^(?s:{pattern})$")).unwrap();
        prop_assert_eq!(fits(&pattern, &text), theirs.is_match(&text), "{} and {:?}", pattern, text);
    }

    #[test]
    fn nothing_makes_it_panic(pattern in r"[ab()\[\]|*+?{},0-3^$.\\d:-]{0,20}", text in ".{0,10}") {
        if let Ok(pattern) = Pattern::parse(&pattern) {
            let _ = pattern.fits(&text);
        }
    }

    #[test]
    fn what_it_takes_a_crate_takes_too(pattern in r"[ab()\[\]|*+?{},0-3^$.d-]{0,12}", text in "[ab0-3]{0,5}") {
        if let Ok(ours) = Pattern::parse(&pattern)
            && let Ok(theirs) = regex_lite::Regex::new(&format!("^(?s:{pattern})$"))
        {
            prop_assert_eq!(ours.fits(&text), theirs.is_match(&text), "{} and {:?}", pattern, text);
        }
    }
}
