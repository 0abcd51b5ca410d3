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
        temporary: String,
        name: OsString,
        file: File,
    },
    Done,
}

impl Document {
    /// To write at `path`, `-` for standard output; not over the file `read`. `reach` learns the folder.
    pub fn create(path: &Path, read: Option<&Path>, reach: &mut Reach) -> io::Result<Self> {
        let to = if path.as_os_str() == "-" { To::Stdout } else { Self::open(path, read, reach)? };
        Ok(Self { path: path.to_owned(), to })
    }

    fn open(path: &Path, read: Option<&Path>, reach: &mut Reach) -> io::Result<To> {
        let error = |text: &str| Err(io::Error::other(text));
        if let Ok(there) = fs::metadata(path) {
            let is_read = |read: &Path| {
                fs::metadata(read).is_ok_and(|read| (read.dev(), read.ino()) == (there.dev(), there.ino()))
            };
            if read.is_some_and(is_read) {
                return error("it is the capture that is read");
            }
            if there.is_dir() {
                return error("it is a directory");
            }
            if !there.is_file() {
                return Ok(To::Stream(File::options().write(true).open(path)?));
            }
        }
        // The file that a link stands for is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return error("it is no name of a file");
        };
        let mut folder = Folder::open(parent)?;
        folder.leave(reach)?;
        let (temporary, file) = folder.temporary()?;
        reach.give(&file);
        Ok(To::File { folder, temporary, name: name.to_owned(), file })
    }

    /// Its path as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What has to be written to for that, until it ends: `-` for standard output.
    pub fn place(&self) -> PathBuf {
        match &self.to {
            To::File { folder, temporary, .. } => folder.path().join(temporary),
            To::Stdout | To::Stream(_) | To::Done => self.path.clone(),
        }
    }

    /// Adds to it.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.to {
            To::Stdout => super::super::results::write_out(bytes),
            To::Stream(file) | To::File { file, .. } => file.write_all(bytes),
            To::Done => Ok(()),
        }
    }

    /// Ends it: from now on it is there.
    pub fn finish(&mut self) -> io::Result<()> {
        match &self.to {
            To::File { folder, temporary, name, .. } => folder.replace(temporary, name)?,
            To::Stdout | To::Stream(_) | To::Done => {}
        }
        self.to = To::Done;
        Ok(())
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        if let To::File { folder, temporary, .. } = &self.to {
            folder.remove(temporary);
        }
    }
}
