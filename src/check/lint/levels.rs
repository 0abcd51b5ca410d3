//! Which lints are wanted, and how much each is to matter.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use toml::Spanned;

use super::entry::Lint;
use super::list::{all, find};
use crate::issue::Severity;

/// The name that stands for every lint that is not named itself.
const ALL: &str = "all";

/// What is chosen. Names stand above `all`, and of two choices for the same name the later one stands.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    named: HashMap<&'static str, Level>,
    all: Option<Level>,
    min: Option<Severity>,
}

/// What is chosen for a lint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Level {
    /// It is not looked for.
    Allow,
    /// It has this severity.
    As(Severity),
}

/// There is no lint with this name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownLint {
    /// The name as given.
    pub name: String,
    /// The lints whose names are most like it.
    pub nearest: Vec<&'static str>,
}

impl UnknownLint {
    fn new(name: &str) -> Self {
        let distance = |lint: &'static Lint| strsim::jaro_winkler(name, lint.name);
        let mut nearest: Vec<_> = all().map(|lint| (distance(lint), lint.name)).filter(|near| near.0 > 0.8).collect();
        nearest.sort_by(|a, b| b.0.total_cmp(&a.0));
        Self { name: name.into(), nearest: nearest.into_iter().take(3).map(|(_, name)| name).collect() }
    }
}

impl fmt::Display for UnknownLint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no lint {:?}", self.name)?;
        match &self.nearest[..] {
            [] => f.write_str("; `dissect lints` lists them"),
            [nearest] => write!(f, "; did you mean {nearest}?"),
            [others @ .., last] => write!(f, "; did you mean {} or {last}?", others.join(", ")),
        }
    }
}

impl std::error::Error for UnknownLint {}

/// What is wrong with a configuration file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    fn new(text: &str, at: usize, message: impl Into<String>) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let (line_number, column) = (before.matches('\n').count() + 1, line.chars().count() + 1);
        Self { line: line_number, column, message: message.into() }
    }
}

/// A configuration file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    #[serde(default)]
    allow: Vec<Spanned<String>>,
    #[serde(default)]
    warn: Vec<Spanned<String>>,
    #[serde(default)]
    deny: Vec<Spanned<String>>,
    min_severity: Option<Spanned<String>>,
}

impl Levels {
    /// Leaves a lint out, or with `all` every one that is not named otherwise.
    pub fn allow(&mut self, name: &str) -> Result<(), UnknownLint> {
        self.set(name, Level::Allow)
    }

    /// Makes a lint a warning.
    pub fn warn(&mut self, name: &str) -> Result<(), UnknownLint> {
        self.set(name, Level::As(Severity::Warn))
    }

    /// Makes a lint an error.
    pub fn deny(&mut self, name: &str) -> Result<(), UnknownLint> {
        self.set(name, Level::As(Severity::Error))
    }

    /// Leaves out what matters less than this; a lint that was chosen by its name is not.
    pub fn min_severity(&mut self, min: Severity) {
        self.min = Some(min);
    }

    /// Takes the choices of a configuration file: `allow`, `warn` and `deny`, arrays of names, and `min-severity`.
    pub fn configure(&mut self, text: &str) -> Result<(), ConfigError> {
        let config: Config = toml::from_str(text)
            .map_err(|error| ConfigError::new(text, error.span().map_or(0, |span| span.start), error.message()))?;
        let lists = [
            (config.allow, Level::Allow),
            (config.warn, Level::As(Severity::Warn)),
            (config.deny, Level::As(Severity::Error)),
        ];
        for (names, level) in lists {
            for name in names {
                self.set(name.get_ref(), level)
                    .map_err(|unknown| ConfigError::new(text, name.span().start, unknown.to_string()))?;
            }
        }
        if let Some(min) = config.min_severity {
            let severity = severity(min.get_ref()).ok_or_else(|| {
                let message = format!("{:?} is no severity: chat, note, warn or error", min.get_ref());
                ConfigError::new(text, min.span().start, message)
            })?;
            self.min_severity(severity);
        }
        Ok(())
    }

    /// The severity of a lint; none where it is not wanted. Without a choice, what is only worth knowing is not.
    pub fn of(&self, lint: &Lint) -> Option<Severity> {
        let chosen = self.named.get(lint.name);
        let severity = match chosen.copied().or(self.all) {
            Some(Level::Allow) => return None,
            Some(Level::As(severity)) => severity,
            None => lint.severity,
        };
        (chosen.is_some() || severity >= self.min.unwrap_or(Severity::Note)).then_some(severity)
    }

    fn set(&mut self, name: &str, level: Level) -> Result<(), UnknownLint> {
        if name == ALL {
            self.all = Some(level);
            return Ok(());
        }
        self.named.insert(named(name)?.name, level);
        Ok(())
    }
}

/// The lint with this name, or those whose names are most like it.
pub fn named(name: &str) -> Result<&'static Lint, UnknownLint> {
    find(name).ok_or_else(|| UnknownLint::new(name))
}

/// The severity with this name.
pub fn severity(name: &str) -> Option<Severity> {
    [Severity::Chat, Severity::Note, Severity::Warn, Severity::Error].into_iter().find(|each| each.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare_lf() -> &'static Lint {
        find("bare-lf").unwrap()
    }

    #[test]
    fn names_stand_above_all_and_later_choices_above_earlier_ones() {
        let mut levels = Levels::default();
        assert_eq!(levels.of(bare_lf()), Some(bare_lf().severity));
        levels.allow("all").unwrap();
        assert_eq!(levels.of(bare_lf()), None);
        levels.deny("bare-lf").unwrap();
        assert_eq!(levels.of(bare_lf()), Some(Severity::Error));
        levels.warn("bare-lf").unwrap();
        levels.min_severity(Severity::Error);
        assert_eq!(levels.of(bare_lf()), Some(Severity::Warn));
    }

    #[test]
    fn what_matters_less_is_left_out() {
        let mut levels = Levels::default();
        levels.min_severity(Severity::Error);
        assert_eq!(levels.of(bare_lf()), None);
    }

    #[test]
    fn a_wrong_name_is_answered_by_the_nearest() {
        let unknown = Levels::default().allow("bare_lf").unwrap_err();
        assert_eq!(unknown.nearest.first(), Some(&"bare-lf"));
        assert!(unknown.to_string().starts_with("there is no lint \"bare_lf\"; did you mean bare-lf"), "{unknown}");
        assert!(Levels::default().deny("zzz").unwrap_err().nearest.is_empty());
    }

    #[test]
    fn a_configuration_chooses() {
        let mut levels = Levels::default();
        levels.configure("# ours\nallow = [\"all\"]\ndeny = [\"bare-lf\"]\nmin-severity = \"chat\"\n").unwrap();
        assert_eq!(levels.of(bare_lf()), Some(Severity::Error));
        levels.configure("").unwrap();
    }

    #[test]
    fn mistakes_in_a_configuration_have_their_place() {
        let place = |text: &str| {
            let error = Levels::default().configure(text).unwrap_err();
            (error.line, error.column, error.message)
        };
        let (line, column, message) = place("deny = [\n  \"bare-lf\",\n  \"bare-fl\",\n]\n");
        assert_eq!((line, column), (3, 3));
        assert!(message.contains("did you mean bare-lf"), "{message}");
        assert_eq!(place("min-severity = \"loud\"").0, 1);
        let (_, _, message) = place("alow = []\n");
        assert!(message.contains("allow"), "{message}");
        assert_eq!(place("allow = [\n").0, 1);
    }
}
