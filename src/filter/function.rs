//! The functions of filters: what they take, and what they give.

use super::constant::{Constant, bytes, display, from_number, number, sliceable};
use super::names::{Coverage, Record, Type};
use super::operand::Operand;
use crate::field::{Kind, Value};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Function {
    Len,
    Count,
    Lower,
    Upper,
    String,
    Max,
    Min,
    Abs,
}

const FUNCTIONS: [(&str, Function); 8] = [
    ("len", Function::Len),
    ("count", Function::Count),
    ("lower", Function::Lower),
    ("upper", Function::Upper),
    ("string", Function::String),
    ("max", Function::Max),
    ("min", Function::Min),
    ("abs", Function::Abs),
];

/// What they are called.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, _)| *name)
}

impl Function {
    pub fn named(name: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    /// Whether it takes values of a type.
    pub fn takes(self, kind: Type) -> bool {
        match (self, kind) {
            (Self::Count, _) => true,
            (_, Type::Label) => false,
            (Self::Len, Type::Protocol | Type::Of(Kind::Text | Kind::Bytes | Kind::Mac | Kind::Ipv4 | Kind::Ipv6)) => {
                true
            }
            (Self::Lower | Self::Upper, Type::Of(Kind::Text)) => true,
            (Self::String, Type::Of(kind)) => {
                matches!(kind, Kind::Uint | Kind::Int | Kind::Mac | Kind::Ipv4 | Kind::Ipv6)
            }
            (Self::Abs, Type::Of(kind)) => matches!(kind, Kind::Uint | Kind::Int | Kind::Duration),
            (Self::Max | Self::Min, Type::Of(_)) => true,
            _ => false,
        }
    }

    /// The type of what it gives of values of a type, where that is known.
    pub fn gives(self, of: Option<Type>) -> Type {
        match self {
            Self::Len | Self::Count => Kind::Uint.into(),
            Self::Lower | Self::Upper | Self::String => Kind::Text.into(),
            Self::Max | Self::Min | Self::Abs => of.unwrap_or(Kind::Int.into()),
        }
    }

    /// Hands on what it gives of its arguments.
    pub fn call(self, arguments: &[Operand], record: &dyn Record, put: &mut dyn FnMut(Value<'_>)) -> Coverage {
        let Some(first) = arguments.first() else { return Coverage::Complete };
        match self {
            Self::Len => first.each(record, &mut |value| {
                sliceable(&value).map(|bytes| Value::Uint(bytes.len() as u64)).map(&mut *put);
            }),
            Self::Lower => first.each(record, &mut |value| {
                bytes(&value).into_iter().for_each(|bytes| put(Value::Text(&bytes.to_ascii_lowercase())));
            }),
            Self::Upper => first.each(record, &mut |value| {
                bytes(&value).into_iter().for_each(|bytes| put(Value::Text(&bytes.to_ascii_uppercase())));
            }),
            Self::String => first.each(record, &mut |value| put(Value::Text(display(value).as_bytes()))),
            Self::Abs => first.each(record, &mut |value| {
                let positive = match value {
                    Value::Duration(nanos) => nanos.checked_abs().map(Value::Duration),
                    _ => number(value).and_then(|number| from_number(number.abs())),
                };
                positive.map(&mut *put);
            }),
            Self::Count => {
                let mut count = 0;
                let coverage = first.each(record, &mut |_| count += 1);
                if count > 0 && coverage == Coverage::Complete {
                    put(Value::Uint(count));
                }
                coverage
            }
            Self::Max | Self::Min => {
                let mut best: Option<Constant> = None;
                let mut all = Coverage::Complete;
                for argument in arguments {
                    let coverage = argument.each(record, &mut |value| {
                        let ordering = best.as_ref().and_then(|best| best.compare(value));
                        let is_better = if self == Self::Max {
                            ordering.is_none_or(|o| o.is_gt())
                        } else {
                            ordering.is_none_or(|o| o.is_lt())
                        };
                        if is_better {
                            best = Some(value.into());
                        }
                    });
                    all = all.and(coverage);
                }
                if let Some(value) = best.as_ref().and_then(Constant::value).filter(|_| all == Coverage::Complete) {
                    put(value);
                }
                all
            }
        }
    }
}
