//! Live capture on one interface or several, by libpcap. A thread of its own reads the interfaces and never waits for
//! whoever takes the frames.

mod blocks;
mod devices;
mod handle;
mod merge;
mod reader;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::frame::{Drops, Frame, FrameMeta, FrameNumber, LinkType, Lost};

pub use devices::{Device, devices};

use super::bpf::message;
use super::error::Error;
use super::interface::Interface;
use super::pcap::MAX_CAPTURED;
use super::{BLOCKS, BUFFER_SIZE, Batch, Filter, Taken, Wait};
use blocks::{Block, Blocks};
use handle::{Handle, RESOLUTION};
use reader::Reader;

/// How to capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Also frames that are for other machines.
    pub promiscuous: bool,
    /// The most bytes to capture of a frame; 1 to 262144.
    pub snaplen: u32,
    /// Bytes that the kernel may hold for us, for each interface.
    pub buffer_size: u32,
    /// Hand out each frame at once, at the price of a buffer that holds fewer of them; else within 10 ms.
    pub immediate: bool,
    /// Bytes of frames that were read and not taken yet, with 18 more for each frame; about, and at least 1 MiB.
    pub blocks: usize,
}

impl Default for Options {
    fn default() -> Self {
        let (promiscuous, snaplen, immediate) = (true, MAX_CAPTURED, true);
        Self { promiscuous, snaplen, buffer_size: BUFFER_SIZE, immediate, blocks: BLOCKS }
    }
}

/// How long the kernel may hold frames to hand out many at once.
const HOLD: Duration = Duration::from_millis(10);

/// What was counted on all interfaces of a capture, in frames.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Stats {
    /// Received; on loopback, libpcap counts each twice.
    pub received: u64,
    /// Lost.
    pub lost: Lost,
}

/// A capture that is open. Frames come once it is [started](Self::start).
pub struct Live {
    interfaces: Vec<Interface>,
    frames: FrameNumber,
    /// Until it is started.
    handles: Vec<Handle>,
    blocks: Arc<Blocks>,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    /// The block whose frames are taken, and how far they are.
    block: Block,
    taken: usize,
    /// Losses that became known with the last frames.
    drops: Vec<Drops>,
}

/// Counters of a capture, to be read by any thread.
#[derive(Clone)]
pub struct Counters(Arc<Blocks>);

impl Counters {
    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }
}

impl Live {
    /// Opens interfaces by name, `any` for all of them, and sets the filter on each. It begins no thread.
    pub fn open(names: &[String], options: &Options, filter: Option<&Filter>) -> Result<Self, Error> {
        let opened = (0..).zip(names).map(|(number, name)| Handle::open(name, number, options, filter));
        let handles = opened.collect::<Result<Vec<_>, _>>()?;
        let described = handles.iter().map(|handle| Interface {
            name: Some(handle.name.clone()),
            link: handle.link,
            snaplen: options.snaplen,
            resolution: RESOLUTION,
            ..Interface::default()
        });
        Ok(Self {
            interfaces: described.collect(),
            frames: 0,
            handles,
            blocks: Arc::new(Blocks::new(options.blocks)),
            stop: Arc::default(),
            reader: None,
            block: Block::new(),
            taken: 0,
            drops: Vec::new(),
        })
    }

    /// Begins to read the interfaces, in a thread of its own.
    pub fn start(&mut self) -> Result<(), Error> {
        if self.handles.is_empty() {
            return Ok(());
        }
        let reader = Reader::new(std::mem::take(&mut self.handles), Arc::clone(&self.blocks), Arc::clone(&self.stop));
        match thread::Builder::new().name("reader".into()).spawn(|| reader.run()) {
            Ok(thread) => {
                self.reader = Some(thread);
                Ok(())
            }
            Err(error) => {
                Err(Error::Live { interface: self.names(), reason: format!("there is no thread for it: {error}") })
            }
        }
    }

    fn names(&self) -> String {
        self.interfaces.iter().filter_map(|interface| interface.name.as_deref()).collect::<Vec<_>>().join(", ")
    }

    /// Reads what is there already, and no more: then comes the end.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The next frames that are there. Those of one interface come in their order.
    pub fn next_batch(&mut self) -> Taken<'_> {
        self.drops.clear();
        if self.taken >= self.block.len() {
            self.taken = 0;
            let empty = std::mem::take(&mut self.block);
            self.block = self.blocks.take(empty, &mut self.drops).unwrap_or_default();
        }
        let mut frames = Batch::new();
        let mut rest = self.block.get(self.taken..).unwrap_or_default();
        while !frames.is_full()
            && let Some((noted, bytes, after)) = blocks::first(rest)
        {
            self.frames += 1;
            let link =
                self.interfaces.get(usize::from(noted.interface)).map_or(LinkType::NULL, |interface| interface.link);
            let meta = FrameMeta {
                number: self.frames,
                time: noted.time,
                wire_len: noted.wire_len,
                link,
                interface: noted.interface,
                interface_id: Some(noted.interface),
            };
            frames.push(Frame { meta, bytes });
            rest = after;
        }
        self.taken = self.block.len() - rest.len();
        Taken { frames, interfaces: &self.interfaces, drops: &self.drops }
    }

    /// Waits until there are frames, or `timeout` is over.
    pub fn wait(&mut self, timeout: Duration) -> Result<Wait, Error> {
        match self.blocks.wait(timeout)? {
            // A reader that is gone without a word has failed in a way that it has told itself.
            Wait::Idle if self.reader.as_ref().is_none_or(JoinHandle::is_finished) => {
                // Nothing comes after this look.
                Ok(Some(self.blocks.wait(Duration::ZERO)?).filter(|waited| *waited != Wait::Idle).unwrap_or(Wait::End))
            }
            waited => Ok(waited),
        }
    }

    /// The interfaces that were opened, in the order of their names.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// What is counted, from now on.
    pub fn counters(&self) -> Counters {
        Counters(Arc::clone(&self.blocks))
    }

    /// Ends the capture, and tells what was counted since it was opened.
    pub fn finish(&mut self) -> Stats {
        self.end();
        self.blocks.stats()
    }

    fn end(&mut self) {
        self.stop();
        if let Some(reader) = self.reader.take() {
            // It has told what was wrong.
            let _ = reader.join();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_is_not_there_is_named_with_those_that_are() {
        let error = Live::open(&["lo77".into()], &Options::default(), None).err().unwrap();
        match &error {
            Error::NoSuchInterface { near, .. } => assert!(!near.is_empty()),
            // A machine that lets nobody list its interfaces.
            other => eprintln!("skipped: {other}"),
        }
        assert_eq!(error.kind(), super::super::Kind::Unreadable);
    }
}
