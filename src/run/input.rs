//! Opens what frames come from.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};

use crate::cli::{Buffers, Input};
use crate::source::{CaptureFile, Error, Filter, Name, Source};

/// Opens the source; `stop` ends one that waits for input.
pub(super) fn open(input: &Input, filter: Option<&Filter>, stop: &Arc<AtomicBool>) -> Result<Source, Error> {
    let file = match input {
        Input::File(path) => CaptureFile::open(path)?,
        Input::Stdin => {
            let opened = io::stdin().as_fd().try_clone_to_owned();
            let input = opened.map_err(|reason| Error::Open { name: Name::Stdin, reason })?.into();
            CaptureFile::new(Stoppable { input, stop: Arc::clone(stop) }, Name::Stdin)?
        }
        Input::Live { interfaces, promiscuous, snaplen, buffers } => {
            return live(interfaces, *promiscuous, *snaplen, *buffers, filter);
        }
    };
    Ok(Source::File(Box::new(file)))
}

#[cfg(feature = "live")]
fn live(
    names: &[String],
    promiscuous: bool,
    snaplen: u32,
    Buffers { kernel: buffer_size, blocks }: Buffers,
    filter: Option<&Filter>,
) -> Result<Source, Error> {
    use std::io::IsTerminal;

    use crate::source::{Live, Options};

    // What the kernel holds for its 10 ms is still shown at once, and its buffer then has room for thousands of frames.
    let options = Options { promiscuous, snaplen, buffer_size, immediate: false, blocks };
    let live = Live::open(names, &options, filter)?;
    if io::stderr().is_terminal() {
        for (name, interface) in names.iter().zip(live.interfaces()) {
            super::note(&format_args!("listening on {name} ({}), snaplen {snaplen}", interface.link));
        }
    }
    Ok(Source::Live(live))
}

#[cfg(not(feature = "live"))]
fn live(_: &[String], _: bool, _: u32, _: Buffers, _: Option<&Filter>) -> Result<Source, Error> {
    Err(Error::NoLive { what: "live capture" })
}

/// A stream that ends when it is told to stop, also while it waits for input.
struct Stoppable {
    input: File,
    stop: Arc<AtomicBool>,
}

impl Read for Stoppable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A signal that comes just before the wait is seen when the wait is over.
        let wait = super::WAIT.try_into().ok();
        while !self.stop.load(Ordering::Relaxed) {
            match poll(&mut [PollFd::new(&self.input, PollFlags::IN)], wait.as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return self.input.read(buffer),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(0)
    }
}
