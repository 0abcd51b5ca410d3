//! `dissect diff`: its arguments.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};

use super::args::{Confined, When};
use super::input::Input;
use super::plan;
use crate::app::http1::syntax::is_token;
use crate::check::diff::{ASPECTS, Options};
use crate::run::Failure;
use crate::sandbox;

const AFTER: &str = "\
Connections are aligned by what they ask for and in order, messages by what they are about, so that one which is \
missing shifts nothing. Compared are: method, target, version, status, reason; each field, the order of fields, \
the case of their names; whitespace (spaces, folds and line ends between the words of a head); trailer; body \
(length, hash, the first byte that differs); integrity; pairing; segments (how many, and their sizes); time \
(from request to response, from the first byte to the last); close (how the connection ended).

Never compared are: addresses and ports, MAC addresses, sequence numbers and IP identifiers, capture times, the \
values of Date and Expires where both are dates, and connections without HTTP.

Exit codes: 0 nothing differs; 1 something does, or a file ends inside a record; 2 usage; 3 a capture could not \
be read.

Examples:
  dissect diff reference.pcap student.pcap
  dissect diff a.pcap b.pcap --ignore server,etag,segments,time -T json";

/// What is compared, and how.
#[derive(Group, Debug)]
#[command(after_help = AFTER)]
pub struct Diff {
    /// The first capture file; `-` is standard input
    pub a: PathBuf,
    /// The second one
    pub b: PathBuf,
    /// Leave this out: the name of a field of the head, or one of the words below; may be repeated
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Let times differ by up to so many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u32))]
    pub tolerance: u32,
    /// Format of the results
    #[arg(short = 'T', long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Use colours; `auto` is where standard output is a terminal and NO_COLOR is not set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Compute checksums, and keep segments with a bad one out of reassembly
    #[arg(long)]
    pub verify_checksums: bool,
    #[command(flatten)]
    pub confined: Confined,
}

/// Format of what differs.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Values side by side, for people
    Text,
    /// JSON Lines, for programs
    Json,
}

/// What to compare, and how.
#[derive(Debug)]
pub struct Plan {
    /// The two captures.
    pub inputs: [Input; 2],
    /// What they are called.
    pub names: [String; 2],
    /// What matters.
    pub options: Options,
    /// Whether results are JSON Lines.
    pub json: bool,
    /// Whether to use colours.
    pub color: bool,
    /// Columns of the terminal; none where standard output is none.
    pub width: Option<u16>,
    /// Whether segments with a bad checksum are kept out.
    pub verify_checksums: bool,
    /// Whether secrets are masked before anything is compared.
    pub redact: bool,
    /// How the process is shut in.
    pub sandbox: sandbox::Options,
}

impl Diff {
    /// Makes a plan of them.
    pub(super) fn plan(self) -> Result<Plan, Failure> {
        if [&self.a, &self.b].iter().all(|path| path.as_os_str() == "-") {
            return Err(plan::usage("standard input can be one of the captures, not both"));
        }
        let names = [&self.a, &self.b].map(|path| path.to_string_lossy().into_owned());
        Ok(Plan {
            inputs: [Input::saved(self.a)?, Input::saved(self.b)?],
            names,
            options: Options {
                ignored: self.ignore.iter().map(|word| field(word)).collect::<Result<_, _>>()?,
                tolerance: i64::from(self.tolerance) * 1_000_000,
            },
            json: self.format == Format::Json,
            color: plan::colors(self.color),
            width: plan::width(),
            verify_checksums: self.verify_checksums,
            redact: false,
            sandbox: self.confined.options(false),
        })
    }
}

/// The name of a field as it is on the wire, also of one that is given as in a filter (`http.user_agent`).
fn field(word: &str) -> Result<String, Failure> {
    let word = word.trim().to_ascii_lowercase();
    let name = match word.strip_prefix("http.") {
        Some(name) => name.replace('_', "-"),
        None if ASPECTS.contains(&word.trim_end_matches('s')) => word.trim_end_matches('s').to_owned(),
        None if word == "segment" || word == "segmentation" => "segments".to_owned(),
        None => word,
    };
    if is_token(name.as_bytes()) {
        Ok(name)
    } else {
        Err(plan::usage(format!("--ignore: {name:?} is no name of a field")))
    }
}
