//! What lints find.

use std::collections::HashMap;
use std::ops::Range;

use super::entry::Lint;
use crate::app::message::Kind;
use crate::flow::Endpoint;
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::Severity;

/// Findings kept of each lint; a capture in which one occurs more often shows the same again and again.
const MAX_OF_LINT: usize = 100;

/// One place where a lint was raised.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The lint.
    pub lint: &'static Lint,
    /// Its severity, as chosen.
    pub severity: Severity,
    /// Number of the connection: `tcp.stream`.
    pub stream: u64,
    /// Who sent what is wrong, and to whom; the client and the server where neither did.
    pub ends: Option<[Endpoint; 2]>,
    /// Number of the message within the connection, and what it is.
    pub message: Option<(u32, Kind)>,
    /// The frame that carried the offending byte, or was the offence.
    pub frame: Option<FrameNumber>,
    /// When that was captured.
    pub time: Option<Timestamp>,
    /// The offending byte: bytes from the start of the message.
    pub offset: Option<u64>,
    /// The same byte: bytes from the start of the frame.
    pub frame_offset: Option<u64>,
    /// The offending bytes and some around them.
    pub excerpt: Option<Excerpt>,
    /// What was there. May hold any character.
    pub found: Option<String>,
    /// What should have been.
    pub expected: Option<String>,
    /// In how many more places of the message it was raised.
    pub more: u32,
}

/// A line of a message, or a part of a long one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excerpt {
    /// Where it begins: bytes from the start of the message.
    pub offset: u64,
    /// Its bytes, line end included.
    pub bytes: Vec<u8>,
    /// Which of them offend; may be empty, for what is missing between two bytes.
    pub mark: Range<usize>,
    /// Whether the line begins before it.
    pub cut_before: bool,
    /// Whether the line goes on after it.
    pub cut_after: bool,
}

/// What all lints found.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    counts: HashMap<&'static str, Count>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    severity: Severity,
    all: u64,
    /// The connection and the message of the last one, and which of the findings that is, if it is kept.
    last: (u64, Option<u32>),
    kept_at: Option<usize>,
}

impl Findings {
    /// Those that are kept: of each lint the first 100. By frame once the lints are finished, until then as found.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Finding> {
        self.kept.iter()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How often the lint with this name was raised.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).map_or(0, |count| count.all)
    }

    /// How many findings of this severity there were.
    pub fn of_severity(&self, severity: Severity) -> u64 {
        self.counts.values().filter(|count| count.severity == severity).map(|count| count.all).sum()
    }

    /// Lints with findings that are not kept, and how many.
    pub fn left_out(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let beyond = |count: &Count| count.all.saturating_sub(MAX_OF_LINT as u64);
        self.counts.iter().map(move |(name, count)| (*name, beyond(count))).filter(|(_, count)| *count > 0)
    }

    /// The highest severity of a finding.
    pub fn severity(&self) -> Option<Severity> {
        self.counts.values().map(|count| count.severity).max()
    }

    /// Counts a finding, which `make` makes if it is to be kept. One more of the same lint and message is counted with
    /// the first.
    pub(super) fn add(
        &mut self,
        lint: &'static Lint,
        severity: Severity,
        (stream, message): (u64, Option<u32>),
        make: impl FnOnce() -> Finding,
    ) {
        let place = (stream, message);
        let count =
            self.counts.entry(lint.name).or_insert(Count { severity, all: 0, last: (u64::MAX, None), kept_at: None });
        if message.is_some() && count.last == place {
            // Those of one message are raised together.
            if let Some(first) = count.kept_at.and_then(|at| self.kept.get_mut(at)) {
                first.more = first.more.saturating_add(1);
            }
            return;
        }
        count.all += 1;
        count.last = place;
        count.kept_at = (count.all <= MAX_OF_LINT as u64).then_some(self.kept.len());
        if count.kept_at.is_some() {
            self.kept.push(make());
        }
    }

    /// The same findings, with bytes as those in `masked` have them, which are what is found where secrets are masked; with
    /// none where nothing is found there.
    pub fn masked(mut self, masked: &Self) -> Self {
        let place = |finding: &Finding| (finding.lint.name, finding.stream, finding.message.map(|(number, _)| number));
        let masked: HashMap<_, _> = masked.kept.iter().rev().map(|finding| (place(finding), finding)).collect();
        for finding in &mut self.kept {
            let shown = masked.get(&place(finding)).copied();
            finding.excerpt = shown.and_then(|shown| shown.excerpt.clone());
            finding.found = shown.and_then(|shown| shown.found.clone());
            finding.expected = shown.and_then(|shown| shown.expected.clone());
        }
        self
    }

    pub(super) fn sorted(mut self) -> Self {
        // What concerns a whole connection comes where it is found, after its messages.
        self.kept.sort_by_key(|finding| (finding.frame.unwrap_or(FrameNumber::MAX), finding.stream, finding.offset));
        self
    }
}
