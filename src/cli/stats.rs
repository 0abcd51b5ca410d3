//! `dissect stats`: its arguments, and the plan that they come to.

use clap::Args as Group;

use super::args::When;
use super::connections::Shape;
use super::plan::{self, Output, Plan, WIDTH, colors, width};
use super::reading::Reading;
use crate::engine;
use crate::filter::{self as display, Fields};
use crate::print::stats::{Format, TextOptions};
use crate::run::Failure;
use crate::stats::by::By;

const AFTER: &str = "\
A request is counted with its answer: its rows have the bytes of both, the errors that the answer tells of (4xx and
5xx of HTTP, an RCODE of DNS) and the time from the request's last byte to the answer's first. Percentiles are exact
up to 1024 times a row (1048576 a protocol), beyond that within 1 %, which a ~ tells. A table has room for 4096 rows;
what comes when it is full is counted in the line `others`.

Exit codes: 0 done; 1 done, but the file ends inside a record or is corrupt further on, or --strict found unexplained
bytes; 2 usage or a bad filter; 3 the capture could not be read.

Examples:
  dissect stats -r lab1.pcap
  dissect stats -r lab1.pcap -Y 'http.host == \"www.example.org\"'
  dissect stats -r lab1.pcap --by http.user_agent --by http.request.uri --top 20
  dissect stats -r lab1.pcap -T json | jq -c 'select(.by == \"http.host\")'
  dissect stats -i eth0 port 80                  until Ctrl-C";

/// Fields to count by beside the usual ones.
const MAX_BY: usize = 32;

/// What is counted, and how that is told.
#[derive(Group, Debug)]
#[command(after_help = AFTER, max_term_width = 110)]
pub struct Stats {
    /// Also count messages by the values of this field, of those that `dissect fields` lists; may be repeated
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    by: Vec<String>,
    /// Rows of a table that are shown; the rest is summed up (-T json and csv have all)
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Format of the results
    #[arg(short = 'T', long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Shape,
    /// Use colours; `auto` is where standard output is a terminal and NO_COLOR is not set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: When,
    #[command(flatten)]
    reading: Reading,
}

impl Stats {
    /// Makes a plan of them.
    pub(super) fn plan(self) -> Result<Plan, Failure> {
        let format = match self.format {
            Shape::Json => Format::Json,
            Shape::Csv => Format::Csv,
            Shape::Text => Format::Text(TextOptions {
                width: width().unwrap_or(WIDTH).into(),
                color: colors(self.color),
                top: self.top.into(),
            }),
        };
        let mut engine = engine::Options { patient: true, ..engine::Options::default() };
        if self.by.len() > MAX_BY {
            return Err(plan::usage(format!("--by can be given {MAX_BY} times")));
        }
        let by = self.by.iter().map(|name| field(name, &mut engine)).collect::<Result<Vec<By>, Failure>>()?;
        self.reading.plan(Output::Stats { format, by }, engine)
    }
}

/// What is counted by a field; the core is told what it needs for that.
fn field(name: &str, engine: &mut engine::Options) -> Result<By, Failure> {
    let name = name.trim();
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Err(plan::usage(format!("--by: {name:?} is no name of a field")));
    }
    // A mistake in a filter tells what may have been meant, and where to look if nothing is near.
    let display = display::compile(name, &Fields).map_err(|mut mistake| {
        mistake.hint.get_or_insert_with(|| "`dissect fields` lists the names".into());
        plan::usage(mistake.render(name))
    })?;
    let by = By::field(name);
    plan::needs(&display, engine);
    by.ok_or_else(|| {
        plan::usage(format!("--by: {name} has no values to count by; `dissect fields` lists those that have"))
    })
}
