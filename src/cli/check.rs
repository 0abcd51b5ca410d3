//! `dissect check`: arguments as typed, what they come to, and the exit code.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::thread;

use super::args::CheckArgs;
use super::limit::{self, number};
use super::plan::{WIDTH, colors, width};
use crate::check::lint::{Levels, severity};
use crate::check::rules::explain::explain;
use crate::check::rules::file::{Fault, MAX_FILE};
use crate::check::rules::{Error, Rules};
use crate::engine;
use crate::print::report::{Format, Undecided};
use crate::run::Failure;
use crate::run::check as run;
use crate::sandbox;

pub(super) const AFTER_HELP: &str = "\
Exit codes:
  0  every rule passed, or no lint is an error
  1  a rule failed, or a lint is an error
  2  usage, or a mistake in the rules
  3  a capture could not be read (the others are judged all the same), or the
     report not written
  4  none failed, and one is undecided: the capture lacks the bytes";

/// Bytes of a body that rules search, and messages that are kept of a capture.
const BODY: usize = 1 << 20;
const MESSAGES: usize = 64 << 10;

/// What to check, and how.
#[derive(Debug)]
pub struct Checks {
    /// The captures, and folders of them.
    pub captures: Vec<PathBuf>,
    /// Where the report goes, if not to standard output.
    pub output: Option<PathBuf>,
    /// What the core is to do.
    pub engine: engine::Options,
    /// The most messages that are kept of a capture.
    pub messages: usize,
    /// How many captures at a time.
    pub jobs: usize,
    /// Whether colours are used.
    pub color: bool,
    /// Columns of a line.
    pub width: usize,
    /// What is done.
    pub judge: Judge,
    /// Whether secrets are masked in reports.
    pub redact: bool,
    /// How the process is shut in.
    pub sandbox: sandbox::Options,
}

/// What is done with captures.
#[derive(Debug)]
pub enum Judge {
    /// Rules are asked.
    Rules {
        /// Which.
        rules: Box<Rules>,
        /// How that is reported.
        format: Format,
        /// What undecided ones are worth.
        undecided: Undecided,
    },
    /// Lints are raised.
    Lints {
        /// Which.
        levels: Levels,
        /// Whether they are reported as records.
        json: bool,
    },
    /// Rules are learnt.
    Learn,
}

/// A bound and its new value.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// Of a body that is searched, in bytes.
    Body(usize),
    /// Of the messages that are kept.
    Messages(usize),
    /// Of the core.
    Core(limit::Limit),
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let value = |value: &str| number(value).ok_or("the value is a number, with K, M or G after it or nothing");
        match text.split_once('=') {
            Some(("body", of)) => Ok(Self::Body(value(of)?)),
            Some(("messages", of)) => Ok(Self::Messages(value(of)?)),
            _ => text
                .parse()
                .map(Self::Core)
                .map_err(|reason: String| reason.replace("bounds are", "bounds are body, messages,")),
        }
    }
}

/// `NAME=VALUE`.
pub(super) fn assignment(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("it is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Does what the arguments say, and gives the exit code.
pub(super) fn main(args: CheckArgs, redact: bool) -> u8 {
    let done = match told(&args) {
        Some(told) => told.and_then(|text| run::write(args.output.as_deref(), text.as_bytes())).map(|()| 0),
        None => Checks::new(args).and_then(|checks| run::run(&Checks { redact, ..checks })),
    };
    done.unwrap_or_else(|failure| crate::run::conclude(&[failure]))
}

/// What is told of rules without a capture.
fn told(args: &CheckArgs) -> Option<Result<String, Failure>> {
    let path = args.rules.as_deref().filter(|_| args.explain)?;
    Some(rules(path, &args.set, true).map(|rules| explain(&rules)))
}

/// The text of a file; of one that is too long, or a device without an end, no more than shows it.
fn load(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE {
        return Err(io::Error::other(format!("it is longer than {MAX_FILE} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        io::Error::other(format!("it is not UTF-8 at line {line}, column {column}"))
    })
}

fn rules(path: &Path, set: &[(String, String)], optional: bool) -> Result<Rules, Failure> {
    Rules::read(path, &mut load, set, optional).map_err(|error| {
        Failure::Usage(match error {
            Error::Set(line) => line,
            Error::File(Fault::Unreadable { path, reason }) => format!("cannot read {}: {reason}", path.display()),
            Error::File(Fault::Mistakes(mistakes)) => {
                let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                format!("there is a mistake in the rules\n{}", mistakes.join("\n"))
            }
        })
    })
}

impl Checks {
    fn new(mut args: CheckArgs) -> Result<Self, Failure> {
        // `-r a.pcap rules.toml` names rules after captures.
        if args.rules.is_none() && args.learn.is_none() {
            let at = args.read.iter().rposition(|path| path.extension().is_some_and(|extension| extension == "toml"));
            args.rules = at.map(|at| args.read.remove(at));
        }
        let learn = args.learn.is_some();
        let captures = args.learn.take().map_or(args.read, |capture| vec![capture]);
        if captures.is_empty() {
            return Err(Failure::Usage("say which captures: -r FILE, several, or a folder".into()));
        }
        let mut engine =
            engine::Options { packets: true, verify_checksums: args.verify_checksums, ..engine::Options::default() };
        let (mut body, mut messages) = (BODY, MESSAGES);
        for limit in args.limits {
            match limit {
                Limit::Body(bytes) => body = bytes,
                Limit::Messages(count) => messages = count,
                Limit::Core(limit) => limit.apply(&mut engine.limits),
            }
        }
        let chooses_lints = !args.allow.is_empty() || !args.warn.is_empty() || !args.deny.is_empty();
        let judge = match args.rules {
            _ if learn => Judge::Learn,
            Some(path) => {
                if chooses_lints || args.min_severity.is_some() || args.config.is_some() {
                    let what =
                        "--allow, --warn, --deny, --min-severity and --config choose lints, which go without rules";
                    return Err(Failure::Usage(what.into()));
                }
                let rules = Box::new(rules(&path, &args.set, false)?);
                Judge::Rules { rules, format: args.format, undecided: args.undecided }
            }
            None if !args.set.is_empty() => {
                return Err(Failure::Usage("--set goes with a file of rules".into()));
            }
            None => {
                let json = match args.format {
                    Format::Text => false,
                    Format::Json => true,
                    _ => return Err(Failure::Usage("lints are reported as text or json".into())),
                };
                let levels = levels(args.config.as_deref(), &args.allow, &args.warn, &args.deny, args.min_severity)?;
                Judge::Lints { levels, json }
            }
        };
        match &judge {
            Judge::Rules { rules, .. } => {
                engine.preview = if rules.bodies { body } else { 0 };
                engine.bodies = rules.hashes;
            }
            Judge::Lints { .. } => crate::check::lint::ask(&mut engine),
            Judge::Learn => engine.bodies = true,
        }
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            captures,
            output: args.output,
            engine,
            messages,
            jobs: args.jobs.map_or(processors, usize::from),
            color: colors(args.color),
            width: width().unwrap_or(WIDTH).into(),
            judge,
            redact: false,
            sandbox: args.confined.options(false),
        })
    }
}

fn levels(
    config: Option<&Path>,
    allow: &[String],
    warn: &[String],
    deny: &[String],
    min: Option<String>,
) -> Result<Levels, Failure> {
    let mut levels = Levels::default();
    if let Some(path) = config {
        let cannot = |reason: &dyn std::fmt::Display| Failure::Usage(format!("{}: {reason}", path.display()));
        let text = fs::read_to_string(path).map_err(|reason| cannot(&reason))?;
        levels.configure(&text).map_err(|reason| cannot(&reason))?;
    }
    let unknown = |lint: crate::check::lint::UnknownLint| Failure::Usage(lint.to_string());
    allow.iter().try_for_each(|name| levels.allow(name)).map_err(unknown)?;
    warn.iter().try_for_each(|name| levels.warn(name)).map_err(unknown)?;
    deny.iter().try_for_each(|name| levels.deny(name)).map_err(unknown)?;
    if let Some(name) = min {
        let wrong = || Failure::Usage(format!("{name:?} is no severity: chat, note, warn or error"));
        levels.min_severity(severity(&name).ok_or_else(wrong)?);
    }
    Ok(levels)
}
