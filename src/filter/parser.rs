//! From tokens to the form of a filter.
//!
//! From what binds least: `or`, `xor`, `and`, `not`, comparisons, `&`, `+ -`, `* / %`, signs.

use std::ops::Range;

use super::Mistake;
use super::lexer::{self, Kind, Token, unexpected};
use super::mistake::shown;
use super::syntax::{Calculation, Form, Logic, Quantifier, Relation, Test, Value, ValueKind};

/// How deep a filter may be nested: parentheses, calls, slices, and the operators of one calculation.
const MAX_DEPTH: usize = 100;

/// Reads a filter; none where the text is blank.
pub(super) fn parse(text: &str) -> Result<Option<Logic<'_>>, Mistake> {
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser { text, tokens, at: 0, depth: 0 };
    if *parser.peek() == Kind::End {
        return Ok(None);
    }
    let logic = parser.any()?;
    match parser.peek() {
        Kind::End => Ok(Some(logic)),
        _ => Err(parser.leftover()),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    /// The next token; the last one, which ends the text, is never passed.
    fn peek(&self) -> &Kind<'t> {
        self.tokens.get(self.at).map_or(&Kind::End, |token| &token.kind)
    }

    fn peek_second(&self) -> &Kind<'t> {
        self.tokens.get(self.at + 1).map_or(&Kind::End, |token| &token.kind)
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.text.len()..self.text.len(), |token| token.span.clone())
    }

    fn advance(&mut self) {
        self.at += 1;
    }

    fn take(&mut self, kind: &Kind<'_>) -> bool {
        let is_next = self.peek() == kind;
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, kind: &Kind<'_>, sign: &str, opened: Range<usize>) -> Result<(), Mistake> {
        if self.take(kind) {
            return Ok(());
        }
        match self.peek() {
            Kind::End => Err(Mistake::new(opened, format!("this is never closed: {sign} is missing"))),
            _ => Err(self.unexpected().hint(format!("{sign} was expected here"))),
        }
    }

    fn unexpected(&self) -> Mistake {
        match self.peek() {
            Kind::End => Mistake::new(self.span(), "the filter ends too early"),
            _ => unexpected(self.text, self.span()),
        }
    }

    /// What follows a filter that could have ended.
    fn leftover(&self) -> Mistake {
        let mistake = self.unexpected();
        match self.peek() {
            Kind::Close => mistake.hint("no parenthesis is open"),
            Kind::Word(_) | Kind::Text(_) | Kind::Open => {
                mistake.hint("two tests are joined with \"and\" or \"or\"; a capture filter (BPF) is given without -Y")
            }
            Kind::Compare(_) => mistake.hint("values are grouped with { }, tests with ( )"),
            _ => mistake,
        }
    }

    /// Goes one level deeper while `parse` runs.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        self.deepen()?;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn deepen(&mut self) -> Result<(), Mistake> {
        if self.depth == MAX_DEPTH {
            return Err(Mistake::new(self.span(), format!("the filter is nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        Ok(())
    }

    fn any(&mut self) -> Result<Logic<'t>, Mistake> {
        self.joined(&Kind::Or, Logic::Any, |parser| parser.joined(&Kind::Xor, Logic::Odd, Self::all))
    }

    fn all(&mut self) -> Result<Logic<'t>, Mistake> {
        self.joined(&Kind::And, Logic::All, Self::negation)
    }

    /// One part, or several with an operator between them.
    fn joined(
        &mut self,
        operator: &Kind<'_>,
        join: fn(Vec<Logic<'t>>) -> Logic<'t>,
        mut part: impl FnMut(&mut Self) -> Result<Logic<'t>, Mistake>,
    ) -> Result<Logic<'t>, Mistake> {
        let first = part(self)?;
        if self.peek() != operator {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take(operator) {
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    fn negation(&mut self) -> Result<Logic<'t>, Mistake> {
        let mut negated = false;
        while self.take(&Kind::Not) {
            negated = !negated;
        }
        let open = self.span();
        let logic = if self.take(&Kind::Open) {
            let inside = self.deeper(Self::any)?;
            self.expect(&Kind::Close, "\")\"", open)?;
            inside
        } else {
            Logic::Test(self.test()?)
        };
        Ok(if negated { Logic::Not(Box::new(logic)) } else { logic })
    }

    fn test(&mut self) -> Result<Test<'t>, Mistake> {
        let start = self.span().start;
        let quantifier = match self.peek() {
            Kind::Any => Some(Quantifier::Any),
            Kind::All => Some(Quantifier::All),
            _ => None,
        };
        if quantifier.is_some() {
            self.advance();
        }
        let value = self.value()?;
        let form = match self.peek() {
            Kind::In => self.set(value, false)?,
            Kind::Not if *self.peek_second() == Kind::In => {
                self.advance();
                self.set(value, true)?
            }
            _ => self.comparison(value)?,
        };
        if quantifier.is_some() && matches!(form, Form::Present(_)) {
            return Err(self.unexpected().hint("after \"any\" or \"all\" there is a comparison"));
        }
        let end = self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(start, |token| token.span.end);
        Ok(Test { span: start..end, quantifier, form })
    }

    fn comparison(&mut self, first: Value<'t>) -> Result<Form<'t>, Mistake> {
        let mut others = Vec::new();
        loop {
            let relation = match self.peek() {
                Kind::Compare(compare) => Relation::Compare(*compare),
                Kind::Contains => Relation::Contains,
                Kind::Matches => Relation::Matches,
                _ => break,
            };
            self.advance();
            others.push((relation, self.value()?));
        }
        Ok(if others.is_empty() { Form::Present(first) } else { Form::Compare(first, others) })
    }

    /// `in {a, b..c}`; the elements may also be separated by spaces alone.
    fn set(&mut self, value: Value<'t>, negated: bool) -> Result<Form<'t>, Mistake> {
        self.advance();
        let open = self.span();
        if !self.take(&Kind::OpenBrace) {
            return Err(self.unexpected().hint("a set is in braces: in {80, 443, 8000..8100}"));
        }
        let mut set = Vec::new();
        loop {
            let first = self.signed()?;
            let last = if self.take(&Kind::DotDot) { Some(self.signed()?) } else { None };
            set.push((first, last));
            let comma = self.take(&Kind::Comma);
            if !comma && matches!(self.peek(), Kind::CloseBrace | Kind::End) {
                break;
            }
        }
        self.expect(&Kind::CloseBrace, "\"}\"", open)?;
        Ok(Form::In { value, negated, set })
    }

    fn value(&mut self) -> Result<Value<'t>, Mistake> {
        let operator = |kind: &Kind<'_>| (*kind == Kind::Ampersand).then_some(Calculation::And);
        self.calculation(operator, Self::sum)
    }

    fn sum(&mut self) -> Result<Value<'t>, Mistake> {
        let operator = |kind: &Kind<'_>| match kind {
            Kind::Plus => Some(Calculation::Add),
            Kind::Minus => Some(Calculation::Subtract),
            _ => None,
        };
        self.calculation(operator, Self::product)
    }

    fn product(&mut self) -> Result<Value<'t>, Mistake> {
        let operator = |kind: &Kind<'_>| match kind {
            Kind::Star => Some(Calculation::Multiply),
            Kind::Slash => Some(Calculation::Divide),
            Kind::Percent => Some(Calculation::Remainder),
            _ => None,
        };
        self.calculation(operator, Self::signed)
    }

    /// Values with operators between them, the leftmost pair first. Each operator is a level of depth.
    fn calculation(
        &mut self,
        operator: impl Fn(&Kind<'_>) -> Option<Calculation>,
        part: fn(&mut Self) -> Result<Value<'t>, Mistake>,
    ) -> Result<Value<'t>, Mistake> {
        let depth = self.depth;
        let mut value = part(self)?;
        while let Some(calculation) = operator(self.peek()) {
            self.deepen()?;
            self.advance();
            let right = part(self)?;
            let span = value.span.start..right.span.end;
            value = Value { span, kind: ValueKind::Calculation(calculation, Box::new([value, right])) };
        }
        self.depth = depth;
        Ok(value)
    }

    fn signed(&mut self) -> Result<Value<'t>, Mistake> {
        let start = self.span().start;
        let mut negative = false;
        while let sign @ (Kind::Plus | Kind::Minus) = self.peek() {
            negative ^= *sign == Kind::Minus;
            self.advance();
        }
        let value = self.sliced()?;
        let span = start..value.span.end;
        Ok(if negative { Value { span, kind: ValueKind::Negative(Box::new(value)) } } else { value })
    }

    fn sliced(&mut self) -> Result<Value<'t>, Mistake> {
        let depth = self.depth;
        let mut value = self.single()?;
        while let Kind::Slices(slices) = self.peek() {
            let slices = slices.clone();
            self.deepen()?;
            let span = value.span.start..self.span().end;
            self.advance();
            value = Value { span, kind: ValueKind::Slices(Box::new(value), slices) };
        }
        self.depth = depth;
        Ok(value)
    }

    fn single(&mut self) -> Result<Value<'t>, Mistake> {
        let span = self.span();
        let kind = match self.peek().clone() {
            Kind::Word(word) => {
                self.advance();
                return self.named(word, span);
            }
            Kind::Text(bytes) => ValueKind::Text(bytes),
            Kind::Char(byte) => ValueKind::Char(byte),
            Kind::OpenBrace => {
                self.advance();
                let value = self.deeper(Self::value)?;
                self.expect(&Kind::CloseBrace, "\"}\"", span)?;
                return Ok(value);
            }
            Kind::Open => return Err(self.unexpected().hint("values are grouped with { }, tests with ( )")),
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(Value { span, kind })
    }

    /// A word and what belongs to it: arguments or layers.
    fn named(&mut self, word: &'t str, span: Range<usize>) -> Result<Value<'t>, Mistake> {
        match self.peek() {
            Kind::Open => {
                let open = self.span();
                self.advance();
                let arguments = self.deeper(|parser| parser.arguments(open))?;
                let end = self.tokens.get(self.at - 1).map_or(span.end, |token| token.span.end);
                Ok(Value { span: span.start..end, kind: ValueKind::Call(word, arguments) })
            }
            Kind::Layers(layers) => {
                let layers = layers.clone();
                let end = self.span().end;
                self.advance();
                Ok(Value { span: span.start..end, kind: ValueKind::Layers(word, layers) })
            }
            _ => Ok(Value { span, kind: ValueKind::Word(word) }),
        }
    }

    fn arguments(&mut self, open: Range<usize>) -> Result<Vec<Value<'t>>, Mistake> {
        let mut arguments = Vec::new();
        if !matches!(self.peek(), Kind::Close | Kind::End) {
            arguments.push(self.value()?);
            while self.take(&Kind::Comma) {
                arguments.push(self.value()?);
            }
        }
        self.expect(&Kind::Close, "\")\"", open)?;
        Ok(arguments)
    }
}

impl Value<'_> {
    /// How a message names it.
    pub fn shown(&self, text: &str) -> String {
        shown(text.get(self.span.clone()).unwrap_or_default())
    }
}
