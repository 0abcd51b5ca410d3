//! What the names of a filter mean, and whether its types fit.

use super::Mistake;
use super::constant::{Constant, Literal, article};
use super::expression::{self, Order};
use super::function::{self, Function};
use super::lexer::{Compare, Slice};
use super::mistake::shown;
use super::names::{Name, Names, Type};
use super::nearest;
use super::operand::Operand;
use super::pattern;
use super::syntax::{Calculation, Form, Logic, Quantifier, Relation, Test, Value, ValueKind};
use crate::field::Kind;

/// Gives a filter's parts their meaning.
pub(super) struct Typing<'n> {
    pub text: &'n str,
    pub names: &'n dyn Names,
}

type Result<T> = std::result::Result<T, Mistake>;

/// An operand and the type of its values.
struct Typed {
    operand: Operand,
    kind: Type,
}

impl Typing<'_> {
    pub fn logic(&self, logic: &Logic<'_>) -> Result<expression::Logic> {
        let all = |parts: &[Logic<'_>]| parts.iter().map(|part| self.logic(part)).collect::<Result<Vec<_>>>();
        Ok(match logic {
            Logic::All(parts) => expression::Logic::All(all(parts)?),
            Logic::Any(parts) => expression::Logic::Any(all(parts)?),
            Logic::Odd(parts) => expression::Logic::Odd(all(parts)?),
            Logic::Not(part) => expression::Logic::Not(Box::new(self.logic(part)?)),
            Logic::Test(test) => self.test(test)?,
        })
    }

    fn test(&self, test: &Test<'_>) -> Result<expression::Logic> {
        let quantifier = test.quantifier;
        let one = |form, fields| {
            let span = test.span.clone();
            expression::Logic::Test(Box::new(expression::Test { span, form, fields }))
        };
        match &test.form {
            Form::Present(value) => Ok(one(self.present(value)?, self.fields([value]))),
            Form::Compare(first, others) => {
                let mut left = first;
                let mut tests = Vec::with_capacity(others.len());
                for (relation, right) in others {
                    tests.push(one(self.relation(left, *relation, quantifier, right)?, self.fields([left, right])));
                    left = right;
                }
                match tests.pop() {
                    Some(test) if tests.is_empty() => Ok(test),
                    last => Ok(expression::Logic::All(tests.into_iter().chain(last).collect())),
                }
            }
            Form::In { value, negated, set } => {
                let left = self.left(value, "in")?;
                let mut elements = Vec::with_capacity(set.len());
                for (first, last) in set {
                    let first = self.right(&left, value, first)?;
                    let last = last.as_ref().map(|last| self.right(&left, value, last)).transpose()?;
                    elements.push((first, last));
                }
                let values = set.iter().flat_map(|(first, last)| std::iter::once(first).chain(last));
                let fields = self.fields(std::iter::once(value).chain(values));
                // "not in" is that no value is in the set, as in Wireshark with "any" and "all" too.
                let quantifier = quantifier.filter(|_| !negated).unwrap_or(Quantifier::Any);
                let test = one(expression::Form::In { left: left.operand, quantifier, set: elements }, fields);
                Ok(if *negated { expression::Logic::Not(Box::new(test)) } else { test })
            }
        }
    }

    /// That something is there, or not 0.
    fn present(&self, value: &Value<'_>) -> Result<expression::Form> {
        match &value.kind {
            ValueKind::Word(word) => match self.resolve(word) {
                Some(name) => Ok(expression::Form::Exists(name.id)),
                None => Err(self.unknown(word, value)),
            },
            ValueKind::Layers(..) | ValueKind::Slices(..) => {
                Ok(expression::Form::Present(self.operand(value, None)?.operand))
            }
            ValueKind::Negative(_) | ValueKind::Calculation(..) => {
                Ok(expression::Form::NotZero(self.operand(value, None)?.operand))
            }
            ValueKind::Call(..) => {
                self.operand(value, None)?;
                let what = format!("{} is a value, and no test", value.shown(self.text));
                Err(Mistake::new(value.span.clone(), what).hint("compare it with something"))
            }
            ValueKind::Text(_) | ValueKind::Char(_) => {
                let what = format!("{} is neither a field nor a protocol", value.shown(self.text));
                Err(Mistake::new(value.span.clone(), what))
            }
        }
    }

    fn relation(
        &self,
        first: &Value<'_>,
        relation: Relation,
        quantifier: Option<Quantifier>,
        second: &Value<'_>,
    ) -> Result<expression::Form> {
        match relation {
            Relation::Compare(compare) => {
                let left = self.left(first, "a comparison")?;
                let right = self.right(&left, first, second)?;
                let (order, usual) = meaning(compare);
                if !matches!(order, Order::Eq | Order::Ne) {
                    self.check_order(&left, first, second)?;
                }
                let quantifier = quantifier.unwrap_or(usual);
                Ok(expression::Form::Compare { left: left.operand, order, quantifier, right })
            }
            Relation::Contains => {
                let left = self.searched(first, "contains")?;
                let quantifier = quantifier.unwrap_or(Quantifier::Any);
                let of_bytes = Typed { kind: searched_for(left.kind), ..left };
                let right = match self.right(&of_bytes, first, second)? {
                    Operand::Constant(Constant::Bytes(bytes)) => {
                        Operand::Needle(Box::new(memchr::memmem::Finder::new(&bytes).into_owned()))
                    }
                    right => right,
                };
                Ok(expression::Form::Contains { left: of_bytes.operand, quantifier, right })
            }
            Relation::Matches => {
                let left = self.searched(first, "matches")?;
                let quantifier = quantifier.unwrap_or(Quantifier::Any);
                let ValueKind::Text(pattern) = &second.kind else {
                    let what = "after matches there is a regular expression in double quotes";
                    return Err(Mistake::new(second.span.clone(), what));
                };
                let regex =
                    pattern::regex(pattern).map_err(|mistake| Mistake { span: second.span.clone(), ..mistake })?;
                Ok(expression::Form::Matches { left: left.operand, quantifier, regex })
            }
        }
    }

    /// That text is not compared with a number: "10" would be less than "9".
    fn check_order(&self, left: &Typed, first: &Value<'_>, second: &Value<'_>) -> Result<()> {
        match second.kind {
            ValueKind::Word(word) if left.kind == Kind::Text.into() && Constant::read_number(word).is_some() => {
                let what = format!("{} is text, {} a number", first.shown(self.text), shown(word));
                let hint = format!(
                    "as text it is \"{word}\"; the length of a text is len({})",
                    &self.text[first.span.clone()]
                );
                Err(Mistake::new(second.span.clone(), what).hint(hint))
            }
            _ => Ok(()),
        }
    }

    /// What stands on the left of an operator: never a value alone.
    fn left(&self, value: &Value<'_>, operator: &str) -> Result<Typed> {
        if self.kind(value).is_none() {
            if let ValueKind::Word(word) = value.kind
                && nearest::is_like_a_name(word)
            {
                return Err(self.unknown(word, value));
            }
            let what = format!("on the left of {operator} there is a field, not {}", value.shown(self.text));
            return Err(Mistake::new(value.span.clone(), what).hint("write it the other way round"));
        }
        let left = self.operand(value, None)?;
        if left.kind == Type::Label {
            let what = format!("{} is there or not, and has no value to compare", value.shown(self.text));
            return Err(Mistake::new(value.span.clone(), what).hint("its name alone tests whether it is there"));
        }
        Ok(left)
    }

    /// What is searched: text or bytes; of a protocol also what follows its header.
    fn searched(&self, value: &Value<'_>, operator: &str) -> Result<Typed> {
        let left = self.left(value, operator)?;
        match left.kind {
            Type::Protocol | Type::Of(Kind::Text | Kind::Bytes | Kind::Mac) => {}
            kind => {
                let what =
                    format!("{operator} searches text or bytes; {} is {}", value.shown(self.text), described(kind));
                let mistake = Mistake::new(value.span.clone(), what);
                let name = self.text.get(value.span.clone()).unwrap_or_default();
                return Err(match kind {
                    Type::Of(Kind::Uint | Kind::Int | Kind::Ipv4 | Kind::Ipv6) => {
                        mistake.hint(format!("as text it is string({name})"))
                    }
                    _ => mistake,
                });
            }
        }
        match &value.kind {
            ValueKind::Word(word) => match self.resolve(word).and_then(|name| name.searched) {
                Some(field) => Ok(Typed { operand: Operand::Field(field), ..left }),
                None => Ok(left),
            },
            ValueKind::Layers(word, layers) => match self.resolve(word).and_then(|name| name.searched) {
                Some(field) => Ok(Typed { operand: Operand::Layers(field, layers.clone()), ..left }),
                None => Ok(left),
            },
            _ => Ok(left),
        }
    }

    /// What is compared with `left`, of which the filter has `first`.
    fn right(&self, left: &Typed, first: &Value<'_>, second: &Value<'_>) -> Result<Operand> {
        let right = self.operand(second, Some(left.kind))?;
        self.check_most(first, second, &right)?;
        if comparable(left.kind, right.kind) {
            return Ok(right.operand);
        }
        let (one, other) = (first.shown(self.text), second.shown(self.text));
        let what =
            format!("{other} is {}, {one} is {}: they cannot be compared", described(right.kind), described(left.kind));
        let mistake = Mistake::new(second.span.clone(), what);
        let word = self.text.get(second.span.clone()).unwrap_or_default();
        Err(if left.kind == Type::Of(Kind::Text) && matches!(second.kind, ValueKind::Word(_)) {
            mistake.hint(format!("text is in double quotes: \"{word}\""))
        } else {
            mistake
        })
    }

    /// That a number is not more than the field can hold.
    fn check_most(&self, first: &Value<'_>, second: &Value<'_>, right: &Typed) -> Result<()> {
        let ValueKind::Word(word) = first.kind else { return Ok(()) };
        match (self.names.most(word), &right.operand) {
            (Some(most), Operand::Constant(Constant::Number(number))) if *number > i128::from(most) => {
                let what = format!("{} is at most {most}", first.shown(self.text));
                Err(Mistake::new(second.span.clone(), what))
            }
            _ => Ok(()),
        }
    }

    /// The type of a value; none where it is written in the filter, and can be of several.
    fn kind(&self, value: &Value<'_>) -> Option<Type> {
        match &value.kind {
            ValueKind::Word(word) | ValueKind::Layers(word, _) => self.resolve(word).map(|name| name.kind),
            ValueKind::Text(_) | ValueKind::Char(_) => None,
            ValueKind::Slices(..) => Some(Kind::Bytes.into()),
            ValueKind::Call(name, arguments) => match Function::named(name) {
                Some(function) => Some(function.gives(arguments.iter().find_map(|argument| self.kind(argument)))),
                // That it is unknown is found where it is read.
                None => Some(Kind::Int.into()),
            },
            ValueKind::Negative(inner) => self.kind(inner),
            ValueKind::Calculation(_, sides) => sides.iter().find_map(|side| self.kind(side)),
        }
    }

    /// Reads a value; one that is written in the filter has to be of the type that is expected.
    fn operand(&self, value: &Value<'_>, expected: Option<Type>) -> Result<Typed> {
        match &value.kind {
            ValueKind::Word(word) => match (self.resolve(word), expected) {
                (Some(name), _) => Ok(Typed { operand: Operand::Field(name.id), kind: name.kind }),
                (None, Some(kind)) => self.literal(value, Literal::Word { word, negative: false }, kind),
                (None, None) => Err(self.unknown(word, value)),
            },
            ValueKind::Text(bytes) => self.literal(value, Literal::Text(bytes), expected.unwrap_or(Kind::Text.into())),
            ValueKind::Char(byte) => self.literal(value, Literal::Char(*byte), expected.unwrap_or(Kind::Uint.into())),
            ValueKind::Layers(word, layers) => self.layers(value, word, layers),
            ValueKind::Slices(inner, slices) => self.slices(inner, slices),
            ValueKind::Call(name, arguments) => self.call(value, name, arguments),
            ValueKind::Negative(inner) => self.negative(value, inner, expected),
            ValueKind::Calculation(calculation, sides) => self.calculation(*calculation, sides, expected),
        }
    }

    fn literal(&self, value: &Value<'_>, literal: Literal<'_>, kind: Type) -> Result<Typed> {
        match Constant::read(literal, kind) {
            Ok(constant) => Ok(Typed { operand: Operand::Constant(constant), kind }),
            Err((what, hint)) => {
                let mut hint = hint;
                if let Literal::Word { word, .. } = literal
                    && nearest::is_like_a_name(word)
                    && word.contains('.')
                {
                    hint = nearest::hint(word, self.names).or(hint);
                }
                Err(Mistake { span: value.span.clone(), what, hint })
            }
        }
    }

    fn layers(&self, value: &Value<'_>, word: &str, layers: &[Slice]) -> Result<Typed> {
        match self.resolve(word) {
            Some(name) => Ok(Typed { operand: Operand::Layers(name.id, layers.into()), kind: name.kind }),
            None => Err(self.unknown(word, value)),
        }
    }

    fn slices(&self, inner: &Value<'_>, slices: &[Slice]) -> Result<Typed> {
        let of = self.field(inner, "a slice is taken of a field")?;
        match of.kind {
            Type::Protocol | Type::Of(Kind::Text | Kind::Bytes | Kind::Mac | Kind::Ipv4 | Kind::Ipv6) => {
                let operand = Operand::Slices(Box::new(of.operand), slices.into());
                Ok(Typed { operand, kind: Kind::Bytes.into() })
            }
            kind => {
                let what = format!("{} is {}, of which there are no slices", inner.shown(self.text), described(kind));
                Err(Mistake::new(inner.span.clone(), what))
            }
        }
    }

    fn negative(&self, value: &Value<'_>, inner: &Value<'_>, expected: Option<Type>) -> Result<Typed> {
        if let (ValueKind::Word(word), Some(kind)) = (&inner.kind, expected)
            && self.resolve(word).is_none()
        {
            return self.literal(value, Literal::Word { word, negative: true }, kind);
        }
        let inner_typed = self.operand(inner, expected)?;
        match inner_typed.kind {
            Type::Of(Kind::Uint | Kind::Int) => {
                Ok(Typed { operand: Operand::Negative(Box::new(inner_typed.operand)), kind: Kind::Int.into() })
            }
            Type::Of(Kind::Duration) => {
                Ok(Typed { operand: Operand::Negative(Box::new(inner_typed.operand)), ..inner_typed })
            }
            kind => Err(self.no_calculation(inner, kind)),
        }
    }

    fn calculation(&self, calculation: Calculation, sides: &[Value<'_>; 2], expected: Option<Type>) -> Result<Typed> {
        // What is written in the filter is of the type of the other side.
        let kind = sides.iter().find_map(|side| self.kind(side)).or(expected);
        let kind = match kind {
            Some(Type::Protocol | Type::Of(Kind::Mac)) => Some(Kind::Bytes.into()),
            kind => kind,
        };
        let [left, right] = sides;
        let (first, second) = (self.operand(left, kind)?, self.operand(right, kind)?);
        for (side, typed) in [(left, &first), (right, &second)] {
            let is_possible = match typed.kind {
                Type::Of(Kind::Uint | Kind::Int) => true,
                Type::Of(Kind::Duration) => matches!(calculation, Calculation::Add | Calculation::Subtract),
                Type::Protocol | Type::Of(Kind::Bytes | Kind::Mac | Kind::Ipv4 | Kind::Ipv6) => {
                    calculation == Calculation::And
                }
                _ => false,
            };
            if !is_possible {
                return Err(self.no_calculation(side, typed.kind));
            }
        }
        if !comparable(first.kind, second.kind) {
            let what = format!("{} and {} do not go together", described(first.kind), described(second.kind));
            return Err(Mistake::new(left.span.start..right.span.end, what));
        }
        let is_signed = [first.kind, second.kind].contains(&Kind::Int.into());
        let kind = if is_signed { Kind::Int.into() } else { kind.unwrap_or(first.kind) };
        Ok(Typed { operand: Operand::Calculation(calculation, Box::new([first.operand, second.operand])), kind })
    }

    fn no_calculation(&self, value: &Value<'_>, kind: Type) -> Mistake {
        let what = format!("{} is {}, which this cannot be calculated with", value.shown(self.text), described(kind));
        Mistake::new(value.span.clone(), what)
    }

    fn call(&self, value: &Value<'_>, name: &str, arguments: &[Value<'_>]) -> Result<Typed> {
        let Some(function) = Function::named(name) else {
            let all: Vec<_> = function::names().collect();
            let span = value.span.start..value.span.start + name.len();
            let mistake = Mistake::new(span, format!("{} is no function", shown(name)));
            return Err(mistake.hint(format!("there are {}", all.join(", "))));
        };
        let takes_many = matches!(function, Function::Max | Function::Min);
        if arguments.is_empty() || arguments.len() > 1 && !takes_many {
            let count = if takes_many { "at least one argument" } else { "one argument" };
            return Err(Mistake::new(value.span.clone(), format!("{name} takes {count}, not {}", arguments.len())));
        }
        let expected = arguments.iter().find_map(|argument| self.kind(argument)).filter(|_| takes_many);
        let mut operands = Vec::with_capacity(arguments.len());
        let mut kind: Option<Type> = None;
        for argument in arguments {
            let typed = match expected {
                Some(expected) => self.operand(argument, Some(expected))?,
                None => self.field(argument, "a function takes fields")?,
            };
            let fits = function.takes(typed.kind) && kind.is_none_or(|kind| comparable(kind, typed.kind));
            if !fits {
                let what = format!("{name} does not take {}, {}", argument.shown(self.text), described(typed.kind));
                return Err(Mistake::new(argument.span.clone(), what));
            }
            kind = kind.or(Some(typed.kind));
            operands.push(typed.operand);
        }
        Ok(Typed { operand: Operand::Call(function, operands), kind: function.gives(kind) })
    }

    /// A value that is not written in the filter.
    fn field(&self, value: &Value<'_>, otherwise: &str) -> Result<Typed> {
        match (&value.kind, self.kind(value)) {
            (_, Some(_)) => self.operand(value, None),
            (ValueKind::Word(word), None) if nearest::is_like_a_name(word) => Err(self.unknown(word, value)),
            _ => Err(Mistake::new(value.span.clone(), format!("{otherwise}, not {}", value.shown(self.text)))),
        }
    }

    /// What a word means as a name. A dot before it says that it is one, a colon that it is none.
    fn resolve(&self, word: &str) -> Option<Name> {
        self.names.resolve(word.strip_prefix('.').unwrap_or(word))
    }

    fn unknown(&self, word: &str, value: &Value<'_>) -> Mistake {
        let what = format!("{} is neither a field nor a protocol", shown(word));
        Mistake { span: value.span.clone(), what, hint: nearest::hint(word, self.names) }
    }

    /// The names in some values, where they stand.
    fn fields<'v>(&self, values: impl IntoIterator<Item = &'v Value<'v>>) -> Vec<expression::Mention> {
        let mut found = Vec::new();
        let mut open: Vec<&Value<'_>> = values.into_iter().collect();
        while let Some(value) = open.pop() {
            match &value.kind {
                ValueKind::Word(word) | ValueKind::Layers(word, _) => found.extend(self.resolve(word).map(|name| {
                    expression::Mention { span: value.span.start..value.span.start + word.len(), field: name.id }
                })),
                ValueKind::Text(_) | ValueKind::Char(_) => {}
                ValueKind::Slices(inner, _) | ValueKind::Negative(inner) => open.push(inner),
                ValueKind::Call(_, arguments) => open.extend(arguments),
                ValueKind::Calculation(_, sides) => open.extend(sides.iter()),
            }
        }
        found.sort_by_key(|mention| mention.span.start);
        found
    }
}

/// What an operator asks, and of which pairs of values where neither `any` nor `all` stands before it.
fn meaning(compare: Compare) -> (Order, Quantifier) {
    match compare {
        Compare::AnyEq => (Order::Eq, Quantifier::Any),
        Compare::AllEq => (Order::Eq, Quantifier::All),
        Compare::AnyNe => (Order::Ne, Quantifier::Any),
        Compare::AllNe => (Order::Ne, Quantifier::All),
        Compare::Lt => (Order::Lt, Quantifier::Any),
        Compare::Le => (Order::Le, Quantifier::Any),
        Compare::Gt => (Order::Gt, Quantifier::Any),
        Compare::Ge => (Order::Ge, Quantifier::Any),
    }
}

/// Whether values of two types can be compared: of one type, both numbers, or both bytes.
fn comparable(one: Type, other: Type) -> bool {
    let is_number = |kind| matches!(kind, Type::Of(Kind::Bool | Kind::Uint | Kind::Int));
    let is_bytes = |kind| matches!(kind, Type::Protocol | Type::Of(Kind::Bytes | Kind::Mac));
    one == other || is_number(one) && is_number(other) || is_bytes(one) && is_bytes(other)
}

/// The type of what a value is searched for.
fn searched_for(kind: Type) -> Type {
    if kind == Kind::Text.into() { kind } else { Kind::Bytes.into() }
}

fn described(kind: Type) -> &'static str {
    match kind {
        Type::Of(kind) => article(kind),
        Type::Protocol => "a protocol",
        Type::Label => "there or not",
    }
}
