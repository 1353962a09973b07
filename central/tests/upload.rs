//! The page where files are handed in, by a client that browses as people do: without scripts.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

use base64::Engine as _;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};
use rustls::pki_types::pem::PemObject as _;
use support::{Agent, Back, Server};

fn browser(server: &Server) -> Client {
    let pem = highwater_central::files::read_bounded(&server.ca_file, 1 << 20).unwrap();
    let tls = rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    for der in rustls::pki_types::CertificateDer::pem_slice_iter(&pem) {
        roots.add(der.unwrap()).unwrap();
    }
    let tls = tls.with_root_certificates(roots).with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

fn file(name: &str, bytes: Vec<u8>) -> Part {
    Part::bytes(bytes).file_name(name.to_owned())
}

async fn handed_in(server: &Server, form: Form) -> (u16, String) {
    let response =
        browser(server).post(format!("{}/upload", server.url)).multipart(form).send().await.unwrap();
    is_safe(&response);
    (response.status().as_u16(), response.text().await.unwrap())
}

/// What every page says of itself.
fn is_safe(response: &Response) {
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
    assert!(policy.contains("form-action 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
}

/// The hidden field's value: what the button sends.
fn answer(page: &str) -> String {
    let start = page.split_once("name=\"bundle\" value=\"").unwrap().1;
    start.split_once('"').unwrap().0.to_owned()
}

async fn downloaded(server: &Server, value: String) -> (u16, Vec<u8>) {
    let form = Form::new().text("bundle", value);
    let response =
        browser(server).post(format!("{}/upload/answer", server.url)).multipart(form).send().await.unwrap();
    let status = response.status().as_u16();
    if status == 200 {
        let disposition = &response.headers()["content-disposition"];
        assert_eq!(disposition, "attachment; filename=\"receipts.hwb\"");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
    (status, response.bytes().await.unwrap().to_vec())
}

/// The cells of the table's rows, without their markup.
fn rows(page: &str) -> Vec<Vec<String>> {
    let body = page.split_once("<tbody>").unwrap().1.split_once("</tbody>").unwrap().0;
    let bare = |cell: &str| {
        let mut text = String::new();
        let mut is_tag = false;
        for c in cell.chars() {
            match c {
                '<' => is_tag = true,
                '>' => is_tag = false,
                c if !is_tag => text.push(c),
                _ => {}
            }
        }
        text
    };
    body.split("</tr>")
        .filter(|row| row.contains("<tr>"))
        .map(|row| {
            row.replace("</th>", "</td>")
                .split("</td>")
                .map(bare)
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

#[tokio::test]
async fn the_page_needs_no_script_and_nothing_from_elsewhere() {
    let server = Server::start();
    let response = browser(&server).get(format!("{}/upload", server.url)).send().await.unwrap();
    is_safe(&response);
    let page = response.text().await.unwrap();
    assert!(!page.contains("<script") && !page.contains("://") && !page.contains(" style="), "{page}");
    assert!(page.contains("<html lang=\"en\">") && page.contains("color-scheme: light dark"), "{page}");
    assert!(page.contains("<label for=\"files\">") && page.contains("id=\"files\""), "{page}");
    assert!(page.contains("enctype=\"multipart/form-data\"") && page.contains(" multiple "), "{page}");
    // Relative, as central may lie below a path of another server's.
    assert!(page.contains("action=\"upload\""), "{page}");
    // The style that is there is the one that the policy allows.
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = highwater_rules::sign::sha256(style.as_bytes()).0;
    let hash = base64::engine::general_purpose::STANDARD.encode(hash);
    let again = browser(&server).get(format!("{}/upload", server.url)).send().await.unwrap();
    let policy = again.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
}

#[tokio::test]
async fn several_files_get_a_table_and_one_answer() {
    let server = Server::start();
    let token = server.token(&server.contract(&[]), &[]);
    let mut client = server.client().await;
    let (mut one, mut other) = (Agent::new(1), Agent::new(2));
    one.join(&mut client, &token).await;
    other.join(&mut client, &token).await;
    let (first, _) = one.bundle(3);
    let (second, _) = other.bundle(40);
    let cut = second[..second.len() / 2].to_vec();
    let form = Form::new()
        .part("files", file("one.hwb", first))
        .part("files", file("<b>other & 'more'.hwb", cut))
        .part("files", file("diary.txt", b"dear diary".to_vec()));
    let (status, page) = handed_in(&server, form).await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("1 of 3 files were taken as a whole"), "{page}");
    assert!(!page.contains("<b>") && page.contains("&lt;b&gt;other &amp; &#39;more&#39;.hwb"), "{page}");
    let rows = rows(&page);
    assert_eq!(rows[0][..6], ["one.hwb", &one.instance, "3", "3", "0", ""]);
    let read: u64 = rows[1][2].parse().unwrap();
    assert!((1..40).contains(&read), "{rows:?}");
    assert_eq!(rows[1][3], rows[1][2]);
    assert!(rows[1][5].contains(&format!("{read} of the 40 reports")), "{rows:?}");
    assert_eq!(rows[2][1], "the whole file");
    assert!(rows[3][5].contains("this is no bundle"), "{rows:?}");
    assert!(page.contains("action=\"upload/answer\"") && page.contains("href=\"upload\""), "{page}");
    let (status, bundle) = downloaded(&server, answer(&page)).await;
    assert_eq!(status, 200);
    let back = Back::read(&bundle).0;
    assert_eq!(back.len(), 2);
    assert_eq!(back[0].receipted(&one), [1, 2, 3]);
    assert!(back[1].receipted(&other).into_iter().eq(1..=read));
}

#[tokio::test]
async fn a_large_answer_can_be_downloaded_too() {
    let server = Server::start();
    let token = server.token(&server.contract(&[]), &[]);
    let mut client = server.client().await;
    let mut agent = Agent { interfaces: 0, ..Agent::new(1) };
    agent.join(&mut client, &token).await;
    let (bundle, _) = agent.bundle(20_000);
    let (status, page) = handed_in(&server, Form::new().part("files", file("large.hwb", bundle))).await;
    assert_eq!(status, 200);
    let value = answer(&page);
    assert!(value.len() > 2 * 1024 * 1024, "{} is more than a browser takes as a URL", value.len());
    let (status, bundle) = downloaded(&server, value).await;
    assert_eq!(status, 200);
    assert_eq!(Back::read(&bundle).only().receipted(&agent).len(), 20_000);
}

#[tokio::test]
async fn a_form_that_is_none_is_told_of_on_the_page() {
    let server = Server::start();
    let empty = Form::new().part("files", file("", Vec::new()));
    let (status, page) = handed_in(&server, empty).await;
    assert!(
        status == 400 && page.contains("role=\"alert\"") && page.contains("no file was chosen"),
        "{page}"
    );
    let response = browser(&server).post(format!("{}/upload", server.url)).body("x").send().await.unwrap();
    is_safe(&response);
    assert_eq!(response.status(), 400);
    // What a browser would show is not given back.
    for value in ["PHNjcmlwdD4=", "no base64!", "H4sI", ""] {
        let (status, page) = downloaded(&server, value.to_owned()).await;
        assert_eq!(status, 400, "{value}");
        assert!(String::from_utf8(page).unwrap().contains("action=\"../upload\""), "{value}");
    }
}
