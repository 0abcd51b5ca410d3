//! What has values in a filter, and how they are got from a record.

use memchr::memmem;

use super::constant::{Constant, bytes, from_number, number, sliceable};
use super::function::Function;
use super::lexer::{End, Slice};
use super::names::{Coverage, FieldId, Item, Record};
use super::syntax::Calculation;
use crate::field::Value;

/// Values of one side that are compared, or calculated, with each of the other: without a bound the work would grow
/// with the square of a record.
const MAX_PAIRED: usize = 256;

/// What has values.
#[derive(Debug)]
pub(super) enum Operand {
    Field(FieldId),
    Layers(FieldId, Vec<Slice>),
    Constant(Constant),
    /// A constant text that is searched for.
    Needle(Box<memmem::Finder<'static>>),
    Slices(Box<Operand>, Vec<Slice>),
    Call(Function, Vec<Operand>),
    Negative(Box<Operand>),
    Calculation(Calculation, Box<[Operand; 2]>),
}

impl Operand {
    /// Its value, where that is the same for every record.
    pub fn constant(&self) -> Option<&Constant> {
        if let Self::Constant(constant) = self { Some(constant) } else { None }
    }

    /// Hands on each value.
    pub fn each(&self, record: &dyn Record, put: &mut dyn FnMut(Value<'_>)) -> Coverage {
        match self {
            Self::Field(field) => record.values(*field, &mut |item| put(item.value)),
            Self::Layers(field, layers) => in_layers(record, *field, layers, put),
            Self::Constant(constant) => {
                constant.value().map(put);
                Coverage::Complete
            }
            Self::Needle(finder) => {
                put(Value::Bytes(finder.needle()));
                Coverage::Complete
            }
            Self::Slices(operand, slices) => {
                let mut joined = Vec::new();
                operand.each(record, &mut |value| {
                    let Some(bytes) = sliceable(&value) else { return };
                    let sliced = match slices[..] {
                        [slice] => slice.of(bytes).unwrap_or_default(),
                        _ => {
                            joined.clear();
                            slices
                                .iter()
                                .filter_map(|slice| slice.of(bytes))
                                .for_each(|part| joined.extend_from_slice(part));
                            &joined[..]
                        }
                    };
                    if !sliced.is_empty() {
                        put(Value::Bytes(sliced));
                    }
                })
            }
            Self::Call(function, arguments) => function.call(arguments, record, put),
            Self::Negative(operand) => operand.each(record, &mut |value| {
                let negative = match value {
                    Value::Duration(nanos) => nanos.checked_neg().map(Value::Duration),
                    _ => number(value).and_then(|number| from_number(-number)),
                };
                negative.map(&mut *put);
            }),
            Self::Calculation(calculation, sides) => {
                let [left, right] = &**sides;
                if let Some(other) = right.constant() {
                    return left.each(record, &mut |value| calculate(*calculation, value, other, put));
                }
                let (others, coverage) = right.collect(record);
                // A sum of sums would otherwise have as many values as there are ways to choose its terms.
                let mut room = MAX_PAIRED;
                let mut all = Coverage::Complete;
                let of_left = left.each(record, &mut |value| {
                    others.iter().take(room).for_each(|other| calculate(*calculation, value, other, put));
                    if others.len() > room {
                        all = Coverage::Incomplete;
                    }
                    room = room.saturating_sub(others.len());
                });
                coverage.and(of_left).and(all)
            }
        }
    }

    /// All values; not complete where there are more than can be compared.
    pub fn collect(&self, record: &dyn Record) -> (Vec<Constant>, Coverage) {
        if let Self::Constant(constant) = self {
            return (vec![constant.clone()], Coverage::Complete);
        }
        let mut values = Vec::new();
        let mut all = Coverage::Complete;
        let coverage = self.each(record, &mut |value| {
            if values.len() < MAX_PAIRED {
                values.push(Constant::from(value));
            } else {
                all = Coverage::Incomplete;
            }
        });
        (values, coverage.and(all))
    }
}

/// Hands on the values that are in some layers; a record without layers is one.
fn in_layers(record: &dyn Record, field: FieldId, layers: &[Slice], put: &mut dyn FnMut(Value<'_>)) -> Coverage {
    let number = |item: Item<'_>| i32::from(item.layer.max(1));
    let mut count = 0;
    if layers.iter().any(Slice::is_from_end) {
        record.values(field, &mut |item| count = count.max(number(item)));
    }
    record.values(field, &mut |item| {
        let layer = number(item);
        let from_end = |at: i32| if at < 0 { at.saturating_add(count + 1) } else { at };
        let holds = |slice: &Slice| {
            let start = from_end(slice.start);
            let last = match slice.end {
                End::Length(length) => start.saturating_add(length - 1),
                End::At(last) => from_end(last),
                End::Last => i32::MAX,
            };
            (start..=last).contains(&layer)
        };
        if layers.iter().any(holds) {
            put(item.value);
        }
    })
}

impl Slice {
    fn is_from_end(&self) -> bool {
        self.start < 0 || matches!(self.end, End::At(..0))
    }

    /// The bytes that it denotes; none where some of them are not there.
    fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        let at = |offset: i32| match usize::try_from(offset) {
            Ok(offset) => Some(offset),
            Err(_) => bytes.len().checked_sub(offset.unsigned_abs() as usize),
        };
        let start = at(self.start)?;
        let end = match self.end {
            End::Length(length) => start.checked_add(usize::try_from(length).ok()?)?,
            End::At(last) => at(last)?.checked_add(1)?,
            End::Last => bytes.len(),
        };
        bytes.get(start..end)
    }
}

/// Hands on what comes of two values; nothing where that is no number: after a division by 0, beyond 64 bits.
fn calculate(calculation: Calculation, left: Value<'_>, right: &Constant, put: &mut dyn FnMut(Value<'_>)) {
    match (left, right) {
        (Value::Duration(left), Constant::Duration(right)) => {
            let nanos = match calculation {
                Calculation::Add => left.checked_add(*right),
                Calculation::Subtract => left.checked_sub(*right),
                _ => None,
            };
            nanos.map(Value::Duration).map(put);
        }
        (Value::Ipv4(left), Constant::Ipv4 { address, .. }) if calculation == Calculation::And => {
            put(Value::Ipv4((u32::from_be_bytes(left) & address).to_be_bytes()));
        }
        (Value::Ipv6(left), Constant::Ipv6 { address, .. }) if calculation == Calculation::And => {
            put(Value::Ipv6((u128::from_be_bytes(left) & address).to_be_bytes()));
        }
        (left, Constant::Bytes(right)) if calculation == Calculation::And => {
            if let Some(left) = bytes(&left).filter(|left| left.len() == right.len()) {
                let both: Vec<u8> = left.iter().zip(right).map(|(left, right)| left & right).collect();
                put(Value::Bytes(&both));
            }
        }
        (left, Constant::Number(right)) => {
            number(left).and_then(|left| calculated(calculation, left, *right)).and_then(from_number).map(put);
        }
        _ => {}
    }
}

fn calculated(calculation: Calculation, left: i128, right: i128) -> Option<i128> {
    match calculation {
        Calculation::Add => left.checked_add(right),
        Calculation::Subtract => left.checked_sub(right),
        Calculation::Multiply => left.checked_mul(right),
        Calculation::Divide => left.checked_div(right),
        Calculation::Remainder => left.checked_rem(right),
        Calculation::And => Some(left & right),
    }
}
