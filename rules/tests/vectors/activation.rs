//! Vectors of activations.

use crate::case::{FUTURE, File, Said, file, forged, no, seal_verdict, signer, unhex, wire};
use crate::fields;
use crate::report::{FIRST_START, INSTANCE, node as of_cluster};
use highwater_proto::v1::{Activation, Envelope, Host, Kind, Node};
use highwater_rules::node;
use highwater_rules::report::is_uuid;
use highwater_rules::sign::{PublicKey, hex};
use highwater_rules::token::SECRET_BYTES;
use prost::Message as _;
use serde_json::{Value, json};

/// The nonce of the activation of all vectors.
pub(crate) const NONCE: [u8; 32] = [0xb7; 32];

/// What central says of an activation before it looks up the token's secret.
pub(crate) fn judge(_: &Value, input: &Value) -> Said {
    let Ok(envelope) = Envelope::decode(&unhex(input)[..]) else { return no("malformed") };
    if envelope.kind() != Kind::Activation {
        return no("kind");
    }
    let Ok(activation) = Activation::decode(&envelope.payload[..]) else { return no("malformed") };
    let Some(own) = PublicKey::from_slice(&activation.public_key) else { return no("no_key") };
    if let Err(error) = own.open(&envelope, Kind::Activation) {
        return no(seal_verdict(error));
    }
    let right = activation.secret.len() == SECRET_BYTES
        && is_uuid(&activation.instance)
        && (16..=32).contains(&activation.nonce.len())
        && activation.node.as_ref().is_none_or(|n| node::check(&n.cluster, &n.name, &n.hardware).is_ok());
    if !right {
        return no("malformed");
    }
    ("ok", json!({"payload": hex(&envelope.payload), "fields": fields::activation(&activation)}))
}

fn activation() -> Activation {
    Activation {
        secret: vec![9; SECRET_BYTES],
        instance: INSTANCE.into(),
        public_key: signer("agent").public().bytes().to_vec(),
        host: Some(Host {
            name: "edge-7".into(),
            os: "Debian GNU/Linux".into(),
            os_version: "12".into(),
            kernel: "6.1.0-28-amd64".into(),
            cores: 8,
            virtualization: "kvm".into(),
            memory_bytes: 67_435_167_744,
            name_hashed: false,
        }),
        agent_version: "0.1.0".into(),
        first_start: FIRST_START,
        nonce: NONCE.to_vec(),
        sent_at: 1_795_132_900,
        node: None,
    }
}

/// All of them.
pub(crate) fn vectors() -> File {
    let good = activation();
    let seal = |one: &Activation| wire(&signer("agent").seal(Kind::Activation, one.encode_to_vec()));
    let of_node = |node| seal(&Activation { node: Some(node), ..good.clone() });
    let later = [&good.encode_to_vec()[..], &FUTURE].concat();
    let mut cases = vec![
        ("an agent joins", "ok", seal(&good)),
        (
            "an agent joins that tells nothing of its host",
            "ok",
            seal(&Activation { host: None, ..good.clone() }),
        ),
        ("it has a field of a later version", "ok", wire(&signer("agent").seal(Kind::Activation, later))),
        (
            "the key that it brings is of 31 bytes",
            "no_key",
            seal(&Activation { public_key: vec![1; 31], ..good.clone() }),
        ),
        (
            "the key that it brings is of small order",
            "no_key",
            seal(&Activation { public_key: vec![0; 32], ..good.clone() }),
        ),
        ("the secret is of 19 bytes", "malformed", seal(&Activation { secret: vec![9; 19], ..good.clone() })),
        ("the nonce is of 15 bytes", "malformed", seal(&Activation { nonce: vec![1; 15], ..good.clone() })),
        ("the nonce is of 33 bytes", "malformed", seal(&Activation { nonce: vec![1; 33], ..good.clone() })),
        (
            "the instance's id is no UUID",
            "malformed",
            seal(&Activation { instance: "edge-7".into(), ..good.clone() }),
        ),
        ("an agent joins on a node of a cluster", "ok", of_node(of_cluster())),
        ("on a node without a name", "malformed", of_node(Node { name: String::new(), ..of_cluster() })),
    ];
    let stray = signer("central").seal(Kind::Grant, vec![0xff]);
    cases.push(("it is another kind of message, that reads as none", "kind", wire(&stray)));
    cases.extend(forged("agent", Kind::Activation, &good.encode_to_vec()));
    let cases = cases.into_iter().map(|(name, verdict, input)| (name, verdict, Value::Null, input)).collect();
    let about = "Envelope of an Activation, signed by the key that it brings. Whether its secret is known is not told here.";
    file("Activation", about, judge, cases)
}
