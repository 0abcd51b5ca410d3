//! One file after the other: `-C`, `-G` and `-W`.

use std::path::Path;

use clap::Args as Group;

use super::limit;
use super::plan::usage;
use crate::run::Failure;
use crate::source::Rotation;

/// The options as typed.
#[derive(Group, Debug)]
pub struct Saving {
    /// Go on in another file when the one of -w has more than so many millions of bytes, or with a suffix K, M or G
    /// powers of 1024; the second one has 1 after its name
    #[arg(short = 'C', long = "file-size", value_name = "SIZE", value_parser = size)]
    size: Option<u64>,
    /// Go on in another file after so many seconds of capture time; the name of -w has conversions of strftime, such as
    /// %H%M%S
    #[arg(short = 'G', long = "rotate-seconds", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    period: Option<u32>,
    /// With -C, write so many files and then the first one again, numbered with leading zeros; with -G alone, stop after
    /// so many
    #[arg(short = 'W', long = "file-count", value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    files: Option<u32>,
}

impl Saving {
    /// When the capture that is written there goes on in another file.
    pub fn plan(self, write: Option<&Path>) -> Result<Rotation, Failure> {
        let Self { size, period, files } = self;
        let rotation = Rotation { size, period, files };
        if files.is_some() && !rotation.is_wanted() {
            return Err(usage("-W counts the files of -C or -G: give one of them, too"));
        }
        let option = if size.is_some() { "-C" } else { "-G" };
        match write {
            None if rotation.is_wanted() => Err(usage(format!("{option} goes with -w FILE"))),
            Some(path) if rotation.is_wanted() && path.as_os_str() == "-" => {
                Err(usage(format!("{option} goes with a file (-w FILE), and not with standard output")))
            }
            _ => Ok(rotation),
        }
    }
}

/// Millions of bytes, or powers of 1024 with a suffix.
fn size(text: &str) -> Result<u64, &'static str> {
    let number = limit::number(text).and_then(|number| u64::try_from(number).ok());
    let unit = if text.ends_with(|c: char| c.is_ascii_digit()) { 1_000_000 } else { 1 };
    let size = number.and_then(|number| number.checked_mul(unit));
    size.filter(|size| *size > 0).ok_or("it is a number of millions of bytes, above 0, or has K, M or G after it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_millions_or_powers_of_1024() {
        for (text, bytes) in [("1", 1_000_000), ("20", 20_000_000), ("1k", 1 << 10), ("2M", 2 << 20), ("3g", 3 << 30)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "0K", "-1", "1.5", "M", "1T", "99999999999999"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let plan = |size, period, files, write: Option<&str>| Saving { size, period, files }.plan(write.map(Path::new));
        for (size, period, files, write) in [
            (Some(1), None, None, None),
            (None, Some(1), None, None),
            (None, None, Some(1), Some("a")),
            (Some(1), None, None, Some("-")),
            (None, Some(1), Some(2), Some("-")),
        ] {
            assert!(matches!(plan(size, period, files, write), Err(Failure::Usage(_))));
        }
        assert!(plan(Some(1), Some(2), Some(3), Some("a")).is_ok() && plan(None, None, None, None).is_ok());
    }
}
