//! Rules files, and those that they extend: what they say together.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::draft::{Draft, Written, draft, may_be_named};
use super::parameter::{Parameter, Type};
use super::source::{Mistake, Place, Source};
use super::toml::{Mistakes, Table, Value};

/// The longest rules file, in bytes.
pub const MAX_FILE: usize = 1 << 20;
/// The most rules, definitions and parameters, each.
const MAX_ENTRIES: usize = 1000;
/// The most files that extend one another.
const MAX_FILES: usize = 16;
/// What rules files say, those that they extend included.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    pub title: Option<String>,
    pub about: Option<String>,
    pub parameters: Vec<Parameter>,
    pub definitions: BTreeMap<String, (Place, Written)>,
    pub rules: Vec<Draft>,
}

/// Gives the text of a rules file.
pub type Load<'l> = dyn FnMut(&Path) -> io::Result<String> + 'l;

/// Why there are no rules.
#[derive(Debug)]
pub enum Fault {
    /// The file cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// There are mistakes in it.
    Mistakes(Vec<Mistake>),
}

/// Reads a file and those that it extends.
pub(super) fn read(path: &Path, load: &mut Load<'_>) -> Result<Drafts, Fault> {
    let mut drafts = Drafts::default();
    let mut mistakes = Mistakes::default();
    let mut reader = Reader { drafts: &mut drafts, mistakes: &mut mistakes, open: Vec::new(), seen: Vec::new() };
    reader.file(path, load).map_err(|reason| Fault::Unreadable { path: path.to_owned(), reason })?;
    mistakes.into_result().map_err(Fault::Mistakes)?;
    Ok(drafts)
}

/// A path without `.` and `..`, as far as its text tells.
fn plain_path(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

struct Reader<'r> {
    drafts: &'r mut Drafts,
    mistakes: &'r mut Mistakes,
    /// The files that are being read, each extending the next.
    open: Vec<PathBuf>,
    /// All files so far, without `.` and `..`.
    seen: Vec<PathBuf>,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, load: &mut Load<'_>) -> io::Result<()> {
        let text = load(path)?;
        if text.len() > MAX_FILE {
            return Err(io::Error::other(format!("it is longer than {MAX_FILE} bytes")));
        }
        self.seen.push(plain_path(path));
        let source = Arc::new(Source { name: path.to_string_lossy().into_owned(), text });
        match DeTable::parse(&source.text) {
            Ok(table) => {
                self.open.push(path.to_owned());
                self.root(Table::root(&source, table.get_ref()), load);
                self.open.pop();
                if self.open.is_empty() && self.drafts.rules.is_empty() && self.mistakes.is_empty() {
                    let mistake = Place::new(&source, 0..0).mistake("there is no rule in this file");
                    self.mistakes.push(mistake.hint("each begins with [[rule]]"));
                }
            }
            Err(error) => {
                let place = Place::new(&source, error.span().unwrap_or_default());
                self.mistakes.push(place.mistake(error.message()));
            }
        }
        Ok(())
    }

    fn root(&mut self, mut root: Table<'_>, load: &mut Load<'_>) {
        // It names the JSON Schema to an editor.
        root.get("$schema");
        if let Some(extends) = root.get("extends") {
            self.extends(extends, load);
        }
        if let Some(title) = root.get("title") {
            self.drafts.title = self.mistakes.take(title.text());
        }
        if let Some(about) = root.get("about") {
            self.drafts.about = self.mistakes.take(about.text());
        }
        if let Some(set) = root.get("set").and_then(|set| self.mistakes.take(set.table())) {
            for (name, place, value) in set.entries() {
                self.parameter(name, place, value);
            }
        }
        if let Some(define) = root.get("define").and_then(|define| self.mistakes.take(define.table())) {
            for (name, place, value) in define.entries() {
                self.definition(name, place, value);
            }
        }
        if let Some(rules) = root.get("rule") {
            let tables = rules.list().map_err(|_| rules.place().mistake("rules are written [[rule]], in two brackets"));
            let rules = self.mistakes.take(tables).unwrap_or_default();
            for rule in rules {
                self.rule(rule);
            }
        }
        root.done(self.mistakes);
    }

    /// Reads the files that are extended, each named relative to the one that says so.
    fn extends(&mut self, extends: Value<'_>, load: &mut Load<'_>) {
        let Some(names) = self.mistakes.take(extends.texts()) else { return };
        for name in names {
            let folder = self.open.last().and_then(|path| path.parent()).unwrap_or(Path::new(""));
            let path = folder.join(&name);
            let plain = plain_path(&path);
            let reason = match () {
                () if self.open.iter().any(|open| plain_path(open) == plain) => "it extends itself".to_owned(),
                // A file that two others extend has been read: a second time it would undo what the first replaced.
                () if self.seen.contains(&plain) => continue,
                () if self.seen.len() >= MAX_FILES => format!("more than {MAX_FILES} files extend one another"),
                () => match self.file(&path, load) {
                    Ok(()) => continue,
                    Err(reason) => reason.to_string(),
                },
            };
            self.mistakes.push(extends.place().mistake(format!("cannot extend {}: {reason}", path.display())));
        }
    }

    fn parameter(&mut self, name: &str, place: Place, value: Value<'_>) {
        if !may_be_named(name, &place, self.mistakes) {
            return;
        }
        let read = if value.is_table() { self.described(value) } else { self.mistakes.take(plain(value)) };
        let Some((kind, default, help)) = read else { return };
        let mut parameter = Parameter { name: name.to_owned(), kind, help, value: None, place };
        if let Some((text, place)) = default
            && let Err(reason) = parameter.set(text)
        {
            return self.mistakes.push(place.mistake(format!("this is no {}: {reason}", kind.name())));
        }
        let parameters = &mut self.drafts.parameters;
        parameters.retain(|known| known.name != name);
        if parameters.len() == MAX_ENTRIES {
            return self
                .mistakes
                .push(parameter.place.mistake(format!("there are more than {MAX_ENTRIES} parameters")));
        }
        parameters.push(parameter);
    }

    /// `{ type = …, default = …, help = … }`.
    fn described(&mut self, value: Value<'_>) -> Option<Described> {
        let mut table = self.mistakes.take(value.table())?;
        let words = Type::ALL.map(|kind| (kind.name(), kind));
        let kind = table.get("type").map(|kind| self.mistakes.take(kind.word(&words)));
        let default = table.get("default");
        let help = table.get("help").map(|help| self.mistakes.take(help.text()));
        table.done(self.mistakes);
        let text = match default {
            Some(default) => Some((self.mistakes.take(default.scalar())?, default.place())),
            None => None,
        };
        let kind = match kind {
            Some(kind) => kind?,
            None if default.is_some_and(|default| default.is_integer()) => Type::Number,
            None => Type::Text,
        };
        Some((kind, text, help.flatten()))
    }

    fn definition(&mut self, name: &str, place: Place, value: Value<'_>) {
        if !may_be_named(name, &place, self.mistakes) {
            return;
        }
        let Some(text) = self.mistakes.take(value.text()) else { return };
        if self.drafts.definitions.len() == MAX_ENTRIES {
            return self.mistakes.push(place.mistake(format!("there are more than {MAX_ENTRIES} definitions")));
        }
        self.drafts.definitions.insert(name.to_owned(), (place, Written { text, place: value.place() }));
    }

    fn rule(&mut self, value: Value<'_>) {
        let Some(draft) = draft(value, self.mistakes) else { return };
        let rules = &mut self.drafts.rules;
        match rules.iter().position(|rule| rule.name == draft.name) {
            None if rules.len() == MAX_ENTRIES => {
                self.mistakes.push(draft.place.mistake(format!("there are more than {MAX_ENTRIES} rules")));
            }
            None => rules.push(draft),
            // One of a file that is extended gives way.
            Some(at) if !rules[at].place.is_of_same_file(&draft.place) => rules[at] = draft,
            Some(_) => {
                let what = format!("there is another rule of the name `{}`", draft.name);
                self.mistakes.push(draft.place.mistake(what));
            }
        }
    }
}

/// What is said of a parameter: type, default and where that is, help.
type Described = (Type, Option<(String, Place)>, Option<String>);

/// A parameter that is given by its default alone.
fn plain(value: Value<'_>) -> Result<Described, Mistake> {
    let kind = if value.is_integer() { Type::Number } else { Type::Text };
    Ok((kind, Some((value.scalar()?, value.place())), None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::rules::model::{Empty, Of, Quantity};

    fn drafts(files: &[(&str, &str)]) -> Result<Drafts, String> {
        let mut load = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned()).ok_or(io::ErrorKind::NotFound.into())
        };
        read(Path::new(files[0].0), &mut load).map_err(|fault| match fault {
            Fault::Unreadable { reason, .. } => reason.to_string(),
            Fault::Mistakes(mistakes) => mistakes.iter().map(|mistake| format!("{mistake}\n")).collect(),
        })
    }

    const ONE: &str = "[[rule]]\nname = 'a'\nexpect = 'tcp'\n";

    #[test]
    fn a_rule_has_what_is_usual_unless_it_says_otherwise() {
        let drafts = drafts(&[("a.toml", ONE)]).unwrap();
        let rule = &drafts.rules[0];
        assert_eq!((rule.of, rule.quantity, rule.empty), (Of::Messages, Quantity::All, Empty::Fail));
        assert_eq!((rule.points, rule.partial), (1.0, false));
    }

    #[test]
    fn counts_are_numbers_and_ranges() {
        let quantity = |text: &str| {
            let drafts = drafts(&[("a.toml", &format!("[[rule]]\nname = 'a'\ncount = {text}\n"))]);
            drafts.map(|drafts| drafts.rules[0].quantity)
        };
        let range = |least, most| Ok(Quantity::Count { least, most });
        assert_eq!(quantity("2"), range(2, 2));
        assert_eq!(quantity("'1..3'"), range(1, 3));
        assert_eq!(quantity("'>= 2'"), range(2, u64::MAX));
        assert_eq!(quantity("'..4'"), range(0, 4));
        assert_eq!(quantity("'<3'"), range(0, 2));
        for wrong in ["-1", "'3..1'", "'<0'", "'a'", "'1..2..3'", "1.5", "'+1'", "''"] {
            assert!(quantity(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mistakes_have_a_place_and_say_what_was_meant() {
        for (text, said) in [
            ("titel = 'x'", "a.toml:1:1: there is no key `titel` here"),
            ("[[rule]]\nname = 'a'\nexpct = 'tcp'\nfor = 'any'", "did you mean expect?"),
            ("[[rule]]\nname = 'a'\nfor = 'sum'", "there are all, any, none"),
            ("[[rule]]\nname = 'a'", "this rule expects nothing"),
            ("[[rule]]\nexpect = 'tcp'", "this rule has no name"),
            ("[rule]\nname = 'a'", "in two brackets"),
            ("[[rule]]\nname = 1\nfor = 'any'", "this is an integer, and is to be a string"),
            ("[[rule]]\nname = 'a'\nfor = 'any'\ncount = 1", "not both"),
            ("[[rule]]\nname = 'a'\nfor = 'any'\npartial = true", "goes with a rule for all alone"),
            ("[[rule]]\nname = 'a'\nfor = 'any'\npoints = -1", "points are from 0"),
            ("[[rule]]\nname = 'a'\nfor = 'any'\npoints = nan", "this is no number"),
            ("[set]\nport = { type = 'number', default = 'x' }", "this is no number"),
            ("[set]\n'a b' = 1", "letters, digits and underscores"),
            ("a = [1,\n", "a.toml:"),
            ("extends = 'a.toml'", "it extends itself"),
            ("extends = 'x/../a.toml'", "cannot extend x/../a.toml: it extends itself"),
            ("", "a.toml:1:1: there is no rule in this file"),
            ("extends = 'none.toml'", "cannot extend none.toml"),
            (&format!("{ONE}{ONE}"), "there is another rule of the name `a`"),
        ] {
            let said_instead = drafts(&[("a.toml", text)]).unwrap_err();
            assert!(said_instead.contains(said), "{text}\n{said_instead}");
        }
        let misspelt = drafts(&[("a.toml", "[[rule]]\nname = 'a'\nexpct = 'tcp'")]).unwrap_err();
        assert!(!misspelt.contains("expects nothing"), "{misspelt}");
    }

    #[test]
    fn a_file_that_two_others_extend_is_read_once() {
        let rule = |expect| format!("[[rule]]\nname = 'a'\nexpect = '{expect}'\n");
        let top = ("top.toml", "extends = ['one.toml', 'two.toml']");
        let one = format!("extends = 'base.toml'\n{}", rule("tcp"));
        let drafts =
            drafts(&[top, ("one.toml", &one), ("two.toml", "extends = './base.toml'"), ("base.toml", &rule("udp"))]);
        assert_eq!(drafts.unwrap().rules[0].expect.as_ref().unwrap().text, "tcp");
    }

    #[test]
    fn a_file_replaces_what_it_extends() {
        let base = "title = 'base'\n[set]\nhost = 'x'\n[[rule]]\nname = 'a'\nexpect = 'udp'\n[[rule]]\nname = 'b'\nexpect = 'tcp'\n";
        let top = format!("extends = 'base.toml'\n[set]\nhost = 'y'\n{ONE}");
        let drafts = drafts(&[("lab/top.toml", &top), ("lab/base.toml", base)]).unwrap();
        assert_eq!(drafts.title.as_deref(), Some("base"));
        assert_eq!(drafts.parameters[0].value.as_deref(), Some("y"));
        let filters: Vec<_> = drafts.rules.iter().map(|rule| rule.expect.as_ref().unwrap().text.as_str()).collect();
        assert_eq!(filters, ["tcp", "tcp"]);
    }
}
