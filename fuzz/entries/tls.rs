//! TLS: records of both sides, put around what the script says, so that handshakes are reached; and Initial packets of QUIC,
//! sealed, for the same reason.

use aes::Aes128;
use aes::cipher::BlockCipherEncrypt;
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

use super::conversation::Conversation;
use super::script::Script;

/// A script: options; then what is said: side, form, and bytes.
pub fn run(input: &[u8]) {
    let mut script = Script(input);
    let seed = script.byte();
    let mut talk = Conversation::new(443);
    while !script.is_done() && talk.turns.len() < 60 {
        let (from, form) = (script.below(2), script.byte());
        match form % 6 {
            0 => talk.say(from, script.sized()),
            1 => {
                let kind = script.byte();
                let message = handshake(kind, script.sized());
                talk.say(from, record(22, &message));
            }
            2 => {
                let kind = script.byte();
                talk.say(from, record(kind, script.sized()));
            }
            3 => {
                // A handshake message over several records.
                let (kind, len) = (script.byte(), 1 + script.below(100));
                let message = handshake(kind, script.sized());
                talk.say(from, message.chunks(len).flat_map(|part| record(22, part)).collect::<Vec<_>>());
            }
            4 => {
                let hello = client_hello(&mut script);
                talk.say(from, record(22, &handshake(1, &hello)));
            }
            _ => talk.lose(from, script.short()),
        }
    }
    talk.judge(seed);
}

/// A record of version 1.2.
fn record(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend((bytes.len() as u16).to_be_bytes());
    record.extend(bytes);
    record
}

/// A handshake message.
fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend(body);
    message
}

/// The body of a ClientHello with extensions as the script says.
fn client_hello(script: &mut Script<'_>) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    let session = script.below(33);
    body.push(session as u8);
    body.resize(body.len() + session, 9);
    let ciphers = script.short_sized();
    body.extend((ciphers.len() as u16).to_be_bytes());
    body.extend(ciphers);
    body.extend([1, 0]);
    let mut extensions = Vec::new();
    for _ in 0..script.below(12) {
        extensions.extend((u16::from(script.byte())).to_be_bytes());
        let data = script.short_sized();
        extensions.extend((data.len() as u16).to_be_bytes());
        extensions.extend(data);
    }
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    body
}

/// A client's Initial packet of QUIC version 1 with these frames (RFC 9001 5), to a connection ID of eight zeros.
pub fn initial(frames: &[u8]) -> Vec<u8> {
    const SALT: &[u8; 20] = b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a";
    let mut frames = frames.to_vec();
    // As many as the sample needs.
    frames.resize(frames.len().max(4), 0);
    let secret: [u8; 32] = expand(&Hkdf::<Sha256>::new(Some(SALT), &[0; 8]), "client in");
    let secret = Hkdf::<Sha256>::from_prk(&secret).expect("of the length of the hash");
    let (key, iv, mask): ([u8; 16], [u8; 12], [u8; 16]) =
        (expand(&secret, "quic key"), expand(&secret, "quic iv"), expand(&secret, "quic hp"));
    let mut packet = b"\xc0\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0".to_vec();
    packet.extend((0x4000 | (frames.len() as u16).wrapping_add(17) & 0x3fff).to_be_bytes());
    packet.push(0);
    let number_at = packet.len() - 1;
    let cipher = Aes128Gcm::new_from_slice(&key).expect("of its length");
    let sealed = cipher.encrypt(&iv.into(), Payload { msg: &frames, aad: &packet }).expect("short enough");
    packet.extend(sealed);
    let mut block = <[u8; 16]>::try_from(&packet[number_at + 4..number_at + 20]).expect("of its length").into();
    Aes128::new_from_slice(&mask).expect("of its length").encrypt_block(&mut block);
    packet[0] ^= block[0] & 0x0f;
    packet[number_at] ^= block[1];
    packet
}

/// HKDF-Expand-Label without a context (RFC 8446 7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> [u8; N] {
    let mut info = vec![0, N as u8, 6 + label.len() as u8];
    info.extend(b"tls13 ");
    info.extend(label.bytes());
    info.push(0);
    let mut key = [0; N];
    secret.expand(&info, &mut key).expect("short enough");
    key
}
