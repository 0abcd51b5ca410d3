//! The arguments as typed.

use std::path::PathBuf;

use clap::{ArgAction, Args as Group, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::print::report::{self, Undecided};
use crate::sandbox;
use crate::source::MAX_SNAPLEN;

use super::limit::{Limit, MAX_BUFFER_KIB};

const EXAMPLES: &str = "\
Examples:
  dissect -i eth0 port 80                  every HTTP message, as soon as it is whole
  dissect -r lab1.pcap                     the same of a capture file
  dissect -r lab1.pcap -T json | jq .http.request.uri
  tcpdump -w - port 80 | dissect -r -      a capture as it comes
  dissect -r lab1.pcap -Y 'http.response.code >= 400 or tcp.analysis.flags'
  dissect -r lab1.pcap --body 0.2 > body   one body, of stream 0, message 2
  dissect connections -r lab1.pcap         a line a connection
  dissect stats -r lab1.pcap               what there is how often, response times
  dissect explain 10 -r lab1.pcap          frame 10, and why it has its flags
  dissect check lab1.toml -r lab1.pcap     verdicts and points, by rules
  dissect follow 0 -r lab1.pcap            stream 0 as a conversation
  dissect export -r lab1.pcap -d bodies    every body to a file
  dissect page -r lab1.pcap                visits to web pages, with a waterfall
  dissect diff lab1.pcap other.pcap        what differs, message by message
  dissect scrub lab1.pcap -o shared.pcap   the same without addresses and secrets

Exit codes:
  0  done
  1  done, and something was wrong: the file ends inside a record or is
     corrupt further on, an interface went down, the file of --follow was
     replaced, --strict found unexplained bytes, --body found no whole body,
     two captures differ
  2  usage, a bad filter, or something that this build leaves out
  3  the capture could not be opened, read or saved, or the results not
     written

SIGUSR1 asks for a line on standard error that says how it stands.";

/// Tells what every HTTP message on the wire was: its headers, the frames that carried it, and what went wrong.
#[derive(Parser, Debug)]
#[command(
    name = "dissect",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    override_usage = "dissect [-i INTERFACE | -r FILE] [OPTIONS] [BPF FILTER]...\n       dissect COMMAND",
    subcommand_value_name = "COMMAND",
    max_term_width = 110
)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Mask secrets in everything that is shown or written: credentials, cookies, keys, tokens in URLs, what forms and
    /// members such as `password` hold; frames show their headers alone
    #[arg(long, global = true, help_heading = "Output")]
    pub redact: bool,
    #[command(flatten)]
    pub capture: Capture,
    #[command(flatten)]
    pub select: Select,
    #[command(flatten)]
    pub show: Show,
    #[command(flatten)]
    pub trust: Trust,
    #[command(flatten)]
    pub confined: Confined,
}

/// What is done instead of the main job.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Judge captures by a file of rules, or lint them where there is none
    Check(Box<CheckArgs>),
    /// Tell of each connection in a line: who, how it opened and closed, bytes, messages, what was wrong, RTT, rates
    Connections(super::connections::Connections),
    /// Count messages by protocol, host, status code, method, content type, with percentiles of response times
    Stats(super::stats::Stats),
    /// Explain one frame: where its fields are, why it has its flags, what became of its payload
    Explain(Explain),
    /// Compare two captures, message by message
    Diff(super::diff::Diff),
    /// Show one connection as a conversation: both directions in order, and what happened on the way
    Follow(super::follow::Follow),
    /// Write the bodies of messages to files, or exchanges to an HTTP archive (HAR)
    Export(super::export::Export),
    /// Tell of visits to web pages: what was looked up, opened and fetched, when, and because of what
    Page(super::page::Page),
    /// Rewrite a capture for sharing: addresses mapped, secrets masked, lengths and the behaviour of TCP kept
    Scrub(super::scrub::Scrub),
    /// List every field: name, type, meaning
    Fields,
    /// List the interfaces that can be captured on, as -D does
    Interfaces,
    /// List the lints, or explain those that are named
    Lints(LintsArgs),
    /// Print the JSON Schema of the records of -T json, of rules files, or of visits
    Schema {
        /// Of what
        #[arg(value_enum, default_value = "records")]
        of: SchemaOf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or that of a command, in roff
    Man {
        /// The command
        command: Option<String>,
    },
}

/// Which frame is explained.
#[derive(Group, Debug)]
pub struct Explain {
    /// Number of the frame, from 1
    #[arg(value_name = "FRAME", value_parser = clap::value_parser!(u64).range(1..))]
    pub frame: u64,
    /// Read this capture file; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub read: PathBuf,
    /// Look only at the frames for which this BPF expression holds; their numbers stay those in the file
    #[arg(value_name = "BPF FILTER")]
    pub filter: Vec<String>,
    /// Compute checksums, and keep segments with a bad one out of reassembly
    #[arg(long)]
    pub verify_checksums: bool,
    /// Use colours; `auto` is where standard output is a terminal and NO_COLOR is not set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    #[command(flatten)]
    pub confined: Confined,
}

/// What has a JSON Schema.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum SchemaOf {
    /// The records of -T json
    Records,
    /// Files of rules
    Rules,
    /// The records of `dissect page -T json`
    Page,
}

/// What is judged, by what, and how that is reported.
#[derive(Group, Debug)]
#[command(after_help = super::check::AFTER_HELP)]
pub struct CheckArgs {
    /// The rules (TOML); without them, captures are linted
    #[arg(value_name = "RULES.toml")]
    pub rules: Option<PathBuf>,
    /// Read these capture files, and those in these folders; `-` is standard input
    #[arg(short, long, value_name = "FILE", num_args = 1..)]
    pub read: Vec<PathBuf>,
    /// Give a parameter of the rules a value
    #[arg(long, value_name = "NAME=VALUE", value_parser = super::check::assignment)]
    pub set: Vec<(String, String)>,
    /// Say what the rules mean, and judge nothing
    #[arg(long, requires = "rules", conflicts_with_all = ["read", "learn"])]
    pub explain: bool,
    /// Write rules that this capture passes, to start from
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rules", "read"])]
    pub learn: Option<PathBuf>,
    /// Format of the report; lints have `text` and `json`
    #[arg(short = 'T', long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub format: report::Format,
    /// Write the report to this file, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What a rule is worth that the capture does not decide: nothing is scored, its points, or none
    #[arg(long, value_enum, value_name = "WORTH", default_value = "omit")]
    pub undecided: Undecided,
    /// Do not look for this lint; may be repeated, `all` is every one
    #[arg(long, value_name = "LINT")]
    pub allow: Vec<String>,
    /// Make this lint a warning
    #[arg(long, value_name = "LINT")]
    pub warn: Vec<String>,
    /// Make this lint an error
    #[arg(long, value_name = "LINT")]
    pub deny: Vec<String>,
    /// Leave out lints that matter less than this: chat, note, warn or error
    #[arg(long, value_name = "SEVERITY")]
    pub min_severity: Option<String>,
    /// Take the choice of lints from this file (TOML: allow, warn, deny, min-severity)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Look at so many captures at a time; as many as there are processors otherwise
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Compute checksums, and keep segments with a bad one out of reassembly
    #[arg(long)]
    pub verify_checksums: bool,
    /// Move a bound: `body` (bytes of a body that rules search, 1M), `messages` (of a capture, 64K), or one that the main
    /// job has (`queue`, `queues`, `connections`, `closed`)
    #[arg(long = "limit", value_name = "NAME=BYTES|COUNT")]
    pub limits: Vec<super::check::Limit>,
    /// Use colours; `auto` is where standard output is a terminal and NO_COLOR is not set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    #[command(flatten)]
    pub confined: Confined,
}

/// Which lints are told of, and how.
#[derive(Group, Debug)]
pub struct LintsArgs {
    /// Names of lints to explain
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Format of the results
    #[arg(short = 'T', long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Use colours; `auto` is where standard output is a terminal and NO_COLOR is not set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: When,
}

/// Where frames come from and go to.
#[derive(Group, Debug)]
#[command(next_help_heading = "Capture")]
pub struct Capture {
    /// Capture on this interface, `any` for all of them; may be repeated
    #[arg(short = 'i', long = "interface", value_name = "INTERFACE", conflicts_with = "read")]
    pub interfaces: Vec<String>,
    /// Read a capture file (pcap or pcapng, plain or compressed with gzip, zstd, lz4); `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub read: Option<PathBuf>,
    /// Read a capture file that is still being written, plain, as it grows; Ctrl-C ends it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["read", "interfaces"])]
    pub follow: Option<PathBuf>,
    /// Save the frames that passed the filter; with -Y those that it takes to read the chosen messages again, or with -P
    /// those that are shown. `-` is standard output, which then has nothing else
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    #[command(flatten)]
    pub saving: super::saving::Saving,
    /// Stop after this many frames that passed the filter
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    #[command(flatten)]
    pub stop: super::stop::Stopping,
    /// Capture at most this many bytes of a frame; 0 is the most there is
    #[arg(short, long, value_name = "BYTES", default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_SNAPLEN)), hide_default_value = true)]
    pub snaplen: u32,
    /// Let the kernel hold this many KiB of frames for us, for each interface; 32768 otherwise
    #[arg(short = 'B', long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..=MAX_BUFFER_KIB))]
    pub buffer_size: Option<u32>,
    /// Capture only frames that are for this machine: not in promiscuous mode
    #[arg(short = 'p', long = "no-promiscuous-mode")]
    pub no_promiscuous: bool,
    /// List the interfaces that can be captured on
    #[arg(short = 'D', long = "list-interfaces")]
    pub list: bool,
}

/// Which frames and messages are looked at.
#[derive(Group, Debug)]
#[command(next_help_heading = "Selection")]
pub struct Select {
    /// Look only at the frames for which this BPF expression holds; see pcap-filter(7)
    #[arg(value_name = "BPF FILTER")]
    pub filter: Vec<String>,
    /// Look at this TCP connection alone, by its number
    #[arg(long, value_name = "N")]
    pub stream: Option<u64>,
    /// Write the body of this message raw to standard output, and nothing else: message M of stream N
    #[arg(long, value_name = "N.M", value_parser = super::body_name, conflicts_with_all = ["stream", "format", "packets", "quiet"])]
    pub body: Option<(u64, u32)>,
    /// Show only the messages, and with -P the frames, for which this holds: a display filter in Wireshark's language
    /// over the fields that `dissect fields` lists
    #[arg(
        short = 'Y',
        long = "display-filter",
        value_name = "FILTER",
        conflicts_with = "body",
        allow_hyphen_values = true
    )]
    pub display_filter: Option<String>,
}

/// How results are shown.
#[derive(Group, Debug)]
#[command(next_help_heading = "Output")]
pub struct Show {
    /// Format of the results
    #[arg(short = 'T', long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Show every frame too
    #[arg(short = 'P', long)]
    pub packets: bool,
    /// Show the summary alone
    #[arg(short, long)]
    pub quiet: bool,
    /// Show every field; twice, longer bodies too
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Show the bytes in hexadecimal
    #[arg(short = 'x', long)]
    pub hex: bool,
    /// Show the bytes in hexadecimal and ASCII
    #[arg(short = 'X', long = "hex-ascii")]
    pub hex_ascii: bool,
    /// Times, as in tcpdump: -t none, -tt since 1970, -ttt since the one before, -tttt with the date, -ttttt since
    /// the first
    #[arg(short = 't', action = ArgAction::Count)]
    pub times: u8,
    /// Give the SHA-256 of each body (with -T json)
    #[arg(long)]
    pub hash: bool,
    /// Use colours; `auto` is where standard output is a terminal and NO_COLOR is not set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Accepted as in tcpdump: addresses and ports are never looked up
    #[arg(short = 'n', action = ArgAction::Count)]
    pub numeric: u8,
}

/// What is believed, and how much is remembered.
#[derive(Group, Debug)]
#[command(next_help_heading = "Checks and limits")]
pub struct Trust {
    /// Exit with 1 if a byte of TCP payload is unexplained
    #[arg(long)]
    pub strict: bool,
    /// Compute checksums, and keep segments with a bad one out of reassembly
    #[arg(long)]
    pub verify_checksums: bool,
    /// Move a bound on memory: `queue` (bytes out of order in one direction, 4M), `queues` (the same in all, 24M),
    /// `connections` (128K), `closed` (closed ones remembered, 16K), `blocks` (bytes of live frames that were read and not
    /// looked at yet, 64M); the suffixes K, M, G are powers of 1024
    #[arg(long = "limit", value_name = "NAME=BYTES|COUNT")]
    pub limits: Vec<Limit>,
}

/// How the process is shut in before it takes what it was sent.
#[derive(Group, Clone, Debug)]
#[command(next_help_heading = "Privileges")]
pub struct Confined {
    /// Become this user, where root runs it, once all is open: a name or a number. Otherwise that is the owner of the
    /// folder that is written in later, or of what is read later, or who called sudo, or `nobody`
    #[arg(short = 'Z', long = "relinquish-privileges", value_name = "USER", conflicts_with = "no_sandbox")]
    pub user: Option<String>,
    /// Keep privileges, files and system calls within reach; they are given up otherwise once all is open
    #[arg(long)]
    pub no_sandbox: bool,
}

impl Confined {
    /// What that comes to; `verbose` also tells what this system lacks for it.
    pub fn options(self, verbose: bool) -> sandbox::Options {
        sandbox::Options { off: self.no_sandbox, verbose, user: self.user }
    }
}

/// Format of the results.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Each message with its headers, for people
    Text,
    /// A line for each message
    Table,
    /// JSON Lines, for programs
    Json,
}

/// When colours are used.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// On a terminal
    Auto,
    /// In any case
    Always,
    /// In no case
    Never,
}
