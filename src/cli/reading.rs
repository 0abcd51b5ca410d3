//! What the commands share that read a capture or an interface and tell something else than its messages.

use std::path::PathBuf;

use clap::{ArgAction, Args as Group};

use super::args::Confined;
use super::input::{Buffers, Input};
use super::limit::{Limit, MAX_BUFFER_KIB};
use super::plan::{self, Output, Plan};
use crate::engine;
use crate::run::Failure;
use crate::source::MAX_SNAPLEN;

/// Where frames come from, and what is done with them before anything is told.
#[derive(Group, Debug)]
#[command(next_help_heading = "Capture")]
pub struct Frames {
    /// Capture on this interface, `any` for all of them; may be repeated. Ctrl-C ends it
    #[arg(short = 'i', long = "interface", value_name = "INTERFACE", conflicts_with = "read")]
    interfaces: Vec<String>,
    /// Read a capture file (pcap or pcapng, plain or compressed with gzip, zstd, lz4); `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    read: Option<PathBuf>,
    /// Read a capture file that is still being written, plain, as it grows; Ctrl-C ends it
    #[arg(id = "grows", long = "follow", value_name = "FILE", conflicts_with_all = ["read", "interfaces"])]
    follow: Option<PathBuf>,
    /// Stop after this many frames that passed the filter
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    stop: super::stop::Stopping,
    /// Capture at most this many bytes of a frame; 0 is the most there is
    #[arg(short, long, value_name = "BYTES", default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_SNAPLEN)), hide_default_value = true)]
    snaplen: u32,
    /// Let the kernel hold this many KiB of frames for us, for each interface; 32768 otherwise
    #[arg(short = 'B', long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..=MAX_BUFFER_KIB))]
    buffer_size: Option<u32>,
    /// Capture only frames that are for this machine: not in promiscuous mode
    #[arg(short = 'p', long = "no-promiscuous-mode")]
    no_promiscuous: bool,
    /// Compute checksums, and keep segments with a bad one out of reassembly
    #[arg(long)]
    verify_checksums: bool,
    /// Move a bound on memory: `queue`, `queues`, `connections`, `closed`, `blocks`; see `dissect --help`
    #[arg(long = "limit", value_name = "NAME=BYTES|COUNT")]
    limits: Vec<Limit>,
    /// Accepted as in tcpdump: addresses and ports are never looked up
    #[arg(short = 'n', action = ArgAction::Count)]
    numeric: u8,
    #[command(flatten)]
    confined: Confined,
}

/// Frames, and which of what they carry is looked at.
#[derive(Group, Debug)]
#[command(next_help_heading = "Selection")]
pub struct Reading {
    #[command(flatten)]
    frames: Frames,
    /// Look only at the frames for which this BPF expression holds; see pcap-filter(7)
    #[arg(value_name = "BPF FILTER")]
    filter: Vec<String>,
    /// Look at this TCP connection alone, by its number
    #[arg(long, value_name = "N")]
    stream: Option<u64>,
    /// Take only what this display filter holds for: messages, and connections that had one or for which it holds
    #[arg(short = 'Y', long = "display-filter", value_name = "FILTER", allow_hyphen_values = true)]
    display_filter: Option<String>,
    /// Exit with 1 if a byte of TCP payload is unexplained
    #[arg(long)]
    strict: bool,
}

impl Frames {
    /// Whether they are of a capture file, of which the end is known to come.
    fn are_of_file(&self) -> bool {
        self.read.as_ref().is_some_and(|path| path.as_os_str() != "-")
    }

    /// Makes a plan of them, for results that take no more of the core than what `engine` asks for.
    pub fn plan(self, filter: &[String], output: Output, engine: engine::Options) -> Result<Plan, Failure> {
        let mut engine = engine::Options { verify_checksums: self.verify_checksums, ..engine };
        let buffers = Buffers::new(self.buffer_size, &self.limits);
        self.limits.into_iter().for_each(|limit| limit.apply(&mut engine.limits));
        let stop = self.stop.plan(&mut engine)?;
        let (promiscuous, snaplen) = (!self.no_promiscuous, self.snaplen);
        let input = Input::new(self.follow, self.read, self.interfaces, promiscuous, snaplen, buffers)?;
        let plan = Plan::all(input, output, engine, self.confined);
        Ok(Plan { filter: plan::expression(filter), count: self.count, stop, ..plan })
    }
}

impl Reading {
    /// Whether it is of a capture file, of which the end is known to come.
    pub fn is_of_file(&self) -> bool {
        self.frames.are_of_file()
    }

    /// Makes a plan of it, for results that take no more of the core than what `engine` asks for.
    pub fn plan(self, output: Output, engine: engine::Options) -> Result<Plan, Failure> {
        let mut engine = engine::Options { stream: self.stream, ..engine };
        let asked = self.display_filter.as_deref().map(plan::display).transpose()?;
        // Others are connections too, of which nothing is asked.
        let display = match (self.stream, &self.display_filter) {
            (None, _) => asked,
            (Some(stream), None) => Some(plan::display(&format!("tcp.stream == {stream}"))?),
            (Some(stream), Some(filter)) => Some(plan::display(&format!("tcp.stream == {stream} and ({filter})"))?),
        };
        plan::ask_for(display.as_ref(), &mut engine);
        Ok(Plan { display, strict: self.strict, ..self.frames.plan(&self.filter, output, engine)? })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Args, Command};
    use super::*;

    fn plan(words: &str) -> Result<Plan, Failure> {
        match Args::try_parse_from(format!("dissect {words}").split(' ')).unwrap().command.unwrap() {
            Command::Connections(connections) => connections.plan(),
            Command::Stats(stats) => stats.plan(),
            Command::Follow(follow) => follow.plan(),
            Command::Export(export) => export.plan(),
            Command::Page(page) => page.plan(),
            command => panic!("{command:?}"),
        }
    }

    #[test]
    fn commands_take_frames_alike() {
        for command in ["connections", "stats", "follow 0", "export -d bodies", "page", "page 2"] {
            let live = plan(&format!("{command} -i lo -p -s 96 -c 3 tcp port 80")).unwrap();
            assert!(matches!(live.input, Input::Live { promiscuous: false, snaplen: 96, .. }), "{command}");
            assert_eq!((live.filter.as_deref(), live.count), (Some("tcp port 80"), Some(3)), "{command}");
            let growing = plan(&format!("{command} --follow a --duration 3 --until dns")).unwrap();
            assert!(matches!(growing.input, Input::Growing(_)) && growing.stop.until.is_some(), "{command}");
            assert!(matches!(plan(&format!("{command} -r a.pcap")).unwrap().input, Input::File(_)), "{command}");
            assert!(matches!(plan(command), Err(Failure::Usage(line)) if line.contains("-i INTERFACE")), "{command}");
        }
    }
}
