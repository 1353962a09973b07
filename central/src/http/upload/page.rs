//! The page's HTML. All that is not our own text goes through [`Escaped`].

use super::ANSWER_FIELD;
use crate::bundles::Told;
use crate::http::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use highwater_rules::sign::sha256;
use std::fmt::{self, Write as _};
use std::sync::OnceLock;

/// More rows than this are only counted.
const ROWS_MAX: usize = 2000;
/// So much of a file's name is shown, in letters.
const NAME_MAX_CHARS: usize = 120;

const STYLE: &str = "\
:root { color-scheme: light dark; --line: #767676; --bad: #a80000; --good: #00612e; }
@media (prefers-color-scheme: dark) { :root { --line: #8f8f8f; --bad: #ff9d9d; --good: #7ddca4; } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1.5rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
td, th { overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; }
.bad { color: var(--bad); }
.good { color: var(--good); }
label { display: block; font-weight: bold; }
input, button { font: inherit; margin: .5rem 0; padding: .4rem .8rem; }
:focus-visible { outline: 3px solid currentcolor; outline-offset: 2px; }
";

/// What became of one file.
pub(super) struct FileRow {
    /// As the browser names it.
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

/// What became of it.
pub(super) enum Outcome {
    /// It was read, to its end or up to `cut`.
    Taken { told: Vec<Told>, cut: Option<String> },
    /// Nothing of it was.
    Refused(Problem),
}

/// A text of others, as HTML shows it and does nothing else with it.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The form, with what went wrong before, if anything did. `up` leads from the page that is shown to where `/upload` lies: central may
/// be reached below a path of someone else's server.
pub(super) fn form(status: StatusCode, up: &str, problem: Option<&Problem>) -> Response {
    let mut body = String::new();
    if let Some((_, message, mend)) = problem.map(Problem::told) {
        let _ = writeln!(
            body,
            "<p role=\"alert\" class=\"bad\">{}. What to do: {}.</p>",
            Escaped(message),
            Escaped(mend)
        );
    }
    let _ = writeln!(
        body,
        "{ABOUT}<form method=\"post\" action=\"{up}upload\" enctype=\"multipart/form-data\">\n{CHOOSE}</form>"
    );
    page(status, "Hand in usage files", &body)
}

const ABOUT: &str = "\
<p>Choose the files that <code>highwater export</code> has made on hosts without a connection. They are taken at once; then this \
page gives you one file with the receipts and licences, to be carried back to all of these hosts.</p>
";

const CHOOSE: &str = "\
<label for=\"files\">Bundles (.hwb), one or several, of 64 MiB each and 256 MiB together at the most</label>
<input id=\"files\" name=\"files\" type=\"file\" accept=\".hwb\" multiple required>
<br><button type=\"submit\">Hand in</button>
";

/// What became of the files, and the answer in base64.
pub(super) fn result(rows: &[FileRow], answer: Option<&str>) -> Response {
    let mut body = String::with_capacity(64 * 1024 + answer.map_or(0, str::len));
    let whole = rows.iter().filter(|row| row.is_whole()).count();
    let class = if whole == rows.len() { "good" } else { "bad" };
    let _ = writeln!(
        body,
        "<p role=\"status\" class=\"{class}\">{whole} of {} files were taken as a whole.</p>",
        rows.len()
    );
    if let Some(answer) = answer {
        let _ = writeln!(
            body,
            "<form method=\"post\" action=\"upload/answer\" enctype=\"multipart/form-data\">\n<input type=\"hidden\" \
             name=\"{ANSWER_FIELD}\" value=\"{answer}\">\n<button type=\"submit\">Download the answer \
             (receipts.hwb)</button>\n</form>\n<p>Carry it to each of these hosts: <code>highwater import receipts.hwb</code>. Keep \
             the files until that has said what it took: the same file can be handed in again, and gets the same receipts.</p>"
        );
    }
    body.push_str(
        "<table>\n<caption>What became of each file</caption>\n<thead><tr><th scope=\"col\">File</th><th \
         scope=\"col\">Instance</th><th scope=\"col\">Reports read</th><th scope=\"col\">Accepted</th><th \
         scope=\"col\">Refused</th><th scope=\"col\">Cut</th></tr></thead>\n<tbody>\n",
    );
    let mut left = ROWS_MAX;
    for row in rows {
        row.write(&mut body, &mut left);
    }
    body.push_str("</tbody>\n</table>\n");
    let all: usize = rows.iter().map(FileRow::lines).sum();
    if all > ROWS_MAX {
        let _ = writeln!(body, "<p>{} more rows are not shown.</p>", all - ROWS_MAX);
    }
    body.push_str("<p><a href=\"upload\">Hand in more files</a></p>\n");
    page(StatusCode::OK, "Files handed in", &body)
}

impl FileRow {
    fn is_whole(&self) -> bool {
        matches!(&self.outcome, Outcome::Taken { told, cut: None } if told.iter().all(Told::is_whole))
    }

    fn lines(&self) -> usize {
        match &self.outcome {
            Outcome::Taken { told, cut } => told.len() + usize::from(cut.is_some()),
            Outcome::Refused(_) => 1,
        }
    }

    fn write(&self, body: &mut String, left: &mut usize) {
        let name: String = self.name.chars().take(NAME_MAX_CHARS).collect();
        let name = Escaped(&name);
        let mut line = |instance: &str, figures: Option<&Told>, why: &str| {
            if *left == 0 {
                return;
            }
            *left -= 1;
            let figure = |of: fn(&Told) -> u32| figures.map(|told| of(told).to_string()).unwrap_or_default();
            // Writing to a string can't fail.
            let _ = writeln!(
                body,
                "<tr><th scope=\"row\">{name}</th><td><code>{}</code></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td \
                 class=\"n\">{}</td><td class=\"bad\">{}</td></tr>",
                Escaped(instance),
                figure(|told| told.read),
                figure(|told| told.accepted),
                figure(Told::refused),
                Escaped(why)
            );
        };
        match &self.outcome {
            Outcome::Taken { told, cut } => {
                for told in told {
                    let instance = match (&*told.instance, told.joins && told.cut.is_empty()) {
                        ("", _) => "unknown".to_owned(),
                        (id, true) => format!("{id} (joined)"),
                        (id, false) => id.to_owned(),
                    };
                    line(&instance, Some(told), &told.cut);
                }
                if let Some(cut) = cut {
                    line("the whole file", None, cut);
                }
            }
            Outcome::Refused(problem) => {
                let (_, message, mend) = problem.told();
                line("none", None, &format!("refused: {message}. What to do: {mend}"));
            }
        }
    }
}

/// What the page may do: show itself in its own style, and send its forms here.
fn policy() -> &'static HeaderValue {
    static POLICY: OnceLock<HeaderValue> = OnceLock::new();
    POLICY.get_or_init(|| {
        let style = STANDARD.encode(sha256(STYLE.as_bytes()).0);
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        // It is plain ASCII. Were it not, nothing at all would be allowed.
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    })
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{title} · highwater-central</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy().clone()),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, html).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_is_markup() {
        assert_eq!(
            Escaped("<a b='c' d=\"e\">&\u{1b}").to_string(),
            "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp; "
        );
    }
}
