//! The form of a filter, before its names and types are known.

use std::ops::Range;

use super::lexer::{Compare, Slice};

/// What holds or does not hold.
#[derive(Debug)]
pub(super) enum Logic<'t> {
    All(Vec<Logic<'t>>),
    Any(Vec<Logic<'t>>),
    Odd(Vec<Logic<'t>>),
    Not(Box<Logic<'t>>),
    Test(Test<'t>),
}

/// One test of values.
#[derive(Debug)]
pub(super) struct Test<'t> {
    pub span: Range<usize>,
    /// `any` or `all`, where it is written before the test.
    pub quantifier: Option<Quantifier>,
    pub form: Form<'t>,
}

/// Whether a test is to hold for one value or for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Quantifier {
    Any,
    All,
}

#[derive(Debug)]
pub(super) enum Form<'t> {
    /// A field is there, a sum is not 0.
    Present(Value<'t>),
    /// `a < b < c` is `a < b` and `b < c`.
    Compare(Value<'t>, Vec<(Relation, Value<'t>)>),
    In {
        value: Value<'t>,
        negated: bool,
        set: Vec<(Value<'t>, Option<Value<'t>>)>,
    },
}

/// How the values on two sides are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Relation {
    Compare(Compare),
    Contains,
    Matches,
}

/// What has values.
#[derive(Debug)]
pub(super) struct Value<'t> {
    pub span: Range<usize>,
    pub kind: ValueKind<'t>,
}

#[derive(Debug)]
pub(super) enum ValueKind<'t> {
    /// A name, or a value that has no quotes.
    Word(&'t str),
    Text(Vec<u8>),
    Char(u8),
    /// The values of a name in some of its layers.
    Layers(&'t str, Vec<Slice>),
    Slices(Box<Value<'t>>, Vec<Slice>),
    Call(&'t str, Vec<Value<'t>>),
    Negative(Box<Value<'t>>),
    Calculation(Calculation, Box<[Value<'t>; 2]>),
}

/// What is made of two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Calculation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    And,
}
