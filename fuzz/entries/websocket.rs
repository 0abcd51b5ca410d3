//! WebSocket: frames of both sides after an upgrade, with and without compression, whole or with gaps.

use super::conversation::Conversation;
use super::script::Script;

/// A script: options, extension; then what is said: side, form, and bytes.
pub fn run(input: &[u8]) {
    let mut script = Script(input);
    let seed = script.byte();
    let extension = script.one_of(&[
        "",
        "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n",
    ]);
    let mut talk = Conversation::new(80);
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    talk.say(
        0,
        format!(
            "GET /chat HTTP/1.1\r\nHost: a\r\n{upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Version: 13\r\n{extension}\r\n"
        ),
    );
    talk.say(
        1,
        format!(
            "HTTP/1.1 101 Switching Protocols\r\n{upgrade}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
             {extension}\r\n"
        ),
    );
    while !script.is_done() && talk.turns.len() < 60 {
        let (from, form) = (script.below(2), script.byte());
        match form % 4 {
            0 => talk.say(from, script.sized()),
            1 | 2 => {
                let (first, masked) = (script.byte(), script.byte() & 0x80);
                talk.say(from, frame(first, masked, script.sized()));
            }
            _ => talk.lose(from, script.short() % 3000),
        }
    }
    talk.judge(seed);
}

/// A frame (RFC 6455 5.2), masked by zeros and ones where it is.
fn frame(first: u8, masked: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ ..126 => frame.push(masked | len as u8),
        len => {
            frame.push(masked | 126);
            frame.extend((len as u16).to_be_bytes());
        }
    }
    if masked == 0 {
        frame.extend(payload);
    } else {
        let mask = [1, 0, 2, 0xff];
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
    frame
}
