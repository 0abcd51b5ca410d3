//! Display filters: what is wrong is told at a place in the text, and what is right decides of every record.

use dissect::event::{Event, Sink};
use dissect::filter::{self, ConnectionRecord, Fields, Filter, FrameRecord, MessageRecord, Times};

use super::conversation::Conversation;
use super::judge::is_plain;

/// Reads the input as a filter, and asks it.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match filter::compile(text, &Fields) {
        Err(mistake) => {
            assert!(mistake.span.start <= mistake.span.end && mistake.span.end <= text.len(), "{mistake:?}");
            is_plain(mistake.render(text).as_bytes());
        }
        Ok(filter) => ask(filter),
    }
}

fn ask(filter: Filter) {
    let mut talk = Conversation::new(80);
    talk.say(0, &b"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nUser-Agent: curl/7\r\nContent-Length: 5\r\n\r\nhello"[..]);
    talk.say(1, &b"HTTP/1.1 404 Not Found\r\nServer: s\r\nContent-Length: 3\r\n\r\n\xff\0a"[..]);
    talk.tell_all(&mut Asked(filter));
}

struct Asked(Filter);

impl Sink for Asked {
    fn event(&mut self, event: Event<'_>) {
        let filter = &self.0;
        match event {
            Event::Packet(packet) => {
                let record = FrameRecord::new(&packet, Times::default());
                filter.decide(&record);
                filter.evidence(&record);
            }
            Event::Message(message) => {
                let record = MessageRecord::as_captured(&message, Times::default());
                filter.decide(&record);
                filter.evidence(&record);
                filter.decide(&MessageRecord::as_sent(&message));
            }
            Event::Connection(connection) => {
                filter.decide(&ConnectionRecord::as_captured(connection));
                filter.decide(&ConnectionRecord::as_sent(connection));
            }
            _ => {}
        }
    }
}
