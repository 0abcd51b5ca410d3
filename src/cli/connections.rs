//! `dissect connections`: its arguments, and the plan that they come to.

use clap::{ArgAction, Args as Group, ValueEnum};
use jiff::tz::TimeZone;

use super::args::When;
use super::plan::{Output, Plan, colors, times, width};
use super::reading::Reading;
use crate::engine;
use crate::print::connections::{Format, Order, TextOptions};
use crate::run::Failure;

const AFTER: &str = "\
Columns; there are more of them on a wider terminal, and all in a pipe:
  state   how it opened: SYN, SYN? (no answer to it was captured), … (before
          the capture); and closed: FIN, RST, … (it was open at the end), new
          (its ports were used again), full (forgotten, see --limit); refused:
          RST answered the SYN; no reply: nothing did
  B, msg  bytes of payload and messages from the client → and to it ←
  RTT     from the SYN to the ACK of the SYN/ACK; time: first to last frame
  b/s     bits of payload a second, over that time
  issues  retr: retransmission, fast: fast retransmission, lost: the segment
          before it was not captured, order: out of order, dup: duplicate ACK,
          zero: zero window, full: window full, acklost: acknowledges what was
          not captured, +N: so many others; whole names in a pipe

Exit codes: 0 done; 1 done, but the file ends inside a record or is corrupt further on, or --strict found unexplained
bytes; 2 usage or a bad filter; 3 the capture could not be read.

Examples:
  dissect connections -r lab1.pcap
  dissect connections -r lab1.pcap --sort issues | head
  dissect connections -i eth0 port 80            a line as each one ends
  dissect connections -r lab1.pcap -Y 'tcp.analysis.retransmission'
  dissect connections -r lab1.pcap -Y 'connection.duration > 10' -T csv
  dissect connections -r lab1.pcap -T json | jq .connection.initial_rtt";

/// Which connections are told of, and how.
#[derive(Group, Debug)]
#[command(after_help = AFTER, max_term_width = 110)]
pub struct Connections {
    /// In which order; `start` of a file, and `end`, as soon as each has ended, of what comes live or in a pipe
    #[arg(long, value_enum, value_name = "BY")]
    sort: Option<Order>,
    /// Tell how long acknowledgments took: the median in text, the extremes too in the others. It takes longer
    #[arg(long)]
    rtt: bool,
    /// Format of the results
    #[arg(short = 'T', long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Shape,
    /// Times, as in tcpdump: -t none, -tt since 1970, -ttt since the one before, -tttt with the date, -ttttt since the
    /// first
    #[arg(short = 't', action = ArgAction::Count)]
    times: u8,
    /// Use colours; `auto` is where standard output is a terminal and NO_COLOR is not set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: When,
    #[command(flatten)]
    reading: Reading,
}

/// Format of connections, and of counts.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Columns, for people
    Text,
    /// JSON Lines, for programs
    Json,
    /// Comma-separated values, for spreadsheets
    Csv,
}

impl Connections {
    /// Makes a plan of them.
    pub(super) fn plan(self) -> Result<Plan, Failure> {
        let usual = if self.reading.is_of_file() { Order::Start } else { Order::End };
        let order = self.sort.unwrap_or(usual);
        let format = match self.format {
            Shape::Json => Format::Json,
            Shape::Csv => Format::Csv,
            Shape::Text => Format::Text(TextOptions {
                width: width().map(usize::from),
                color: colors(self.color),
                time: times(self.times)?,
                zone: TimeZone::system(),
                rtt: self.rtt,
            }),
        };
        let engine = engine::Options {
            details: self.rtt,
            // What is not told at once may as well wait for what comes late.
            patient: order != Order::End,
            ..engine::Options::default()
        };
        self.reading.plan(Output::Connections { format, order }, engine)
    }
}
