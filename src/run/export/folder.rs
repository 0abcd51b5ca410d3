//! A folder that files are put into: whole or not at all, and never in the place of what is there.
//!
//! Every name is resolved from the folder that was opened, and is created as a new file: no link in the folder is followed.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::name::another;
use crate::sandbox::Reach;

/// Files with one name and different numbers, beyond which none is tried.
const MAX_ANOTHER: u32 = 10_000;

/// A folder.
pub struct Folder {
    folder: OwnedFd,
    path: PathBuf,
    /// Temporary files made so far.
    made: u64,
}

impl Folder {
    /// Opens the folder, and makes it if it is not there.
    pub fn make(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Self::open(path)
    }

    /// Opens a folder that is there.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        Ok(Self { folder, path: path.to_owned(), made: 0 })
    }

    /// Has the folder stay within reach of the process that is shut in.
    pub fn leave(&self, reach: &mut Reach) -> io::Result<()> {
        reach.write(&self.folder, &self.path)
    }

    /// Its path as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a new file with a name of no consequence.
    pub fn temporary(&mut self) -> io::Result<(String, File)> {
        loop {
            self.made += 1;
            let name = format!(".dissect-{}-{}.part", std::process::id(), self.made);
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(&self.folder, &name, flags, Mode::from_raw_mode(0o666)) {
                // One that a run which was killed has left.
                Err(Errno::EXIST) => {}
                file => return Ok((name, File::from(file?))),
            }
        }
    }

    /// Opens a file that [`Self::temporary`] made, to add to its end.
    pub fn append(&self, name: &str) -> io::Result<File> {
        self.reopen(name, OFlags::WRONLY | OFlags::APPEND)
    }

    /// Opens a file that [`Self::temporary`] made, to read it.
    pub fn read(&self, name: &str) -> io::Result<File> {
        self.reopen(name, OFlags::RDONLY)
    }

    fn reopen(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.folder, name, flags, Mode::empty())?.into())
    }

    /// Removes a file.
    pub fn remove(&self, name: &str) {
        // One that is not there any more is what was wanted.
        let _ = rustix::fs::unlinkat(&self.folder, name, AtFlags::empty());
    }

    /// Gives a file its name, or one like it where that is taken; tells which.
    pub fn publish(&self, temporary: &str, name: &str) -> io::Result<String> {
        let mut tried = name.to_owned();
        for count in 2..=MAX_ANOTHER {
            match self.rename(temporary, &tried) {
                Ok(()) => return Ok(tried),
                Err(Errno::EXIST) => tried = another(name, count),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::EXIST.into())
    }

    /// Gives a file a name that no other has.
    fn rename(&self, from: &str, to: &str) -> Result<(), Errno> {
        match rustix::fs::renameat_with(&self.folder, from, &self.folder, to, RenameFlags::NOREPLACE) {
            // The file system cannot do that.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rustix::fs::linkat(&self.folder, from, &self.folder, to, AtFlags::empty())?;
                self.remove(from);
                Ok(())
            }
            renamed => renamed,
        }
    }

    /// Gives a file a name, in place of one that has it.
    pub fn replace(&self, temporary: &str, name: &std::ffi::OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.folder, temporary, &self.folder, name)?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_there_stays() {
        let directory = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("a.txt"), "mine").unwrap();
        symlink(outside.path().join("target"), at("a~2.txt")).unwrap();
        fs::create_dir(at("a~3.txt")).unwrap();
        let mut folder = Folder::make(directory.path()).unwrap();
        let (temporary, mut file) = folder.temporary().unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(folder.publish(&temporary, "a.txt").unwrap(), "a~4.txt");
        assert_eq!(fs::read(at("a.txt")).unwrap(), b"mine");
        assert_eq!(fs::read(at("a~4.txt")).unwrap(), b"new");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4);
    }

    #[test]
    fn a_link_in_the_place_of_a_temporary_file_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let victim = directory.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        let mut folder = Folder::make(directory.path()).unwrap();
        symlink(&victim, directory.path().join(format!(".dissect-{}-1.part", std::process::id()))).unwrap();
        let (name, _) = folder.temporary().unwrap();
        assert!(name.ends_with("-2.part"));
        fs::remove_file(directory.path().join(&name)).unwrap();
        symlink(&victim, directory.path().join(&name)).unwrap();
        assert!(folder.append(&name).is_err() && folder.read(&name).is_err());
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
    }
}
