//! packaging/kubernetes/highwater.yaml is what the chart renders, for who has no helm.

use crate::rendered::{OLDEST, helm, repository, text};

/// What stands before what the chart renders.
const HEAD: &str = "\
# highwater on every node, without helm. Made of packaging/helm/highwater by `HIGHWATER_BLESS=1 cargo test --test chart`: change it there.
#
# 1. Let each node have the image, by the name below or by another that you put there: docs/kubernetes.md.
# 2. In the ConfigMap highwater-config, say where central is: url.
# 3. kubectl apply -f highwater.yaml
# 4. kubectl --namespace highwater create secret generic highwater-enrolment --from-file=token=FILE
apiVersion: v1
kind: Namespace
metadata:
  name: highwater
  labels:
    # The agents use three directories of the node, which the other levels refuse.
    pod-security.kubernetes.io/enforce: privileged
    pod-security.kubernetes.io/audit: privileged
    pod-security.kubernetes.io/warn: privileged
";

#[test]
fn the_manifest_is_what_the_chart_renders() {
    let values = [r#"central.url="https://central.example.com""#];
    let Some(output) = helm(OLDEST, &values) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rendered = String::from_utf8(output.stdout).unwrap();
    // The test's pod belongs to helm.
    let parts = rendered.split("---\n").filter(|part| !part.trim().is_empty() && !part.contains("/tests/"));
    let made: String = std::iter::once(HEAD).chain(parts).collect::<Vec<_>>().join("---\n");
    let path = "packaging/kubernetes/highwater.yaml";
    if std::env::var_os("HIGHWATER_BLESS").is_some() {
        std::fs::write(repository().join(path), &made).unwrap();
    }
    assert!(text(path) == made, "{path} is stale: HIGHWATER_BLESS=1 cargo test --test chart");
}
