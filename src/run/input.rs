//! Opens what frames come from, and the filter of what comes.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};

use super::stop::Stop;
use crate::cli::{Buffers, Input};
use crate::source::{CaptureFile, Error, Filter, Growing, Name, Source};

/// What is open, and may have to be waited for yet.
pub(super) enum Opened {
    /// It is there.
    Ready(Source),
    /// Standard input, of which nothing was read.
    Stdin(File),
    /// A file that is being written.
    Growing(Growing),
}

/// Opens the source. A live one has only the frames that pass the filter.
pub(super) fn open(input: &Input, expression: Option<&str>) -> Result<Opened, Error> {
    let filter = expression.map(Filter::new).transpose()?.flatten();
    Ok(match input {
        Input::File(path) => Opened::Ready(Source::File(Box::new(CaptureFile::open(path)?))),
        Input::Growing(path) => Opened::Growing(Growing::open(path)?),
        Input::Stdin => {
            let opened = io::stdin().as_fd().try_clone_to_owned();
            Opened::Stdin(opened.map_err(|reason| Error::Open { name: Name::Stdin, reason })?.into())
        }
        Input::Live { interfaces, promiscuous, snaplen, buffers } => {
            Opened::Ready(live(interfaces, *promiscuous, *snaplen, *buffers, filter.as_ref())?)
        }
    })
}

impl Opened {
    /// The source, once it has begun; none if `stop` ended the wait for that. It ends what comes, too.
    pub(super) fn begin(self, stop: &Stop) -> Result<Option<Source>, Error> {
        let begun = match self {
            Self::Ready(source) => return Ok(Some(source)),
            Self::Stdin(input) => CaptureFile::new(Stoppable { input, stop: Arc::clone(stop.signal()) }, Name::Stdin),
            Self::Growing(file) => grown(&file, stop),
        };
        match begun {
            Err(Error::NotACapture { .. }) if stop.is_over() => Ok(None),
            begun => Ok(Some(Source::File(Box::new(begun?)))),
        }
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self, Self::Ready(source) if super::is_live(source))
    }

    /// What filters its frames, compiled as far as its link types are known; none where the kernel does it.
    pub(super) fn filter(&self, expression: Option<&str>) -> Result<Option<Filter>, Error> {
        let filter = expression.filter(|_| !self.is_live()).map(Filter::new).transpose()?.flatten();
        let Some(mut filter) = filter else { return Ok(None) };
        match self {
            Self::Ready(source) if !source.interfaces().is_empty() => {
                source.interfaces().iter().try_for_each(|interface| filter.prepare(interface.link))?;
            }
            Self::Ready(_) | Self::Stdin(_) | Self::Growing(_) => filter.prepare_likely(),
        }
        Ok(Some(filter))
    }
}

/// The capture, once its beginning is there.
fn grown(file: &Growing, stop: &Stop) -> Result<CaptureFile, Error> {
    loop {
        if let Some(capture) = file.capture()? {
            return Ok(capture);
        }
        if stop.is_over() {
            return Err(file.empty());
        }
        file.wait(super::WAIT);
    }
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
