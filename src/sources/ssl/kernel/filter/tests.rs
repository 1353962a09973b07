//! The program, run over packets by a small interpreter. That the kernel reads it the same way is shown with real packets, in
//! `tests/agent/kernel.rs`.

use super::*;

/// What the kernel's machine makes of a packet; 0 refuses it.
fn run(program: &[Instruction], packet: &[u8], way: u32) -> u32 {
    let (mut a, mut x, mut at) = (0_u32, 0_u32, 0_usize);
    let mut scratch = [None; 16];
    let load = |offset: u32, bytes: usize| -> Option<u32> {
        if offset == PACKET_TYPE {
            return Some(way);
        }
        let from = offset as usize;
        let bytes = packet.get(from..from + bytes)?;
        Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    };
    loop {
        let Instruction { code, if_true, if_false, k } = program[at];
        at += 1;
        let loaded = match code {
            code::LD_HALF => Some(load(k, 2)),
            code::LD_BYTE => Some(load(k, 1)),
            code::LD_WORD_AT_X => Some(load(x + k, 4)),
            code::LD_HALF_AT_X => Some(load(x + k, 2)),
            code::LD_BYTE_AT_X => Some(load(x + k, 1)),
            _ => None,
        };
        let holds = match code {
            code::IF_EQUAL => Some(a == k),
            code::IF_GREATER => Some(a > k),
            code::IF_AT_LEAST => Some(a >= k),
            code::IF_AT_LEAST_X => Some(a >= x),
            code::IF_ANY_BIT => Some(a & k != 0),
            _ => None,
        };
        match (loaded, holds, code) {
            (Some(None), _, _) => return 0,
            (Some(Some(value)), _, _) => a = value,
            (_, Some(holds), _) => at += usize::from(if holds { if_true } else { if_false }),
            (_, _, code::LDX) => x = k,
            (_, _, code::LDX_IP_LENGTH) => match load(k, 1) {
                Some(byte) => x = (byte & 0xf) * 4,
                None => return 0,
            },
            (_, _, code::ADD) => a += k,
            (_, _, code::ADD_X) => a += x,
            (_, _, code::AND) => a &= k,
            (_, _, code::SHIFT_LEFT) => a <<= k,
            (_, _, code::SHIFT_RIGHT) => a >>= k,
            (_, _, code::TAX) => x = a,
            (_, _, code::STORE) => scratch[k as usize] = Some(a),
            (_, _, code::LDX_SCRATCH) => x = scratch[k as usize].expect("a scratch word that was stored"),
            (_, _, code::JUMP) => at += k as usize,
            (_, _, code::RETURN) => return k,
            _ => panic!("the code {code:#x} is not interpreted"),
        }
    }
}

fn check(what: &str, packet: &[u8], expect: bool) {
    assert_eq!(run(&program(&[]), packet, OUTGOING), u32::from(expect), "{what}");
}

const PORT: u16 = 443;

/// A record of one handshake message: its kind, its version, the beginning of its random bytes.
fn handshake(kind: u8, record_version: u8, version: u16, random: u32) -> Vec<u8> {
    let mut bytes = vec![0x16, 3, record_version, 0, 122, kind, 0, 0, 118];
    bytes.extend(version.to_be_bytes());
    bytes.extend(random.to_be_bytes());
    bytes.resize(127, 0x5a);
    bytes[43] = 32;
    bytes
}

fn server_hello() -> Vec<u8> {
    handshake(2, 3, 0x0303, 0x1234_5678)
}

fn tcp(payload: &[u8], options: usize) -> Vec<u8> {
    let mut bytes = PORT.to_be_bytes().to_vec();
    bytes.extend([
        0xc0,
        0x01,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        2,
        (5 + options as u8) << 4 | 0xf,
        0x18,
        1,
        0,
        0,
        0,
        0,
        0,
    ]);
    bytes.resize(20 + 4 * options, 1);
    bytes.extend(payload);
    bytes
}

fn ipv4(protocol: u8, options: usize, fragment: u16, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45 + options as u8, 0, 0, 0, 0, 1];
    bytes.extend(fragment.to_be_bytes());
    bytes.extend([64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    bytes.resize(20 + 4 * options, 1);
    bytes.extend(rest);
    bytes
}

fn ipv6(next: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0, 0, 0, next, 64];
    bytes.resize(40, 0xfd);
    bytes.extend(rest);
    bytes
}

/// A header of `bytes` bytes before `rest`, which says so in a byte of its own.
fn behind(next: u8, length: u8, bytes: usize, rest: &[u8]) -> Vec<u8> {
    let mut header = vec![next, length];
    header.resize(bytes, 0);
    header.extend(rest);
    header
}

#[test]
fn a_server_hello_is_taken_behind_any_headers() {
    for options in 0..=10 {
        let segment = tcp(&server_hello(), options);
        check("options of TCP, in IPv6", &ipv6(6, &segment), true);
        for ip_options in 0..=10 {
            check("options of TCP and IPv4", &ipv4(6, ip_options, 0, &segment), true);
        }
    }
    let segment = tcp(&server_hello(), 3);
    for (kind, what) in [(0, "hop-by-hop"), (43, "routing"), (60, "destination")] {
        for length in [0_u8, 1, 7, 255] {
            let bytes = (usize::from(length) + 1) * 8;
            check(what, &ipv6(kind, &behind(6, length, bytes, &segment)), true);
        }
    }
    for length in [4_u8, 5, 62] {
        let bytes = (usize::from(length) + 2) * 4;
        check("authentication", &ipv6(51, &behind(6, length, bytes, &segment)), true);
    }
    check("a fragment that is all", &ipv6(44, &behind(6, 0, 8, &segment)), true);
}

#[test]
fn first_fragments_are_taken_and_later_ones_are_not() {
    let segment = tcp(&server_hello(), 3);
    for (fragment, expect) in
        [(0x4000, true), (0x2000, true), (0x2001, false), (0x00b9, false), (0x1fff, false)]
    {
        check("IPv4", &ipv4(6, 0, fragment, &segment), expect);
    }
    for (offset, expect) in [(0_u16, true), (1, true), (6, true), (8, false), (0xfff8, false)] {
        let mut header = behind(6, 0, 8, &segment);
        header[2..4].copy_from_slice(&offset.to_be_bytes());
        check("IPv6", &ipv6(44, &header), expect);
    }
}

#[test]
fn two_extension_headers_are_one_too_many() {
    let segment = tcp(&server_hello(), 0);
    let inner = behind(6, 0, 8, &segment);
    for kind in [0, 43, 44, 51, 60] {
        let bytes = if kind == 51 { 16 } else { 8 };
        check("two", &ipv6(kind, &behind(60, if kind == 51 { 2 } else { 0 }, bytes, &inner)), false);
    }
    for kind in [17, 50, 58, 59, 135, 139, 255] {
        check("another", &ipv6(kind, &behind(6, 0, 8, &segment)), false);
    }
}

#[test]
fn every_version_that_servers_speak_is_taken() {
    // SSL 3.0 to TLS 1.3's drafts; the record of the first ServerHello may bear an older version than the message.
    for (record, version, expect) in [
        (0, 0x0300, true),
        (1, 0x0301, true),
        (2, 0x0302, true),
        (3, 0x0303, true),
        (1, 0x0303, true),
        (3, 0x0304, false),
        (4, 0x0303, false),
        (255, 0x0303, false),
        (3, 0x02ff, false),
        (3, 0x7f1c, false),
        (3, 0xfefd, false),
    ] {
        let payload = handshake(2, record, version, 1);
        check(&format!("{version:#x}"), &ipv4(6, 0, 0, &tcp(&payload, 3)), expect);
    }
}

#[test]
fn a_hello_retry_request_is_not_a_session() {
    check("retry", &ipv4(6, 0, 0, &tcp(&handshake(2, 3, 0x0303, RETRY_RANDOM), 3)), false);
    check("all but", &ipv4(6, 0, 0, &tcp(&handshake(2, 3, 0x0303, RETRY_RANDOM ^ 1), 3)), true);
}

#[test]
fn lengths_that_no_server_hello_has_are_refused() {
    // Of the record, of the message, of the session's id.
    for (record, message, id, expect) in [
        (42_u16, 38_u16, 0, true),
        (42, 38, 32, true),
        (41, 38, 0, false),
        (42, 39, 0, false),
        (41, 37, 0, false),
        (122, 118, 32, true),
        (122, 118, 33, false),
        (122, 118, 255, false),
        (122, 119, 32, false),
        // Others follow in the same record, up to its longest.
        (4_000, 118, 32, true),
        (16_384, 118, 32, true),
        (16_385, 118, 32, false),
        (65_535, 65_532, 32, false),
        (0, 65_535, 32, false),
        // What a download of crafted bytes was counted with: zeros behind the message's length.
        (122, 0, 0, false),
    ] {
        let mut payload = server_hello();
        payload[3..5].copy_from_slice(&record.to_be_bytes());
        payload[7..9].copy_from_slice(&message.to_be_bytes());
        payload[43] = id;
        check(&format!("{record} {message} {id}"), &ipv4(6, 0, 0, &tcp(&payload, 3)), expect);
        check(&format!("{record} {message} {id}"), &ipv6(6, &tcp(&payload, 0)), expect);
    }
}

#[test]
fn what_is_no_server_hello_is_refused() {
    let alert = [0x15, 3, 3, 0, 2, 2, 40];
    let application = [&[0x17, 3, 3, 0, 122][..], &[2; 122]].concat();
    let http = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let mut long = server_hello();
    long[6] = 1;
    for (what, payload) in [
        ("ClientHello", handshake(1, 1, 0x0303, 5)),
        ("Certificate", handshake(11, 3, 0x0303, 5)),
        ("an alert", alert.to_vec()),
        ("application data", application),
        ("plain HTTP", http.to_vec()),
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec()),
        ("SSL 2", [&[0x80, 0x80, 4, 0, 1][..], &[0; 40]].concat()),
        ("a message beyond 64 KiB", long),
        ("nothing", Vec::new()),
        ("one byte ahead of it", [vec![0], server_hello()].concat()),
    ] {
        check(what, &ipv4(6, 0, 0, &tcp(&payload, 3)), false);
        check(what, &ipv6(6, &tcp(&payload, 0)), false);
    }
    let segment = tcp(&server_hello(), 3);
    for protocol in [0, 1, 4, 17, 41, 47, 50, 132] {
        check("not TCP", &ipv4(protocol, 0, 0, &segment), false);
    }
    for version in [0, 1, 3, 5, 7, 15] {
        let mut packet = ipv4(6, 0, 0, &segment);
        packet[0] = version << 4 | 5;
        check("no IP", &packet, false);
    }
}

#[test]
fn a_short_packet_is_refused_at_any_length_and_a_long_one_needs_its_first_44_bytes() {
    let headers = tcp(&[], 0).len();
    for whole in [ipv4(6, 0, 0, &tcp(&server_hello(), 0)), ipv6(6, &tcp(&server_hello(), 0))] {
        let payload_at = if whole[0] >> 4 == 4 { 20 } else { 40 } + headers;
        for length in 0..=whole.len() {
            check(&format!("{length} bytes"), &whole[..length], length >= payload_at + 44);
        }
    }
}

#[test]
fn only_what_leaves_is_taken() {
    let packet = ipv4(6, 0, 0, &tcp(&server_hello(), 3));
    // To this host, broadcast, multicast, to another host, outgoing, looped back.
    for way in 0..=7 {
        assert_eq!(run(&program(&[]), &packet, way), u32::from(way == OUTGOING), "{way}");
    }
}

#[test]
fn ports_are_those_of_the_server() {
    let packets = [ipv4(6, 0, 0, &tcp(&server_hello(), 3)), ipv6(6, &tcp(&server_hello(), 3))];
    let many: Vec<u16> = (1..=63).collect();
    let cases: [(Vec<u16>, bool); 7] = [
        (vec![], true),
        (vec![443], true),
        (vec![8443], false),
        // The client's.
        (vec![0xc001], false),
        (vec![8443, 443, 993], true),
        ([many.clone(), vec![PORT]].concat(), true),
        ([many, vec![64]].concat(), false),
    ];
    for (ports, expect) in cases {
        for packet in &packets {
            assert_eq!(run(&program(&ports), packet, OUTGOING), u32::from(expect), "{ports:?}");
        }
    }
}

#[test]
fn every_jump_lands_inside_the_longest_program() {
    let all: Vec<u16> = (1..=64).collect();
    for ports in [&[][..], &[443], &all] {
        let program = program(ports);
        assert!(program.len() < 160, "{}", program.len());
        for (at, instruction) in program.iter().enumerate() {
            let (near, far) = match instruction.code {
                code::JUMP => (0, instruction.k as usize),
                code::IF_EQUAL
                | code::IF_GREATER
                | code::IF_AT_LEAST
                | code::IF_AT_LEAST_X
                | code::IF_ANY_BIT => {
                    assert!(instruction.if_true != instruction.if_false, "{at} decides nothing");
                    (usize::from(instruction.if_true), usize::from(instruction.if_false))
                }
                _ => (0, 0),
            };
            assert!(at + 1 + near.max(far) < program.len() || instruction.code == code::RETURN, "{at}");
        }
        assert_eq!(program.last().unwrap().code, code::RETURN);
    }
}
