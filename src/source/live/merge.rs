//! The frames of several interfaces in the order of their times.

use std::time::Duration;

use super::blocks::{Filling, Noted};
use super::handle::Handle;
use crate::frame::Timestamp;
use crate::source::Error;

/// How long a frame waits for older ones of other interfaces: longer than the kernel holds one, which is up to twice the
/// time that it was asked for.
const WAIT: Duration = Duration::from_millis(25);

/// The oldest frame of each interface that was not put in yet.
#[derive(Default)]
pub(super) struct Merge {
    heads: Vec<Head>,
}

#[derive(Default)]
struct Head {
    noted: Option<Noted>,
    bytes: Vec<u8>,
}

impl Merge {
    /// Puts in the frames that are there, oldest first, at most `most`, and returns how many. A frame that an older one may
    /// still come before stays, unless it has waited long enough at `now`.
    pub fn read(
        &mut self,
        handles: &mut [Handle],
        now: Timestamp,
        most: usize,
        into: &mut Filling<'_>,
    ) -> Result<usize, Error> {
        self.heads.resize_with(handles.len(), Head::default);
        // What came to one while another was read is older than `now`.
        handles.iter_mut().for_each(|handle| handle.ready = true);
        let waited = now.plus(-(WAIT.as_nanos() as i64));
        for count in 0..most {
            let mut lacks_one = false;
            for (head, handle) in self.heads.iter_mut().zip(handles.iter_mut()) {
                if head.noted.is_none() && handle.ready {
                    handle.read(1, |noted, bytes| head.set(noted, bytes))?;
                }
                lacks_one |= head.noted.is_none();
            }
            let times = self.heads.iter_mut().filter_map(|head| Some((head.noted?.time, head)));
            let oldest = times.min_by_key(|(time, _)| *time).filter(|(time, _)| !lacks_one || *time <= waited);
            let Some((_, head)) = oldest else { return Ok(count) };
            if let Some(noted) = head.noted.take() {
                into.push(noted, &head.bytes);
            }
        }
        Ok(most)
    }

    /// Whether a frame waits for older ones.
    pub fn holds_one(&self) -> bool {
        self.heads.iter().any(|head| head.noted.is_some())
    }
}

impl Head {
    fn set(&mut self, noted: Noted, bytes: &[u8]) {
        self.noted = Some(noted);
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
    }
}
