//! `dissect export`: its arguments, and the plan that they come to.

use std::path::PathBuf;

use clap::{ArgGroup, Args as Group};

use super::limit::{Limit, number};
use super::plan::{self, Output, Plan, Saved};
use crate::engine;
use crate::run::Failure;
use crate::run::export::Wanted;

const AFTER: &str = "\
A body's file is named N.M-HOST_PATH.EXT: message M of stream N. What is no letter, digit, dash, underscore or \
single dot is percent-encoded. A file that is there is never replaced: the new one is N.M~2-… then. A body of \
which bytes are missing is N.M-….incomplete.EXT, without them; index.jsonl says where. Bodies without a byte are \
in the index alone.

Examples:
  dissect export -r lab1.pcap -d bodies
  dissect export -r lab1.pcap --har lab1.har
  dissect export -r lab1.pcap -d bodies --raw tcp port 8080

Exit codes: 0 done; 1 done, but the file ends inside a record or is corrupt further on; 2 usage or a bad filter; \
3 the capture could not be read, or a file not be written.";

/// What is exported, and from where.
#[derive(Group, Debug)]
#[command(after_help = AFTER)]
#[command(group(ArgGroup::new("what").args(["directory", "har"]).required(true).multiple(true)))]
pub struct Export {
    /// Read this capture file; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    read: PathBuf,
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
    /// Write only the messages for which this display filter holds; of an archive, the exchanges of which one message does
    #[arg(short = 'Y', long = "display-filter", value_name = "FILTER")]
    display_filter: Option<String>,
    /// Look only at the frames for which this BPF expression holds; see pcap-filter(7)
    #[arg(value_name = "BPF FILTER")]
    filter: Vec<String>,
    /// Stop after this many frames that passed the filter
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Look at this TCP connection alone, by its number
    #[arg(long, value_name = "N")]
    stream: Option<u64>,
    /// Compute checksums, and keep segments with a bad one out of reassembly
    #[arg(long)]
    verify_checksums: bool,
    /// Move a bound on memory: `queue`, `queues`, `connections`, `closed`; see `dissect --help`
    #[arg(long = "limit", value_name = "NAME=BYTES|COUNT")]
    limits: Vec<Limit>,
}

impl Export {
    /// Makes a plan of them.
    pub(super) fn plan(self) -> Result<Plan, Failure> {
        let wanted = Wanted { folder: self.directory, har: self.har, raw: self.raw, max_decoded: self.max_decoded };
        let output = Output::Export(wanted);
        let mut engine =
            engine::Options { verify_checksums: self.verify_checksums, stream: self.stream, ..plan::options(&output) };
        let display = self.display_filter.as_deref().map(plan::display).transpose()?;
        plan::ask_for(display.as_ref(), &mut engine);
        self.limits.into_iter().for_each(|limit| limit.apply(&mut engine.limits));
        Ok(Plan {
            input: plan::saved(self.read)?,
            filter: plan::expression(&self.filter),
            display,
            count: self.count,
            write: None,
            saved: Saved::All,
            output,
            engine,
            strict: false,
        })
    }
}

fn size(text: &str) -> Result<u64, &'static str> {
    number(text).map(|size| size as u64).ok_or("it is a number, with K, M or G after it or nothing")
}
