//! From rules and what a capture holds to verdicts: passed, failed, or undecided because the bytes that would decide
//! are not in the capture.

pub mod evidence;
mod known;
pub mod outer;
pub mod own;
mod related;
pub mod vocabulary;
pub mod world;

use std::collections::HashSet;

use super::rules::Rules;
use super::rules::model::{Condition, Empty, Of, Quantity, Rule};
use super::trace::Trace;
use super::trace::doubt::Doubt;
use crate::app::message::Kind;
use crate::filter::{Coverage, Decision};
use evidence::Evidence;
use world::{Found, Subject, World};

/// The most pieces of evidence for one verdict.
const MAX_EVIDENCE: usize = 8;

/// What a rule comes to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// What it expects holds.
    Passed,
    /// What would decide it is not in the capture.
    Undecided,
    /// What it expects does not hold.
    Failed,
}

impl Verdict {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Undecided => "undecided",
            Self::Failed => "failed",
        }
    }
}

/// What one rule comes to on one capture.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// Points earned for certain.
    pub points: f64,
    /// Why, in one line.
    pub reason: String,
    /// How many were chosen for certain, and for how many of those the expectation holds.
    pub chosen: u64,
    /// See `chosen`.
    pub held: u64,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// What is missing in the capture, where that leaves it undecided.
    pub doubts: Vec<String>,
}

/// Judges a capture: an outcome for each rule, in the order of the file.
pub fn judge(rules: &Rules, trace: &Trace) -> Vec<Outcome> {
    let world = World::new(trace, rules);
    let mut outcomes: Vec<Option<Outcome>> = vec![None; rules.rules.len()];
    for &at in &rules.order {
        let (outcome, found) = Judging::new(&world, &rules.rules[at]).judge();
        world.found.borrow_mut()[at] = Some(found);
        outcomes[at] = Some(outcome);
    }
    // The order has each rule once.
    outcomes.into_iter().flatten().collect()
}

/// How one that a rule looked at turned out.
#[derive(Clone, Copy)]
struct Seen {
    subject: Subject,
    chosen: Decision,
    holds: Decision,
    certain: bool,
}

impl Seen {
    /// Whether it was chosen and the expectation holds, or does not.
    fn is(&self, holds: Decision) -> bool {
        self.chosen == Decision::Yes && self.holds == holds
    }

    /// The same, if nothing that is missing could make it otherwise.
    fn is_certainly(&self, holds: Decision) -> bool {
        self.certain && self.is(holds)
    }
}

struct Judging<'j> {
    world: &'j World<'j>,
    rule: &'j Rule,
    seen: Vec<Seen>,
    /// What could hide one that is chosen and breaks the rule for all, or one that is chosen and fulfils it.
    hiding: Hiding<'j>,
}

#[derive(Default)]
struct Hiding<'j> {
    breaking: Vec<&'j Doubt>,
    fulfilling: Vec<&'j Doubt>,
    chosen: Vec<&'j Doubt>,
}

/// The verdict, why, and which of those seen show it.
struct Ruling {
    verdict: Verdict,
    reason: String,
    shown: Vec<Seen>,
    doubts: Vec<String>,
}

impl<'j> Judging<'j> {
    fn new(world: &'j World<'j>, rule: &'j Rule) -> Self {
        let mut judging = Self { world, rule, seen: Vec::new(), hiding: Hiding::default() };
        for subject in judging.subjects() {
            let (chosen, holds) = judging.decide(subject);
            if chosen != Decision::No {
                judging.seen.push(Seen { subject, chosen, holds, certain: world.is_certain(subject) });
            }
        }
        judging.hide();
        judging
    }

    fn subjects(&self) -> Vec<Subject> {
        let trace = self.world.trace;
        let all = |messages: &[usize], one: fn(usize) -> Subject| messages.iter().map(|at| one(*at)).collect();
        match self.rule.of {
            Of::Messages => (0..trace.messages.len()).map(Subject::Message).collect(),
            Of::Requests => all(&trace.by_kind[0], Subject::Message),
            Of::Responses => all(&trace.by_kind[1], Subject::Message),
            Of::Exchanges => all(&trace.by_kind[0], Subject::Exchange),
            Of::Connections => (0..trace.connections.len()).map(Subject::Connection).collect(),
        }
    }

    fn decide(&self, subject: Subject) -> (Decision, Decision) {
        let view = self.world.view(subject, self.rule);
        let decide = |condition: &Option<Condition>| {
            condition.as_ref().map_or(Decision::Yes, |condition| condition.filter.decide(&view))
        };
        let chosen = decide(&self.rule.select);
        let holds = if chosen == Decision::No { Decision::No } else { decide(&self.rule.expect) };
        (chosen, holds)
    }

    /// Finds the doubts that could hide one that matters.
    fn hide(&mut self) {
        let mut decided: HashSet<(Subject, bool)> = HashSet::new();
        for doubt in &self.world.trace.doubts {
            if !self.is_about(doubt) {
                continue;
            }
            let subject = Subject::Hidden { connection: doubt.connection, kind: self.kind(doubt) };
            // Those of one connection are alike.
            if !decided.insert((subject, doubt.weak)) {
                continue;
            }
            let (chosen, holds) = self.decide(subject);
            if chosen == Decision::No {
                continue;
            }
            self.hiding.chosen.push(doubt);
            if holds != Decision::Yes {
                self.hiding.breaking.push(doubt);
            }
            if holds != Decision::No {
                self.hiding.fulfilling.push(doubt);
            }
        }
    }

    /// Whether what the rule looks at could lie there.
    fn is_about(&self, doubt: &Doubt) -> bool {
        let client = doubt.connection.and_then(|at| self.world.trace.connections[at].connection.flow.client);
        let from_client = doubt.side.zip(client).map(|(side, client)| side == client);
        match self.rule.of {
            Of::Messages => true,
            Of::Requests | Of::Exchanges => from_client != Some(false),
            Of::Responses => from_client != Some(true),
            Of::Connections => doubt.connection.is_none(),
        }
    }

    fn kind(&self, doubt: &Doubt) -> Option<Kind> {
        let client = doubt.connection.and_then(|at| self.world.trace.connections[at].connection.flow.client);
        match (self.rule.of, doubt.side, client) {
            (Of::Requests, ..) => Some(Kind::Request),
            (Of::Responses, ..) => Some(Kind::Response),
            (Of::Messages, Some(side), Some(client)) if side == client => Some(Kind::Request),
            (Of::Messages, Some(_), Some(_)) => Some(Kind::Response),
            _ => None,
        }
    }

    fn judge(self) -> (Outcome, Found) {
        let ruling = match self.rule.quantity {
            Quantity::All => self.all(),
            Quantity::Any => self.any(),
            Quantity::None => self.none(),
            Quantity::Count { least, most } => self.count(least, most),
        };
        let Ruling { verdict, reason, shown, mut doubts } = ruling;
        if verdict == Verdict::Undecided && self.world.is_exhausted() {
            doubts.push("the rules ask for more than is looked at in one capture".into());
        }
        let chosen = self.seen.iter().filter(|seen| seen.chosen == Decision::Yes).count() as u64;
        let held = self.seen.iter().filter(|seen| seen.is(Decision::Yes)).count() as u64;
        let points = match verdict {
            Verdict::Passed => self.rule.points,
            Verdict::Failed | Verdict::Undecided if self.rule.partial && chosen > 0 => {
                self.rule.points * held as f64 / self.seen.len() as f64
            }
            Verdict::Failed | Verdict::Undecided => 0.0,
        };
        let evidence = shown
            .iter()
            .take(MAX_EVIDENCE)
            .map(|seen| evidence::of(self.world, self.rule, seen.subject, seen.chosen, seen.holds))
            .collect();
        let open = self
            .seen
            .iter()
            .any(|seen| seen.chosen != Decision::No && seen.holds != Decision::No && !seen.is_certainly(Decision::Yes));
        let found = Found {
            subjects: self.seen.iter().filter(|seen| seen.is(Decision::Yes)).map(|seen| seen.subject).collect(),
            coverage: if open || !self.hiding.fulfilling.is_empty() {
                Coverage::Incomplete
            } else {
                Coverage::Complete
            },
        };
        (Outcome { verdict, points, reason, chosen, held, evidence, doubts }, found)
    }

    fn all(&self) -> Ruling {
        let broken = self.only(|seen| seen.is_certainly(Decision::No));
        let open = self.only(|seen| seen.holds != Decision::Yes);
        let chosen = self.only(|seen| seen.chosen == Decision::Yes);
        let hidden = strong(&self.hiding.breaking);
        let of = self.rule.of;
        if !broken.is_empty() {
            let reason = format!("{} of {} not as expected", broken.len(), counted(self.seen.len(), of));
            return failed(reason, broken);
        }
        if !open.is_empty() {
            return self.undecided(format!("of {} not enough is captured", counted(open.len(), of)), open, &[]);
        }
        if chosen.is_empty() && self.seen.is_empty() {
            if !self.hiding.chosen.is_empty() {
                let reason = format!("no {} that it speaks of is in the capture, and one could be missing", of.one());
                return self.undecided(reason, Vec::new(), &self.hiding.chosen);
            }
            let reason = format!("there is no {} that it speaks of", of.one());
            return match self.rule.empty {
                Empty::Pass => passed(reason, Vec::new()),
                Empty::Fail => failed(reason, self.near_misses()),
            };
        }
        if chosen.is_empty() {
            return self.undecided("it is not known which it speaks of".into(), self.seen.clone(), &[]);
        }
        if !hidden.is_empty() {
            let reason = format!("{} as expected, and another could be missing", counted(chosen.len(), of));
            return self.undecided(reason, Vec::new(), &hidden);
        }
        passed(format!("{} as expected", counted(chosen.len(), of)), chosen)
    }

    fn any(&self) -> Ruling {
        let held = self.only(|seen| seen.is(Decision::Yes));
        let open = self.only(|seen| seen.holds != Decision::No);
        let of = self.rule.of;
        if !held.is_empty() {
            return passed(format!("{} as expected", counted(held.len(), of)), held);
        }
        if !open.is_empty() {
            return self.undecided(format!("of {} not enough is captured", counted(open.len(), of)), open, &[]);
        }
        if !self.hiding.fulfilling.is_empty() {
            let reason = format!("no {} as expected is in the capture, and one could be missing", of.one());
            return self.undecided(reason, Vec::new(), &self.hiding.fulfilling);
        }
        let reason = match self.seen.len() {
            0 => format!("there is no {} that it speaks of", of.one()),
            count => format!("none of {} as expected", counted(count, of)),
        };
        failed(reason, self.all_seen())
    }

    fn none(&self) -> Ruling {
        let certain = self.only(|seen| seen.is_certainly(Decision::Yes));
        let open = self.only(|seen| seen.holds != Decision::No);
        let hidden = strong(&self.hiding.fulfilling);
        let of = self.rule.of;
        if !certain.is_empty() {
            return failed(format!("there is {} that may not be", counted(certain.len(), of)), certain);
        }
        if !open.is_empty() {
            return self.undecided(format!("of {} not enough is captured", counted(open.len(), of)), open, &[]);
        }
        if !hidden.is_empty() {
            let reason = format!("there is none in the capture, and a {} could be missing", of.one());
            return self.undecided(reason, Vec::new(), &hidden);
        }
        passed(format!("there is no such {}", of.one()), self.seen.clone())
    }

    fn count(&self, least: u64, most: u64) -> Ruling {
        let certain = self.only(|seen| seen.is_certainly(Decision::Yes));
        let held = self.only(|seen| seen.is(Decision::Yes));
        let possible = self.only(|seen| seen.holds != Decision::No);
        let open = self.only(|seen| seen.holds != Decision::No && !seen.is(Decision::Yes));
        let (of, many) = (self.rule.of, |seen: &[Seen]| seen.len() as u64);
        let wanted = explain_range(least, most);
        if many(&certain) > most {
            return failed(format!("{} found, {wanted} expected", counted(certain.len(), of)), certain);
        }
        if many(&possible) < least && self.hiding.fulfilling.is_empty() {
            let shown = if held.is_empty() { self.all_seen() } else { held.clone() };
            return failed(format!("{} found, {wanted} expected", counted(held.len(), of)), shown);
        }
        let hidden = if most == u64::MAX { Vec::new() } else { strong(&self.hiding.fulfilling) };
        if many(&held) >= least && many(&possible) <= most && hidden.is_empty() {
            return passed(format!("{} found", counted(held.len(), of)), held);
        }
        let reason = format!("{} found, {wanted} expected, and others could be missing", counted(held.len(), of));
        let doubts = if many(&held) < least { &self.hiding.fulfilling } else { &hidden };
        self.undecided(reason, open, doubts)
    }

    fn only(&self, holds: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        self.seen.iter().copied().filter(holds).collect()
    }

    /// Those that were looked at, or else what there is.
    fn all_seen(&self) -> Vec<Seen> {
        if self.seen.is_empty() { self.near_misses() } else { self.seen.clone() }
    }

    /// What there is, where the rule speaks of none of it.
    fn near_misses(&self) -> Vec<Seen> {
        let subjects = self.subjects().into_iter().take(MAX_EVIDENCE);
        subjects.map(|subject| Seen { subject, chosen: Decision::No, holds: Decision::No, certain: true }).collect()
    }

    fn undecided(&self, reason: String, shown: Vec<Seen>, doubts: &[&Doubt]) -> Ruling {
        let mut lacking: Vec<String> = doubts.iter().take(MAX_EVIDENCE).map(|doubt| doubt.what.clone()).collect();
        if lacking.is_empty() {
            // What is not known of those shown, their connections lack.
            let connections: HashSet<usize> = shown
                .iter()
                .take(MAX_EVIDENCE)
                .filter_map(|seen| connection_of(self.world.trace, seen.subject))
                .collect();
            lacking.extend(shown.iter().take(MAX_EVIDENCE).flat_map(|seen| missing_of(self.world.trace, seen.subject)));
            let all = self.world.trace.doubts.iter();
            let about = all.filter(|doubt| doubt.connection.is_none_or(|at| connections.contains(&at)));
            lacking.extend(about.take(MAX_EVIDENCE).map(|doubt| doubt.what.clone()));
            if lacking.is_empty() && shown.iter().any(|seen| self.world.is_body_cut(seen.subject)) {
                lacking.push("a body is longer than what is searched of it (see --limit body)".into());
            }
        }
        lacking.truncate(MAX_EVIDENCE);
        Ruling { verdict: Verdict::Undecided, reason, shown, doubts: lacking }
    }
}

/// What is missing within a message.
fn missing_of(trace: &Trace, subject: Subject) -> Vec<String> {
    let (Subject::Message(at) | Subject::Exchange(at)) = subject else { return Vec::new() };
    let Some(first) = trace.messages.get(at) else { return Vec::new() };
    let answer = first.pair.filter(|_| matches!(subject, Subject::Exchange(_))).and_then(|at| trace.messages.get(at));
    let runs = [Some(first), answer].into_iter().flatten().flat_map(|kept| {
        let (kind, number) = (kept.message.kind.name(), kept.message.number);
        kept.message.missing.iter().map(move |run| {
            format!("{} bytes of {kind} #{number}, from its byte {} on, were not captured", run.len, run.offset)
        })
    });
    runs.take(MAX_EVIDENCE).collect()
}

fn connection_of(trace: &Trace, subject: Subject) -> Option<usize> {
    match subject {
        Subject::Message(at) | Subject::Exchange(at) => trace.messages.get(at)?.connection,
        Subject::Connection(at) => Some(at),
        Subject::Hidden { connection, .. } => connection,
    }
}

fn passed(reason: String, shown: Vec<Seen>) -> Ruling {
    Ruling { verdict: Verdict::Passed, reason, shown, doubts: Vec::new() }
}

fn failed(reason: String, shown: Vec<Seen>) -> Ruling {
    Ruling { verdict: Verdict::Failed, reason, shown, doubts: Vec::new() }
}

/// Doubts about what lies where frames were captured.
fn strong<'d>(doubts: &[&'d Doubt]) -> Vec<&'d Doubt> {
    doubts.iter().copied().filter(|doubt| !doubt.weak).collect()
}

/// How many of what.
pub fn counted(count: usize, of: Of) -> String {
    match count {
        1 => format!("1 {}", of.one()),
        count => format!("{count} {}", of.name()),
    }
}

/// A range in words.
pub fn explain_range(least: u64, most: u64) -> String {
    match (least, most) {
        (least, most) if least == most => format!("exactly {least}"),
        (least, u64::MAX) => format!("at least {least}"),
        (0, most) => format!("at most {most}"),
        (least, most) => format!("{least} to {most}"),
    }
}
