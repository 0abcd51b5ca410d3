//! What the handshake agreed on (RFC 6455 9.1, RFC 7692 7.1).

use crate::app::http1::head::HeadRef;

/// The extensions in use.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Extensions {
    /// permessage-deflate, and of the client and of the server whether each message is compressed on its own.
    pub deflate: Option<NoTakeover>,
    /// Whether there is one that is not known here, which may use any reserved bit and opcode.
    pub unknown: bool,
}

/// Whether a message refers to none before it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct NoTakeover {
    /// Of the client: `client_no_context_takeover`.
    pub client: bool,
    /// Of the server: `server_no_context_takeover`.
    pub server: bool,
}

impl Extensions {
    /// Those that a response to the handshake names.
    pub fn of(response: HeadRef<'_>) -> Self {
        let mut extensions = Self::default();
        for extension in response.list("Sec-WebSocket-Extensions") {
            let mut parts = extension.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            if parts.next().is_some_and(|name| name.eq_ignore_ascii_case(b"permessage-deflate")) {
                extensions.deflate = Some(NoTakeover::of(parts));
            } else {
                extensions.unknown = true;
            }
        }
        extensions
    }
}

impl NoTakeover {
    fn of<'a>(parameters: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut agreed = Self::default();
        for parameter in parameters {
            let end = parameter.iter().position(|byte| *byte == b'=').unwrap_or(parameter.len());
            let name = parameter[..end].trim_ascii();
            agreed.client |= name.eq_ignore_ascii_case(b"client_no_context_takeover");
            agreed.server |= name.eq_ignore_ascii_case(b"server_no_context_takeover");
        }
        agreed
    }
}

/// Whether a response hands the connection over to WebSocket.
pub fn is_upgrade(response: HeadRef<'_>) -> bool {
    response.list("Upgrade").any(|name| name.eq_ignore_ascii_case(b"websocket"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::http1::head;

    fn extensions(value: &str) -> Extensions {
        let raw = format!("HTTP/1.1 101 x\r\nupgrade: h2c, WebSocket\r\nSec-WebSocket-Extensions: {value}\r\n\r\n");
        let head = head::parse(raw.as_bytes());
        assert!(is_upgrade(head.of(raw.as_bytes())));
        Extensions::of(head.of(raw.as_bytes()))
    }

    #[test]
    fn what_was_agreed_on() {
        let takeover = |client, server| Some(NoTakeover { client, server });
        assert_eq!(extensions("permessage-deflate").deflate, takeover(false, false));
        let all =
            "Permessage-Deflate; server_no_context_takeover ;client_max_window_bits=12; CLIENT_no_context_takeover";
        assert_eq!(extensions(all).deflate, takeover(true, true));
        assert_eq!(extensions(""), Extensions::default());
        assert_eq!(extensions("x-other; a=\"b;c\""), Extensions { deflate: None, unknown: true });
    }
}
