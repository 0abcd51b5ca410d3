//! One file that is written as a whole: under a temporary name until it is.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::folder::Folder;
use crate::sandbox::Reach;

/// A document on its way to its file, or to standard output.
pub struct Document {
    path: PathBuf,
    to: To,
}

enum To {
    Stdout,
    /// What is no regular file, such as a pipe.
    Stream(File),
    File {
        folder: Folder,
        name: OsString,
        /// Its name until it is whole, once it is begun.
        begun: Option<(String, File)>,
    },
    Done,
}

impl Document {
    /// To write at `path`, `-` for standard output; not over a file that is `read`. `reach` learns the folder.
    pub fn open<'p>(path: &Path, read: impl IntoIterator<Item = &'p Path>, reach: &mut Reach) -> io::Result<Self> {
        let to = if path.as_os_str() == "-" { To::Stdout } else { To::open(path, read, reach)? };
        Ok(Self { path: path.to_owned(), to })
    }

    /// The same, with its file begun: others are begun by the first [`Self::write`].
    pub fn create<'p>(path: &Path, read: impl IntoIterator<Item = &'p Path>, reach: &mut Reach) -> io::Result<Self> {
        let mut document = Self::open(path, read, reach)?;
        if let To::File { folder, begun, .. } = &mut document.to {
            let (_, file) = begun.insert(folder.temporary()?);
            reach.give(file);
        }
        Ok(document)
    }

    /// Its path as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What has to be written to for one that was created, until it ends: `-` for standard output.
    pub fn place(&self) -> PathBuf {
        match &self.to {
            To::File { folder, begun: Some((temporary, _)), .. } => folder.path().join(temporary),
            To::File { .. } | To::Stdout | To::Stream(_) | To::Done => self.path.clone(),
        }
    }

    /// Adds to it.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.to {
            To::Stdout => super::super::results::write_out(bytes),
            To::Stream(file) => file.write_all(bytes),
            To::File { folder, begun, .. } => {
                let (_, file) = match begun {
                    Some(begun) => begun,
                    None => begun.insert(folder.temporary()?),
                };
                file.write_all(bytes)
            }
            To::Done => Ok(()),
        }
    }

    /// Ends it: from now on it is there, if it was begun.
    pub fn finish(&mut self) -> io::Result<()> {
        if let To::File { folder, name, begun: Some((temporary, file)) } = &self.to {
            file.sync_all()?;
            folder.replace(temporary, name)?;
        }
        self.to = To::Done;
        Ok(())
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        if let To::File { folder, begun: Some((temporary, _)), .. } = &self.to {
            folder.remove(temporary);
        }
    }
}

impl To {
    fn open<'p>(path: &Path, read: impl IntoIterator<Item = &'p Path>, reach: &mut Reach) -> io::Result<Self> {
        let error = |text: &str| Err(io::Error::other(text));
        if let Ok(there) = fs::metadata(path) {
            let is_read = |read: &Path| {
                fs::metadata(read).is_ok_and(|read| (read.dev(), read.ino()) == (there.dev(), there.ino()))
            };
            if there.is_dir() {
                return error("it is a directory");
            }
            if read.into_iter().any(is_read) {
                return error("it is the capture that is read");
            }
            if !there.is_file() {
                return Ok(Self::Stream(File::options().write(true).open(path)?));
            }
        }
        // The file that a link stands for is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return error("it is no name of a file");
        };
        let folder = Folder::open(parent)?;
        folder.leave(reach)?;
        Ok(Self::File { folder, name: name.to_owned(), begun: None })
    }
}
