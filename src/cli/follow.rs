//! `dissect follow`: its arguments, and the plan that they come to.

use clap::{ArgAction, Args as Group, ValueEnum};

use super::args::When;
use super::plan::{self, Output, Plan};
use super::reading::Frames;
use crate::engine::Stream;
use crate::print::follow::Who;
use crate::print::text::TimeFormat;
use crate::run::Failure;

const USAGE: &str = "dissect follow N -r FILE [OPTIONS] [BPF FILTER]...
       dissect follow --udp N -r FILE [OPTIONS] [BPF FILTER]...";

const AFTER: &str = "\
What acknowledges data comes after it, in whatever order frames were captured. Each turn has a heading: who \
speaks, when and how long after what precedes, in which frames, how many bytes, and the message that begins with \
it, by the number that the other results have (#3). Further messages are marked where they begin. Where they \
happened are told: the handshake with its round-trip time, what was retransmitted, came out of order or was never \
captured, duplicate ACKs, keep-alives, zero windows and their probes, pauses, FIN and RST. Bytes are counted from 0 \
in each direction. Bytes that are no text are shortened; --hex and --raw give all.

Streams are numbered as Wireshark numbers them (tcp.stream, udp.stream), among the frames that pass the BPF filter.

Examples:
  dissect follow 0 -r lab1.pcap
  dissect follow 0 -r lab1.pcap --hex --from client
  dissect follow 0 -r lab1.pcap --raw --from server > answers
  dissect follow --udp 0 -r lab1.pcap
  tcpdump -w - port 80 | dissect follow 0 -r -

Exit codes: 0 done; 1 done, but the file ends inside a record or is corrupt further on, or bytes are missing in what \
--raw wrote (a line on standard error tells each place); 2 usage, a bad filter, or there is no such stream; 3 the \
capture could not be opened or read, or the results not written.";

/// Which stream is followed, and how it is shown.
#[derive(Group, Debug)]
#[command(after_help = AFTER, override_usage = USAGE)]
pub struct Follow {
    /// Number of the TCP stream, unless --udp has that of a UDP stream
    #[arg(value_name = "N", required_unless_present = "udp")]
    stream: Option<String>,
    /// Look only at the frames for which this BPF expression holds; see pcap-filter(7)
    #[arg(value_name = "BPF FILTER")]
    filter: Vec<String>,
    /// Follow this UDP stream
    #[arg(long, value_name = "N")]
    udp: Option<u64>,
    /// Show what this side sends alone
    #[arg(long, value_enum, value_name = "SIDE")]
    from: Option<Who>,
    /// Show the bytes in hexadecimal and ASCII
    #[arg(short = 'X', long)]
    hex: bool,
    /// Write the bytes alone to standard output
    #[arg(long, conflicts_with_all = ["hex", "verbose", "times", "format"])]
    raw: bool,
    /// Format of the results
    #[arg(short = 'T', long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Show each segment with its numbers; twice, with its headers; three times, with their fields
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    /// Times, as in tcpdump: -t none, -tt since 1970, -ttt since the one before, -tttt with the date, -ttttt since
    /// the first
    #[arg(short = 't', action = ArgAction::Count)]
    times: u8,
    /// Use colours; `auto` is where standard output is a terminal and NO_COLOR is not set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: When,
    #[command(flatten)]
    frames: Frames,
}

/// Format of the results.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people
    Text,
    /// JSON Lines, for programs
    Json,
}

/// How a conversation is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Text, as far as it is some.
    Text,
    /// Hexadecimal and ASCII.
    Hex,
    /// The bytes alone.
    Raw,
    /// JSON Lines.
    Json,
}

/// Which stream is followed, and how it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Following {
    /// The stream.
    pub stream: Stream,
    /// What this one sends alone.
    pub from: Option<Who>,
    /// In which form.
    pub form: Form,
    /// 1: each segment; 2: and its headers; 3: and their fields.
    pub verbose: u8,
    /// How times are shown.
    pub times: TimeFormat,
    /// Whether to use colours.
    pub color: bool,
    /// Columns of the terminal; none where standard output is none.
    pub width: Option<u16>,
}

impl Follow {
    /// Makes a plan of them.
    pub(super) fn plan(self) -> Result<Plan, Failure> {
        // With --udp, the first word is one of the filter.
        let mut words: Vec<String> = self.stream.into_iter().chain(self.filter).collect();
        let stream = match self.udp {
            Some(number) => Stream::Udp(number),
            // Without --udp there is one.
            None if words.is_empty() => return Err(plan::usage("say which stream")),
            None => Stream::Tcp(number(&words.remove(0))?),
        };
        let following = Following {
            stream,
            from: self.from,
            form: match self.format {
                Format::Json if self.hex => return Err(plan::usage("--hex goes with -T text")),
                Format::Json => Form::Json,
                Format::Text if self.raw => Form::Raw,
                Format::Text if self.hex => Form::Hex,
                Format::Text => Form::Text,
            },
            verbose: self.verbose,
            times: plan::times(self.times)?,
            color: plan::colors(self.color),
            width: plan::width(),
        };
        let output = Output::Follow(following);
        let engine = plan::options(&output);
        let mut plan = self.frames.plan(&words, output, engine)?;
        plan.sandbox.verbose = self.verbose > 0;
        Ok(plan)
    }
}

/// The number of a TCP stream.
fn number(word: &str) -> Result<u64, Failure> {
    let example = "dissect follow N -r FILE (`dissect -r FILE` shows the numbers)";
    word.parse().map_err(|_| plan::usage(format!("{word:?} is no number of a stream: {example}")))
}
