//! `dissect export`: its arguments, and the plan that they come to.

use std::path::PathBuf;

use clap::{ArgGroup, Args as Group};

use super::limit::number;
use super::plan::{self, Output, Plan};
use super::reading::Reading;
use crate::run::Failure;
use crate::run::export::Wanted;

const AFTER: &str = "\
A body's file is named N.M-HOST_PATH.EXT: message M of stream N. What is no letter, digit, dash, underscore or \
single dot is percent-encoded. A file that is there is never replaced: the new one is N.M~2-… then. A body of \
which bytes are missing is N.M-….incomplete.EXT, without them; index.jsonl says where. Bodies without a byte are \
in the index alone. Messages over UDP (SSDP) are left out.

Examples:
  dissect export -r lab1.pcap -d bodies
  dissect export -r lab1.pcap --har lab1.har
  dissect export -r lab1.pcap -d bodies --raw tcp port 8080

Exit codes: 0 done; 1 done, but the file ends inside a record or is corrupt further on, or --strict found unexplained \
bytes; 2 usage or a bad filter; 3 the capture could not be read, or a file not be written.";

/// What is exported, and from where.
#[derive(Group, Debug)]
#[command(after_help = AFTER)]
#[command(group(ArgGroup::new("what").args(["directory", "har"]).required(true).multiple(true)))]
pub struct Export {
    /// Write each body to a file in this folder, which is made if it is not there, and a line of it to index.jsonl
    #[arg(short, long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Write the exchanges as an HTTP archive (HAR 1.2), replacing a file that is there; `-` is standard output
    #[arg(long, value_name = "FILE")]
    har: Option<PathBuf>,
    /// Leave bodies in their content coding (gzip, deflate, br, zstd)
    #[arg(long)]
    raw: bool,
    /// Decode a body into at most so many bytes; the suffixes K, M, G are powers of 1024
    #[arg(long, value_name = "BYTES", default_value = "256M", value_parser = size)]
    max_decoded: u64,
    #[command(flatten)]
    reading: Reading,
}

impl Export {
    /// Makes a plan of them.
    pub(super) fn plan(self) -> Result<Plan, Failure> {
        let wanted = Wanted { folder: self.directory, har: self.har, raw: self.raw, max_decoded: self.max_decoded };
        let output = Output::Export(wanted);
        let engine = plan::options(&output);
        self.reading.plan(output, engine)
    }
}

fn size(text: &str) -> Result<u64, &'static str> {
    number(text).map(|size| size as u64).ok_or("it is a number, with K, M or G after it or nothing")
}
