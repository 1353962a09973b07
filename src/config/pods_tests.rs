//! The keys of pods: of `[ram]`, and of `kind = "prometheus"`.

use super::tests::{STATE, inputs, load_text};
#[cfg(feature = "kubernetes")]
use super::{PodsBy, RamScope, SslSource, ssl::Which, tests::shown_again};

/// The first mistake of a file, and its mend.
fn refused(file: &str) -> (String, String) {
    let mistakes = load_text(file, &inputs(&[STATE], &[])).unwrap_err();
    let first = &mistakes.all()[0];
    (first.message.clone(), first.mend.clone())
}

#[cfg(not(feature = "kubernetes"))]
#[test]
fn a_build_without_pods_refuses_each_of_their_keys() {
    let ssl = "[[ssl]]\nkind = \"prometheus\"\nurl = \"http://h/m\"\npreset = \"haproxy\"\n";
    for file in [
        "[ram]\nscope = \"pods\"".to_owned(),
        "[ram]\nselector = \"a=b\"".to_owned(),
        "[ram]\npods = \"api\"".to_owned(),
        "[ram]\npods_max = 7".to_owned(),
        format!("{ssl}pods = \"annotated\""),
        format!("{ssl}port = 80"),
        format!("{ssl}metrics_path = \"/m\""),
    ] {
        let (message, mend) = refused(&file);
        assert!(message.ends_with("this build has no Kubernetes support"), "{file}: {message}");
        assert_eq!(mend, "run the container image, or build with `--features kubernetes`", "{file}");
    }
}

#[cfg(feature = "kubernetes")]
#[test]
fn pods_of_ram_are_read_and_shown_again() {
    let file = "[ram]\nscope = \"pods\"\nselector = \"app in (a, b),!c\"\npods_max = 0";
    let loaded = load_text(file, &inputs(&[STATE], &[])).unwrap();
    let ram = &shown_again(&loaded).config.ram;
    assert_eq!((ram.scope, ram.pods.by, ram.pods.most), (RamScope::Pods, PodsBy::Api, 0));
    assert_eq!(ram.pods.selector.as_ref().unwrap().as_str(), "app in (a, b),!c");
    assert_eq!(ram.pods, loaded.config.ram.pods);
    let env = [
        STATE,
        ("HIGHWATER_RAM__SCOPE", "pods"),
        ("HIGHWATER_RAM__PODS", "cgroup"),
        ("HIGHWATER_RAM__PODS_MAX", "7"),
    ];
    let loaded = load_text("", &inputs(&env, &[])).unwrap();
    assert_eq!((loaded.config.ram.pods.by, loaded.config.ram.pods.most), (PodsBy::Cgroup, 7));
    assert_eq!(loaded.warnings, []);
    let other = load_text("[ram]\nscope = \"host\"\nselector = \"a\"", &inputs(&[STATE], &[])).unwrap();
    assert!(other.warnings[0].message.contains("scope = \"pods\" alone"), "{:?}", other.warnings);
}

#[cfg(feature = "kubernetes")]
#[test]
fn what_does_not_fit_pods_is_told_with_a_mend() {
    let pods = "[ram]\nscope = \"pods\"\n";
    let ssl = "[[ssl]]\nkind = \"prometheus\"\npreset = \"haproxy\"\n";
    for (file, message, mend) in [
        (
            format!("{pods}selector = \"a==b==c\""),
            "ram.selector: \"a==b==c\" is no label selector",
            "kubectl",
        ),
        (
            format!("{pods}selector = \"a=b\"\npods = \"cgroup\""),
            "ram.selector: cgroups tell no labels",
            "api",
        ),
        (format!("{pods}pods = \"kubelet\""), "ram.pods: \"kubelet\" is unknown", "api or cgroup"),
        (format!("{pods}pods_max = 201"), "ram.pods_max: 201 is more than 200", "from 0 to 200"),
        (format!("{pods}presence = \"nginx\""), "ram.presence: a process says nothing", "leave it out"),
        ("[ram]\nscope = \"pod\"".to_owned(), "ram.scope: \"pod\" is unknown", "did you mean \"pods\"?"),
        (format!("{ssl}pods = \"a=b=c\""), "ssl.pods: \"a=b=c\" is no label selector", "kubectl"),
        (format!("{ssl}pods = \"a\"\nport = 0"), "ssl.port: 0 is no port", "65535"),
        (format!("{ssl}pods = \"a\"\nport = 65536"), "ssl.port: 65536 is no port", "65535"),
        (
            format!("{ssl}pods = \"a\"\nmetrics_path = \"m\""),
            "ssl.metrics_path: \"m\" is no path",
            "/metrics",
        ),
        (format!("{ssl}pods = \"a\"\nmetrics_path = \"/a b\""), "ssl.metrics_path:", "without spaces"),
        (
            format!("{ssl}pods = \"annotated\"\nport = 1"),
            "ssl.port: annotated pods name it themselves",
            "selector",
        ),
        (format!("{ssl}port = 1\nurl = \"http://h/m\""), "ssl.port: pods is not given", "pods"),
        (format!("{ssl}pods = \"a\"\nurl = \"http://h/m\""), "ssl.url: pods is given too", "leave it out"),
        (format!("{ssl}pods = \"a\"\nca_file = \"/ca\""), "ssl.ca_file: pods is given too", "plain http"),
    ] {
        let (told, how) = refused(&file);
        assert!(told.starts_with(message), "{file}: {told}");
        assert!(how.contains(mend), "{file}: {how}");
    }
}

#[cfg(feature = "kubernetes")]
#[test]
fn pods_that_are_scraped_are_read_and_shown_again() {
    let scraped = |keys: &str| {
        let file = format!("[[ssl]]\nkind = \"prometheus\"\nmetric = \"m\"\nlabels = ['a=\"b\"']\n{keys}");
        let loaded = load_text(&file, &inputs(&[STATE], &[])).unwrap();
        assert_eq!(shown_again(&loaded).config.ssl, loaded.config.ssl, "{keys}");
        let SslSource::Scraped(scraped) = loaded.config.ssl[0].source.clone() else { panic!("{keys}") };
        scraped
    };
    let named = scraped("pods = \"app=haproxy\"");
    assert_eq!((named.at.port, named.at.path.as_str(), named.matchers.len()), (8404, "/metrics", 1));
    let own = scraped("pods = \"app\"\nport = 9000\nmetrics_path = \"/x?y\"");
    assert_eq!((own.at.port, own.at.path.as_str()), (9000, "/x?y"));
    assert_eq!(scraped("pods = \"annotated\"").at.which, Which::Annotated);
}

#[cfg(feature = "kubernetes")]
#[test]
fn two_sources_of_the_same_pods_are_warned_of() {
    let one = |name: &str| {
        format!("[[ssl]]\nkind = \"prometheus\"\nname = \"{name}\"\nmetric = \"m\"\npods = \"app=lb\"\n")
    };
    let loaded = load_text(&(one("a") + &one("b")), &inputs(&[STATE], &[])).unwrap();
    assert!(loaded.warnings[0].message.contains("they ask the same pods"), "{:?}", loaded.warnings);
}
