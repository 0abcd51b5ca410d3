//! The fields of a fragment and of the datagram that it completed, by Wireshark's names.

use super::fragments::{Assembly, Part};
use crate::decode::Layer;
use crate::field::{Field, Kind, Value};
use crate::frame::FrameNumber;

/// Gets the values of one field.
pub type Get = for<'a> fn(&'a Fragmented<'_>, &mut dyn FnMut(Value<'a>));

/// What is known of a fragment's datagram.
#[derive(Clone, Copy, Debug)]
pub enum Fragmented<'a> {
    /// The fragment completed it.
    Here(&'a Assembly),
    /// It is completed in a later frame.
    Later(FrameNumber),
}

impl Fragmented<'_> {
    fn parts(&self) -> &[Part] {
        match self {
            Self::Here(assembly) => &assembly.parts,
            Self::Later(_) => &[],
        }
    }

    fn frames<'a>(&'a self, wrong: bool, put: &mut dyn FnMut(Value<'a>)) {
        let parts = self.parts().iter().filter(|part| part.is_wrong() == wrong);
        parts.for_each(|part| put(Value::Uint(part.frame)));
    }

    fn each<'a>(&'a self, holds: impl Fn(&Part) -> bool, put: &mut dyn FnMut(Value<'a>)) {
        self.parts().iter().filter(|part| holds(part)).for_each(|_| put(Value::Bool(true)));
    }
}

/// The fields of the datagram of which this layer is the last header of a fragment.
pub fn of(layer: &Layer<'_>) -> &'static [Field<Get>] {
    if layer.protocol.name == "ip" { IPV4 } else { IPV6 }
}

macro_rules! fields {
    ($ip:literal, $reassembled_in:literal) => {
        &[
            Field::list(
                concat!($ip, ".fragment"),
                Kind::Uint,
                "Frames with the fragments of the datagram that this frame completed, in the order of their offsets",
                |f, put| f.frames(false, put),
            ),
            Field::list(
                concat!($ip, ".fragment.overlap"),
                Kind::Bool,
                "A fragment begins before the end of those before it: once for each",
                |f, put| f.each(|part| part.overlap, put),
            ),
            Field::list(
                concat!($ip, ".fragment.overlap.conflict"),
                Kind::Bool,
                "A fragment has other bytes than one that came before: once for each",
                |f, put| f.each(|part| part.conflict, put),
            ),
            Field::list(
                concat!($ip, ".fragment.multipletails"),
                Kind::Bool,
                "A last fragment ends elsewhere than the first one that came: once for each",
                |f, put| f.each(|part| part.other_tail, put),
            ),
            Field::list(
                concat!($ip, ".fragment.toolongfragment"),
                Kind::Bool,
                "A fragment goes beyond the end of the datagram: once for each",
                |f, put| f.each(|part| part.too_long, put),
            ),
            Field::list(
                concat!($ip, ".fragment.error"),
                Kind::Uint,
                "Frames with fragments that conflict, end elsewhere or are too long",
                |f, put| f.frames(true, put),
            ),
            Field::new(
                concat!($ip, ".fragment.count"),
                Kind::Uint,
                "Number of fragments of the datagram that this frame completed",
                |f, put| {
                    if let Fragmented::Here(assembly) = f {
                        put(Value::Uint(assembly.parts.len() as u64));
                    }
                },
            ),
            Field::new(
                $reassembled_in,
                Kind::Uint,
                "Frame that completes the datagram of which this is a fragment (of a file, which can be read ahead)",
                |f, put| {
                    if let Fragmented::Later(frame) = f {
                        put(Value::Uint(*frame));
                    }
                },
            ),
            Field::new(
                concat!($ip, ".reassembled.length"),
                Kind::Uint,
                "Length of what the datagram carries that this frame completed, in bytes",
                |f, put| {
                    if let Fragmented::Here(assembly) = f {
                        put(Value::Uint(assembly.len.into()));
                    }
                },
            ),
        ]
    };
}

/// The fields in IPv4, those with a common prefix side by side.
pub static IPV4: &[Field<Get>] = fields!("ip", "ip.reassembled_in");
/// The fields in IPv6.
pub static IPV6: &[Field<Get>] = fields!("ipv6", "ipv6.reassembled.in");
