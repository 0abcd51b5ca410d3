//! The files that a capture is written to one after the other, all in one folder: tcpdump's `-C`, `-G` and `-W`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};
use jiff::tz::TimeZone;
use rustix::fs::{CWD, Mode, OFlags};

use crate::frame::Timestamp;

use super::Identity;
use super::error::{Error, Name};

/// When a capture goes on in another file. Without a size and a period it never does.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// A file that has more bytes than this gets no further frame; the next one has a number after its name.
    pub size: Option<u64>,
    /// Nor does one that was begun so many seconds of capture time before; names have strftime's conversions.
    pub period: Option<u32>,
    /// With a size, so many files are written, over and over again; with a period alone, no frame is taken after them.
    pub files: Option<u32>,
}

impl Rotation {
    /// Whether there may be more than one file.
    pub fn is_wanted(&self) -> bool {
        self.size.is_some() || self.period.is_some()
    }

    /// Whether frames are taken only until so many files are full.
    pub fn ends(&self) -> bool {
        self.size.is_none() && self.period.is_some() && self.files.is_some()
    }

    /// Digits that every number has.
    fn digits(&self) -> usize {
        self.files.and_then(|files| files.checked_sub(1)?.checked_ilog10()).map_or(0, |log| log as usize + 1)
    }
}

/// Names of files, and the folder that they are created in.
pub(super) struct Files {
    folder: OwnedFd,
    /// Path of the folder as given, up to its last slash.
    path: Vec<u8>,
    /// The path from there.
    name: Vec<u8>,
    rotation: Rotation,
    zone: TimeZone,
    /// Which file of its period it is, and which period.
    number: u64,
    periods: u64,
    /// Seconds since 1970 when the period began.
    began: i64,
    /// The file that is read.
    read: Option<Identity>,
}

impl Files {
    /// Opens the folder of `path`: that in which all names lie, whatever the time.
    pub(super) fn open(path: &Path, rotation: Rotation, read: Option<Identity>) -> Result<Self, Error> {
        let bytes = path.as_os_str().as_bytes();
        let fixed = match rotation.period {
            Some(_) => bytes.split(|byte| *byte == b'%').next().unwrap_or_default(),
            None => bytes,
        };
        let (path, name) = bytes.split_at(fixed.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1));
        let folder = if path.is_empty() { OsStr::new(".") } else { OsStr::from_bytes(path) };
        let opened = match name.last() {
            None | Some(b'/') => Err(rustix::io::Errno::ISDIR),
            Some(_) => {
                rustix::fs::openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            }
        };
        let (path, name) = (path.to_vec(), name.to_vec());
        match opened {
            Ok(folder) => {
                let zone = if rotation.period.is_some() { TimeZone::system() } else { TimeZone::UTC };
                Ok(Self { folder, path, name, rotation, zone, number: 0, periods: 0, began: 0, read })
            }
            Err(reason) => Err(Error::Create {
                name: Name::Path(OsString::from_vec([path, name].concat()).into()),
                reason: reason.into(),
            }),
        }
    }

    /// The folder that files are created in.
    pub(super) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Begins the first period.
    pub(super) fn begin(&mut self, time: Timestamp) {
        self.began = time.secs();
    }

    /// Whether a frame captured then belongs to a period for which there is no file.
    pub(super) fn ends_before(&self, time: Timestamp) -> bool {
        let files = self.rotation.files.filter(|_| self.rotation.ends());
        self.is_over(time) && files.is_some_and(|files| self.periods + 1 >= u64::from(files))
    }

    /// Goes on to the file of a frame captured then; whether that is another one than the file of so many bytes that has
    /// the frame before.
    pub(super) fn turns(&mut self, time: Timestamp, size: u64) -> bool {
        if self.is_over(time) {
            self.periods += 1;
            self.number = 0;
            self.began = time.secs();
            return true;
        }
        let is_full = self.rotation.size.is_some_and(|most| size > most);
        if is_full {
            self.number += 1;
            if self.rotation.files.is_some_and(|files| self.number >= files.into()) {
                self.number = 0;
            }
        }
        is_full
    }

    fn is_over(&self, time: Timestamp) -> bool {
        self.rotation.period.is_some_and(|period| time.secs().saturating_sub(self.began) >= period.into())
    }

    /// Creates the file that comes next, in the place of one that is there.
    pub(super) fn create(&self) -> Result<(File, Name), Error> {
        let file = self.current();
        let path: PathBuf = OsString::from_vec([&self.path[..], &file].concat()).into();
        create(&self.folder, Path::new(OsStr::from_bytes(&file)), Name::Path(path), self.read)
    }

    /// The name of the file that comes next.
    fn current(&self) -> Vec<u8> {
        let mut name = match self.rotation.period {
            Some(_) => format_time(&self.name, self.began, &self.zone),
            None => self.name.clone(),
        };
        let digits = self.rotation.digits();
        if self.rotation.size.is_some() && (self.number > 0 || digits > 0) {
            let number = self.number;
            // To memory, it does not fail.
            let _ = write!(name, "{number:0digits$}");
        }
        name
    }
}

/// Creates the file `path` as seen from `folder`, in the place of one that is there; not in that of the file that is read.
pub(super) fn create(
    folder: impl AsFd,
    path: &Path,
    name: Name,
    read: Option<Identity>,
) -> Result<(File, Name), Error> {
    // It loses its content when it is known to be another file.
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    let created = rustix::fs::openat(folder, path, flags, Mode::from_raw_mode(0o666));
    let created = created.map_err(io::Error::from).map(File::from).and_then(|file| Ok((file.metadata()?, file)));
    match created {
        Ok((there, _)) if read.is_some() && Identity::of(&there) == read => Err(Error::SameFile { name }),
        Ok((there, file)) => match if there.is_file() { file.set_len(0) } else { Ok(()) } {
            Ok(()) => Ok((file, name)),
            Err(reason) => Err(Error::Create { name, reason }),
        },
        Err(reason) => Err(Error::Create { name, reason }),
    }
}

/// Replaces the conversions of strftime by local time, as in the C locale. What is none stays, as does what is no text.
fn format_time(format: &[u8], seconds: i64, zone: &TimeZone) -> Vec<u8> {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default().to_zoned(zone.clone());
    let (time, config) = (BrokenDownTime::from(&time), Config::new().custom(PosixCustom::new()).lenient(true));
    let mut formatted = Vec::new();
    for chunk in format.utf8_chunks() {
        match time.to_string_with_config(&config, chunk.valid()) {
            Ok(text) => formatted.extend_from_slice(text.as_bytes()),
            Err(_) => formatted.extend_from_slice(chunk.valid().as_bytes()),
        }
        formatted.extend_from_slice(chunk.invalid());
    }
    formatted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(name: &str, size: Option<u64>, period: Option<u32>, files: Option<u32>) -> Files {
        let directory = tempfile::tempdir().unwrap();
        let mut all = Files::open(&directory.path().join(name), Rotation { size, period, files }, None).unwrap();
        all.zone = TimeZone::UTC;
        all.begin(at(0));
        all
    }

    /// So many seconds after midnight of a day.
    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs_nanos(1_699_920_000 + seconds, 999)
    }

    fn names(files: &mut Files, frames: &[(i64, u64)]) -> Vec<String> {
        let mut names = vec![String::from_utf8(files.current()).unwrap()];
        for &(time, size) in frames {
            assert!(!files.ends_before(at(time)));
            if files.turns(at(time), size) {
                names.push(String::from_utf8(files.current()).unwrap());
            }
        }
        names
    }

    #[test]
    fn a_size_numbers_the_files() {
        let frames: Vec<(i64, u64)> = (0..12).map(|_| (0, 1001)).collect();
        let numbered = names(&mut files("%H", Some(1000), None, None), &frames[..3]);
        assert_eq!(numbered, ["%H", "%H1", "%H2", "%H3"]);
        assert_eq!(names(&mut files("a", Some(1000), None, None), &[(0, 1000), (0, 999)]), ["a"]);
        assert_eq!(names(&mut files("a", Some(9), None, Some(1)), &frames[..2]), ["a", "a", "a"]);
        assert_eq!(names(&mut files("a", Some(9), None, Some(2)), &frames[..3]), ["a0", "a1", "a0", "a1"]);
        let ten = names(&mut files("a", Some(9), None, Some(10)), &frames[..11]);
        assert_eq!((ten[9].as_str(), ten[10].as_str()), ("a9", "a0"));
        assert_eq!(names(&mut files("a", Some(9), None, Some(11)), &frames[..11])[10..], ["a10", "a00"]);
    }

    #[test]
    fn a_period_names_them_by_the_time_at_which_they_begin() {
        let mut timed = files("x-%H%M%S-100%!.pcap", None, Some(10), None);
        let frames = [(9, 0), (10, 0), (5, 0), (19, 0), (25, 0), (30, 0), (35, 0)];
        let begun = names(&mut timed, &frames);
        assert_eq!(begun, ["000000", "000010", "000025", "000035"].map(|time| format!("x-{time}-100%!.pcap")));
        let mut both = files("%M-", Some(1000), Some(60), None);
        let frames = [(1, 2000), (59, 2000), (60, 2000), (61, 24), (62, 1001), (3600, 0)];
        assert_eq!(names(&mut both, &frames), ["00-", "00-1", "00-2", "01-", "01-1", "00-"]);
    }

    #[test]
    fn after_the_last_period_nothing_is_taken() {
        let mut timed = files("a", None, Some(10), Some(2));
        assert!(!timed.ends_before(at(10)) && timed.turns(at(10), 0));
        assert!(!timed.ends_before(at(19)) && timed.ends_before(at(20)));
        assert!(!files("a", None, Some(10), None).ends_before(at(99)));
        assert!(!files("a", Some(1), Some(10), Some(1)).ends_before(at(99)));
        assert!(files("a", None, Some(10), Some(1)).ends_before(at(10)));
    }

    #[test]
    fn the_folder_is_the_one_that_all_names_share() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("%H/%M");
        let all = Files::open(&path, Rotation { period: Some(1), ..Rotation::default() }, None).unwrap();
        assert_eq!(all.name, b"%H/%M");
        assert!(Files::open(&path, Rotation { size: Some(1), ..Rotation::default() }, None).is_err());
        assert!(Files::open(Path::new("/tmp/"), Rotation::default(), None).is_err());
    }

    #[test]
    fn times_are_those_of_strftime() {
        let format =
            |format: &[u8]| String::from_utf8_lossy(&format_time(format, 1_700_000_000, &TimeZone::UTC)).into_owned();
        assert_eq!(format(b"%Y-%m-%d %H:%M:%S %j %s %%"), "2023-11-14 22:13:20 318 1700000000 %");
        assert_eq!(format(b"%c|%x|%D|%e|%U"), "Tue Nov 14 22:13:20 2023|11/14/23|11/14/23|14|46");
        assert_eq!(format_time(b"\xff%S\xfe%", 1_700_000_000, &TimeZone::UTC), b"\xff20\xfe%");
        assert_eq!(format_time(b"%Y", i64::MAX, &TimeZone::UTC), b"1970");
    }
}
