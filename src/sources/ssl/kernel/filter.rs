//! Which packets count: a program of the kernel's classic packet filter.
//!
//! It sees a packet from its IP header on, and takes those that leave this host and carry the first bytes of a ServerHello at the
//! beginning of their TCP payload. Reading beyond a packet's end ends the program and refuses the packet, so that no length is
//! checked here.

/// One instruction: `struct sock_filter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// What it does.
    pub code: u16,
    /// How many instructions a jump passes over where its condition holds.
    pub if_true: u8,
    /// How many where it does not.
    pub if_false: u8,
    /// Its operand.
    pub k: u32,
}

/// The codes that are used here: A is the accumulator, X the index register.
mod code {
    /// A = the word at k.
    pub(super) const LD_WORD_AT_X: u16 = 0x40;
    pub(super) const LD_HALF: u16 = 0x28;
    pub(super) const LD_BYTE: u16 = 0x30;
    /// A = what is at X + k.
    pub(super) const LD_HALF_AT_X: u16 = 0x48;
    pub(super) const LD_BYTE_AT_X: u16 = 0x50;
    /// X = k.
    pub(super) const LDX: u16 = 0x01;
    /// X = the scratch word k.
    pub(super) const LDX_SCRATCH: u16 = 0x61;
    /// The scratch word k = A.
    pub(super) const STORE: u16 = 0x02;
    /// X = 4 * (the low four bits of the byte at k).
    pub(super) const LDX_IP_LENGTH: u16 = 0xb1;
    pub(super) const ADD: u16 = 0x04;
    pub(super) const ADD_X: u16 = 0x0c;
    pub(super) const AND: u16 = 0x54;
    pub(super) const SHIFT_LEFT: u16 = 0x64;
    pub(super) const SHIFT_RIGHT: u16 = 0x74;
    /// X = A.
    pub(super) const TAX: u16 = 0x07;
    pub(super) const JUMP: u16 = 0x05;
    pub(super) const IF_EQUAL: u16 = 0x15;
    pub(super) const IF_GREATER: u16 = 0x25;
    pub(super) const IF_AT_LEAST: u16 = 0x35;
    /// Whether A is X or more.
    pub(super) const IF_AT_LEAST_X: u16 = 0x3d;
    pub(super) const IF_ANY_BIT: u16 = 0x45;
    pub(super) const RETURN: u16 = 0x06;
}

/// `SKF_AD_OFF + SKF_AD_PKTTYPE`: not a byte of the packet, but what the kernel knows of its way.
pub(super) const PACKET_TYPE: u32 = 0xffff_f000 + 4;
/// `PACKET_OUTGOING`.
pub(super) const OUTGOING: u32 = 4;
const TCP: u32 = 6;
const IPV6_HEADER_BYTES: u32 = 40;
/// IPv6 headers that may stand before TCP, with a length of their own: hop-by-hop options, routing, destination options.
const IPV6_OPTIONS: [u32; 3] = [0, 43, 60];
const IPV6_FRAGMENT: u32 = 44;
/// The authentication header, which is measured otherwise than the rest.
const IPV6_AUTHENTICATION: u32 = 51;
/// A handshake record, whose version begins with 3 since SSL 3.0.
const HANDSHAKE_RECORD: u32 = 0x1603;
/// A ServerHello, shorter than 64 KiB.
const SERVER_HELLO: u32 = 0x0200;
/// SSL 3.0 to TLS 1.2, which TLS 1.3 calls itself here.
const VERSION_LOWEST: u32 = 0x0300;
const VERSION_HIGHEST: u32 = 0x0303;
/// The same in the record, behind its 3.
const RECORD_MINOR_HIGHEST: u32 = 3;
/// The longest record that is not encrypted (RFC 8446, 5.1).
const RECORD_MAX_BYTES: u32 = 1 << 14;
/// The header of a handshake message.
const MESSAGE_HEADER_BYTES: u32 = 4;
/// The shortest ServerHello: version, random bytes, an empty session's id, cipher suite, compression.
const SERVER_HELLO_MIN_BYTES: u32 = 2 + 32 + 1 + 2 + 1;
/// The longest id of a session.
const SESSION_ID_MAX_BYTES: u32 = 32;
/// Where the length of that id is: behind the headers of the record and the message, the version and the random bytes. It is the
/// last byte that is looked at.
const SESSION_ID_AT: u32 = 5 + MESSAGE_HEADER_BYTES + 2 + 32;
/// The random bytes that make of a ServerHello a HelloRetryRequest (RFC 8446, 4.1.3), as far as the first four: the handshake
/// begins anew, and ends with another ServerHello.
const RETRY_RANDOM: u32 = 0xcf21_ad74;
/// A packet's bytes that are kept while nobody reads them.
const KEPT_BYTES: u32 = 1;

/// Where a jump goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Next,
    Refuse,
    Ipv6,
    Options,
    Fragment,
    Authentication,
    Tcp,
    Payload,
}

/// A program in the making: jumps have names until all places are known.
#[derive(Debug, Default)]
struct Draft {
    instructions: Vec<(u16, To, To, u32)>,
    places: Vec<(To, usize)>,
}

impl Draft {
    fn then(&mut self, code: u16, k: u32) {
        self.instructions.push((code, To::Next, To::Next, k));
    }

    fn jump(&mut self, to: To) {
        self.instructions.push((code::JUMP, to, To::Next, 0));
    }

    fn when(&mut self, code: u16, k: u32, if_true: To, if_false: To) {
        self.instructions.push((code, if_true, if_false, k));
    }

    /// Refuses where the accumulator is anything else.
    fn must_be(&mut self, k: u32) {
        self.when(code::IF_EQUAL, k, To::Next, To::Refuse);
    }

    fn here(&mut self, place: To) {
        self.places.push((place, self.instructions.len()));
    }

    /// The distance that a jump at `from` passes over. All jumps go forward, and none in a program of this kind goes far: with the
    /// most ports that are configured, fewer than 255.
    fn distance(&self, from: usize, to: To) -> u32 {
        let place = self.places.iter().find(|(place, _)| *place == to);
        let at = place.map_or(from + 1, |(_, at)| *at);
        u32::try_from(at.saturating_sub(from + 1)).unwrap_or(u32::MAX)
    }

    fn program(&self) -> Vec<Instruction> {
        let all = self.instructions.iter().enumerate();
        all.map(|(at, &(code, if_true, if_false, k))| {
            if code == code::JUMP {
                return Instruction { code, if_true: 0, if_false: 0, k: self.distance(at, if_true) };
            }
            let near = |to| u8::try_from(self.distance(at, to)).unwrap_or(u8::MAX);
            Instruction { code, if_true: near(if_true), if_false: near(if_false), k }
        })
        .collect()
    }
}

/// The program that takes ServerHellos from these ports; from any where there are none.
#[must_use]
pub fn program(ports: &[u16]) -> Vec<Instruction> {
    let mut draft = Draft::default();
    draft.then(code::LD_BYTE, PACKET_TYPE);
    draft.must_be(OUTGOING);
    // The version in the header, not the packet's protocol: that of a packet with a VLAN tag is the tag's.
    draft.then(code::LD_BYTE, 0);
    draft.then(code::SHIFT_RIGHT, 4);
    draft.when(code::IF_EQUAL, 6, To::Ipv6, To::Next);
    draft.must_be(4);
    ipv4(&mut draft);
    ipv6(&mut draft);
    draft.here(To::Tcp);
    if !ports.is_empty() {
        draft.then(code::LD_HALF_AT_X, 0);
        let (last, others) = ports.split_last().unwrap_or((&0, &[]));
        for port in others {
            draft.when(code::IF_EQUAL, u32::from(*port), To::Payload, To::Next);
        }
        draft.must_be(u32::from(*last));
    }
    draft.here(To::Payload);
    payload(&mut draft);
    draft.program()
}

/// Goes on at TCP with X at its header; later fragments have none.
fn ipv4(draft: &mut Draft) {
    draft.then(code::LD_BYTE, 9);
    draft.must_be(TCP);
    draft.then(code::LD_HALF, 6);
    draft.when(code::IF_ANY_BIT, 0x1fff, To::Refuse, To::Next);
    draft.then(code::LDX_IP_LENGTH, 0);
    draft.jump(To::Tcp);
}

/// The same; TCP comes first or after one other header.
fn ipv6(draft: &mut Draft) {
    draft.here(To::Ipv6);
    draft.then(code::LDX, IPV6_HEADER_BYTES);
    draft.then(code::LD_BYTE, 6);
    draft.when(code::IF_EQUAL, TCP, To::Tcp, To::Next);
    for kind in IPV6_OPTIONS {
        draft.when(code::IF_EQUAL, kind, To::Options, To::Next);
    }
    draft.when(code::IF_EQUAL, IPV6_FRAGMENT, To::Fragment, To::Next);
    draft.when(code::IF_EQUAL, IPV6_AUTHENTICATION, To::Authentication, To::Refuse);

    draft.here(To::Fragment);
    draft.then(code::LD_HALF, IPV6_HEADER_BYTES + 2);
    draft.when(code::IF_ANY_BIT, 0xfff8, To::Refuse, To::Next);
    draft.then(code::LDX, IPV6_HEADER_BYTES + 8);
    draft.then(code::LD_BYTE, IPV6_HEADER_BYTES);
    draft.when(code::IF_EQUAL, TCP, To::Tcp, To::Refuse);

    draft.here(To::Authentication);
    // In words, without the first two.
    next_header(draft, 2, 2);
    draft.jump(To::Tcp);

    draft.here(To::Options);
    // In double words, without the first.
    next_header(draft, 1, 3);
}

/// X behind a header that says how long it is: `uncounted` units more than it says, of 2 to the `shift` bytes each.
fn next_header(draft: &mut Draft, uncounted: u32, shift: u32) {
    draft.then(code::LD_BYTE, IPV6_HEADER_BYTES);
    draft.must_be(TCP);
    draft.then(code::LD_BYTE, IPV6_HEADER_BYTES + 1);
    draft.then(code::ADD, uncounted);
    draft.then(code::SHIFT_LEFT, shift);
    draft.then(code::ADD_X, 0);
    draft.then(code::TAX, 0);
}

/// Takes a ServerHello in the segment whose header is at X.
fn payload(draft: &mut Draft) {
    draft.then(code::LD_BYTE_AT_X, 12);
    draft.then(code::AND, 0xf0);
    draft.then(code::SHIFT_RIGHT, 2);
    draft.then(code::ADD_X, 0);
    draft.then(code::TAX, 0);
    draft.then(code::LD_HALF_AT_X, 0);
    draft.must_be(HANDSHAKE_RECORD);
    draft.then(code::LD_BYTE_AT_X, 2);
    draft.when(code::IF_GREATER, RECORD_MINOR_HIGHEST, To::Refuse, To::Next);
    draft.then(code::LD_HALF_AT_X, 5);
    draft.must_be(SERVER_HELLO);
    draft.then(code::LD_BYTE_AT_X, SESSION_ID_AT);
    draft.when(code::IF_GREATER, SESSION_ID_MAX_BYTES, To::Refuse, To::Next);
    draft.then(code::LD_HALF_AT_X, 9);
    draft.when(code::IF_AT_LEAST, VERSION_LOWEST, To::Next, To::Refuse);
    draft.when(code::IF_GREATER, VERSION_HIGHEST, To::Refuse, To::Next);
    draft.then(code::LD_WORD_AT_X, 11);
    draft.when(code::IF_EQUAL, RETRY_RANDOM, To::Refuse, To::Next);
    lengths(draft);
    draft.then(code::RETURN, KEPT_BYTES);
    draft.here(To::Refuse);
    draft.then(code::RETURN, 0);
}

/// Refuses a message that is too short, or longer than the record at X; other messages may follow it there. X is lost.
fn lengths(draft: &mut Draft) {
    draft.then(code::LD_HALF_AT_X, 7);
    draft.when(code::IF_AT_LEAST, SERVER_HELLO_MIN_BYTES, To::Next, To::Refuse);
    draft.then(code::ADD, MESSAGE_HEADER_BYTES);
    draft.then(code::STORE, 0);
    draft.then(code::LD_HALF_AT_X, 3);
    draft.when(code::IF_GREATER, RECORD_MAX_BYTES, To::Refuse, To::Next);
    draft.then(code::LDX_SCRATCH, 0);
    draft.when(code::IF_AT_LEAST_X, 0, To::Next, To::Refuse);
}

#[cfg(test)]
mod tests;
