//! TCP as a sequence of operations on the segments of a conversation: drop, swap, split, repeat, overlap, cut, wrap, reset,
//! delay. Where they leave every byte to be had within the grace, the messages are the same.

use super::conversation::{Conversation, tell};
use super::judge::essence;
use super::packet::{ACK, FIN, MS, RST, SYN, Segment};
use super::script::Script;

const MESSAGES: [&[&[u8]]; 2] = [
    &[
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
        b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-A: b\r\n\r\n",
        b"HEAD /d HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    &[
        b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nhello, world!",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\nContent-Type: text/plain\r\n\r\n0123456789012345678901234567890123456789",
    ],
];

/// A script: options, sequence numbers, exchanges, sizes of segments; then operations: which, where, how.
pub fn run(input: &[u8]) {
    let mut script = Script(input);
    let seed = script.byte();
    let mut talk = Conversation::new(80);
    talk.isns = [script.long(), u32::from(script.short()).wrapping_neg()];
    talk.closes = seed & 1 == 0;
    for _ in 0..script.below(4) + 1 {
        let (request, response) = (script.below(4), script.below(4));
        talk.say(0, MESSAGES[0][request]);
        // HEAD has no body to be answered with.
        talk.say(1, if request == 3 { MESSAGES[1][1] } else { MESSAGES[1][response] });
    }
    let longest = 1 + script.below(200);
    let mut segments = talk.segments(|len| len.min(longest));
    let mut is_whole = true;
    for _ in 0..200 {
        if script.is_done() {
            break;
        }
        is_whole &= operate(&mut script, &mut segments);
    }
    segments.truncate(2000);
    let told = tell(seed, &segments);
    if is_whole {
        assert_eq!(essence(&told), essence(&tell(seed, &talk.segments(|len| len))), "after what harms nothing");
    }
}

/// Does something to the segments; whether that harms nothing.
fn operate(script: &mut Script<'_>, all: &mut Vec<Segment>) -> bool {
    if all.is_empty() {
        return true;
    }
    let what = script.byte();
    let i = usize::from(script.short()) % all.len();
    match what % 14 {
        0 => drop(all.remove(i)),
        1 => {
            // Neighbours of one side and one turn change places.
            let Some(next) = all.get(i + 1) else { return true };
            let near = next.from == all[i].from && next.time - all[i].time < MS;
            let plain = all[i].flags & (SYN | FIN | RST) == 0 && next.flags & (SYN | FIN | RST) == 0;
            if near && plain {
                let (first, second) = (all[i].time, next.time);
                all.swap(i, i + 1);
                (all[i].time, all[i + 1].time) = (first, second);
            }
            return true;
        }
        2 => {
            // It is sent in two.
            let segment = &mut all[i];
            let len = segment.payload.len();
            if len > 1 && segment.missing == 0 && segment.flags == ACK {
                let mut second = segment.clone();
                second.payload = segment.payload.split_off(1 + script.below(len.min(256)) % (len - 1));
                second.seq = second.seq.wrapping_add(segment.payload.len() as u32);
                all.insert(i + 1, second);
            }
            return true;
        }
        3 => {
            // It is captured twice.
            if all[i].flags & (SYN | FIN | RST) == 0 {
                all.insert(i + 1, all[i].clone());
            }
            return true;
        }
        4 => {
            let j = usize::from(script.short()) % all.len();
            all.swap(i, j);
        }
        5 => {
            let j = usize::from(script.short()) % all.len();
            let copy = all[i].clone();
            all.insert(j, copy);
        }
        6 => {
            // A copy that begins elsewhere, with other bytes.
            let mut copy = all[i].clone();
            copy.seq = copy.seq.wrapping_add_signed(i32::from(script.byte() as i8));
            copy.payload.extend(script.short_sized());
            all.insert(i + 1, copy);
        }
        7 => all[i].missing = script.below(256),
        8 => all[i].seq = all[i].seq.wrapping_add(script.long()),
        9 => all[i].ack = all[i].ack.wrapping_add(script.long()),
        10 => all[i].flags = script.byte(),
        11 => {
            // What follows comes later, or earlier.
            let by = i64::from(script.short() as i16) * MS;
            all[i..].iter_mut().for_each(|segment| segment.time += by);
        }
        12 => {
            let (at, byte) = (script.below(256), script.byte());
            if let Some(place) = all[i].payload.get_mut(at) {
                *place = byte;
            }
        }
        _ => all[i].ports[0] ^= u16::from(script.byte() & 1),
    }
    false
}
