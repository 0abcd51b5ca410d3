//! Shuts the process in before it takes what it was sent: another user, no capabilities, no files, few system calls.
//!
//! What was opened before stays open. What is opened later is named as a [`Reach`]; nothing else can be.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod user;

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{CWD, Mode, OFlags};

/// Called once the process is shut in, for a program that tests whether it is.
#[doc(hidden)]
pub static WITHIN: OnceLock<fn()> = OnceLock::new();

/// What the user says of it.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Options {
    /// Nothing is done.
    pub off: bool,
    /// What this system lacks for it is told.
    pub verbose: bool,
    /// Who root becomes, by name or number, instead of whom it would otherwise be.
    pub user: Option<String>,
}

/// What the process needs to reach once it is shut in.
#[derive(Default, Debug)]
pub struct Reach {
    /// Files, and folders with files, that are opened to be read.
    read: Vec<Place>,
    /// The same of the system's, whoever the process is.
    system: Vec<Place>,
    /// Folders in which files are made, read, renamed and removed.
    write: Vec<Place>,
    /// Files that were created, which are those of whom root becomes.
    given: Vec<OwnedFd>,
    /// Whether packets are taken from an interface.
    live: bool,
}

/// A file or a folder.
#[derive(Debug)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
struct Place {
    descriptor: OwnedFd,
    path: PathBuf,
}

impl Place {
    fn new(path: &Path) -> rustix::io::Result<Self> {
        let descriptor = rustix::fs::openat(CWD, path, FOUND | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { descriptor, path: path.to_owned() })
    }
}

/// How a file is opened that is only meant.
#[cfg(target_os = "linux")]
const FOUND: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const FOUND: OFlags = OFlags::RDONLY;

impl Reach {
    /// Leaves a file, or all files in a folder, to be read. One that cannot be found is not there later either.
    pub fn read(&mut self, path: &Path) {
        self.read.extend(Place::new(path));
    }

    /// Leaves an open folder to be written in; `path` is what messages call it.
    pub fn write(&mut self, folder: impl AsFd, path: &Path) -> std::io::Result<()> {
        let descriptor = folder.as_fd().try_clone_to_owned()?;
        self.write.push(Place { descriptor, path: path.to_owned() });
        Ok(())
    }

    /// Has a file that was created be that of whom root becomes, so that it can be written again.
    pub fn give(&mut self, file: impl AsFd) {
        self.given.extend(file.as_fd().try_clone_to_owned());
    }

    /// Leaves what it takes to read and to close a live capture, and the counters of its interfaces.
    pub fn live(&mut self, interfaces: &[String]) {
        self.live = true;
        // A name with a slash is none of an interface.
        for name in interfaces.iter().filter(|name| !name.contains('/')) {
            let counters = PathBuf::from(format!("/sys/class/net/{name}/statistics"));
            self.system.extend(Place::new(&counters));
        }
    }
}

/// A step that this system does not offer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sandbox lacks {}", self.0)
    }
}

/// Why the process is not shut in.
#[derive(Debug)]
pub enum Error {
    /// There is no such user.
    NoSuchUser(String),
    /// Who root becomes may not write where something is to be written.
    Unwritable {
        /// Where.
        folder: PathBuf,
        /// Who, by name or number.
        user: String,
    },
    /// A step failed that the system offers.
    Step {
        /// What was tried, as the end of "cannot …".
        what: &'static str,
        /// What the system said.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUser(name) => write!(f, "-Z: there is no user {name:?}"),
            Self::Unwritable { folder, user } => write!(
                f,
                "user {user}, which root becomes, may not write in {}; -Z USER chooses another",
                folder.display()
            ),
            Self::Step { what, reason } => {
                write!(f, "cannot {what}: {reason}; --no-sandbox goes on without")
            }
        }
    }
}

impl std::error::Error for Error {}

/// Shuts the process in for good, and tells what this system does not offer for that. No thread may be running but the
/// one that calls; those that it starts are shut in too.
#[cfg(target_os = "linux")]
pub fn enter(options: &Options, reach: Reach) -> Result<Vec<Missing>, Error> {
    if options.off {
        return Ok(Vec::new());
    }
    let mut missing = Vec::new();
    user::drop(options.user.as_deref(), &reach, &mut missing)?;
    let step = |what| move |reason: rustix::io::Errno| Error::Step { what, reason: reason.to_string() };
    rustix::thread::set_no_new_privs(true).map_err(step("set no_new_privs"))?;
    files::confine(&reach, &mut missing)?;
    calls::confine(&reach, &mut missing)?;
    if let Some(within) = WITHIN.get() {
        within();
    }
    Ok(missing)
}

/// No other system has these steps.
#[cfg(not(target_os = "linux"))]
pub fn enter(options: &Options, _: Reach) -> Result<Vec<Missing>, Error> {
    let all = Missing("every step, all of which are Linux's".into());
    Ok(if options.off { Vec::new() } else { vec![all] })
}
