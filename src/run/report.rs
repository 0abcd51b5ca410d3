//! A report on its way to its file, which is whole or not there, or to standard output.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::export::folder::Folder;
use super::{Failure, write_out};
use crate::sandbox::Reach;

/// Where a report goes.
pub(super) struct Report {
    path: PathBuf,
    to: To,
}

enum To {
    Stdout,
    /// A device or a pipe, which cannot be replaced.
    Stream(File),
    File {
        folder: Folder,
        name: OsString,
    },
}

impl Report {
    /// To write at `path`, `-` or none for standard output. `reach` learns the folder.
    pub(super) fn open(path: Option<&Path>, reach: &mut Reach) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
            return Ok(Self { path: "-".into(), to: To::Stdout });
        };
        let to = To::open(path, reach).map_err(|reason| Failure::File { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), to })
    }

    /// Writes it.
    pub(super) fn write(self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match self.to {
            To::Stdout => return write_out(bytes).map_err(Failure::Output),
            To::Stream(mut file) => file.write_all(bytes),
            To::File { mut folder, name } => replace(&mut folder, &name, bytes),
        };
        written.map_err(|reason| Failure::File { path: self.path, reason })
    }
}

impl To {
    fn open(path: &Path, reach: &mut Reach) -> io::Result<Self> {
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(Self::Stream(File::options().write(true).open(path)?));
        }
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let folder = Folder::open(path.parent().unwrap_or(Path::new(".")))?;
        folder.leave(reach)?;
        Ok(Self::File { folder, name })
    }
}

fn replace(folder: &mut Folder, name: &OsString, bytes: &[u8]) -> io::Result<()> {
    let (temporary, mut file) = folder.temporary()?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.and_then(|()| folder.replace(&temporary, name)).inspect_err(|_| folder.remove(&temporary))
}
