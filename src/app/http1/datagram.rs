//! A message of HTTP that is a UDP datagram: that of SSDP and its like (UPnP Device Architecture 2.0, 1.1).

use super::Http;
use super::head::{self, Start};
use crate::app::datagram::{Datagram, Said};
use crate::app::message::{Kind, Unit};

/// Bytes kept of the body's beginning.
const PREVIEW: usize = 4 << 10;

/// The message of a datagram of SSDP, which begins with a request line or a status line of HTTP/1.x, whole.
pub fn datagram(datagram: &Datagram<'_>) -> Option<Said> {
    let bytes = datagram.bytes;
    if !bytes.first()?.is_ascii_uppercase() {
        return None;
    }
    let kind = match head::looks_like_start(bytes) {
        Start::Request => Kind::Request,
        Start::Response => Kind::Response,
        Start::No | Start::Maybe => return None,
    };
    let parsed = head::parse(bytes);
    parsed.version.filter(|version| version.major == 1)?;
    let head = parsed.of(bytes);
    // HTTP that is sent by UDP to where none is wanted is no message: nothing there reads it.
    let is_ssdp = datagram.ports.contains(&1900)
        || head.target() == Some(b"*")
        || ["st", "nt", "usn"].iter().any(|name| head.get(name).is_some());
    if !is_ssdp {
        return None;
    }
    let (raw, body) = bytes.split_at_checked(parsed.len as usize)?;
    let unit = Unit::Http(Http {
        raw: raw.to_vec(),
        parsed,
        body_len: body.len() as u64,
        preview: body[..body.len().min(PREVIEW)].to_vec(),
        ..Http::default()
    });
    Some(Said { kind, key: None, unit, once: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<(Kind, u64)> {
        let said = datagram(&Datagram { ports: [50_000, 1900], bytes })?;
        let Unit::Http(http) = said.unit else { return None };
        Some((said.kind, http.body_len))
    }

    #[test]
    fn requests_and_responses_are_messages_and_nothing_else_is() {
        let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n\r\n";
        assert_eq!(read(search), Some((Kind::Request, 0)));
        assert_eq!(read(b"NOTIFY * HTTP/1.1\r\nNT: upnp:event\r\n\r\n<e/>"), Some((Kind::Request, 4)));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nST: ssdp:all\r\n\r\n"), Some((Kind::Response, 0)));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nST: ssdp:all"), Some((Kind::Response, 0)));
        for other in
            [&b"GET /"[..], b"INVITE sip:a@b SIP/2.0\r\n\r\n", b"", b"RTSP/1.0 200 OK\r\n\r\n", b"HTTP is here\r\n"]
        {
            assert_eq!(read(other), None, "{:?}", other.escape_ascii());
        }
    }
}
