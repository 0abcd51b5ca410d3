//! HTTP/2: frames of both sides after the preface, with field blocks in HPACK, whole or with gaps.

use super::conversation::Conversation;
use super::script::Script;

/// A script: options; then what is said: side, form, and bytes.
pub fn run(input: &[u8]) {
    let mut script = Script(input);
    let seed = script.byte();
    let mut talk = Conversation::new(80);
    talk.say(0, &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"[..]);
    talk.say(1, &b"\0\0\0\x04\0\0\0\0\0"[..]);
    while !script.is_done() && talk.turns.len() < 60 {
        let (from, form) = (script.below(2), script.byte());
        match form % 8 {
            0 => talk.say(from, script.sized()),
            1 => talk.lose(from, script.short() % 3000),
            2..=4 => {
                // A head: fields by index and literal, as the script says, in one frame or with CONTINUATION.
                let (stream, flags, split) = (u32::from(script.byte() % 16), script.byte(), script.byte());
                let mut block = if from == 0 { vec![0x82, 0x84, 0x86] } else { vec![0x88] };
                block.extend(script.sized());
                let (first, rest) = block.split_at(block.len() * usize::from(split) / 255);
                if rest.is_empty() {
                    talk.say(from, frame(1, flags | 4, stream, first));
                } else {
                    talk.say(from, [frame(1, flags & !4, stream, first), frame(9, 4, stream, rest)].concat());
                }
            }
            _ => {
                let (kind, flags) = (script.byte() % 12, script.byte());
                let stream = if form & 0x80 == 0 { u32::from(script.byte() % 16) } else { script.long() };
                talk.say(from, frame(kind, flags, stream, script.sized()));
            }
        }
    }
    talk.judge(seed);
}

/// A frame (RFC 9113 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}
