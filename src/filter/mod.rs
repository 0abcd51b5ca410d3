//! Display filters: Wireshark's language (as of version 4.0) over the fields of records.
//!
//! [`compile`] reads a filter and checks its names and types before any record is seen; [`Filter::decide`] then tells
//! of a record whether the filter holds for it, does not, or may hold once bytes that are missing are known.

mod constant;
mod expression;
mod fields;
mod function;
mod lexer;
mod mistake;
mod names;
mod nearest;
mod operand;
mod parser;
mod pattern;
mod records;
mod syntax;
mod typing;

pub use constant::display;
pub use fields::{Fields, Listed};
pub use mistake::Mistake;
pub use names::{Coverage, Decision, FieldId, Item, Name, Names, Record, Type};
pub use records::{ConnectionRecord, FrameRecord, MessageRecord, Partial, Times};

use expression::Logic;
use typing::Typing;

/// The longest filter, in bytes.
const MAX_LEN: usize = 64 << 10;

/// A filter of which names and types are checked.
#[derive(Debug)]
pub struct Filter {
    text: String,
    logic: Logic,
}

/// Reads a filter. A blank one holds for every record.
pub fn compile(text: &str, names: &impl Names) -> Result<Filter, Mistake> {
    if text.len() > MAX_LEN {
        return Err(Mistake::new(0..0, format!("the filter is longer than {MAX_LEN} bytes")));
    }
    let logic = match parser::parse(text)? {
        None => Logic::Always,
        Some(logic) => Typing { text, names }.logic(&logic)?,
    };
    Ok(Filter { text: text.into(), logic })
}

impl Filter {
    /// Whether it holds for the record.
    pub fn decide(&self, record: &dyn Record) -> Decision {
        self.logic.decide(record)
    }

    /// Whether it is certain to hold for the record.
    pub fn holds(&self, record: &dyn Record) -> bool {
        self.decide(record) == Decision::Yes
    }

    /// The filter as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Hands on each field that it mentions, as often as it does.
    pub fn fields(&self, put: &mut dyn FnMut(FieldId)) {
        self.logic.tests(&mut |test, _| test.fields.iter().for_each(|mention| put(mention.field)));
    }

    /// How each of its tests turns out for the record, and on what values: what there is to show for a decision.
    pub fn evidence(&self, record: &dyn Record) -> Vec<Evidence<'_>> {
        let mut all = Vec::new();
        self.logic.tests(&mut |test, negated| {
            let values = test.fields.iter().map(|mention| {
                let mut found = Found {
                    name: self.piece(&mention.span),
                    values: Vec::new(),
                    more: 0,
                    coverage: Coverage::Complete,
                };
                found.coverage = record.values(mention.field, &mut |item| match found.values.len() {
                    MAX_SHOWN.. => found.more += 1,
                    _ => found.values.push(constant::display(item.value)),
                });
                found
            });
            let decision = test.form.decide(record);
            all.push(Evidence {
                test: self.piece(&test.span),
                negated,
                decision: if negated { decision.not() } else { decision },
                found: values.collect(),
            });
        });
        all
    }

    fn piece(&self, span: &std::ops::Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }
}

/// Values of a field that evidence shows; the others are counted.
const MAX_SHOWN: usize = 16;

/// How one test of a filter turned out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence<'f> {
    /// The test as written: `http.host == "a"`.
    pub test: &'f str,
    /// Whether a `not` around it asks for the contrary.
    pub negated: bool,
    /// Whether it holds, or the contrary if that is asked for.
    pub decision: Decision,
    /// The values of each field that it mentions.
    pub found: Vec<Found<'f>>,
}

/// Values of a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found<'f> {
    /// The field as written.
    pub name: &'f str,
    /// The first 16 of its values, as text.
    pub values: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// Whether these are all.
    pub coverage: Coverage,
}

#[cfg(test)]
mod tests;
