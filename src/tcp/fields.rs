//! The fields of a segment's analysis, by Wireshark's names.

use super::options::sack_blocks;
use super::verdict::Verdict;
use crate::field::{Field, Kind, Value};

/// Gets the values of one field.
pub type Get = for<'a> fn(&'a Analysed<'a>, &mut dyn FnMut(Value<'a>));

/// A segment's analysis, and which connection it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Analysed<'h> {
    /// The header's options.
    pub options: &'h [u8],
    /// Number of the connection (`tcp.stream`).
    pub stream: u64,
    /// What was found.
    pub verdict: Verdict,
}

impl Analysed<'_> {
    /// The edges of the SACK blocks, relative as the acknowledgment number is.
    fn sack(&self) -> impl Iterator<Item = (u32, u32)> {
        let base = self.verdict.ack_base.0;
        sack_blocks(self.options).map(move |(left, right)| (left.0.wrapping_sub(base), right.0.wrapping_sub(base)))
    }
}

/// The fields, those with a common prefix side by side.
pub static FIELDS: &[Field<Get>] = &[
    Field::list(
        "tcp.options.sack_le",
        Kind::Uint,
        "Relative first sequence numbers of the SACK blocks (kind 5)",
        |a, f| a.sack().for_each(|(left, _)| f(Value::Uint(left.into()))),
    ),
    Field::list(
        "tcp.options.sack_re",
        Kind::Uint,
        "Relative sequence numbers after the SACK blocks (kind 5)",
        |a, f| a.sack().for_each(|(_, right)| f(Value::Uint(right.into()))),
    ),
    Field::new("tcp.stream", Kind::Uint, "number of the connection, from 0", |a, f| f(Value::Uint(a.stream))),
    Field::new(
        "tcp.completeness",
        Kind::Uint,
        "what the connection had before: 1 SYN, 2 SYN/ACK, 4 ACK, 8 data, 16 FIN, 32 RST",
        |a, f| f(Value::Uint(a.verdict.completeness.into())),
    ),
    Field::new("tcp.seq", Kind::Uint, "relative sequence number", |a, f| f(Value::Uint(a.verdict.seq.into()))),
    Field::new("tcp.nxtseq", Kind::Uint, "relative sequence number after the segment", |a, f| {
        f(Value::Uint(a.verdict.next_seq.into()))
    }),
    Field::new("tcp.ack", Kind::Uint, "relative acknowledgment number", |a, f| f(Value::Uint(a.verdict.ack.into()))),
    Field::new("tcp.window_size", Kind::Uint, "window in bytes, scaled where the scale is known", |a, f| {
        f(Value::Uint(a.verdict.window_size.into()))
    }),
    Field::new("tcp.window_size_scalefactor", Kind::Int, "factor of the window; -1 unknown, -2 no scaling", |a, f| {
        if let Some(factor) = a.verdict.window_scale {
            f(Value::Int(factor.into()));
        }
    }),
    Field::list("tcp.analysis.flags", Kind::Text, "what is remarkable about the segment", |a, f| {
        a.verdict.flags.analysis().for_each(|flag| f(Value::Text(flag.name().as_bytes())));
    }),
    Field::new("tcp.analysis.duplicate_ack_num", Kind::Uint, "which duplicate of an ACK it is, from 1", |a, f| {
        nonzero(a.verdict.duplicate_ack_num.into(), f);
    }),
    Field::new("tcp.analysis.duplicate_ack_frame", Kind::Uint, "frame of which it is a duplicate ACK", |a, f| {
        if a.verdict.duplicate_ack_num != 0 {
            f(Value::Uint(a.verdict.duplicate_ack_frame));
        }
    }),
    Field::new("tcp.analysis.acks_frame", Kind::Uint, "frame that it acknowledges", |a, f| {
        nonzero(a.verdict.acks_frame, f);
    }),
    Field::new("tcp.analysis.ack_rtt", Kind::Duration, "time since the frame that it acknowledges", |a, f| {
        duration(a.verdict.ack_rtt, f);
    }),
    Field::new("tcp.analysis.initial_rtt", Kind::Duration, "time from the SYN to the first ACK", |a, f| {
        if a.verdict.has_analysis() {
            duration(a.verdict.initial_rtt, f);
        }
    }),
    Field::new("tcp.analysis.bytes_in_flight", Kind::Uint, "bytes sent and not acknowledged", |a, f| {
        nonzero(a.verdict.bytes_in_flight.into(), f);
    }),
    Field::new("tcp.analysis.push_bytes_sent", Kind::Uint, "bytes sent since the last PSH", |a, f| {
        nonzero(a.verdict.push_bytes_sent.into(), f);
    }),
    Field::new("tcp.analysis.rto", Kind::Duration, "time since the frame that it repeats", |a, f| {
        duration(a.verdict.rto, f);
    }),
    Field::new("tcp.analysis.rto_frame", Kind::Uint, "frame that it repeats", |a, f| {
        if a.verdict.rto != 0 {
            f(Value::Uint(a.verdict.rto_frame));
        }
    }),
];

fn nonzero<'a>(value: u64, f: &mut dyn FnMut(Value<'a>)) {
    if value != 0 {
        f(Value::Uint(value));
    }
}

fn duration<'a>(nanos: i64, f: &mut dyn FnMut(Value<'a>)) {
    if nanos != 0 {
        f(Value::Duration(nanos));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::Seq;

    #[test]
    fn sack_edges_count_from_what_the_acknowledgment_number_does() {
        let options = [1, 1, 5, 10, 0, 0, 19, 236, 0, 0, 19, 138];
        let verdict = Verdict { ack_base: Seq(5000), ..Verdict::default() };
        let edges: Vec<_> = Analysed { options: &options, stream: 0, verdict }.sack().collect();
        assert_eq!(edges, [(100, 2)]);
    }

    #[test]
    fn fields_with_a_common_prefix_stand_side_by_side() {
        let parents: Vec<_> = FIELDS.iter().filter_map(|field| field.name.rsplit_once('.')).map(|(p, _)| p).collect();
        let mut runs = parents.clone();
        runs.dedup();
        let mut unique = parents;
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(runs.len(), unique.len());
    }
}
