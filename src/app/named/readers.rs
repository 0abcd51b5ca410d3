//! What tells each protocol's datagrams from all others, and what is said of them.

use super::{Found, neither};
use crate::app::datagram::Datagram;
use crate::app::identify::{be16, be32};
use crate::app::message::Kind;

fn has_port(datagram: &Datagram<'_>, ports: &[u16]) -> bool {
    datagram.ports.iter().any(|port| ports.contains(port))
}

/// Printable text of the capture, as much of it as a line holds.
fn text(bytes: &[u8]) -> String {
    const LINE: usize = 120;
    String::from_utf8_lossy(&bytes[..bytes.len().min(LINE)]).into_owned()
}

/// The magic cookie, a length that fits, and a type whose first two bits are 0 (RFC 8489 5).
pub(super) fn stun(datagram: &Datagram<'_>) -> Option<Found> {
    let bytes = datagram.bytes;
    let (kind, len) = (be16(bytes, 0)?, be16(bytes, 2)?);
    let fits = kind >> 14 == 0 && len % 4 == 0 && usize::from(len) + 20 == bytes.len();
    if !fits || be32(bytes, 4)? != 0x2112_a442 {
        return None;
    }
    let method = (kind & 0xf) | (kind & 0xe0) >> 1 | (kind & 0x3e00) >> 2;
    let name = match method {
        1 => "Binding",
        3 => "Allocate",
        4 => "Refresh",
        6 => "Send",
        7 => "Data",
        8 => "CreatePermission",
        9 => "ChannelBind",
        _ => "unknown method",
    };
    let (part, class) = match (kind >> 8 & 1, kind >> 4 & 1) {
        (0, 0) => (Kind::Request, "request"),
        (0, _) => (neither(datagram), "indication"),
        (_, 0) => (Kind::Response, "success response"),
        _ => (Kind::Response, "error response"),
    };
    let transaction = bytes.get(8..)?.first_chunk().map(|id| u64::from_be_bytes(*id))?;
    Some(Found::new(part, kind, format!("{name} {class}")).keyed(transaction))
}

/// A record's content type, one of the versions, and a length within the datagram (RFC 6347 4.1).
pub(super) fn dtls(datagram: &Datagram<'_>) -> Option<Found> {
    let bytes = datagram.bytes;
    let version = match be16(bytes, 1)? {
        0xfeff => "1.0",
        0xfefd => "1.2",
        _ => return None,
    };
    let len = usize::from(be16(bytes, 11)?);
    if len == 0 || 13 + len > bytes.len() {
        return None;
    }
    let encrypted = be16(bytes, 3)? > 0;
    let (kind, what) = match (*bytes.first()?, *bytes.get(13)?) {
        (20, _) => (20, "Change Cipher Spec"),
        (21, _) => (21, "Alert"),
        (22, _) if encrypted => (22, "encrypted handshake"),
        (22, message) => (
            0x100 | u32::from(message),
            match message {
                1 => "Client Hello",
                2 => "Server Hello",
                3 => "Hello Verify Request",
                11 => "Certificate",
                14 => "Server Hello Done",
                16 => "Client Key Exchange",
                _ => "handshake",
            },
        ),
        (23, _) => (23, "Application Data"),
        (25, _) => (25, "connection ID"),
        _ => return None,
    };
    Some(Found::new(neither(datagram), kind, format!("{what}, record version {version}")))
}

/// A message type, three zero bytes, and the length that the type has. Data alone is not told from other zeros.
pub(super) fn wireguard(datagram: &Datagram<'_>) -> Option<Found> {
    let bytes = datagram.bytes;
    let [kind @ 1..=3, 0, 0, 0, ..] = *bytes else { return None };
    let (len, part, what) = match kind {
        1 => (148, Kind::Request, "Handshake Initiation"),
        2 => (92, Kind::Response, "Handshake Response"),
        _ => (64, neither(datagram), "Cookie Reply"),
    };
    (bytes.len() == len).then(|| Found::new(part, kind, what))
}

/// The magic cookie after the fixed part (RFC 2131 3), or without it the ports and what a BOOTP message begins with: that
/// of Ethernet where it is cut off before.
pub(super) fn dhcp(datagram: &Datagram<'_>) -> Option<Found> {
    let bytes = datagram.bytes;
    let [op @ (1 | 2), 1..=32, 0..=16, ..] = *bytes else { return None };
    let part = if op == 1 { Kind::Request } else { Kind::Response };
    let transaction = be32(bytes, 4)?;
    if be32(bytes, 236) != Some(0x6382_5363) {
        let is_of_ethernet = bytes.len() >= 44 && bytes.get(1..3) == Some(&[1, 6]);
        let bootp = has_port(datagram, &[67, 68]) && (bytes.len() >= 236 || is_of_ethernet);
        let what = if op == 1 { "BOOTP request" } else { "BOOTP reply" };
        return bootp.then(|| Found::new(part, op, what).keyed(transaction.into()));
    }
    let mut options = bytes.get(240..)?;
    let mut kind = 0;
    while let [code @ 1..=254, len, rest @ ..] = options {
        if *code == 53 {
            kind = rest.first().copied().unwrap_or(0);
            break;
        }
        options = rest.get(usize::from(*len)..).unwrap_or_default();
    }
    let names = ["BOOTP", "Discover", "Offer", "Request", "Decline", "ACK", "NAK", "Release", "Inform"];
    let name = names.get(usize::from(kind)).copied().unwrap_or("other");
    Some(Found::new(part, u32::from(op) << 8 | u32::from(kind), name).keyed(transaction.into()))
}

/// The ports, and a message type that there is, with options that fill the datagram (RFC 8415 8, 21.1).
pub(super) fn dhcpv6(datagram: &Datagram<'_>) -> Option<Found> {
    let names = ["Solicit", "Advertise", "Request", "Confirm", "Renew", "Rebind", "Reply", "Release", "Decline"];
    let more = ["Reconfigure", "Information-request", "Relay-forward", "Relay-reply"];
    if !datagram.ports.iter().all(|port| matches!(port, 546 | 547)) && !has_port(datagram, &[547]) {
        return None;
    }
    let kind = usize::from(*datagram.bytes.first()?);
    let name = names.iter().chain(&more).nth(kind.checked_sub(1)?)?;
    let part = if matches!(kind, 2 | 7 | 13) { Kind::Response } else { Kind::Request };
    let transaction = be32(datagram.bytes, 0)? & 0xff_ffff;
    let found = Found::new(part, kind as u32, *name);
    Some(if kind < 12 { found.keyed(transaction.into()) } else { found })
}

/// A question or a record whose name is 32 letters, two for each byte, and of one of the two types (RFC 1002 4.2).
pub(super) fn nbns(datagram: &Datagram<'_>) -> Option<Found> {
    let (id, flags) = (be16(datagram.bytes, 0)?, be16(datagram.bytes, 2)?);
    let (name, rest) = datagram.bytes.get(12..)?.strip_prefix(b"\x20")?.split_at_checked(32)?;
    let is_encoded = name.iter().all(|letter| (b'A'..=b'P').contains(letter));
    if !is_encoded || rest.first() != Some(&0) || !matches!(be16(rest, 1)?, 0x20 | 0x21) {
        return None;
    }
    let half = |letter: u8| letter.wrapping_sub(b'A') & 0xf;
    let name: Vec<u8> = name.chunks_exact(2).map(|pair| half(pair[0]) << 4 | half(pair[1])).collect();
    let (kind, name) = name.split_last()?;
    let opcode = flags >> 11 & 0xf;
    let what = match opcode {
        0 => "name query",
        5 => "registration",
        6 => "release",
        7 => "wait",
        8 | 9 => "refresh",
        15 => "multi-homed registration",
        _ => "unknown operation",
    };
    let (part, response) = if flags >> 15 == 0 { (Kind::Request, "") } else { (Kind::Response, " response") };
    let summary = format!("{what}{response}, {}<{kind:02x}>", text(name.trim_ascii_end()));
    Some(Found::new(part, opcode << 1 | flags >> 15, summary).keyed(id.into()))
}

/// An application's tag, the version, and the message type that goes with the tag (RFC 4120 5.4, 5.9).
pub(super) fn kerberos(datagram: &Datagram<'_>) -> Option<Found> {
    let (tag, rest) = datagram.bytes.split_first()?;
    let rest = skip_length(skip_length(rest)?.strip_prefix(b"\x30")?)?;
    let [0xa0 | 0xa1, 3, 2, 1, 5, 0xa1 | 0xa2, 3, 2, 1, kind, ..] = *rest else { return None };
    let (part, name) = match kind {
        10 => (Kind::Request, "AS-REQ"),
        11 => (Kind::Response, "AS-REP"),
        12 => (Kind::Request, "TGS-REQ"),
        13 => (Kind::Response, "TGS-REP"),
        30 => (Kind::Response, "KRB-ERROR"),
        _ => return None,
    };
    (*tag == 0x60 | kind).then(|| Found::new(part, kind, name))
}

/// A BER sequence of a version, a community or header, and a PDU (RFC 3416 3, RFC 1157 4).
pub(super) fn snmp(datagram: &Datagram<'_>) -> Option<Found> {
    let rest = skip_length(datagram.bytes.strip_prefix(b"\x30")?)?;
    let [2, 1, version @ (0 | 1 | 3), rest @ ..] = rest else { return None };
    if *version == 3 {
        // A header of four values, the first two of which are numbers.
        let header = skip_length(rest.strip_prefix(b"\x30")?)?;
        return (header.first() == Some(&2)).then(|| Found::new(neither(datagram), 3u32, "version 3"));
    }
    let community = rest.strip_prefix(b"\x04")?;
    let (len, rest) = community.split_first()?;
    let pdu = rest.get(usize::from(*len)..)?.first()?;
    let names = ["get-request", "get-next-request", "get-response", "set-request", "trap"];
    let more = ["get-bulk-request", "inform-request", "snmpV2-trap", "report"];
    let name = names.iter().chain(&more).nth(usize::from(pdu.checked_sub(0xa0)?))?;
    let part = match pdu {
        0xa2 => Kind::Response,
        0xa4 | 0xa7 | 0xa8 => neither(datagram),
        _ => Kind::Request,
    };
    let version = if *version == 0 { "1" } else { "2c" };
    Some(Found::new(part, *pdu, format!("{name}, version {version}")))
}

fn skip_length(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0..=0x7f, rest @ ..] => Some(rest),
        [long @ 0x81..=0x84, rest @ ..] => rest.get(usize::from(long & 0x7f)..),
        _ => None,
    }
}

/// A request line that ends with the version, or a status line that begins with it (RFC 3261 7).
pub(super) fn sip(datagram: &Datagram<'_>) -> Option<Found> {
    let bytes = &datagram.bytes[..datagram.bytes.len().min(1024)];
    let line = &bytes[..memchr::memchr(b'\n', bytes)?];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if let Some(status) = line.strip_prefix(b"SIP/2.0 ") {
        let code: u32 = str::from_utf8(status.get(..3)?).ok()?.parse().ok()?;
        return Some(Found::new(Kind::Response, code, text(status)));
    }
    let asked = line.strip_suffix(b" SIP/2.0")?;
    let method = asked.split(|byte| *byte == b' ').next().filter(|method| method.iter().all(u8::is_ascii_uppercase))?;
    let sort = method.iter().fold(0u32, |sum, byte| (sum * 31 + u32::from(*byte)) & 0xff_ffff);
    Some(Found::new(Kind::Request, sort, text(asked)))
}

/// `<`, a priority of at most 191, `>` (RFC 5424 6.2.1).
pub(super) fn syslog(datagram: &Datagram<'_>) -> Option<Found> {
    let rest = datagram.bytes.strip_prefix(b"<")?;
    let digits = rest.iter().take(4).position(|byte| *byte == b'>').filter(|len| (1..=3).contains(len))?;
    let priority: u8 = str::from_utf8(&rest[..digits]).ok()?.parse().ok().filter(|priority| *priority <= 191)?;
    let severity = ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"];
    let severity = severity.get(usize::from(priority & 7))?;
    let said = text(rest.get(digits + 1..)?);
    Some(Found::new(neither(datagram), priority, format!("facility {}, {severity}: {}", priority >> 3, said.trim())))
}

/// A request with a file's name and a mode, both of which end with NUL; other packets by the port alone (RFC 1350 5).
pub(super) fn tftp(datagram: &Datagram<'_>) -> Option<Found> {
    let opcode = be16(datagram.bytes, 0)?;
    let rest = datagram.bytes.get(2..)?;
    match opcode {
        1 | 2 => {
            let mut parts = rest.split(|byte| *byte == 0);
            let (file, mode) = (parts.next()?, parts.next()?);
            let modes = [&b"netascii"[..], b"octet", b"mail"];
            if file.is_empty() || !modes.iter().any(|known| mode.eq_ignore_ascii_case(known)) {
                return None;
            }
            let what = if opcode == 1 { "Read Request" } else { "Write Request" };
            Some(Found::new(Kind::Request, opcode, format!("{what}, file {}, mode {}", text(file), text(mode))))
        }
        3..=6 if has_port(datagram, &[69]) => {
            let names = ["Data", "Acknowledgment", "Error", "Option Acknowledgment"];
            Some(Found::new(neither(datagram), opcode, *names.get(usize::from(opcode) - 3)?))
        }
        _ => None,
    }
}

/// A code, a length that is the datagram's, and attributes that fill it (RFC 2865 3).
pub(super) fn radius(datagram: &Datagram<'_>) -> Option<Found> {
    let bytes = datagram.bytes;
    let code = *bytes.first()?;
    let (part, name) = match code {
        1 => (Kind::Request, "Access-Request"),
        2 => (Kind::Response, "Access-Accept"),
        3 => (Kind::Response, "Access-Reject"),
        4 => (Kind::Request, "Accounting-Request"),
        5 => (Kind::Response, "Accounting-Response"),
        11 => (Kind::Response, "Access-Challenge"),
        12 => (Kind::Request, "Status-Server"),
        40 => (Kind::Request, "Disconnect-Request"),
        41 => (Kind::Response, "Disconnect-ACK"),
        42 => (Kind::Response, "Disconnect-NAK"),
        43 => (Kind::Request, "CoA-Request"),
        44 => (Kind::Response, "CoA-ACK"),
        45 => (Kind::Response, "CoA-NAK"),
        _ => return None,
    };
    let known = has_port(datagram, &[1812, 1813, 1645, 1646, 3799]);
    if usize::from(be16(bytes, 2)?) != bytes.len() || bytes.len() < 20 + if known { 0 } else { 3 } {
        return None;
    }
    let mut attributes = &bytes[20..];
    while let [_, len @ 2..=255, ..] = attributes {
        attributes = attributes.get(usize::from(*len)..)?;
    }
    attributes.is_empty().then(|| Found::new(part, code, name).keyed(bytes[1].into()))
}

/// The port, a version and a mode, and the length that goes with the mode (RFC 5905 7.3, 9).
pub(super) fn ntp(datagram: &Datagram<'_>) -> Option<Found> {
    let bytes = datagram.bytes;
    let first = *bytes.first()?;
    let (version, mode) = (first >> 3 & 7, first & 7);
    let (part, name, least) = match mode {
        1 => (Kind::Message { by_client: true }, "symmetric active", 48),
        2 => (Kind::Message { by_client: false }, "symmetric passive", 48),
        3 => (Kind::Request, "client", 48),
        4 => (Kind::Response, "server", 48),
        5 => (Kind::Message { by_client: false }, "broadcast", 48),
        6 => (neither(datagram), "control", 12),
        7 => (neither(datagram), "private", 8),
        _ => return None,
    };
    if !has_port(datagram, &[123]) || !(1..=4).contains(&version) || bytes.len() < least {
        return None;
    }
    // A server says when the client's packet left, in the client's words (RFC 5905 8).
    let stamp = match mode {
        3 => bytes.get(40..48),
        4 => bytes.get(24..32),
        _ => None,
    };
    let key = stamp.and_then(|stamp| stamp.first_chunk()).map(|stamp| u64::from_be_bytes(*stamp));
    let stratum = bytes.get(1).filter(|_| mode == 4).map(|stratum| format!(", stratum {stratum}"));
    let found = Found::new(part, mode, format!("version {version}, {name}{}", stratum.unwrap_or_default()));
    Some(Found { key, ..found })
}

/// Cookies, a version, a length that is the datagram's; on port 4500 after four zero bytes (RFC 7296 3.1, RFC 3948 2.2).
pub(super) fn isakmp(datagram: &Datagram<'_>) -> Option<Found> {
    let bytes = datagram.bytes;
    let bytes = if has_port(datagram, &[4500]) { bytes.strip_prefix(&[0; 4])? } else { bytes };
    let version = *bytes.get(17)?;
    let kind = *bytes.get(18)?;
    if be32(bytes, 24)? as usize != bytes.len() || !matches!(version, 0x10 | 0x20) || bytes.get(..8)? == [0; 8] {
        return None;
    }
    let name = match kind {
        2 => "Identity Protection",
        4 => "Aggressive",
        5 => "Informational",
        32 => "Quick Mode",
        34 => "IKE_SA_INIT",
        35 => "IKE_AUTH",
        36 => "CREATE_CHILD_SA",
        37 => "INFORMATIONAL",
        _ => "other",
    };
    let is_response = version == 0x20 && bytes.get(19)? & 0x20 != 0;
    let part = if is_response { Kind::Response } else { Kind::Request };
    let part = if version == 0x10 { neither(datagram) } else { part };
    let sort = u32::from(kind) << 8 | u32::from(is_response);
    Some(Found::new(part, sort, format!("{name}, version {}", version >> 4)))
}
