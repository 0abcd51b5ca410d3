//! ClientHello and ServerHello (RFC 8446 4.1, RFC 5246 7.4.1), and the ClientHello of SSL 2.0.

use super::names::is_grease;
use super::read::Reader;

/// Extensions that are read (RFC 8446 4.2).
pub(super) mod extension {
    pub const SERVER_NAME: u16 = 0;
    pub const SUPPORTED_GROUPS: u16 = 10;
    pub const EC_POINT_FORMATS: u16 = 11;
    pub const SIGNATURE_ALGORITHMS: u16 = 13;
    pub const ALPN: u16 = 16;
    pub const PRE_SHARED_KEY: u16 = 41;
    pub const EARLY_DATA: u16 = 42;
    pub const SUPPORTED_VERSIONS: u16 = 43;
    pub const PSK_KEY_EXCHANGE_MODES: u16 = 45;
    pub const KEY_SHARE: u16 = 51;
    pub const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
}

/// The random of a ServerHello that asks for another ClientHello (RFC 8446 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// A ClientHello or a ServerHello.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Hello {
    /// Whether a server sent it.
    pub by_server: bool,
    /// Version of its own field: up to TLS 1.2 the highest offered, or the one chosen; TLS 1.3 says 1.2 here.
    pub version: u16,
    /// Its random bytes: 32, and 16 to 32 in SSL 2.0.
    pub random: Vec<u8>,
    /// The session to resume, or a value that means nothing (TLS 1.3).
    pub session_id: Vec<u8>,
    /// Cipher suites offered, the preferred one first; or the one chosen.
    pub ciphers: Vec<u16>,
    /// Cipher specifications of SSL 2.0, 24 bits each; of a later version's where the first byte is 0.
    pub specs: Vec<u32>,
    /// Compression methods offered, or the one chosen.
    pub compression: Vec<u8>,
    /// Types of the extensions, in their order.
    pub extensions: Vec<u16>,
    /// The host asked for.
    pub server_name: Option<Vec<u8>>,
    /// Application protocols offered, the preferred one first; or the one chosen.
    pub alpn: Vec<Vec<u8>>,
    /// Groups for the key exchange that are offered.
    pub groups: Vec<u16>,
    /// Groups for which it has a key; of a ServerHello the group chosen.
    pub key_shares: Vec<u16>,
    /// The group that another ClientHello should have a key for.
    pub retry_group: Option<u16>,
    /// Signature algorithms offered.
    pub signatures: Vec<u16>,
    /// Formats of points on elliptic curves.
    pub point_formats: Vec<u8>,
    /// Versions offered in the extension for them, or the one chosen.
    pub versions: Vec<u16>,
    /// How keys agreed before may be used.
    pub psk_modes: Vec<u8>,
    /// The key agreed before that the server chose.
    pub selected_psk: Option<u16>,
    /// Whether there is less of it than its lengths say.
    pub partial: bool,
}

impl Hello {
    /// Reads a ClientHello after its handshake header.
    pub fn client(body: &[u8]) -> Self {
        let mut hello = Self::default();
        hello.partial = hello.read_client(&mut Reader(body)).is_none();
        hello
    }

    /// Reads a ServerHello after its handshake header.
    pub fn server(body: &[u8]) -> Self {
        let mut hello = Self { by_server: true, ..Self::default() };
        hello.partial = hello.read_server(&mut Reader(body)).is_none();
        hello
    }

    /// Reads a ClientHello in the format of SSL 2.0, after its record header (RFC 5246 E.2).
    pub fn client_v2(record: &[u8]) -> Self {
        let mut hello = Self::default();
        hello.partial = hello.read_client_v2(&mut Reader(record)).is_none();
        hello
    }

    fn read_client(&mut self, body: &mut Reader<'_>) -> Option<()> {
        self.read_start(body)?;
        self.ciphers = body.vector16()?.numbers();
        let len = body.u8()?;
        self.compression = body.take(len.into())?.to_vec();
        self.read_extensions(body)
    }

    fn read_server(&mut self, body: &mut Reader<'_>) -> Option<()> {
        self.read_start(body)?;
        self.ciphers = vec![body.u16()?];
        self.compression = vec![body.u8()?];
        self.read_extensions(body)
    }

    fn read_start(&mut self, body: &mut Reader<'_>) -> Option<()> {
        self.version = body.u16()?;
        self.random = body.take(32)?.to_vec();
        let len = body.u8()?;
        self.session_id = body.take(len.into())?.to_vec();
        Some(())
    }

    fn read_client_v2(&mut self, record: &mut Reader<'_>) -> Option<()> {
        record.u8()?;
        self.version = record.u16()?;
        let [specs, session, challenge] = [record.u16()?, record.u16()?, record.u16()?].map(usize::from);
        let mut specs = record.vector(specs);
        while let Some(spec) = specs.u24() {
            self.specs.push(spec);
        }
        self.session_id = record.take(session)?.to_vec();
        self.random = record.take(challenge)?.to_vec();
        Some(())
    }

    /// Extensions, which may be left out before TLS 1.3.
    fn read_extensions(&mut self, body: &mut Reader<'_>) -> Option<()> {
        if body.0.is_empty() {
            return Some(());
        }
        let len = body.u16()?;
        let whole = body.0.len() >= len.into();
        let mut all = body.vector(len.into());
        while !all.0.is_empty() {
            let kind = all.u16()?;
            self.extensions.push(kind);
            let len = all.u16()?;
            let is_whole = all.0.len() >= len.into();
            // One that cannot be read is known by its type alone.
            let _ = self.read_extension(kind, all.vector(len.into()));
            if !is_whole {
                return None;
            }
        }
        whole.then_some(())
    }

    fn read_extension(&mut self, kind: u16, mut data: Reader<'_>) -> Option<()> {
        match kind {
            extension::SERVER_NAME if !self.by_server => {
                let mut names = data.vector16()?;
                while !names.0.is_empty() {
                    let kind = names.u8()?;
                    let len = names.u16()?;
                    let name = names.take(len.into())?;
                    if kind == 0 && self.server_name.is_none() {
                        self.server_name = Some(name.to_vec());
                    }
                }
            }
            extension::SUPPORTED_GROUPS => self.groups = data.vector16()?.numbers(),
            extension::EC_POINT_FORMATS => self.point_formats = data.vector8()?.0.to_vec(),
            extension::SIGNATURE_ALGORITHMS => self.signatures = data.vector16()?.numbers(),
            extension::ALPN => {
                let mut protocols = data.vector16()?;
                while let Some(len) = protocols.u8() {
                    self.alpn.push(protocols.take(len.into())?.to_vec());
                }
            }
            extension::PRE_SHARED_KEY if self.by_server => self.selected_psk = Some(data.u16()?),
            extension::SUPPORTED_VERSIONS if self.by_server => self.versions = vec![data.u16()?],
            extension::SUPPORTED_VERSIONS => self.versions = data.vector8()?.numbers(),
            extension::PSK_KEY_EXCHANGE_MODES => self.psk_modes = data.vector8()?.0.to_vec(),
            extension::KEY_SHARE if self.by_server && self.is_retry() => self.retry_group = Some(data.u16()?),
            extension::KEY_SHARE if self.by_server => self.key_shares = vec![data.u16()?],
            extension::KEY_SHARE => {
                let mut shares = data.vector16()?;
                while let Some(group) = shares.u16() {
                    self.key_shares.push(group);
                    shares.vector16()?;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Whether it is a ServerHello that asks for another ClientHello.
    pub fn is_retry(&self) -> bool {
        self.by_server && self.random == RETRY
    }

    /// The highest version offered, or the one chosen.
    pub fn highest_version(&self) -> u16 {
        let versions = self.versions.iter().copied().filter(|version| !is_grease(*version));
        versions.max().unwrap_or(self.version)
    }

    /// Whether it has data of the application with it, before the server has answered.
    pub fn has_early_data(&self) -> bool {
        self.extensions.contains(&extension::EARLY_DATA)
    }

    /// Whether it offers to resume a session by a key agreed before (TLS 1.3).
    pub fn has_psk(&self) -> bool {
        self.extensions.contains(&extension::PRE_SHARED_KEY)
    }

    /// Whether another ClientHello may be hidden in it; many clients send such an extension with nothing in it.
    pub fn has_encrypted_hello(&self) -> bool {
        self.extensions.contains(&extension::ENCRYPTED_CLIENT_HELLO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_length(len: usize, bytes: &[u8]) -> Vec<u8> {
        let length = (bytes.len() as u32).to_be_bytes();
        [&length[4 - len..], bytes].concat()
    }

    fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &with_length(2, data)].concat()
    }

    fn client_hello() -> Vec<u8> {
        let name = with_length(2, &[&[0][..], &with_length(2, b"example.com")].concat());
        let share = [&[0x1a, 0x1a, 0, 1, 0, 0, 29][..], &with_length(2, &[7; 32])].concat();
        let extensions = [
            extension(0x0a0a, b""),
            extension(0, &name),
            extension(16, &with_length(2, b"\x02h2\x08http/1.1")),
            extension(10, &with_length(2, &[0x1a, 0x1a, 0, 29, 0, 23])),
            extension(43, &with_length(1, &[0x7a, 0x7a, 3, 4, 3, 3])),
            extension(51, &with_length(2, &share)),
            extension(13, &with_length(2, &[4, 3, 8, 4])),
            extension(11, &[1, 0]),
        ];
        [
            &[3, 3][..],
            &[9; 32],
            &with_length(1, &[5; 32]),
            &with_length(2, &[0x2a, 0x2a, 0x13, 1, 0xc0, 0x2f]),
            &[1, 0],
            &with_length(2, &extensions.concat()),
        ]
        .concat()
    }

    #[test]
    fn a_client_hello_is_read() {
        let hello = Hello::client(&client_hello());
        assert_eq!((hello.version, hello.highest_version(), hello.partial), (0x0303, 0x0304, false));
        assert_eq!((hello.random.len(), hello.session_id.len()), (32, 32));
        assert_eq!(hello.ciphers, [0x2a2a, 0x1301, 0xc02f]);
        assert_eq!(hello.extensions, [0x0a0a, 0, 16, 10, 43, 51, 13, 11]);
        assert_eq!(hello.server_name.as_deref(), Some(&b"example.com"[..]));
        assert_eq!(hello.alpn, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        assert_eq!((hello.groups, hello.key_shares), (vec![0x1a1a, 29, 23], vec![0x1a1a, 29]));
        assert_eq!((hello.signatures, hello.point_formats), (vec![0x0403, 0x0804], vec![0]));
    }

    #[test]
    fn what_there_is_of_a_cut_one_is_told() {
        let whole = client_hello();
        for len in 0..whole.len() {
            let hello = Hello::client(&whole[..len]);
            // Without extensions it would be whole too.
            assert!(hello.partial || len == 77, "{len}");
        }
        let name = whole.windows(11).position(|bytes| bytes == b"example.com").unwrap();
        assert_eq!(Hello::client(&whole[..name + 10]).server_name, None);
        assert_eq!(Hello::client(&whole[..name + 11]).server_name.as_deref(), Some(&b"example.com"[..]));
    }

    #[test]
    fn a_server_hello_is_read_and_one_that_asks_again_is_known() {
        let body = |random: &[u8; 32], extensions: &[u8]| {
            [&[3, 3][..], random, &[0], &[0x13, 2, 0], &with_length(2, extensions)].concat()
        };
        let version = extension(43, &[3, 4]);
        let share = extension(51, &[&[0, 29][..], &with_length(2, &[1; 32])].concat());
        let hello = Hello::server(&body(&[1; 32], &[version.clone(), share].concat()));
        assert_eq!((hello.highest_version(), hello.ciphers, hello.key_shares), (0x0304, vec![0x1302], vec![29]));
        let again = Hello::server(&body(&RETRY, &[version, extension(51, &[0, 24])].concat()));
        assert!(again.is_retry() && !again.partial);
        assert_eq!((again.retry_group, again.key_shares), (Some(24), vec![]));
    }

    #[test]
    fn a_client_hello_of_ssl_2_is_read() {
        let record = [&[1, 3, 1, 0, 6, 0, 0, 0, 16, 1, 0, 0x80, 0, 0, 5][..], &[7; 16]].concat();
        let hello = Hello::client_v2(&record);
        assert_eq!((hello.version, hello.partial, hello.random.len()), (0x0301, false, 16));
        assert_eq!(hello.specs, [0x010080, 0x000005]);
    }
}
