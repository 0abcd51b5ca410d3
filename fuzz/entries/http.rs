//! HTTP/1: bytes and gaps of both sides. The messages are the same however they are cut, and a head that `httparse` reads
//! says the same here.

use super::conversation::{Conversation, Turn};
use super::judge::Message;
use super::script::Script;
use serde_json::Value;

/// Fields that change how a message is framed.
const FIELDS: &[&str] = &[
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Content-Encoding: gzip\r\n",
    "Connection: close\r\n",
    "Connection: Upgrade\r\nUpgrade: h2c\r\n",
    "Expect: 100-continue\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Content-Type: multipart/byteranges; boundary=a\r\n",
    "Host: a\r\n",
    " folded\r\n",
];

const METHODS: &[&str] = &["GET", "POST", "HEAD", "CONNECT", "OPTIONS", "PUT", "get", "PRI"];
const CODES: &[&str] = &["200 OK", "204 No", "304 Not", "100 Continue", "101 Switch", "206 Part", "404", "199 Odd"];

/// A script: options; then what is said: side, form, and bytes.
pub fn run(input: &[u8]) {
    let mut script = Script(input);
    let seed = script.byte();
    let mut talk = Conversation::new(80);
    talk.closes = seed & 0x80 == 0;
    while !script.is_done() && talk.turns.len() < 60 {
        let (from, form) = (script.below(2), script.byte());
        match form % 6 {
            0 | 1 => talk.say(from, script.sized()),
            2 => talk.say(from, head(from, &mut script)),
            3 => {
                // A chunk.
                let data = script.short_sized();
                talk.say(from, [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat());
            }
            4 => {
                let message = [head(from, &mut script), script.short_sized().to_vec()].concat();
                talk.say(from, message);
            }
            _ => talk.lose(from, script.short() % 3000),
        }
    }
    let told = talk.judge(seed);
    if talk.has_gaps() {
        return;
    }
    let first = talk.turns.iter().find_map(|turn| match turn {
        Turn::Say(_, bytes) if !bytes.is_empty() => Some(bytes),
        _ => None,
    });
    if let (Some(bytes), Some(message)) =
        (first, told.iter().find(|message| message.record.pointer("/message/number") == Some(&Value::from(1))))
    {
        agrees_with_httparse(bytes, message);
    }
}

/// A head.
fn head(from: usize, script: &mut Script<'_>) -> Vec<u8> {
    let mut head = if from == 0 {
        format!("{} /a HTTP/1.{}\r\n", script.one_of(METHODS), script.below(3)).into_bytes()
    } else {
        format!("HTTP/1.{} {}\r\n", script.below(3), script.one_of(CODES)).into_bytes()
    };
    for _ in 0..script.below(5) {
        match script.byte() {
            0xff => head.extend(script.short_sized()),
            other => head.extend(FIELDS[usize::from(other) % FIELDS.len()].bytes()),
        }
    }
    head.extend(b"\r\n");
    head
}

/// That a request that begins the first thing said has the method, target and fields that `httparse` reads of it.
fn agrees_with_httparse(bytes: &[u8], message: &Message) {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    let Ok(httparse::Status::Complete(_)) = request.parse(bytes) else { return };
    let text = |at: &str| message.record.pointer(at).and_then(Value::as_str);
    if text("/http/request/method").is_none() || bytes.starts_with(b"\r") || bytes.starts_with(b"\n") {
        return;
    }
    assert_eq!(text("/http/request/method"), request.method, "method");
    if let Some(path) = request.path.filter(|path| path.is_ascii()) {
        assert_eq!(text("/http/request/uri"), Some(path), "target");
    }
    let ours = message.record.pointer("/http/headers").and_then(Value::as_array).map_or(0, Vec::len);
    assert_eq!(ours, request.headers.len(), "number of fields of {:?}", bytes.escape_ascii().to_string());
}
