//! A million lines of an access log, counted, beside a floor in one run: finding the newlines of the same bytes.
//! `cargo bench --bench access_log`. Only the ratios and the bound say something: machines differ.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench reads the clock, prints, and ends where something fails"
)]

use highwater::config::LogRule;
use highwater::files::{Root, read_bounded};
use highwater::sources::ssl::access_log::AccessLog;
use highwater_rules::figure::Figure;
use nix::time::{ClockId, clock_gettime};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

const LINES: u64 = 1_000_000;
/// What a million lines may take of a processor.
const MAX: Duration = Duration::from_millis(1500);
/// What reading them may add to the most memory that the process had, whatever the log's length.
const MEMORY_MAX_KIB: u64 = 1024;

const FORMATS: [(&str, &str); 4] = [
    ("nginx", "nginx"),
    ("nginx, combined and two fields", COMBINED),
    ("haproxy", "haproxy"),
    ("json", "json"),
];
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \
                        \"$http_user_agent\" $connection_requests $ssl_protocol";

fn line(format: &str, n: u64, text: &mut String) {
    let (requests, protocol) = (1 + n % 4, if n % 16 < 4 { "-" } else { "TLSv1.3" });
    let _ = match format {
        "nginx" => {
            writeln!(text, "1795000000.{:03} {n} {requests} {protocol} TLS_AES_256_GCM_SHA384 r", n % 1000)
        }
        "haproxy" => writeln!(
            text,
            "Nov 22 10:00:00 edge haproxy[812]: tls_line={requests} tls={protocol} tls_resumed=0 192.0.2.7:{} \
             [22/Nov/2026:10:00:00.123] front~ back/s1 0/0/1/2/3 200 512 - - ---- 1/1/0/0/0 0/0 \"GET /index.html HTTP/1.1\"",
            n % 60_000
        ),
        "json" => writeln!(
            text,
            "{{\"time\":\"2026-11-22T10:00:00+00:00\",\"remote_addr\":\"192.0.2.7\",\"request\":\"GET /index.html HTTP/1.1\",\
             \"status\":200,\"body_bytes_sent\":512,\"connection\":{n},\"connection_requests\":{requests},\"ssl_protocol\":\
             \"{protocol}\",\"ssl_session_reused\":\".\"}}"
        ),
        _ => writeln!(
            text,
            "192.0.2.7 - - [22/Nov/2026:10:00:00 +0000] \"GET /index.html HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0 (X11; Linux \
             x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\" {requests} {protocol}"
        ),
    };
}

/// The processor's time that some work takes.
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    let done = work();
    let end = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    ((end - start).into(), done)
}

fn newlines(path: &Path) -> u64 {
    let mut file = File::open(path).unwrap();
    let mut chunk = vec![0; 128 * 1024];
    let mut count = 0;
    loop {
        let length = file.read(&mut chunk).unwrap();
        if length == 0 {
            return count;
        }
        count += memchr::memchr_iter(b'\n', chunk.get(..length).unwrap_or_default()).count() as u64;
    }
}

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = read_bounded(Path::new("/proc/self/status"), 1 << 16).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    for (name, format) in FORMATS {
        let path = dir.path().join("tls.log");
        let mut file = File::create(&path).unwrap();
        let mut source = AccessLog::new(&Root::new("/"), "log", &path, &LogRule::of_format(format).unwrap());
        source.read().unwrap();
        let mut text = String::new();
        for n in 0..LINES {
            line(if format == COMBINED { "" } else { format }, n, &mut text);
            if text.len() > 1 << 16 || n + 1 == LINES {
                file.write_all(text.as_bytes()).unwrap();
                text.clear();
            }
        }
        let bytes = file.metadata().unwrap().len();
        let before_kib = peak_kib();
        let (floor, count) = timed(|| newlines(&path));
        assert_eq!(count, LINES);
        let (took, readout) = timed(|| source.read().unwrap());
        let Figure::Count(counters) = readout.observations.first().unwrap().figure else { return };
        assert_eq!(counters.first, LINES / 16 * 3);
        let grown_kib = peak_kib() - before_kib;
        println!(
            "{name}: {LINES} lines, {} MB: {:.0} ms of CPU, {:.1} times the floor of {:.0} ms; peak memory +{} KiB",
            bytes / 1_000_000,
            took.as_secs_f64() * 1e3,
            took.as_secs_f64() / floor.as_secs_f64(),
            floor.as_secs_f64() * 1e3,
            grown_kib
        );
        assert!(took < MAX, "{took:?}");
        assert!(grown_kib < MEMORY_MAX_KIB, "{grown_kib} KiB");
    }
}
