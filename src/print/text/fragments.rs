//! A fragment and its datagram, in words.

use std::fmt;

use crate::flow::fields::Fragmented;
use crate::flow::fragments::{Assembly, Part};

/// Frames that are named, before the rest is counted.
const NAMED: usize = 12;

/// Whether something is so of a fragment.
type Holds = fn(&Part) -> bool;

/// Where the datagram of a fragment is put together.
pub struct Told<'a>(pub Fragmented<'a>);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fragmented::Here(assembly) => completed(f, assembly),
            Fragmented::Later(frame) => write!(f, "put together in frame {frame}"),
        }
    }
}

fn completed(f: &mut fmt::Formatter<'_>, assembly: &Assembly) -> fmt::Result {
    let parts = &assembly.parts;
    write!(f, "completes a datagram of {} B, put together from {} fragments: frames ", assembly.len, parts.len())?;
    for (i, part) in parts.iter().take(NAMED).enumerate() {
        write!(f, "{}{}", if i > 0 { ", " } else { "" }, part.frame)?;
    }
    if parts.len() > NAMED {
        write!(f, " and {} more", parts.len() - NAMED)?;
    }
    let faults: [(Holds, &str); 4] = [
        (|part| part.overlap, "overlapping"),
        (|part| part.conflict, "of other content (the first copy stands)"),
        (|part| part.other_tail, "that would end it elsewhere"),
        (|part| part.too_long, "beyond its end"),
    ];
    for (is_so, words) in faults {
        let mut frames = parts.iter().filter(|part| is_so(part)).map(|part| part.frame);
        if let Some(first) = frames.next() {
            match frames.count() {
                0 => write!(f, "; {words}: {first}")?,
                more => write!(f, "; {words}: {first} and {more} more")?,
            }
        }
    }
    Ok(())
}
