//! `dissect export`: bodies to files, exchanges to an HTTP archive.

mod bodies;
pub(super) mod document;
mod files;
pub(super) mod folder;
mod name;
mod requests;

use std::path::{Path, PathBuf};

use super::Failure;
use super::results::GATHERED;
use crate::event::Event;
use crate::print::har::Har;
use crate::print::{Begin, End, Printer};
use crate::sandbox::Reach;
use document::Document;
use files::Files;

/// What is exported.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The folder for bodies.
    pub folder: Option<PathBuf>,
    /// The HTTP archive, `-` for standard output.
    pub har: Option<PathBuf>,
    /// Whether content codings stay.
    pub raw: bool,
    /// Bytes that a body is decoded into at most.
    pub max_decoded: u64,
}

/// An export under way.
pub(super) struct Export {
    files: Option<Files>,
    archive: Option<(Har, Document)>,
    /// What of the archive was not written yet.
    out: Vec<u8>,
    /// Why it does not go on.
    failure: Option<Failure>,
}

impl Export {
    /// Of what the capture `read` has, where that is a file; `reach` learns the folders that are written in.
    pub fn new(wanted: &Wanted, read: Option<&Path>, reach: &mut Reach) -> Result<Self, Failure> {
        let mut files = None;
        if let Some(path) = &wanted.folder {
            let made = Files::new(path, wanted.raw, wanted.max_decoded, reach);
            files = Some(made.map_err(|reason| Failure::unwritten(path, reason))?);
        }
        let mut archive = None;
        if let Some(path) = &wanted.har {
            let document = Document::create(path, read, reach).map_err(|reason| Failure::unwritten(path, reason))?;
            archive = Some((Har::new(), document));
        }
        Ok(Self { files, archive, out: Vec::new(), failure: None })
    }

    pub fn begin(&mut self, begin: &Begin) {
        if let Some((har, _)) = &mut self.archive {
            har.begin(begin, &mut self.out);
        }
    }

    /// Takes an event; of messages that are not chosen it takes note alone.
    pub fn event(&mut self, event: Event<'_>, chosen: bool) {
        if self.failure.is_some() {
            return;
        }
        if let Some(files) = &mut self.files
            && let Err(reason) = files.event(event, chosen)
        {
            self.failure = Some(Failure::unwritten(files.path(), reason));
        }
        if let Some((har, _)) = &mut self.archive {
            har.choose(chosen);
            har.event(event, &mut self.out);
            if self.out.len() >= GATHERED {
                self.write();
            }
        }
    }

    fn write(&mut self) {
        if let Some((_, document)) = &mut self.archive
            && let Err(reason) = document.write(&self.out)
        {
            self.failure = Some(Failure::unwritten(document.path(), reason));
        }
        self.out.clear();
    }

    /// Fails if it does not go on.
    pub fn check(&mut self) -> Result<(), Failure> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Ends the archive and the index; what there is to say of them goes to `told`.
    pub fn end(&mut self, end: &End, told: &mut Vec<u8>) {
        if self.failure.is_some() {
            return;
        }
        let mut to_stdout = false;
        if let Some((har, _)) = &mut self.archive {
            har.end(end, &mut self.out);
            self.write();
        }
        if let Some((_, document)) = &mut self.archive {
            to_stdout = document.path().as_os_str() == "-";
            if let Err(reason) = document.finish() {
                self.failure = Some(Failure::unwritten(document.path(), reason));
            }
        }
        if let Some(files) = &mut self.files {
            match files.finish() {
                Ok(text) if !to_stdout => told.extend_from_slice(text.as_bytes()),
                Ok(_) => {}
                Err(reason) => self.failure = Some(Failure::unwritten(files.path(), reason)),
            }
        }
    }
}
