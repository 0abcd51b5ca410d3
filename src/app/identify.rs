//! Which protocol that is not HTTP a connection speaks, told from its first bytes; nothing where they do not tell.

use memchr::memmem;

/// A protocol, and whether a connection speaks it, from the first bytes of the client and of the server; either may
/// be empty.
type Matcher = (&'static str, fn(&[u8], &[u8]) -> bool);

/// Matchers that want more evidence come before those that one of them could be mistaken for.
const PROTOCOLS: &[Matcher] = &[
    ("HTTP/2", |client, _| client.starts_with(b"PRI * HTTP/2.0\r\n")),
    ("TLS", |client, server| is_tls(client) || is_tls(server)),
    ("SSH", |client, server| is_ssh(client) || is_ssh(server)),
    ("SIP", |client, server| is_rtsp_like(b"SIP/2.0", client, server)),
    ("RTSP", |client, server| is_rtsp_like(b"RTSP/1.0", client, server) || is_rtsp_like(b"RTSP/2.0", client, server)),
    ("SMTP", is_smtp),
    ("FTP", is_ftp),
    ("POP3", is_pop3),
    ("IMAP", |_, server| begins(server, &["* OK ", "* PREAUTH ", "* BYE "])),
    ("IRC", is_irc),
    ("MySQL", |_, server| is_mysql(server)),
    ("PostgreSQL", |client, _| is_postgresql(client)),
    ("Redis", |client, _| is_redis(client)),
    ("MQTT", |client, _| is_mqtt(client)),
    ("AMQP", |client, _| matches!(client, [b'A', b'M', b'Q', b'P', 0 | 2 | 3, 0 | 1, 0..=9, ..])),
    ("BitTorrent", |client, server| {
        client.starts_with(b"\x13BitTorrent protocol") || server.starts_with(b"\x13BitTorrent protocol")
    }),
    ("SMB", |client, server| is_smb(client) || is_smb(server)),
    ("RDP", |client, _| is_rdp(client)),
    ("BGP", |client, server| is_bgp(client) || is_bgp(server)),
    ("LDAP", |client, server| is_ldap(client) || is_ldap(server)),
    ("XMPP", |client, server| is_xmpp(client) || is_xmpp(server)),
    ("Git", |client, _| is_git(client)),
    ("VNC", |_, server| server.starts_with(b"RFB 003.")),
    ("rsync", |_, server| server.starts_with(b"@RSYNCD: ")),
    ("S7comm", |client, server| is_s7comm(client) || is_s7comm(server)),
    ("PPTP", |client, server| is_pptp(client) || is_pptp(server)),
    ("LDP", |client, server| is_ldp(client) || is_ldp(server)),
    ("OpenFlow", is_openflow),
    ("Telnet", |client, server| is_telnet(server) || server.is_empty() && is_telnet(client)),
    ("SOCKS", is_socks),
    ("DNS", is_dns),
    ("Memcached", is_memcached),
];

/// Names the protocol; `client` and `server` are the first bytes of each direction, as far as they are there (a few
/// hundred do).
pub fn identify(client: &[u8], server: &[u8]) -> Option<&'static str> {
    if client.is_empty() && server.is_empty() {
        return None;
    }
    PROTOCOLS.iter().find(|(_, is)| is(client, server)).map(|(name, _)| *name)
}

/// Whether `bytes` begin with one of these, letters of any case.
fn begins(bytes: &[u8], starts: &[&str]) -> bool {
    starts.iter().any(|start| bytes.get(..start.len()).is_some_and(|b| b.eq_ignore_ascii_case(start.as_bytes())))
}

/// The first line, without its end; all bytes, as far as a line may go, where it has none yet.
fn first_line(bytes: &[u8]) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(1024)];
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end])
}

fn contains_word(line: &[u8], word: &str) -> bool {
    memmem::find(&line.to_ascii_uppercase(), word.as_bytes()).is_some()
}

/// The number of two bytes at `at`.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_be_bytes(*b))
}

/// The number of four bytes at `at`.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

/// A record of a handshake, an alert or data (RFC 8446 5.1).
fn is_tls(bytes: &[u8]) -> bool {
    let longest = (1 << 14) + 2048;
    match *bytes {
        [22, 3, 0..=4, high, low, ..] => (4..=longest).contains(&u16::from_be_bytes([high, low])),
        [21, 3, 0..=4, 0, 2, 1 | 2, ..] => true,
        [20, 3, 0..=4, 0, 1, 1, ..] => true,
        [23, 3, 3, high, low, ..] => (17..=longest).contains(&u16::from_be_bytes([high, low])),
        _ => false,
    }
}

/// A request line that ends with the version, or a status line that begins with it (RFC 3261 7, RFC 7826 20).
fn is_rtsp_like(version: &[u8], client: &[u8], server: &[u8]) -> bool {
    [client, server].into_iter().any(|bytes| {
        let line = first_line(bytes);
        let request = line.strip_suffix(version).is_some_and(|rest| rest.ends_with(b" "));
        let response = line.strip_prefix(version).is_some_and(|rest| rest.starts_with(b" "));
        request || response
    })
}

/// An identification line, or the algorithms that follow it: the packet's length and padding, its code, 16 bytes at
/// random, and a list of names that fits (RFC 4253 4.2, 7.1).
fn is_ssh(bytes: &[u8]) -> bool {
    let algorithms = || {
        let (length, names) = (be32(bytes, 0)?, be32(bytes, 22)?);
        let name = bytes.get(26..30)?;
        let is_name = name.iter().all(|&b| b.is_ascii_alphanumeric() || b"-@.,".contains(&b));
        Some(bytes.get(5) == Some(&20) && length < 1 << 16 && (4..length).contains(&names) && is_name)
    };
    bytes.starts_with(b"SSH-") || algorithms().unwrap_or(false)
}

/// The first line of a server that greets and names its protocol, or a word of that.
fn greets_as(server: &[u8], word: &str) -> bool {
    is_greeting(server) && contains_word(first_line(server), word)
}

fn is_greeting(server: &[u8]) -> bool {
    begins(server, &["220 ", "220-"])
}

/// A code and a text, or the first line of several (RFC 5321 4.2, RFC 959 4.2).
fn is_reply(server: &[u8]) -> bool {
    matches!(server, [b'1'..=b'5', b'0'..=b'5', b'0'..=b'9', b' ' | b'-', ..])
}

/// A greeting and the client's; or, where the beginning is not there, a command that others have not, and a reply.
fn is_smtp(client: &[u8], server: &[u8]) -> bool {
    let hello = begins(client, &["EHLO ", "HELO "]);
    let command = begins(client, &["MAIL FROM:", "RCPT TO:", "AUTH LOGIN", "AUTH PLAIN"]);
    greets_as(server, "SMTP") || hello && (is_greeting(server) || server.is_empty()) || command && is_reply(server)
}

fn is_ftp(client: &[u8], server: &[u8]) -> bool {
    let login = begins(client, &["USER ", "AUTH TLS", "AUTH SSL", "FEAT\r", "FEAT\n"]);
    let command = begins(client, &["PASS ", "TYPE ", "PASV\r", "EPSV\r", "PORT ", "EPRT ", "RETR ", "STOR ", "CWD "]);
    greets_as(server, "FTP") || login && is_greeting(server) || command && is_reply(server)
}

/// Redis answers `+OK` too, but with nothing after it.
fn is_pop3(client: &[u8], server: &[u8]) -> bool {
    let command = begins(client, &["USER ", "CAPA\r", "CAPA\n", "APOP ", "AUTH", "STLS", "QUIT"]);
    begins(server, &["+OK"]) && command || begins(server, &["+OK "]) && client.is_empty()
}

fn is_irc(client: &[u8], server: &[u8]) -> bool {
    let line = first_line(server);
    let server_speaks =
        line.starts_with(b":") && (memmem::find(line, b" NOTICE ").is_some() || memmem::find(line, b" 001 ").is_some());
    server_speaks || begins(server, &["NOTICE AUTH :"]) || begins(client, &["NICK ", "CAP LS"])
}

/// The server's greeting: packet number 0, protocol 10, a version that ends with NUL.
fn is_mysql(server: &[u8]) -> bool {
    let [_, _, 0, 0, 10, version @ ..] = server else { return false };
    version.first().is_some_and(u8::is_ascii_digit)
        && version.iter().take(64).position(|&b| b == 0).is_some_and(|end| version[..end].is_ascii())
}

/// A startup message of version 3, or a request for encryption.
fn is_postgresql(client: &[u8]) -> bool {
    match (be32(client, 0), be32(client, 4)) {
        (Some(8), Some(80_877_103 | 80_877_104)) => true,
        (Some(9..10_000), Some(0x0003_0000..=0x0003_0002)) => {
            client.get(8..).is_some_and(|parameter| parameter.first().is_none_or(u8::is_ascii_lowercase))
        }
        _ => false,
    }
}

/// A command as an array of bulk strings: `*2\r\n$3\r\n`.
fn is_redis(client: &[u8]) -> bool {
    let number = |text: &[u8]| {
        let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
        (1..=9).contains(&digits).then_some(digits)
    };
    let Some(rest) = client.strip_prefix(b"*") else { return false };
    let Some(rest) = number(rest).and_then(|digits| rest[digits..].strip_prefix(b"\r\n$")) else { return false };
    number(rest).is_some_and(|digits| rest[digits..].starts_with(b"\r\n"))
}

/// CONNECT: its type, the remaining length, and the protocol's name.
fn is_mqtt(client: &[u8]) -> bool {
    let Some(rest) = client.strip_prefix(b"\x10") else { return false };
    let length = rest.iter().take(4).take_while(|&&b| b & 0x80 != 0).count() + 1;
    rest.get(length..).is_some_and(|name| name.starts_with(b"\0\x04MQTT") || name.starts_with(b"\0\x06MQIsdp"))
}

/// A NetBIOS session message, or its like without NetBIOS, with an SMB header of any version.
fn is_smb(bytes: &[u8]) -> bool {
    matches!(bytes, [0, _, _, _, 0xfd..=0xff, b'S', b'M', b'B', ..])
}

/// TPKT with an X.224 connection request that has a cookie or asks for a security protocol (MS-RDPBCGR 2.2.1.1).
fn is_rdp(client: &[u8]) -> bool {
    let [3, 0, _, _, _, 0xe0, rest @ ..] = client else { return false };
    let Some(variable) = rest.get(5..) else { return false };
    variable.starts_with(b"Cookie: mstshash=") || variable.starts_with(&[1, 0, 8, 0])
}

/// The marker, a length, and a type (RFC 4271 4.1).
fn is_bgp(bytes: &[u8]) -> bool {
    bytes.get(..16).is_some_and(|marker| marker.iter().all(|&b| b == 0xff))
        && be16(bytes, 16).is_some_and(|len| (19..=4096).contains(&len))
        && matches!(bytes.get(18), Some(1..=5))
}

/// A BER sequence of a message number and a bind (version 2 or 3), an unbind, a search, or an extended request, or the
/// result of one (RFC 4511 4.1).
fn is_ldap(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"\x30").and_then(skip_ber_length) else { return false };
    let [2, id_len @ 1..=4, rest @ ..] = rest else { return false };
    match rest.get(usize::from(*id_len)..) {
        Some([0x60, bind @ ..]) => skip_ber_length(bind).is_some_and(|b| matches!(b, [2, 1, 2 | 3, 4, ..])),
        Some([0x61 | 0x65 | 0x78, result @ ..]) => {
            skip_ber_length(result).is_some_and(|b| matches!(b, [10, 1, _, 4, ..]))
        }
        Some([0x42, 0]) => true,
        Some([0x63, search @ ..]) => skip_ber_length(search).is_some_and(|b| matches!(b, [4, ..])),
        Some([0x77, extended @ ..]) => skip_ber_length(extended).is_some_and(|b| matches!(b, [0x80, ..])),
        _ => false,
    }
}

fn skip_ber_length(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0..=0x7f, rest @ ..] => Some(rest),
        [long @ 0x81..=0x84, rest @ ..] => rest.get(usize::from(long & 0x7f)..),
        _ => None,
    }
}

fn is_xmpp(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(512)];
    begins(start, &["<?xml", "<stream:stream"]) && memmem::find(start, b"<stream:stream").is_some()
}

/// A pkt-line that names the service.
fn is_git(client: &[u8]) -> bool {
    let Some((length, rest)) = client.split_at_checked(4) else { return false };
    length.iter().all(u8::is_ascii_hexdigit)
        && begins(rest, &["git-upload-pack ", "git-receive-pack ", "git-upload-archive "])
}

/// TPKT and COTP's data, with a message of S7 within (RFC 1006 6).
fn is_s7comm(bytes: &[u8]) -> bool {
    matches!(bytes, [3, 0, _, _, 2, 0xf0, 0x80, 0x32, 1 | 2 | 3 | 7, ..])
}

/// A control message and the magic cookie after its length (RFC 2637 1.4).
fn is_pptp(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1..=15, ..])
}

/// A PDU, of which the first message is one that initializes a session, keeps it, or tells something; their lengths go
/// together (RFC 5036 3.1, 3.5).
fn is_ldp(bytes: &[u8]) -> bool {
    let (Some(1), Some(pdu), Some(kind), Some(message)) =
        (be16(bytes, 0), be16(bytes, 2), be16(bytes, 10), be16(bytes, 12))
    else {
        return false;
    };
    message >= 4 && message.checked_add(10).is_some_and(|end| end <= pdu) && matches!(kind, 1 | 0x200 | 0x201 | 0x300)
}

/// Both sides begin with a header: a version, a type, a length. Each says hello, or one asks what the other answers.
fn is_openflow(client: &[u8], server: &[u8]) -> bool {
    let header = |bytes: &[u8]| match *bytes {
        [1..=6, kind @ (0 | 2 | 3), ..] => Some((kind, be16(bytes, 2).filter(|len| *len >= 8)?, be32(bytes, 4)?)),
        _ => None,
    };
    match (header(client), header(server)) {
        (Some((0, asked, _)), Some((0, told, _))) => asked.max(told) <= 64,
        (Some((2, len, id)), Some((3, told, answered))) | (Some((3, told, answered)), Some((2, len, id))) => {
            (len, id) == (told, answered)
        }
        _ => false,
    }
}

/// Negotiation (RFC 854): IAC, then WILL, WONT, DO or DONT and an option, twice.
fn is_telnet(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfb..=0xfe, 0..=49, 0xff, 0xfa..=0xfe, 0..=49, ..])
}

/// Both sides are wanted: each has a byte or two that tell (RFC 1928 3; version 4 has no RFC).
fn is_socks(client: &[u8], server: &[u8]) -> bool {
    match (client, server) {
        ([5, count @ 1..=255, methods @ ..], [5, method, ..]) => {
            methods.get(..usize::from(*count)).is_some_and(|offered| *method == 0xff || offered.contains(method))
        }
        ([4, 1 | 2, _, _, _, _, _, _, ..], [0, 90..=93, _, _, _, _, _, _, ..]) => true,
        _ => false,
    }
}

/// A query after its length (RFC 1035 4.2.2): one question in a plausible class, and nothing answered.
fn is_dns(client: &[u8], server: &[u8]) -> bool {
    [(client, false), (server, true)].into_iter().any(|(bytes, response)| {
        let Some(length) = be16(bytes, 0) else { return false };
        let Some(message) = bytes.get(2..) else { return false };
        let (Some(flags), Some(1)) = (be16(message, 2), be16(message, 4)) else { return false };
        let opcode_and_zero = flags & 0x7840;
        let answers = be16(message, 6);
        let class = question_class(message);
        length >= 17
            && (flags & 0x8000 != 0) == response
            && opcode_and_zero == 0
            && (response || flags & 0x068f == 0 && answers == Some(0))
            && matches!(class, Some(1 | 3 | 255))
    })
}

/// Class of the first question, whose name is not compressed.
fn question_class(message: &[u8]) -> Option<u16> {
    let mut at = 12;
    for _ in 0..128 {
        match *message.get(at)? {
            0 => return be16(message, at + 3),
            length @ 1..=63 => at += 1 + usize::from(length),
            _ => return None,
        }
    }
    None
}

/// A storage command with its numbers, or a command and its answer.
fn is_memcached(client: &[u8], server: &[u8]) -> bool {
    let line = first_line(client);
    let mut words = line.split(|&b| b == b' ');
    let command = words.next().unwrap_or_default();
    let is_number = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    match command {
        b"set" | b"add" | b"replace" | b"append" | b"prepend" => {
            let rest: Vec<_> = words.take(5).collect();
            matches!(rest[..], [key, flags, time, len, ..]
                if !key.is_empty() && is_number(flags) && is_number(time) && is_number(len))
        }
        b"get" | b"gets" => begins(server, &["VALUE ", "END\r\n"]),
        b"stats" => begins(server, &["STAT ", "END\r\n"]),
        b"version" => begins(server, &["VERSION "]),
        _ => matches!((client, server), ([0x80, 0..=0x40, ..], [0x81, 0..=0x40, ..]) if client[1] == server[1]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn protocols_are_named() {
        for (client, server, want) in [
            (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &b""[..], "HTTP/2"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"", "TLS"),
            (b"", b"\x16\x03\x03\x00\x7a\x02", "TLS"),
            (b"\x17\x03\x03\x01\x00", b"", "TLS"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", b"", "SSH"),
            (b"", b"SSH-2.0-x\r\n", "SSH"),
            (b"\0\0\x03\x84\x04\x14abcdefghijklmnop\0\0\0\x7ediffie-hellman", b"", "SSH"),
            (b"", b"220 mx ESMTP ready\r\n", "SMTP"),
            (b"AUTH LOGIN\r\n", b"220-mx ESMTP Exim\r\n", "SMTP"),
            (b"MAIL FROM:<a@b>\r\n", b"250 OK\r\n", "SMTP"),
            (b"EHLO me\r\n", b"220 welcome\r\n", "SMTP"),
            (b"", b"220 (vsFTPd 3.0.3)\r\n", "FTP"),
            (b"USER x\r\n", b"220 hello\r\n", "FTP"),
            (b"PASS x\r\n", b"230 Login successful.\r\n", "FTP"),
            (b"", b"+OK Dovecot ready.\r\n", "POP3"),
            (b"CAPA\r\n", b"+OK\r\n", "POP3"),
            (b"", b"* OK [CAPABILITY IMAP4rev1] ready\r\n", "IMAP"),
            (b"NICK n\r\nUSER u 0 * :u\r\n", b"", "IRC"),
            (b"", b":irc.example.com NOTICE * :*** Looking up\r\n", "IRC"),
            (b"INVITE sip:a@b SIP/2.0\r\n", b"", "SIP"),
            (b"", b"SIP/2.0 100 Trying\r\n", "SIP"),
            (b"OPTIONS * RTSP/1.0\r\n", b"", "RTSP"),
            (b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01", b"", "DNS"),
            (b"", b"\0\x2d\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x07example\x03com\0\0\x01\0\x01", "DNS"),
            (b"", b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0", "MySQL"),
            (b"\0\0\0\x08\x04\xd2\x16\x2f", b"", "PostgreSQL"),
            (b"\0\0\0\x20\0\x03\0\0user\0a\0", b"", "PostgreSQL"),
            (b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", b"", "Redis"),
            (b"\x10\x10\0\x04MQTT\x04\x02", b"", "MQTT"),
            (b"\x10\x80\x01\0\x06MQIsdp\x03", b"", "MQTT"),
            (b"\x13BitTorrent protocol\0\0", b"", "BitTorrent"),
            (b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0", b"", "RDP"),
            (b"\0\0\0\x45\xffSMBr", b"", "SMB"),
            (b"\0\0\0\x45\xfeSMB\x40", b"", "SMB"),
            (b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0", b"", "LDAP"),
            (b"", b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\0\x04\0\x04\0", "LDAP"),
            (b"\x30\x05\x02\x01\x03\x42\0", b"", "LDAP"),
            (b"\x03\0\0\x1f\x02\xf0\x80\x32\x01\0\0", b"", "S7comm"),
            (b"\0\x9c\0\x01\x1a\x2b\x3c\x4d\0\x01\0\0", b"", "PPTP"),
            (b"\0\x01\0\x20\x0a\0\0\x01\0\0\x02\0\0\x16\0\0\0\x01", b"", "LDP"),
            (b"\x04\0\0\x08\x12\x34\x56\x78", b"\x01\0\0\x08\0\0\0\x07", "OpenFlow"),
            (b"\x04\x02\0\x08\0\0\0\x07", b"\x04\x03\0\x08\0\0\0\x07", "OpenFlow"),
            (b"", b"\xff\xfd\x18\xff\xfd\x20", "Telnet"),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x1d\x01\x04", b"", "BGP"),
            (b"set k 0 0 5\r\nhello\r\n", b"", "Memcached"),
            (b"get k\r\n", b"END\r\n", "Memcached"),
            (b"\x05\x02\0\x02", b"\x05\0", "SOCKS"),
            (b"\x04\x01\0\x50\x01\x02\x03\x04\0", b"\0\x5a\0\0\0\0\0\0", "SOCKS"),
            (b"AMQP\0\0\x09\x01", b"", "AMQP"),
            (b"<?xml version='1.0'?><stream:stream to='x'>", b"", "XMPP"),
            (b"0032git-upload-pack /x.git\0host=h\0", b"", "Git"),
        ] {
            assert_eq!(identify(client, server), Some(want), "{:?} {:?}", client.escape_ascii(), server.escape_ascii());
        }
    }

    #[test]
    fn nothing_is_said_where_the_bytes_do_not_tell() {
        for (client, server) in [
            (&b""[..], &b""[..]),
            (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
            (b"USER x\r\n", b""),
            (b"PASS x\r\n", b"-ERR no\r\n"),
            (b"\0\0\x03\x84\x04\x14abcdefghijklmnop\0\0\x03\x85diffie-hellman", b""),
            (b"\x04\0\0\x08\x12\x34\x56\x78", b""),
            (b"\x04\x02\0\x08\0\0\0\x07", b"\x04\x03\0\x08\0\0\0\x08"),
            (b"\0\x01\0\x08\x0a\0\0\x01\0\0\x02\0\0\x16", b""),
            (b"", b"220 hello\r\n"),
            (b"", b"+OK\r\n"),
            (b"get k\r\n", b""),
            (b"\x05\x01\0", b""),
            (b"\x16\x03", b""),
            (b"\x30\x0c\x02\x01\x01\x02", b""),
            (b"<?xml version='1.0'?><html>", b""),
            (b"\xff\xfd", b""),
            (b"\0\x1d\x12\x34\x01", b""),
        ] {
            assert_eq!(identify(client, server), None, "{:?} {:?}", client.escape_ascii(), server.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(client: Vec<u8>, server: Vec<u8>) {
            let _ = identify(&client, &server);
        }
    }
}
