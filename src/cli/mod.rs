//! The command line: arguments as typed, the plan that they come to, and what is told without a capture.

mod args;
mod check;
mod connections;
mod diff;
mod export;
mod follow;
mod input;
mod limit;
mod lints;
mod page;
mod plan;
mod reading;
mod saving;
mod scrub;
mod stats;
mod stop;
mod tell;

use std::process::ExitCode;

use clap::Parser;

pub use args::Format;
pub use check::{Checks, Judge};
pub use diff::Plan as Comparison;
pub use follow::{Following, Form};
pub use input::{Buffers, Input};
pub use plan::{Output, Plan, Saved, Style, WIDTH};
pub use stop::{Stop, Until};

use crate::run::{self, Failure};
use args::{Args, Command};

/// Does what the arguments say.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let redact = args.redact;
    if let Some(Command::Check(args)) = args.command {
        return ExitCode::from(check::main(*args, redact));
    }
    let failures = carry_out(args).unwrap_or_else(|failure| vec![failure]);
    ExitCode::from(run::conclude(&failures))
}

/// Returns what was wrong though it was done, or why it was not done.
fn carry_out(args: Args) -> Result<Vec<Failure>, Failure> {
    let redact = args.redact;
    let run = |plan: Plan| run::run(&plan.redacted(redact)?);
    let told = match args.command {
        // It has exit codes of its own.
        Some(Command::Check(_)) => return Ok(Vec::new()),
        Some(Command::Explain(explain)) => return run(Plan::explain(explain)?),
        Some(Command::Connections(connections)) => return run(connections.plan()?),
        Some(Command::Stats(stats)) => return run(stats.plan()?),
        Some(Command::Diff(diff)) => return run::diff(&Comparison { redact, ..diff.plan()? }),
        Some(Command::Follow(follow)) => return run(follow.plan()?),
        Some(Command::Export(export)) => return run(export.plan()?),
        Some(Command::Page(page)) => return run(page.plan()?),
        Some(Command::Scrub(scrub)) => return run::scrub::scrub(&scrub.plan()?),
        Some(Command::Fields) => tell::fields(),
        Some(Command::Interfaces) => tell::interfaces()?,
        Some(Command::Lints(args)) => lints::lints(&args)?,
        Some(Command::Schema { of }) => tell::schema(of),
        Some(Command::Completions { shell }) => tell::completions(shell),
        Some(Command::Man { command }) => tell::man(command.as_deref())?,
        None if args.capture.list => tell::interfaces()?,
        None => return run(Plan::new(args)?),
    };
    run::write_out(&told).map_err(Failure::Output)?;
    Ok(Vec::new())
}

/// `N.M`: message M of stream N.
fn body_name(text: &str) -> Result<(u64, u32), &'static str> {
    let numbers = text.split_once('.').and_then(|(stream, number)| Some((stream.parse().ok()?, number.parse().ok()?)));
    numbers.filter(|(_, number)| *number > 0).ok_or("it is N.M: stream N, from 0, and message M in it, from 1")
}
