//! Initial packets of QUIC: keys that everyone can derive (RFC 9001 5.2, RFC 9369 3.3), and the CRYPTO frames within.

use std::collections::BTreeMap;
use std::fmt;

use aes::Aes128;
use aes::cipher::BlockCipherEncrypt;
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

use super::quic::varint;

/// Most bytes of a side's CRYPTO frames that are put together.
const MAX_CRYPTO: usize = 16 << 10;

/// Bytes that are skipped after the start of the packet number to find the sample (RFC 9001 5.4.2).
const LONGEST_NUMBER: usize = 4;

/// Version 2 (RFC 9369).
pub(super) const V2: u32 = 0x6b33_43cf;

/// The salt of a version: that of RFC 9001, of RFC 9369, or of a draft.
fn salt(version: u32) -> Option<&'static [u8; 20]> {
    match version {
        1 | 0xff00_0021..=0xff00_0022 => {
            Some(b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a")
        }
        V2 => Some(b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9"),
        0xff00_001d..=0xff00_0020 => {
            Some(b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99")
        }
        0xff00_0017..=0xff00_001c => {
            Some(b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02")
        }
        _ => None,
    }
}

/// What protects the Initial packets of one side.
#[derive(PartialEq, Eq)]
pub(super) struct Keys {
    key: [u8; 16],
    iv: [u8; 12],
    header: [u8; 16],
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Those of client and server, from the connection ID that the client first sent to.
    pub fn derive(version: u32, id: &[u8]) -> Option<[Self; 2]> {
        let initial = Hkdf::<Sha256>::new(Some(salt(version)?), id);
        let prefix = if version == V2 { "quicv2" } else { "quic" };
        let side = |label| {
            let secret = Hkdf::<Sha256>::from_prk(&expand::<32>(&initial, label)?).ok()?;
            Some(Self {
                key: expand(&secret, &format!("{prefix} key"))?,
                iv: expand(&secret, &format!("{prefix} iv"))?,
                header: expand(&secret, &format!("{prefix} hp"))?,
            })
        };
        Some([side("client in")?, side("server in")?])
    }

    /// The frames of a packet whose number begins at `number_at`; none where it has other keys or was changed.
    pub fn open(&self, packet: &[u8], number_at: usize) -> Option<Vec<u8>> {
        let sample = packet.get(number_at + LONGEST_NUMBER..)?.first_chunk()?;
        let mask = self.mask(sample)?;
        let first = packet.first()? ^ mask[0] & 0x0f;
        let payload_at = number_at + usize::from(first & 3) + 1;
        let (header, payload) = packet.split_at_checked(payload_at)?;
        let mut header = header.to_vec();
        *header.first_mut()? = first;
        let mut number = 0;
        for (byte, mask) in header.get_mut(number_at..)?.iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
            number = number << 8 | u64::from(*byte);
        }
        // The first packets of a connection, which these are, have small numbers: all of it is there.
        let cipher = Aes128Gcm::new_from_slice(&self.key).ok()?;
        cipher.decrypt(&self.nonce(number).into(), Payload { msg: payload, aad: &header }).ok()
    }

    /// The packet of these frames, after a header that ends with a packet number of one byte.
    #[cfg(test)]
    pub fn seal(&self, header: &[u8], frames: &[u8]) -> Vec<u8> {
        let (number_at, number) = (header.len() - 1, header[header.len() - 1]);
        let cipher = Aes128Gcm::new_from_slice(&self.key).unwrap();
        let sealed = cipher.encrypt(&self.nonce(number.into()).into(), Payload { msg: frames, aad: header }).unwrap();
        let mut packet = [header, &sealed].concat();
        let mask = self.mask(packet[number_at + LONGEST_NUMBER..].first_chunk().unwrap()).unwrap();
        packet[0] ^= mask[0] & 0x0f;
        packet[number_at] ^= mask[1];
        packet
    }

    /// What the first byte and the number are masked with (RFC 9001 5.4.3).
    fn mask(&self, sample: &[u8; 16]) -> Option<[u8; 16]> {
        let mut block = (*sample).into();
        Aes128::new_from_slice(&self.header).ok()?.encrypt_block(&mut block);
        Some(block.into())
    }

    fn nonce(&self, number: u64) -> [u8; 12] {
        let mut nonce = self.iv;
        nonce.iter_mut().skip(4).zip(number.to_be_bytes()).for_each(|(byte, number)| *byte ^= number);
        nonce
    }
}

/// HKDF-Expand-Label without a context (RFC 8446 7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> Option<[u8; N]> {
    let mut key = [0; N];
    let len = [0, N as u8, 6 + label.len() as u8];
    secret.expand_multi_info(&[&len, b"tls13 ", label.as_bytes(), &[0]], &mut key).ok()?;
    Some(key)
}

/// The stream of one side's CRYPTO frames, as far as its first message.
#[derive(Debug, Default)]
pub(super) struct Crypto {
    /// From its start, without a gap.
    ready: Vec<u8>,
    /// What came before its turn, by offset.
    later: BTreeMap<usize, Vec<u8>>,
    held: usize,
    done: bool,
}

impl Crypto {
    /// The message was read: what comes after it is of no use.
    pub fn done(&mut self) {
        *self = Self { done: true, ..Self::default() };
    }

    /// Takes the frames of a packet, up to one that an Initial packet may not have (RFC 9000 12.4).
    pub fn take(&mut self, mut frames: &[u8]) {
        while let Some(&kind) = frames.first() {
            frames = &frames[1..];
            let read = match kind {
                0 | 1 => Some(()),
                2 | 3 => skip_ack(&mut frames, kind == 3),
                6 => self.frame(&mut frames),
                _ => None,
            };
            if read.is_none() {
                return;
            }
        }
    }

    fn frame(&mut self, frames: &mut &[u8]) -> Option<()> {
        let offset = usize::try_from(varint(frames)?).ok()?;
        let len = usize::try_from(varint(frames)?).ok()?;
        let (data, rest) = frames.split_at_checked(len)?;
        *frames = rest;
        if !self.done && len > 0 && offset.checked_add(len).is_some_and(|end| end <= MAX_CRYPTO) {
            self.put(offset, data);
        }
        Some(())
    }

    fn put(&mut self, offset: usize, data: &[u8]) {
        if offset > self.ready.len() {
            let is_longer = self.later.get(&offset).is_none_or(|known| known.len() < data.len());
            if is_longer && self.held + data.len() <= MAX_CRYPTO {
                self.held += data.len();
                self.later.insert(offset, data.to_vec());
            }
            return;
        }
        self.append(offset, data);
        while let Some(next) = self.later.first_entry()
            && *next.key() <= self.ready.len()
        {
            let (offset, data) = next.remove_entry();
            self.append(offset, &data);
        }
    }

    /// What `data`, which begins no later than the end, has beyond it.
    fn append(&mut self, offset: usize, data: &[u8]) {
        self.ready.extend_from_slice(data.get(self.ready.len() - offset..).unwrap_or(&[]));
    }

    /// The body of the first handshake message, once it is whole, if it is of this type.
    pub fn message(&self, kind: u8) -> Option<&[u8]> {
        let (&[first, a, b, c], body) = self.ready.split_first_chunk()?;
        let len = u32::from_be_bytes([0, a, b, c]);
        body.get(..usize::try_from(len).ok()?).filter(|_| first == kind)
    }
}

/// ACK (RFC 9000 19.3).
fn skip_ack(frames: &mut &[u8], with_ecn: bool) -> Option<()> {
    let (_largest, _delay) = (varint(frames)?, varint(frames)?);
    let ranges = varint(frames)?;
    let _first = varint(frames)?;
    for _ in 0..ranges {
        let (_gap, _len) = (varint(frames)?, varint(frames)?);
    }
    for _ in 0..if with_ecn { 3 } else { 0 } {
        varint(frames)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The connection ID of RFC 9001 appendix A and RFC 9369 appendix A.
    const ID: &[u8] = &0x8394_c8f0_3e51_5708_u64.to_be_bytes();

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn keys_are_those_of_the_appendices() {
        for (version, side, key, iv, header) in [
            (1, 0, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2"),
            (1, 1, "cf3a5331653c364c88f0f379b6067e37", "0ac1493ca1905853b0bba03e", "c206b8d9b9f0f37644430b490eeaa314"),
            (V2, 0, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f", "45b95e15235d6f45a6b19cbcb0294ba9"),
        ] {
            let keys = &Keys::derive(version, ID).unwrap()[side];
            assert_eq!(keys.key[..], bytes(key));
            assert_eq!(keys.iv[..], bytes(iv));
            assert_eq!(keys.header[..], bytes(header));
        }
        assert!(Keys::derive(2, ID).is_none());
    }

    #[test]
    fn the_servers_packet_of_the_appendix_is_opened() {
        let packet = bytes(
            "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf7\
             3c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f\
             58891850abbdca3d20398c276456cbc42158407dd074ee",
        );
        let [client, server] = Keys::derive(1, ID).unwrap();
        let frames = server.open(&packet, 18).unwrap();
        assert!(frames.starts_with(&bytes("02000000000600405a020000560303")));
        assert_eq!(client.open(&packet, 18), None);
        let mut crypto = Crypto::default();
        crypto.take(&frames);
        assert_eq!(crypto.message(2).map(<[u8]>::len), Some(0x56));
    }

    #[test]
    fn frames_are_put_together_in_any_order() {
        let mut crypto = Crypto::default();
        crypto.take(b"\x06\x06\x02cd\x01\0\x06\x03\x03\x04ab");
        assert_eq!(crypto.message(1), None);
        crypto.take(b"\x02\x01\0\0\0\x06\0\x03\x01\0\0\x06\x05\x02bc");
        assert_eq!(crypto.message(1), Some(&b"abcd"[..]));
        assert_eq!(crypto.message(2), None);
    }

    proptest! {
        #[test]
        fn any_frames_do_no_harm(packets: Vec<Vec<u8>>) {
            let mut crypto = Crypto::default();
            for frames in packets {
                crypto.take(&frames);
                prop_assert!(crypto.ready.len() <= MAX_CRYPTO && crypto.held <= MAX_CRYPTO);
            }
        }
    }
}
