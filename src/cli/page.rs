//! `dissect page`: its arguments, and the plan that they come to.

use clap::{Args as Group, ValueEnum};

use super::args::When;
use super::plan::{self, Output, Plan, usage};
use super::reading::Frames;
use crate::print::page::Style;
use crate::run::Failure;

const AFTER: &str = "\
A visit is what a client fetches at one go: a page, what redirected to it, and all that Referer, the content of the \
page (HTML, style sheets, scripts: their first 64 KiB) or, where nothing else tells, the time shows to belong to it. A \
visit ends where another page is gone to, or where nothing was under way for a second.

Each line of the waterfall is a name that was looked up, a connection that was opened, or an object. `by` is the object \
that caused it (↪ by a redirect), `after` the one that it had to wait for on the same connection (`on`). All times are those at \
the place of the capture.

Within TLS, objects cannot be told apart: shown are turns, in which the client sends and then the server. With HTTP/1.1 \
within, a turn is an object; with HTTP/2, it may be several.

Examples:
  dissect page -r lab1.pcap
  dissect page 2 -r lab1.pcap              the second visit alone
  dissect page -v -r lab1.pcap host 10.0.0.1
  dissect page -r lab1.pcap -T json | jq 'select(.type == \"object\") | [.url, .timings.wait]'

Exit codes: 0 done; 1 done, but the file ends inside a record or is corrupt further on, or there is no such visit; 2 usage \
or a bad filter; 3 the capture could not be read.";

/// Which visits are told, of which capture.
#[derive(Group, Debug)]
#[command(after_help = AFTER, override_usage = "dissect page [N] [-i INTERFACE | -r FILE] [OPTIONS] [BPF FILTER]...")]
pub struct Page {
    /// Tell of visit N alone, from 1; then look only at the frames for which this BPF expression holds
    #[arg(value_name = "N] [BPF FILTER")]
    words: Vec<String>,
    /// Tell of this visit alone
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    visit: Option<u64>,
    /// Format of the results
    #[arg(short = 'T', long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: PageFormat,
    /// Tell of each object in full
    #[arg(short, long)]
    verbose: bool,
    /// Draw for so many columns; those of the terminal otherwise, or 100
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(60..=1000))]
    width: Option<u16>,
    /// Use colours; `auto` is where standard output is a terminal and NO_COLOR is not set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: When,
    #[command(flatten)]
    frames: Frames,
}

/// Format of the visits.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageFormat {
    /// A waterfall, for people
    Text,
    /// JSON Lines, for programs; `dissect schema page` describes them
    Json,
}

impl Page {
    /// Makes a plan of them.
    pub(super) fn plan(self) -> Result<Plan, Failure> {
        let number = self.words.first().and_then(|word| word.parse().ok());
        let words = &self.words[usize::from(number.is_some())..];
        if number == Some(0) || number.is_some() && self.visit.is_some() {
            return Err(usage("say once which visit, from 1"));
        }
        let style = Style {
            json: self.format == PageFormat::Json,
            color: plan::colors(self.color),
            width: self.width.or_else(plan::width).unwrap_or(plan::WIDTH).into(),
            verbose: self.verbose,
            visit: number.or(self.visit),
        };
        let output = Output::Page(style);
        let engine = plan::options(&output);
        self.frames.plan(words, output, engine)
    }
}
