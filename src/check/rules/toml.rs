//! The tables of a rules file: keys that may be there, values of the type that is meant, and a place for each.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{Mistake, Place, Source};

/// The most mistakes that are told of.
pub const MAX_MISTAKES: usize = 20;

/// Mistakes as they are found.
#[derive(Debug, Default)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Notes one.
    pub fn push(&mut self, mistake: Mistake) {
        if self.0.len() < MAX_MISTAKES {
            self.0.push(mistake);
        }
    }

    /// Notes one, and gives nothing in its place.
    pub fn take<T>(&mut self, result: Result<T, Mistake>) -> Option<T> {
        result.map_err(|mistake| self.push(mistake)).ok()
    }

    /// Those that were found, if any.
    pub fn into_result(self) -> Result<(), Vec<Mistake>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }

    /// Whether none was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A value, and where it is.
#[derive(Clone, Copy)]
pub struct Value<'t> {
    source: &'t Arc<Source>,
    value: &'t DeValue<'t>,
    span: (usize, usize),
}

/// A table, of which each key is to be asked for.
pub struct Table<'t> {
    source: &'t Arc<Source>,
    table: &'t DeTable<'t>,
    span: (usize, usize),
    asked: Vec<&'static str>,
}

impl<'t> Value<'t> {
    fn new(source: &'t Arc<Source>, value: &'t Spanned<DeValue<'t>>) -> Self {
        let Range { start, end } = value.span();
        Self { source, value: value.get_ref(), span: (start, end) }
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        Place::new(self.source, self.span.0..self.span.1)
    }

    fn no(&self, wanted: &str) -> Mistake {
        let is = match self.value.type_str() {
            kind @ ("integer" | "array") => format!("an {kind}"),
            kind => format!("a {kind}"),
        };
        self.place().mistake(format!("this is {is}, and is to be {wanted}"))
    }

    /// As text.
    pub fn text(&self) -> Result<String, Mistake> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| self.no("a string"))
    }

    /// As one of a few words.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Mistake> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let mistake = self.place().mistake(format!("`{text}` is none of the words that can be here"));
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            mistake.hint(format!("there are {}", all.join(", ")))
        })
    }

    /// As `true` or `false`.
    pub fn truth(&self) -> Result<bool, Mistake> {
        self.value.as_bool().ok_or_else(|| self.no("true or false"))
    }

    /// As a whole number.
    pub fn integer(&self) -> Result<i64, Mistake> {
        let integer = self.value.as_integer().ok_or_else(|| self.no("a whole number"))?;
        let digits = integer.as_str().replace('_', "");
        i64::from_str_radix(&digits, integer.radix()).map_err(|_| self.place().mistake("this number is too large"))
    }

    /// As a number.
    pub fn number(&self) -> Result<f64, Mistake> {
        match self.value.as_float() {
            None if self.value.is_integer() => self.integer().map(|number| number as f64),
            None => Err(self.no("a number")),
            Some(float) => {
                let number: Option<f64> = float.as_str().replace('_', "").parse().ok();
                number.filter(|number| number.is_finite()).ok_or_else(|| self.place().mistake("this is no number"))
            }
        }
    }

    /// What a parameter may have as value: a string or a whole number, as text.
    pub fn scalar(&self) -> Result<String, Mistake> {
        if self.value.is_integer() {
            return self.integer().map(|number| number.to_string());
        }
        self.text().map_err(|_| self.no("a string or a whole number"))
    }

    /// The number of a section: a string, or a number as it is written.
    pub fn number_text(&self) -> Result<String, Mistake> {
        match self.value.as_float() {
            Some(float) => Ok(float.as_str().to_owned()),
            None => self.scalar(),
        }
    }

    /// Whether it is a whole number.
    pub fn is_integer(&self) -> bool {
        self.value.is_integer()
    }

    /// As a table.
    pub fn table(&self) -> Result<Table<'t>, Mistake> {
        let table = self.value.as_table().ok_or_else(|| self.no("a table"))?;
        Ok(Table { source: self.source, table, span: self.span, asked: Vec::new() })
    }

    /// Whether it is a table.
    pub fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// As a list.
    pub fn list(&self) -> Result<Vec<Value<'t>>, Mistake> {
        let list = self.value.as_array().ok_or_else(|| self.no("an array"))?;
        Ok(list.iter().map(|value| Value::new(self.source, value)).collect())
    }

    /// As a list of texts, or as one.
    pub fn texts(&self) -> Result<Vec<String>, Mistake> {
        if self.value.is_str() {
            return Ok(vec![self.text()?]);
        }
        self.list()?.iter().map(Value::text).collect()
    }
}

impl<'t> Table<'t> {
    /// The file itself.
    pub fn root(source: &'t Arc<Source>, table: &'t DeTable<'t>) -> Self {
        Self { source, table, span: (0, 0), asked: Vec::new() }
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        Place::new(self.source, self.span.0..self.span.1)
    }

    /// The value of a key.
    pub fn get(&mut self, key: &'static str) -> Option<Value<'t>> {
        self.asked.push(key);
        self.table.get(key).map(|value| Value::new(self.source, value))
    }

    /// Every key and its value, in the order of the file.
    pub fn entries(&self) -> Vec<(&'t str, Place, Value<'t>)> {
        let mut entries: Vec<_> = self
            .table
            .iter()
            .map(|(key, value)| {
                let place = Place::new(self.source, key.span());
                (key.span().start, (key.get_ref().as_ref(), place, Value::new(self.source, value)))
            })
            .collect();
        entries.sort_by_key(|(at, _)| *at);
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Whether there is a key that was not asked for.
    pub fn has_unknown(&self) -> bool {
        self.entries().iter().any(|(key, ..)| !self.asked.contains(key))
    }

    /// Notes the keys that nobody asked for.
    pub fn done(self, mistakes: &mut Mistakes) {
        for (key, place, _) in self.entries() {
            if !self.asked.contains(&key) {
                mistakes.push(place.mistake(format!("there is no key `{key}` here")).among(key, self.asked.clone()));
            }
        }
    }
}
