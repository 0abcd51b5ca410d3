//! A connection as it would be captured near the client: handshake, exchanges, end, planned a few frames at a time.

use std::collections::VecDeque;
use std::io::{self, Write};

use super::http::{Filler, Message, Style, exchange};
use super::wire::{ACK, End, FIN, MSS, PSH, SYN, Segment, Writer};
use super::{MS, Profile, Random};

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// Clients; with 2^14 ports each, so many connections have ends of their own.
const CLIENTS: u64 = 1 << 12;
const SERVERS: u64 = 61;

/// Time between full segments of a flight: a link of some 1 Gbit/s.
const SPACING: u64 = 12_000;
/// How long an ACK waits for data to go with, and for a retransmission to be due.
const DELAYED_ACK: u64 = 40 * MS;
const RETRANSMISSION_TIMEOUT: u64 = 220 * MS;
/// Segments of the first flight (RFC 6928) and of the largest.
const INITIAL_FLIGHT: usize = 10;
const MAX_FLIGHT: usize = 44;

/// What is to come next.
enum Stage {
    Handshake,
    Request,
    /// How much of the response was sent, and how many segments the next flight may have.
    Response(u64, usize),
    Close,
    Closed,
}

/// A segment that is to be written.
#[derive(Clone, Copy)]
struct Planned {
    time: u64,
    from: usize,
    /// Where its payload lies in the message that `from` sends.
    offset: u64,
    len: usize,
    seq: u32,
    ack: u32,
    flags: u8,
    sack: [(u32, u32); 3],
}

/// A connection.
pub struct Connection {
    ends: [End; 2],
    /// Next sequence number of each end.
    next: [u32; 2],
    /// The last timestamp that each end sent.
    sent: [u32; 2],
    messages: [Message; 2],
    stage: Stage,
    time: u64,
    rtt: u64,
    /// Exchanges to come.
    exchanges: u64,
    /// Whether the client has still to acknowledge the end of the response.
    owes_ack: bool,
    planned: VecDeque<Planned>,
}

impl Connection {
    /// The connection with this number, which no other of the trace has, beginning at `time`.
    pub fn new(number: u64, time: u64, exchanges: u64, profile: &Profile, random: &mut Random) -> Self {
        let [_, a, b, c] = ((number % CLIENTS) as u32).to_be_bytes();
        let mut end = |address, port, ttl| {
            let bits = random.number();
            End { address, port, ttl, id: bits as u16, clock: (bits >> 32) as u32 }
        };
        let client = end([10, a, b, c], 32_768 + (number / CLIENTS % (1 << 14)) as u16, 64);
        let server = end([198, 51, 100, 10 + (number % SERVERS) as u8], 80, 55);
        Self {
            ends: [client, server],
            next: [random.number() as u32, random.number() as u32],
            sent: [0; 2],
            messages: Default::default(),
            stage: Stage::Handshake,
            time,
            rtt: random.between(profile.rtt.0, profile.rtt.1),
            exchanges,
            owes_ack: false,
            planned: VecDeque::new(),
        }
    }

    /// When its next frame is due; none where it is over.
    pub fn due(&mut self, profile: &Profile, random: &mut Random, filler: &Filler) -> Option<u64> {
        while self.planned.is_empty() {
            match self.stage {
                Stage::Handshake => self.handshake(),
                Stage::Request => self.request(profile, random, filler),
                Stage::Response(offset, flight) => self.respond(offset, flight, profile, random),
                Stage::Close => self.close(profile),
                Stage::Closed => return None,
            }
        }
        self.planned.front().map(|planned| planned.time)
    }

    /// When its last frame was due.
    pub fn ended(&self) -> u64 {
        self.time
    }

    /// Writes the frame that is due.
    pub fn write<W: Write>(&mut self, filler: &Filler, out: &mut Writer<W>) -> io::Result<()> {
        let Some(planned) = self.planned.pop_front() else { return Ok(()) };
        let Planned { time, from, offset, len, seq, ack, flags, sack } = planned;
        let parts = self.messages[from].bytes(offset, len, filler);
        self.sent[from] = self.ends[from].timestamp(time);
        let window = if flags & SYN != 0 { 64_240 } else { 1026 };
        let segment = Segment { seq, ack, flags, window, echo: self.sent[1 - from], sack };
        let [client, server] = &mut self.ends;
        out.segment(time, if from == CLIENT { [client, server] } else { [server, client] }, &segment, parts)
    }

    /// Plans a segment that begins at the next sequence number and acknowledges all.
    fn send(&mut self, from: usize, flags: u8, offset: u64, len: usize) {
        let (seq, ack) = (self.next[from], if flags & ACK == 0 { 0 } else { self.next[1 - from] });
        self.planned.push_back(Planned { time: self.time, from, offset, len, seq, ack, flags, sack: [(0, 0); 3] });
        let control = u32::from(flags & (SYN | FIN) != 0);
        self.next[from] = seq.wrapping_add(len as u32 + control);
    }

    fn handshake(&mut self) {
        self.send(CLIENT, SYN, 0, 0);
        self.time += self.rtt;
        self.send(SERVER, SYN | ACK, 0, 0);
        self.time += SPACING;
        self.send(CLIENT, ACK, 0, 0);
        self.time += SPACING;
        self.stage = Stage::Request;
    }

    fn request(&mut self, profile: &Profile, random: &mut Random, filler: &Filler) {
        let [request, response] = &mut self.messages;
        exchange([request, response], profile.style, profile.size(random), random, filler);
        self.exchanges -= 1;
        let len = self.messages[CLIENT].len();
        for begin in (0..len).step_by(MSS) {
            let part = (len - begin).min(MSS as u64) as usize;
            self.send(CLIENT, ACK | PSH, begin, part);
            // Lost behind the capture: it is there twice.
            if random.below(1000) < profile.lost {
                let copy =
                    self.planned.back().map(|first| Planned { time: first.time + RETRANSMISSION_TIMEOUT, ..*first });
                self.planned.extend(copy);
                self.time += RETRANSMISSION_TIMEOUT;
            }
            self.time += SPACING;
        }
        self.owes_ack = false;
        self.time += self.rtt;
        if random.below(1000) < profile.acked_requests {
            self.send(SERVER, ACK, 0, 0);
        }
        self.time += random.between(profile.service.0, profile.service.1);
        self.stage = Stage::Response(0, INITIAL_FLIGHT);
    }

    /// One flight of the response, with its acknowledgments.
    fn respond(&mut self, offset: u64, flight: usize, profile: &Profile, random: &mut Random) {
        let total = self.messages[SERVER].len();
        let count = ((total - offset).div_ceil(MSS as u64) as usize).min(flight);
        let begin = self.time;
        Flight::new(self, offset, total, count).run(profile, random);
        let sent = (total - offset).min((count * MSS) as u64);
        self.next[SERVER] = self.next[SERVER].wrapping_add(sent as u32);
        if offset + sent < total {
            self.time = self.time.max(begin + self.rtt);
            self.stage = Stage::Response(offset + sent, (flight * 2).min(MAX_FLIGHT));
        } else if self.exchanges == 0 {
            self.stage = Stage::Close;
        } else {
            let pause = random.between(profile.pause.0, profile.pause.1);
            if pause > DELAYED_ACK && self.owes_ack {
                self.time += DELAYED_ACK;
                self.send(CLIENT, ACK, 0, 0);
                self.time -= DELAYED_ACK;
            }
            self.time += pause;
            self.stage = Stage::Request;
        }
    }

    /// The server ends a connection for one exchange, the client one that was kept alive.
    fn close(&mut self, profile: &Profile) {
        let first = if profile.style == Style::Program { SERVER } else { CLIENT };
        self.send(first, FIN | ACK, 0, 0);
        self.time += SPACING;
        if first == SERVER && self.owes_ack {
            // Of the response alone, as the stack does it; the FIN with its own.
            self.send(CLIENT, ACK, 0, 0);
        }
        self.time += if first == SERVER { 5 * SPACING } else { self.rtt };
        self.send(1 - first, FIN | ACK, 0, 0);
        self.time += if first == SERVER { self.rtt } else { SPACING };
        self.send(first, ACK, 0, 0);
        self.stage = Stage::Closed;
    }
}

/// Segments of the response under way at the same time.
struct Flight<'c> {
    connection: &'c mut Connection,
    offset: u64,
    total: u64,
    seq: u32,
    arrived: [bool; MAX_FLIGHT],
    count: usize,
    /// The first that has not arrived.
    next: usize,
    /// In-order segments that are not acknowledged.
    unacked: u64,
    /// ACKs that repeat the last.
    repeated: u32,
}

impl<'c> Flight<'c> {
    fn new(connection: &'c mut Connection, offset: u64, total: u64, count: usize) -> Self {
        let seq = connection.next[SERVER];
        Self { connection, offset, total, seq, arrived: [false; MAX_FLIGHT], count, next: 0, unacked: 0, repeated: 0 }
    }

    fn run(mut self, profile: &Profile, random: &mut Random) {
        let mut order: Vec<usize> = (0..self.count).collect();
        for place in 0..self.count {
            if profile.reordered > 0 && random.below(1000) < profile.reordered {
                let later = (place + random.between(1, 3) as usize).min(self.count - 1);
                order[place..=later].rotate_left(1);
            }
        }
        loop {
            let mut lost = Vec::new();
            self.repeated = 0;
            for index in order {
                if random.below(1000) < profile.lost {
                    lost.push(index);
                } else {
                    self.arrive(index, profile, random);
                }
            }
            if lost.is_empty() {
                break;
            }
            let fast = self.repeated >= 3;
            self.connection.time += self.connection.rtt + if fast { 0 } else { RETRANSMISSION_TIMEOUT };
            lost.sort_unstable();
            order = lost;
        }
        self.connection.owes_ack = self.unacked > 0;
    }

    /// A segment comes, and what the client answers.
    fn arrive(&mut self, index: usize, profile: &Profile, random: &mut Random) {
        let offset = self.offset + (index * MSS) as u64;
        let len = (self.total - offset).min(MSS as u64) as usize;
        let (seq, ack) = (self.at(index), self.connection.next[CLIENT]);
        let flags = if offset + len as u64 == self.total { ACK | PSH } else { ACK };
        let time = self.connection.time;
        let sack = [(0, 0); 3];
        self.connection.planned.push_back(Planned { time, from: SERVER, offset, len, seq, ack, flags, sack });
        self.connection.time += SPACING;

        let repaired = self.arrived.get(self.next + 1..self.count).is_some_and(|later| later.contains(&true));
        self.arrived[index] = true;
        if index != self.next {
            self.repeated += 1;
            return self.acknowledge(Some(index));
        }
        while self.next < self.count && self.arrived[self.next] {
            self.next += 1;
        }
        self.unacked += 1;
        if repaired || self.unacked >= random.between(profile.ack_every.0, profile.ack_every.1) {
            self.acknowledge(None);
        }
    }

    /// Sends an ACK; `latest` came out of order, and its run of segments is reported first.
    fn acknowledge(&mut self, latest: Option<usize>) {
        let mut blocks: Vec<(usize, usize)> = Vec::new();
        for index in self.next..self.count {
            match blocks.last_mut() {
                _ if !self.arrived[index] => {}
                Some((_, end)) if *end == index => *end += 1,
                _ => blocks.push((index, index + 1)),
            }
        }
        if let Some(latest) = latest {
            blocks.sort_by_key(|(begin, end)| !(*begin..*end).contains(&latest));
        }
        let mut sack = [(0, 0); 3];
        for (block, (begin, end)) in sack.iter_mut().zip(blocks) {
            *block = (self.at(begin), self.at(end));
        }
        let (time, seq, ack) = (self.connection.time, self.connection.next[CLIENT], self.at(self.next));
        let planned = Planned { time, from: CLIENT, offset: 0, len: 0, seq, ack, flags: ACK, sack };
        self.connection.planned.push_back(planned);
        self.unacked = 0;
    }

    /// The sequence number at the beginning of a segment.
    fn at(&self, index: usize) -> u32 {
        let len = ((index * MSS) as u64).min(self.total - self.offset);
        self.seq.wrapping_add(len as u32)
    }
}
