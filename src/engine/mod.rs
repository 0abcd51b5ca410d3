//! The core: frames in, events out. Decode, find the flow, put the stream in order, parse, tell.
//!
//! It keeps no clock: time is the capture time of the frames and of [`Engine::advance`].

mod closed;
mod connection;
mod datagrams;
mod feed;
mod losses;
mod options;
mod plain;
mod timers;
mod totals;

use std::collections::VecDeque;
use std::mem;
use std::net::IpAddr;

use arrayvec::ArrayVec;

use crate::app::ledger::{Class, Ledger};
use crate::app::{Pool, Wanted};
use crate::decode::{self, Decoded, Layer, MAX_LAYERS, TcpHeader, Transport, checksum};
use crate::event::{Close, Event, Followed, Happened, Packet, Sink};
use crate::flow::fragments::{Assembly, Fragments, Whole};
use crate::flow::{Endpoint, Hashed, Id, Key, Table};
use crate::frame::{Frame, FrameMeta, Timestamp};
use crate::issue::{Flags, Issue};
use crate::tcp::reassembly::Memory;
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, Control, Options as TcpOptions, Segment, Seq};
use connection::Connection;
use datagrams::Datagrams;
use losses::Losses;
use timers::Timers;

pub use options::{Choice, Limits, Options, Stream};
pub use totals::Totals;

/// The fewest layers of a frame with a UDP header that is not its last: IP, UDP, the tunnel's, and what that carries;
/// or IP, ICMP, and IP and UDP that it quotes.
const MIN_TUNNEL: usize = 4;

/// The core.
pub struct Engine {
    options: Options,
    table: Table<Connection>,
    closed: VecDeque<Id>,
    timers: Timers,
    fragments: Fragments,
    datagrams: Datagrams,
    queued: usize,
    /// TCP connections that have a number.
    streams: u64,
    shared: Shared,
}

/// A TCP segment on its way to its stream.
struct Arrival<'a, 'c> {
    /// Its frame, where the layers of that are known.
    packet: Option<Packet<'a>>,
    key: &'a Hashed,
    /// Its connection, if there is one yet.
    known: Option<Id>,
    /// Whether it goes from the higher end of the key to the lower.
    swapped: bool,
    segment: &'a Segment<'a>,
    carrier: &'a mut Carrier<'c>,
    /// See [`HalfStream::push`](crate::tcp::reassembly::HalfStream::push).
    header_sum: Option<u64>,
    /// What was found wrong with it.
    flags: Flags,
}

/// What all connections write to.
struct Shared {
    /// The latest capture time.
    now: Timestamp,
    counts: Totals,
    ledger: Ledger,
    memory: Memory,
    losses: Losses,
    decoding: usize,
    pool: Pool,
    wanted: Wanted,
}

impl Engine {
    /// A core that has seen nothing.
    pub fn new(options: Options) -> Self {
        let wanted = Wanted { messages: !options.only_totals, preview: options.preview, bodies: options.bodies };
        Self {
            options,
            table: Table::default(),
            closed: VecDeque::new(),
            timers: Timers::default(),
            fragments: Fragments::default(),
            datagrams: Datagrams::default(),
            queued: 0,
            streams: 0,
            shared: Shared {
                now: Timestamp(i64::MIN),
                counts: Totals::default(),
                ledger: Ledger::default(),
                memory: Memory::default(),
                losses: Losses::default(),
                decoding: 0,
                pool: Pool::default(),
                wanted,
            },
        }
    }

    /// Counts so far.
    pub fn totals(&self) -> Totals {
        let given_up = self.fragments.given_up + self.fragments.waiting();
        let (tcp_streams, udp_streams) = (self.streams, self.datagrams.count());
        let (ledger, counts) = (self.shared.ledger, self.shared.counts.clone());
        Totals { tcp_streams, udp_streams, fragments_given_up: given_up, ledger, ..counts }
    }

    /// Frames, messages and TCP connections so far.
    #[inline]
    pub fn counts(&self) -> [u64; 3] {
        let counts = &self.shared.counts;
        [counts.frames, counts.messages, self.streams]
    }

    /// Takes the next frame.
    pub fn push(&mut self, frame: Frame<'_>, sink: &mut impl Sink) {
        self.push_all(&[frame], sink);
    }

    /// Takes a frame by its layers.
    fn layers(&mut self, frame: Frame<'_>, sink: &mut impl Sink) {
        let decoded = decode::decode(frame);
        let headers = upto(frame.bytes, &decoded.layers);
        match self.defragment(&decoded) {
            None => self.take(&decoded, headers, &[], &[], sink),
            Some(mut whole) => self.resume(decoded, headers, Vec::new(), Vec::new(), &mut whole, sink),
        }
    }

    /// Goes on in a datagram that a frame completed; in it there may be a tunnel, with a fragment that completes
    /// another.
    fn resume<'a>(
        &mut self,
        mut decoded: Decoded<'a>,
        headers: &[u8],
        mut resumed: Vec<u8>,
        mut assemblies: Vec<Assembly>,
        Whole { protocol, bytes, parts }: &'a mut Whole,
        sink: &mut impl Sink,
    ) {
        let outer = decoded.layers.len();
        let (layer, len) = (outer.saturating_sub(1), bytes.len() as u32);
        assemblies.push(Assembly { layer, len, parts: mem::take(parts) });
        decode::resume(&mut decoded, *protocol, bytes);
        let layers = decoded.layers.get(outer..).unwrap_or_default();
        resumed.extend_from_slice(upto(bytes, layers));
        // A fragment within has a header of its own, so that there are fewer rounds than layers.
        match self.defragment(&decoded).filter(|_| !layers.is_empty()) {
            None => self.take(&decoded, headers, &resumed, &assemblies, sink),
            Some(mut whole) => self.resume(decoded, headers, resumed, assemblies, &mut whole, sink),
        }
    }

    /// Takes what a frame carries; `headers` are its own bytes before that, `resumed` those of the datagrams that it
    /// completed, which `assemblies` are.
    fn take(
        &mut self,
        decoded: &Decoded<'_>,
        headers: &[u8],
        resumed: &[u8],
        assemblies: &[Assembly],
        sink: &mut impl Sink,
    ) {
        let packet = Packet { decoded, tcp: None, udp_streams: &[], assemblies, reassembled_in: None, why: None };
        if self.options.assembly_only {
            return sink.event(Event::Packet(packet));
        }
        self.shared.counts.stopped += u64::from(decoded.stop.is_some());
        let mut udp_streams = ArrayVec::new();
        if decoded.layers.len() >= MIN_TUNNEL || matches!(decoded.transport, Transport::None) {
            self.number_outer(decoded, &mut udp_streams);
        }
        let packet = Packet { udp_streams: &udp_streams, ..packet };
        let carrier =
            Carrier { meta: decoded.meta, cap_len: decoded.cap_len, headers, resumed, verdict: Verdict::default() };
        match (decoded.transport, decoded.addresses) {
            (Transport::Tcp(header), Some(addresses)) => {
                let (key, swapped) = key(addresses, header.src, header.dst);
                let options = options_of(header);
                let is_whole = !decoded.payload.is_empty() && decoded.missing == 0;
                let key = self.table.hash(key);
                let arrival = Arrival {
                    packet: Some(packet),
                    known: self.table.find(&key),
                    key: &key,
                    swapped,
                    segment: &segment_of(decoded.meta, header, &options, decoded.payload, decoded.missing),
                    carrier: &mut { carrier },
                    header_sum: if is_whole { checksum::header_sum(decoded) } else { None },
                    flags: self.verify(decoded),
                };
                self.segment(arrival, sink);
            }
            (Transport::Udp { src, dst }, Some(addresses)) => {
                let ends = ends(addresses, src, dst);
                let (id, stream) = self.datagrams.stream(ends);
                if self.options.packets {
                    let mut udp_streams = udp_streams.clone();
                    // Where the list is full, the streams of outer headers fill it.
                    let _ = udp_streams.try_push((decoded.layers.len().saturating_sub(1), stream));
                    sink.event(Event::Packet(Packet { udp_streams: &udp_streams, ..packet }));
                }
                let followed = self.options.follow == Some(Stream::Udp(stream));
                if followed || self.options.follow.is_none() && self.options.stream.is_none() {
                    self.datagrams.push(id, ends, decoded, carrier, &mut self.shared, sink);
                }
                if followed && let Some(flow) = self.datagrams.flow(id) {
                    let what = Happened::Datagram(&carrier, decoded.payload, decoded.missing);
                    sink.event(Event::Followed(Followed { flow, side: usize::from(flow.ends != ends), what }));
                }
            }
            _ => {
                let tcp = self.stray(decoded, sink);
                if self.options.packets {
                    sink.event(Event::Packet(Packet { tcp, ..packet }));
                }
            }
        }
    }

    /// Numbers the streams of the UDP headers that are not the frame's last: those of tunnels, and those that ICMP
    /// quotes.
    fn number_outer(&mut self, decoded: &Decoded<'_>, numbers: &mut ArrayVec<(usize, u64), MAX_LAYERS>) {
        for (at, ends) in decode::outer_udp(decoded) {
            let (_, stream) = self.datagrams.stream(ends.map(|(address, port)| Endpoint { address, port }));
            // There are no more than layers.
            let _ = numbers.try_push((at, stream));
        }
    }

    /// A TCP header that ICMP quotes, or that is malformed: its connection is numbered as Wireshark does, and its stream
    /// is left alone.
    fn stray(&mut self, decoded: &Decoded<'_>, sink: &mut impl Sink) -> Option<(u64, Verdict)> {
        let (addresses, header) = decode::stray_tcp(decoded)?;
        let (key, swapped) = key(addresses, header.src, header.dst);
        let options = options_of(header);
        let segment = segment_of(decoded.meta, header, &options, &[], 0);
        let key = self.table.hash(key);
        let id = self.table.find(&key).unwrap_or_else(|| self.connection(&key, swapped, &segment, true, None, sink));
        let connection = self.table.get_mut(id)?;
        let dir = connection.direction(swapped);
        let mut stream = connection.stream();
        if connection.is_replaced_by(dir, &segment) {
            // To Wireshark it begins another connection. A quote is no reason to end one: it takes a number alone.
            stream = self.streams;
            self.streams += 1;
        }
        Some((stream, connection.describe(dir, &segment)))
    }

    fn defragment(&mut self, decoded: &Decoded<'_>) -> Option<Whole> {
        let fragment = decoded.fragment.filter(|_| decoded.missing == 0)?;
        let FrameMeta { number, time, .. } = decoded.meta;
        let vlan = decode::vlan_id(decoded).unwrap_or(0);
        self.fragments.push(decoded.addresses?, vlan, fragment, decoded.payload, (number, time))
    }

    fn segment(&mut self, arrival: Arrival<'_, '_>, sink: &mut impl Sink) {
        let Arrival { packet, key, mut known, swapped, segment, carrier, header_sum, flags } = arrival;
        let replaced = segment.control.any(Control::SYN)
            && known
                .and_then(|id| self.table.get_mut(id))
                .is_some_and(|connection| connection.is_replaced_by(connection.direction(swapped), segment));
        if known.is_none() || replaced {
            // A damaged segment neither begins a connection nor ends one.
            if !flags.is_empty() {
                return self.reject(packet, segment, flags, sink);
            }
            let in_tunnel = packet.is_some_and(|packet| decode::is_in_tunnel(packet.decoded));
            known = Some(self.connection(key, swapped, segment, in_tunnel, known, sink));
        }
        let Some((id, connection)) = known.and_then(|id| Some((id, self.table.get_mut(id)?))) else { return };
        let dir = connection.direction(swapped);
        // Nobody asks for the frame where there is no packet.
        let short = packet.is_none() && connection.is_wanted && !connection.is_followed;
        if short && segment.control.any(Control::SYN) && connection.opens(dir, segment, self.shared.now) {
            return;
        }
        let asked = self.options.explain == Some(segment.frame);
        let (verdict, why) = connection.analyse(dir, segment, flags, asked);
        self.shared.counts.flags.add(verdict.flags);
        self.shared.ledger.captured += segment.payload.len() as u64;
        if let Some(packet) = packet.filter(|_| self.options.packets) {
            sink.event(Event::Packet(Packet {
                tcp: Some((connection.stream(), verdict)),
                why: why.as_deref(),
                ..packet
            }));
        }
        if !connection.is_wanted {
            self.shared.ledger.add(Class::Filtered, segment.payload.len() as u64);
            connection.pass_over(dir, segment, self.shared.now);
            if let Some(deadline) = connection.arm(self.shared.now) {
                self.timers.set(deadline, id);
            }
            return;
        }
        carrier.verdict = verdict;
        if !flags.is_empty() {
            if connection.is_followed {
                connection.tell(dir, segment, carrier, 0, sink);
            }
            return self.shared.ledger.add(Class::Rejected, segment.payload.len() as u64);
        }
        if connection.push(dir, segment, carrier, header_sum, &mut self.shared, sink) {
            bound(connection, self.options.limits, &mut self.queued, &mut self.shared, sink);
        }
        if let Some(deadline) = connection.arm(self.shared.now) {
            self.timers.set(deadline, id);
        }
    }

    /// What the checksums of a segment show, if they are to be looked at.
    fn verify(&self, decoded: &Decoded<'_>) -> Flags {
        let mut flags = Flags::EMPTY;
        if self.options.verify_checksums {
            if checksum::transport(decoded) == Some(false) {
                flags.insert(Issue::BadChecksum);
            }
            if decoded.layers.iter().any(|layer| layer.protocol.name == "ip" && !checksum::ipv4_header(layer.header)) {
                flags.insert(Issue::BadIpChecksum);
            }
        }
        flags
    }

    /// A damaged segment of no connection that is known.
    fn reject(&mut self, packet: Option<Packet<'_>>, segment: &Segment<'_>, flags: Flags, sink: &mut impl Sink) {
        let bytes = segment.payload.len() as u64;
        self.shared.counts.flags.add(flags);
        self.shared.ledger.captured += bytes;
        self.shared.ledger.add(Class::Rejected, bytes);
        if let Some(packet) = packet.filter(|_| self.options.packets) {
            sink.event(Event::Packet(packet));
        }
    }

    /// A new connection, which a segment begins; it takes the place of the one that had its ports.
    fn connection(
        &mut self,
        key: &Hashed,
        swapped: bool,
        segment: &Segment<'_>,
        in_tunnel: bool,
        former: Option<Id>,
        sink: &mut impl Sink,
    ) -> Id {
        let mut analysis = None;
        if let Some(id) = former {
            self.end(id, Close::Reused, sink);
            analysis = self.table.take(id).map(|former| former.into_analysis(swapped));
        } else if self.table.len() >= self.options.limits.connections {
            self.make_room(sink);
        }
        let stream = self.streams;
        self.streams += 1;
        let mut connection = Connection::new(stream, (key.key(), swapped), segment, analysis, self.options.details);
        let Options { stream: only, follow, follow_all, choice, .. } = &self.options;
        let is_it = *follow == Some(Stream::Tcp(stream));
        connection.is_followed = is_it || *follow_all;
        connection.is_wanted = follow.is_none_or(|_| is_it)
            && only.is_none_or(|only| only == stream)
            && choice.as_ref().is_none_or(|choice| choice.wants(stream, key.key().ends(swapped), in_tunnel));
        self.table.insert(key, connection)
    }

    /// Lets capture time pass without a frame: what has waited long enough is told.
    pub fn advance(&mut self, now: Timestamp, sink: &mut impl Sink) {
        self.tell_losses(now, None, sink);
        self.pass_time(now, sink);
    }

    #[inline]
    fn pass_time(&mut self, now: Timestamp, sink: &mut impl Sink) {
        self.shared.now = self.shared.now.max(now);
        self.datagrams.advance(self.shared.now, self.shared.wanted, sink);
        if self.timers.may_be_due(self.shared.now) {
            self.fire(sink);
        }
    }
}

/// Takes over into `queued`, what all connections hold, what has changed of it in one, and gives up some of that at a
/// bound.
#[inline]
fn bound(connection: &mut Connection, limits: Limits, queued: &mut usize, shared: &mut Shared, sink: &mut impl Sink) {
    let held = connection.queued();
    if held == connection.counted {
        return;
    }
    let more = held.saturating_sub(connection.counted);
    if held > limits.queue || more > 0 && *queued + more > limits.queues {
        shared.counts.queues_relieved += 1;
        connection.relieve(shared, sink);
    }
    connection.count_queued(queued);
}

fn ends((src, dst): (IpAddr, IpAddr), src_port: u16, dst_port: u16) -> [Endpoint; 2] {
    [Endpoint { address: src, port: src_port }, Endpoint { address: dst, port: dst_port }]
}

/// The key of a segment, and whether it goes from the higher end to the lower.
fn key(addresses: (IpAddr, IpAddr), src_port: u16, dst_port: u16) -> (Key, bool) {
    let [src, dst] = ends(addresses, src_port, dst_port);
    Key::new(src, dst)
}

fn options_of(header: TcpHeader<'_>) -> TcpOptions {
    TcpOptions { are_cut: header.is_cut, ..TcpOptions::parse(header.options) }
}

#[inline]
fn segment_of<'a>(
    meta: FrameMeta,
    header: TcpHeader<'_>,
    options: &'a TcpOptions,
    payload: &'a [u8],
    missing: u32,
) -> Segment<'a> {
    Segment {
        frame: meta.number,
        time: meta.time,
        seq: Seq(header.seq),
        ack: Seq(header.ack),
        control: Control(header.flags),
        window: header.window,
        options,
        payload,
        missing,
    }
}

/// The bytes of a frame or a datagram up to the end of the last of these headers.
fn upto<'a>(bytes: &'a [u8], layers: &[Layer<'_>]) -> &'a [u8] {
    bytes.get(..decode::end_of_headers(layers)).unwrap_or(bytes)
}
