//! What a licence's check costs, beside one bare Ed25519 verification in the same run: `cargo bench -p highwater-rules`.
//!
//! Only the ratio says something: machines differ. What is beyond the verification is base64, JSON and the claims.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench reads the clock, prints, and ends where something fails"
)]

use highwater_rules::licence::{Claims, Limits, Mode, Status, Subject, read, sign};
use highwater_rules::sign::Identity;
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 2000;
/// Few enough that some rounds are not interrupted, on a machine however busy.
const CHECKS_A_ROUND: u32 = 5;
/// What a check may take.
const LIMIT: Duration = Duration::from_micros(150);

fn claims() -> Claims {
    Claims {
        id: "5f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
        issued_at: 1_795_000_000,
        not_before: 1_795_000_000,
        expires_at: 1_795_864_000,
        subject: Subject::Instance("0f8fad5b-d9cb-469f-a165-70867728950e".to_owned()),
        identity: "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
        contract: "c3b1d0a2-77a5-4a39-9d0c-3f6f5a1f7c11".to_owned(),
        product: "Balancer".to_owned(),
        customer: "Example Networks".to_owned(),
        email: Some("ops@example.com".to_owned()),
        mode: Mode::Online,
        status: Status::Active,
        features: ["waf", "gslb", "ipv6", "http3"].map(str::to_owned).to_vec(),
        limits: Limits { ram_bytes: Some(1 << 40), ssl_tps: Some(5000), ..Limits::default() },
        grace_s: 7_776_000,
        slot_s: Some(300),
        contract_end: Some(1_900_000_000),
    }
}

/// The time of one call, in the fastest of the rounds: what else runs on the machine only adds.
fn fastest(mut call: impl FnMut()) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        for _ in 0..CHECKS_A_ROUND {
            call();
        }
        begun.elapsed() / CHECKS_A_ROUND
    });
    rounds.min().unwrap()
}

fn main() {
    let central = Identity::from_seed(&[2; 32]);
    let public = central.public();
    let token = sign(&claims(), &central);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let signature = central.sign_bytes(signed.as_bytes());
    let bare = fastest(|| assert!(public.fits(black_box(signed.as_bytes()), &signature)));
    let check = fastest(|| assert!(read(black_box(&token), &[&public]).is_ok()));
    let ratio = check.as_secs_f64() / bare.as_secs_f64();
    println!("licence of {} bytes: check {check:?}, bare Ed25519 {bare:?}, ratio {ratio:.2}", token.len());
    assert!(check < LIMIT, "a check takes {check:?}, and may take {LIMIT:?}");
}
