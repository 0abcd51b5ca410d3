//! A filter of which names and types are known, and how it is decided.

use std::cmp::Ordering;
use std::ops::Range;

use memchr::memmem;
use regex::bytes::Regex;

use super::constant::{Constant, bytes, number};
use super::names::{Coverage, Decision, FieldId, Record};
use super::operand::Operand;
use super::syntax::Quantifier;
use crate::field::Value;

#[derive(Debug)]
pub(super) enum Logic {
    /// What an empty filter is.
    Always,
    All(Vec<Logic>),
    Any(Vec<Logic>),
    Odd(Vec<Logic>),
    Not(Box<Logic>),
    Test(Box<Test>),
}

/// One test of values.
#[derive(Debug)]
pub(super) struct Test {
    pub span: Range<usize>,
    pub form: Form,
    pub fields: Vec<Mention>,
}

/// A field where a filter names it.
#[derive(Debug)]
pub(super) struct Mention {
    pub span: Range<usize>,
    pub field: FieldId,
}

#[derive(Debug)]
pub(super) enum Form {
    Exists(FieldId),
    /// A field is there in some of its layers, or a slice of one.
    Present(Operand),
    /// A calculation gives something other than 0.
    NotZero(Operand),
    Compare {
        left: Operand,
        order: Order,
        quantifier: Quantifier,
        right: Operand,
    },
    Contains {
        left: Operand,
        quantifier: Quantifier,
        right: Operand,
    },
    Matches {
        left: Operand,
        quantifier: Quantifier,
        regex: Regex,
    },
    In {
        left: Operand,
        quantifier: Quantifier,
        set: Vec<(Operand, Option<Operand>)>,
    },
}

/// How two values are to compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Logic {
    pub fn decide(&self, record: &dyn Record) -> Decision {
        match self {
            Self::Always => Decision::Yes,
            Self::All(parts) => fold(parts, Decision::No, record),
            Self::Any(parts) => fold(parts, Decision::Yes, record),
            Self::Odd(parts) => parts.iter().fold(Decision::No, |all, part| all.xor(part.decide(record))),
            Self::Not(part) => part.decide(record).not(),
            Self::Test(test) => test.form.decide(record),
        }
    }

    /// Hands on each test, and whether it is the contrary of it that is asked for.
    pub fn tests<'l>(&'l self, put: &mut dyn FnMut(&'l Test, bool)) {
        match self {
            Self::Always => {}
            Self::All(parts) | Self::Any(parts) | Self::Odd(parts) => parts.iter().for_each(|part| part.tests(put)),
            Self::Not(part) => part.tests(&mut |test, negated| put(test, !negated)),
            Self::Test(test) => put(test, false),
        }
    }
}

/// Decides parts up to one that settles it.
fn fold(parts: &[Logic], settles: Decision, record: &dyn Record) -> Decision {
    let mut all = settles.not();
    for part in parts {
        match part.decide(record) {
            decision if decision == settles => return settles,
            Decision::Unknown => all = Decision::Unknown,
            _ => {}
        }
    }
    all
}

/// What was found of the pairs of values looked at so far.
struct Tally {
    quantifier: Quantifier,
    seen: bool,
    settled: bool,
}

impl Tally {
    fn new(quantifier: Quantifier) -> Self {
        Self { quantifier, seen: false, settled: false }
    }

    fn add(&mut self, holds: bool) {
        self.seen = true;
        self.settled |= holds == (self.quantifier == Quantifier::Any);
    }

    fn decision(&self, coverage: Coverage) -> Decision {
        match (self.quantifier, coverage) {
            (Quantifier::Any, _) if self.settled => Decision::Yes,
            (Quantifier::All, _) if self.settled => Decision::No,
            (_, Coverage::Incomplete) => Decision::Unknown,
            (Quantifier::Any, _) => Decision::No,
            (Quantifier::All, _) => self.seen.into(),
        }
    }
}

impl Form {
    pub fn decide(&self, record: &dyn Record) -> Decision {
        match self {
            Self::Exists(field) => record.exists(*field),
            Self::Present(operand) => {
                let mut tally = Tally::new(Quantifier::Any);
                let coverage = operand.each(record, &mut |_| tally.add(true));
                tally.decision(coverage)
            }
            Self::NotZero(operand) => {
                let mut tally = Tally::new(Quantifier::Any);
                let coverage = operand.each(record, &mut |value| tally.add(is_not_zero(value)));
                tally.decision(coverage)
            }
            Self::Compare { left, order, quantifier, right } => {
                against(record, left, *quantifier, right, |value, other| {
                    other.compare(value).is_some_and(|ordering| order.holds(ordering))
                })
            }
            Self::Contains { left, quantifier, right: Operand::Needle(finder) } => {
                let mut tally = Tally::new(*quantifier);
                let coverage = left.each(record, &mut |value| {
                    tally.add(
                        bytes(&value).is_some_and(|bytes| !finder.needle().is_empty() && finder.find(bytes).is_some()),
                    );
                });
                tally.decision(coverage)
            }
            Self::Contains { left, quantifier, right } => {
                against(record, left, *quantifier, right, |value, other| match other {
                    Constant::Bytes(needle) => {
                        bytes(&value).is_some_and(|bytes| !needle.is_empty() && memmem::find(bytes, needle).is_some())
                    }
                    _ => false,
                })
            }
            Self::Matches { left, quantifier, regex } => {
                let mut tally = Tally::new(*quantifier);
                let coverage = left.each(record, &mut |value| {
                    tally.add(bytes(&value).is_some_and(|bytes| matches(regex, bytes)));
                });
                tally.decision(coverage)
            }
            Self::In { left, quantifier, set } => in_set(record, left, *quantifier, set),
        }
    }
}

/// Compares each value of one side with each of the other.
fn against(
    record: &dyn Record,
    left: &Operand,
    quantifier: Quantifier,
    right: &Operand,
    holds: impl Fn(Value<'_>, &Constant) -> bool,
) -> Decision {
    let mut tally = Tally::new(quantifier);
    let coverage = match right {
        Operand::Constant(constant) => left.each(record, &mut |value| tally.add(holds(value, constant))),
        _ => {
            let (others, coverage) = right.collect(record);
            let of_left = left.each(record, &mut |value| {
                others.iter().for_each(|other| tally.add(holds(value, other)));
            });
            coverage.and(of_left)
        }
    };
    tally.decision(coverage)
}

/// Whether the expression is found; `$` is also before a line end that ends the value.
fn matches(regex: &Regex, bytes: &[u8]) -> bool {
    regex.is_match(bytes) || bytes.strip_suffix(b"\n").is_some_and(|bytes| regex.is_match(bytes))
}

fn in_set(record: &dyn Record, left: &Operand, quantifier: Quantifier, set: &[(Operand, Option<Operand>)]) -> Decision {
    let mut coverage = Coverage::Complete;
    let are_constants = set
        .iter()
        .flat_map(|(first, last)| std::iter::once(first).chain(last))
        .all(|operand| operand.constant().is_some());
    let mut tally = Tally::new(quantifier);
    if are_constants {
        let of_left = left.each(record, &mut |value| {
            tally.add(set.iter().any(|(first, last)| {
                let first = first.constant().and_then(|first| first.compare(value));
                match last {
                    None => first == Some(Ordering::Equal),
                    Some(last) => {
                        let last = last.constant().and_then(|last| last.compare(value));
                        first.is_some_and(Ordering::is_ge) && last.is_some_and(Ordering::is_le)
                    }
                }
            }));
        });
        return tally.decision(of_left);
    }
    let mut collect = |operand: &Operand| {
        let (values, complete) = operand.collect(record);
        coverage = coverage.and(complete);
        values
    };
    let set: Vec<_> = set.iter().map(|(first, last)| (collect(first), last.as_ref().map(&mut collect))).collect();
    let of_left = left.each(record, &mut |value| {
        let any = |values: &[Constant], holds: fn(Ordering) -> bool| {
            values.iter().any(|other| other.compare(value).is_some_and(holds))
        };
        tally.add(set.iter().any(|(first, last)| match last {
            None => any(first, Ordering::is_eq),
            Some(last) => any(first, Ordering::is_ge) && any(last, Ordering::is_le),
        }));
    });
    tally.decision(coverage.and(of_left))
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => ordering.is_ne(),
            Self::Lt => ordering.is_lt(),
            Self::Le => ordering.is_le(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => ordering.is_ge(),
        }
    }
}

fn is_not_zero(value: Value<'_>) -> bool {
    match value {
        Value::Duration(nanos) => nanos != 0,
        Value::Time(time) => time.0 != 0,
        Value::Ipv4(bytes) => bytes != [0; 4],
        Value::Ipv6(bytes) => bytes != [0; 16],
        _ => match number(value) {
            Some(number) => number != 0,
            None => bytes(&value).is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0)),
        },
    }
}
