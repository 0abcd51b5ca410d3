//! What the core says of the frames it was given.

use crate::app::message;
use crate::app::tls;
use crate::decode::Decoded;
use crate::flow::Endpoint;
use crate::flow::fields::Fragmented;
use crate::flow::fragments::Assembly;
use crate::frame::{self, FrameNumber, Timestamp};
use crate::issue::{Flags, Issue, IssueSet};
use crate::tcp::analysis::explain::Explanation;
use crate::tcp::reassembly::Item;
use crate::tcp::rtt;
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, Segment};

/// Where events go.
pub trait Sink {
    /// Takes an event. What it borrows is gone afterwards.
    fn event(&mut self, event: Event<'_>);
}

/// One thing that the core says; events come in the order of the frames that caused them.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A frame, before what it caused.
    Packet(Packet<'a>),
    /// The next bytes of the body of a message, after transfer decoding.
    Body {
        /// Number of the connection.
        stream: u64,
        /// Number of the message within it.
        number: u32,
        /// How many bytes the message is known to lack before these.
        missing: u64,
        /// The bytes.
        bytes: &'a [u8],
        /// The message as far as it is known, but where the event was kept and is told later.
        message: Option<&'a message::Message>,
    },
    /// A message that is whole or has ended.
    Message(Message<'a>),
    /// Something learnt of a message that was given out before.
    Update(Update<'a>),
    /// A connection that has ended.
    Connection(&'a Connection),
    /// What happened on the stream that is followed; of data, after what it caused.
    Followed(Followed<'a>),
    /// Frames were lost where the capture was made; before what the frame after them causes.
    Drops(Drops),
}

/// Frames that were lost, and between which others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drops {
    /// The last frame that was captured before any of them; 0 where there is none.
    pub after: FrameNumber,
    /// The first frame that was captured after all of them, where one has come.
    pub before: Option<FrameNumber>,
    /// When, and how many.
    pub drops: frame::Drops,
}

/// What happened on the stream that is followed.
#[derive(Clone, Copy, Debug)]
pub struct Followed<'a> {
    /// Who talks to whom.
    pub flow: Flow,
    /// Who sent it: 0 for the first of `flow.ends`, 1 for the second.
    pub side: usize,
    /// What it was.
    pub what: Happened<'a>,
}

/// One thing that happened on a stream.
#[derive(Clone, Copy, Debug)]
pub enum Happened<'a> {
    /// A TCP segment was captured, before what it caused; they come in capture order.
    Segment {
        /// The segment.
        segment: &'a Segment<'a>,
        /// Its headers, and what the analysis says of it.
        carrier: &'a Carrier<'a>,
        /// How much of the peer's stream it acknowledges, as an offset in that; 0 where it does not tell.
        acked: u64,
    },
    /// The stream went on; items come in the order of cause and effect.
    Item(Item<'a>, Option<&'a message::Message>),
    /// A UDP datagram: its headers, its payload as captured, and bytes of it that were not.
    Datagram(&'a Carrier<'a>, &'a [u8], u32),
}

/// A frame, decoded.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Its layers.
    pub decoded: &'a Decoded<'a>,
    /// Number of its TCP connection, and what the analysis says of it.
    pub tcp: Option<(u64, Verdict)>,
    /// Numbers of its UDP streams, each after the index of the layer whose it is: several in tunnels.
    pub udp_streams: &'a [(usize, u64)],
    /// The datagrams that it completed; each but the first is in the one before it.
    pub assemblies: &'a [Assembly],
    /// Number of the frame that completes the datagram of which this one's innermost is a fragment. The core does not
    /// know it: who can read ahead may tell.
    pub reassembled_in: Option<FrameNumber>,
    /// Why the analysis says what it says, where that was asked for.
    pub why: Option<&'a Explanation>,
}

impl<'a> Packet<'a> {
    /// What is known of the datagram of which its layer of this index has a fragment.
    pub fn fragmented(&self, layer: usize) -> Option<Fragmented<'a>> {
        let completed = self.assemblies.iter().find(|assembly| assembly.layer == layer);
        let later = self.reassembled_in.filter(|_| layer + 1 == self.decoded.layers.len());
        completed.map(Fragmented::Here).or(later.map(Fragmented::Later))
    }
}

/// Transport protocol of a flow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Two ends that talk.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// Its transport protocol.
    pub transport: Transport,
    /// `tcp.stream` or `udp.stream`.
    pub stream: u64,
    /// Who sent its first frame, and the other.
    pub ends: [Endpoint; 2],
    /// Which of the two is the client: who sent the SYN, or the requests; `None` where neither was seen.
    pub client: Option<usize>,
}

/// A message and where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Who talks to whom.
    pub flow: Flow,
    /// Relative sequence number of its first byte, as Wireshark counts.
    pub first_seq: u32,
    /// The message.
    pub message: &'a message::Message,
}

/// What was learnt of a message after it had been given out.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// Who talks to whom.
    pub flow: Flow,
    /// Relative sequence number of the message's first byte.
    pub first_seq: u32,
    /// What was learnt.
    pub update: &'a message::Update,
}

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Close {
    /// FIN from both sides.
    Fin,
    /// RST.
    Rst,
    /// It was open when the capture ended.
    Open,
    /// It was idle, and forgotten when the table was full.
    Forgotten,
    /// A new connection took its ports.
    Reused,
}

impl Close {
    /// Every way to end, in the order of the variants.
    pub const ALL: [Self; 5] = [Self::Fin, Self::Rst, Self::Open, Self::Forgotten, Self::Reused];

    /// The word for it in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Open => "open",
            Self::Forgotten => "forgotten",
            Self::Reused => "reused",
        }
    }
}

/// Frames by the flags that they have.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct FlagCounts(Option<Box<[u32; FLAGS]>>);

/// How many flags a frame may have.
const FLAGS: usize = Issue::BadIpChecksum as usize + 1;

impl FlagCounts {
    /// Counts a frame.
    pub fn add(&mut self, flags: Flags) {
        if !flags.is_empty() {
            let counts = self.0.get_or_insert_default();
            flags.issues().iter().for_each(|flag| counts[flag as usize] += 1);
        }
    }

    /// The flags that occurred, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Issue, u32)> {
        let counts = self.0.as_deref().unwrap_or(&[0; FLAGS]);
        Issue::ALL.iter().zip(counts).filter(|(_, count)| **count > 0).map(|(flag, count)| (*flag, *count))
    }
}

/// One direction of a connection, in numbers.
#[derive(Clone, Default, Debug)]
pub struct Direction {
    /// Segments.
    pub segments: u64,
    /// Bytes of payload captured.
    pub bytes: u64,
    /// Messages.
    pub messages: u32,
    /// Its segments by flag.
    pub flags: FlagCounts,
    /// How long it took until its segments were acknowledged, where the analysis keeps details.
    pub ack_rtt: Option<rtt::Summary>,
}

/// A connection that has ended.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Who talked to whom.
    pub flow: Flow,
    /// Whether SYN, SYN-ACK and the ACK after them were seen.
    pub handshake: [bool; 3],
    /// How it ended.
    pub close: Close,
    /// Time and number of its first frame.
    pub first: (Timestamp, FrameNumber),
    /// Time and number of its last frame.
    pub last: (Timestamp, FrameNumber),
    /// What the two ends sent, in the order of `flow.ends`.
    pub directions: [Direction; 2],
    /// Nanoseconds from SYN to the ACK after SYN-ACK; 0 where not known.
    pub initial_rtt: i64,
    /// Whether any HTTP message was met.
    pub http: bool,
    /// The protocol that is not HTTP, where its first bytes tell.
    pub protocol: Option<&'static str>,
    /// What is known of it, where it is TLS.
    pub tls: Option<Box<tls::Facts>>,
    /// Payload bytes that are in no message.
    pub other_bytes: u64,
    /// What is worth flagging of the connection itself.
    pub issues: IssueSet,
}

impl Connection {
    /// Nanoseconds between its first frame and its last.
    pub const fn duration(&self) -> i64 {
        self.last.0.since(self.first.0).saturating_abs()
    }

    /// Bits of payload a second that an end sent, over the connection's duration; none where that is nothing.
    pub fn rate(&self, end: usize) -> Option<u64> {
        let nanos = u128::try_from(self.duration()).ok().filter(|nanos| *nanos > 0)?;
        let bits = u128::from(self.directions[end & 1].bytes) * 8;
        Some(u64::try_from(bits * 1_000_000_000 / nanos).unwrap_or(u64::MAX))
    }

    /// Which of its ends is taken for the client: the one that is, or who sent its first frame.
    pub fn client(&self) -> usize {
        self.flow.client.unwrap_or(0)
    }
}
