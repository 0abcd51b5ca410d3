//! `dissect diff`: reads two captures and tells what differs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::pass::{self, Pass};
use super::results::{GATHERED, write_out};
use super::signals::Signals;
use super::{Failure, shut_in};
use crate::check::diff::compare;
use crate::check::kept::Kept;
use crate::cli::{Comparison, WIDTH};
use crate::engine::{Engine, Options};
use crate::print::diff::{Counts, Json, Printer, Text};
use crate::redact::Redacting;
use crate::sandbox::Reach;

/// Carries out the plan. Returns what was wrong though results were given, or why there are none.
pub fn diff(plan: &Comparison) -> Result<Vec<Failure>, Failure> {
    let stop = Signals::new()?.came;
    let mut failures = Vec::new();
    let [a, b] = &plan.inputs;
    let (a, b) = (Pass::all(a)?, Pass::all(b)?);
    shut_in(&plan.sandbox, Reach::default())?;
    let a = read(a, plan, &stop, &mut failures)?;
    let b = read(b, plan, &stop, &mut failures)?;
    let counts = if plan.json {
        tell(plan, &a, &b, &mut Json::default())
    } else {
        tell(plan, &a, &b, &mut Text::new(plan.width.unwrap_or(WIDTH).into(), plan.color))
    };
    let counts = counts.map_err(Failure::Output)?;
    if counts.differ() || a.beyond + b.beyond > 0 {
        failures.push(Failure::Differ);
    }
    Ok(failures)
}

/// Reads a capture to its end.
fn read(pass: Pass, plan: &Comparison, stop: &Arc<AtomicBool>, failures: &mut Vec<Failure>) -> Result<Kept, Failure> {
    let options = Options { bodies: true, verify_checksums: plan.verify_checksums, ..Options::default() };
    let mut engine = Engine::new(options);
    let mut sink = Redacting::new(Kept::default(), plan.redact);
    failures.extend(pass::each(pass, stop, |frames| engine.push_all(frames, &mut sink))?);
    engine.finish(&mut sink);
    let mut kept = sink.sink;
    kept.end();
    Ok(kept)
}

/// Compares, and writes what is found as it comes.
fn tell(plan: &Comparison, a: &Kept, b: &Kept, printer: &mut dyn Printer) -> io::Result<Counts> {
    let (mut out, mut counts, mut written) = (Vec::new(), Counts::default(), Ok(()));
    printer.begin(plan.names.each_ref().map(String::as_str), [a, b], &plan.options, &mut out);
    compare(a, b, &plan.options, &mut |finding| {
        counts.add(&finding);
        printer.finding(&finding, &mut out);
        gather(&mut out, &mut written);
    });
    printer.end(&counts, &mut out);
    written.and_then(|()| write_out(&out)).map(|()| counts)
}

/// Writes what was gathered, if it is much; after an error, nothing more.
fn gather(out: &mut Vec<u8>, written: &mut io::Result<()>) {
    if out.len() >= GATHERED {
        if written.is_ok() {
            *written = write_out(out);
        }
        out.clear();
    }
}
