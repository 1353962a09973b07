//! Real bytes over a real cable: what the ledger says against what was sent.

use crate::agent::Agent;
use crate::home::{HIGHWATER, Home, without_root};
use crate::namespaces::Namespaces;
use crate::rows;
use crate::tools;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

const CHUNK_BYTES: usize = 500_000;
const CHUNKS: usize = 80;

#[test]
fn the_bytes_in_the_ledger_are_the_bytes_that_were_sent() {
    if without_root() || tools::missing(&[("ip", "-V")]) {
        return;
    }
    let Some(spaces) = Namespaces::new() else {
        tools::skipped("this host makes no network namespaces");
        return;
    };
    let home = Home::bare().with("HIGHWATER_SAMPLING__INTERVAL", "2s");
    let mut agent = Agent::spawn(home.command("ip").args(["netns", "exec", spaces.near(), HIGHWATER, "run"]));
    agent.slots(2);
    let before = spaces.received();
    let sent = send(&spaces);
    agent.whole_slots(2);
    let counted = spaces.received() - before;
    agent.stop();
    let ledger = home.ledger();
    let steps = rows::steps(&ledger, "network_throughput", "wan0");
    let rates: f64 = steps.iter().filter_map(|step| step.rx).sum();
    let metered = rates * 2.0 / 8.0;
    let off = (metered - counted as f64).abs() / counted as f64;
    println!("sent {sent}, counted by the driver {counted}, metered {metered:.0}: {:.3} % off", off * 100.0);
    assert!(off < 0.02, "metered {metered}, counted {counted}: {steps:#?}");
    // Each rate over the time that it really stands for: to the byte, but for what came before `before` was read.
    let exact: f64 = steps.iter().filter_map(|step| step.rx.map(|rx| step.amount(rx) / 8.0)).sum();
    assert!(exact >= sent as f64 && exact < sent as f64 * 1.05, "{exact} of {sent}");
    assert!(counted >= sent);
    home.assert_verified();
}

/// Sends at a steady pace over some seconds, as a load balancer would: a slot read late is then a little longer, and no less
/// true.
fn send(spaces: &Namespaces) -> u64 {
    let listener = spaces.at_near(|| TcpListener::bind("192.0.2.1:0").unwrap());
    let address = listener.local_addr().unwrap();
    let receiver = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut buffer, mut bytes) = (vec![0; 1 << 16], 0);
        loop {
            match stream.read(&mut buffer).unwrap() {
                0 => return bytes,
                length => bytes += length as u64,
            }
        }
    });
    spaces.at_far(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        for _ in 0..CHUNKS {
            stream.write_all(&vec![0x5a; CHUNK_BYTES]).unwrap();
            nix::poll::poll(&mut [], 100u8).unwrap();
        }
    });
    let received = receiver.join().unwrap();
    assert_eq!(received, (CHUNKS * CHUNK_BYTES) as u64);
    received
}
