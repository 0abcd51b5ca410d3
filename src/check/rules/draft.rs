//! From the text of rules files to drafts: every key read and its type checked, filters still as written.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::model::{Empty, Of, Quantity, Visibility};
use super::parameter::{Parameter, Type};
use super::source::{Mistake, Place, Source};
use super::toml::{Mistakes, Table, Value};

/// The longest rules file, in bytes.
pub const MAX_FILE: usize = 1 << 20;
/// The most rules, definitions and parameters, each.
const MAX_ENTRIES: usize = 1000;
/// The most files that extend one another.
const MAX_FILES: usize = 16;
/// The longest name, in bytes.
const MAX_NAME: usize = 100;
/// The most points of a rule.
const MAX_POINTS: f64 = 1e6;

/// Text and where it is.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// As TOML has it.
    pub text: String,
    /// Where.
    pub place: Place,
}

/// A rule whose filters are not compiled yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub name: String,
    pub title: Option<String>,
    pub of: Of,
    pub select: Option<Written>,
    pub expect: Option<Written>,
    pub quantity: Quantity,
    pub empty: Empty,
    pub points: f64,
    pub partial: bool,
    pub hint: Option<String>,
    pub tags: Vec<String>,
    pub visibility: Option<Visibility>,
    pub number: Option<String>,
    pub binds: Vec<(String, Place, Written)>,
    pub place: Place,
}

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
    let mut reader = Reader { drafts: &mut drafts, mistakes: &mut mistakes, open: Vec::new(), files: 0 };
    reader.file(path, load).map_err(|reason| Fault::Unreadable { path: path.to_owned(), reason })?;
    mistakes.into_result().map_err(Fault::Mistakes)?;
    Ok(drafts)
}

struct Reader<'r> {
    drafts: &'r mut Drafts,
    mistakes: &'r mut Mistakes,
    /// The files that are being read, each extending the next.
    open: Vec<PathBuf>,
    files: usize,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, load: &mut Load<'_>) -> io::Result<()> {
        let text = load(path)?;
        if text.len() > MAX_FILE {
            return Err(io::Error::other(format!("it is longer than {MAX_FILE} bytes")));
        }
        self.files += 1;
        let source = Arc::new(Source { name: path.to_string_lossy().into_owned(), text });
        match DeTable::parse(&source.text) {
            Ok(table) => {
                self.open.push(path.to_owned());
                self.root(Table::root(&source, table.get_ref()), load);
                self.open.pop();
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
            let reason = match () {
                () if self.open.contains(&path) => "it extends itself".to_owned(),
                () if self.files >= MAX_FILES => format!("more than {MAX_FILES} files extend one another"),
                () => match self.file(&path, load) {
                    Ok(()) => continue,
                    Err(reason) => reason.to_string(),
                },
            };
            self.mistakes.push(extends.place().mistake(format!("cannot extend {}: {reason}", path.display())));
        }
    }

    fn parameter(&mut self, name: &str, place: Place, value: Value<'_>) {
        if !self.may_be_named(name, &place) {
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
        if !self.may_be_named(name, &place) {
            return;
        }
        let Some(text) = self.mistakes.take(value.text()) else { return };
        if self.drafts.definitions.len() == MAX_ENTRIES {
            return self.mistakes.push(place.mistake(format!("there are more than {MAX_ENTRIES} definitions")));
        }
        self.drafts.definitions.insert(name.to_owned(), (place, Written { text, place: value.place() }));
    }

    /// Whether it is a word of letters, digits and underscores, as parameters and definitions have for a name.
    fn may_be_named(&mut self, name: &str, place: &Place) -> bool {
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let fits = begins && name.len() <= MAX_NAME && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !fits {
            self.mistakes.push(place.mistake("this name is not made of letters, digits and underscores"));
        }
        fits
    }

    fn rule(&mut self, value: Value<'_>) {
        let Some(mut table) = self.mistakes.take(value.table()) else { return };
        let place = table.place();
        let draft = self.draft(&mut table, place);
        table.done(self.mistakes);
        let Some(draft) = draft else { return };
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

    fn draft(&mut self, table: &mut Table<'_>, place: Place) -> Option<Draft> {
        let name = self.rule_name(table, &place);
        let title = self.text(table, "title");
        let of = table.get("of").map(|of| self.mistakes.take(of.word(&Of::ALL)));
        let select = self.written(table, "where");
        let expect = self.written(table, "expect");
        let quantity = self.quantity(table);
        const EMPTY: [(&str, Empty); 2] = [("pass", Empty::Pass), ("fail", Empty::Fail)];
        let empty = table.get("empty").map(|value| (value.place(), self.mistakes.take(value.word(&EMPTY))));
        let points = self.points(table);
        let partial = table.get("partial").map(|value| (value.place(), self.mistakes.take(value.truth())));
        let hint = self.text(table, "hint");
        let tags = table.get("tags").and_then(|tags| self.mistakes.take(tags.texts())).unwrap_or_default();
        let visibility = table.get("visibility").and_then(|value| self.mistakes.take(value.word(&Visibility::ALL)));
        let number = table.get("number").and_then(|number| self.mistakes.take(number.number_text()));
        let binds = self.binds(table);

        let quantity = quantity?;
        if expect.is_none() && quantity.is_none() {
            let what = "this rule expects nothing";
            let hint = "say what is to hold with `expect`, or how many are to be there with `for` or `count`";
            self.mistakes.push(place.mistake(what).hint(hint));
            return None;
        }
        let quantity = quantity.unwrap_or(Quantity::All);
        for (key, option) in
            [("empty", empty.as_ref().map(|(place, _)| place)), ("partial", partial.as_ref().map(|(place, _)| place))]
        {
            if let Some(place) = option.filter(|_| quantity != Quantity::All) {
                let what = format!("`{key}` goes with a rule for all alone");
                self.mistakes.push(place.mistake(what));
                return None;
            }
        }
        Some(Draft {
            name: name?,
            title,
            of: of.unwrap_or(Some(Of::Messages))?,
            select,
            expect,
            quantity,
            empty: empty.map_or(Some(Empty::Fail), |(_, empty)| empty)?,
            points: points?,
            partial: partial.map_or(Some(false), |(_, partial)| partial)?,
            hint,
            tags,
            visibility,
            number,
            binds,
            place,
        })
    }

    fn rule_name(&mut self, table: &mut Table<'_>, place: &Place) -> Option<String> {
        let Some(value) = table.get("name") else {
            self.mistakes.push(place.mistake("this rule has no name").hint("name = \"some-words\""));
            return None;
        };
        let name = self.mistakes.take(value.text())?;
        let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(fits) {
            let mistake = value.place().mistake("a rule's name is made of letters, digits, and - _ .");
            self.mistakes.push(mistake.hint("what it is about goes into `title`"));
            return None;
        }
        Some(name)
    }

    fn text(&mut self, table: &mut Table<'_>, key: &'static str) -> Option<String> {
        table.get(key).and_then(|value| self.mistakes.take(value.text()))
    }

    fn written(&mut self, table: &mut Table<'_>, key: &'static str) -> Option<Written> {
        let value = table.get(key)?;
        let text = self.mistakes.take(value.text())?;
        Some(Written { text, place: value.place() })
    }

    /// What `for` or `count` say; none within where neither is there, and none at all after a mistake.
    fn quantity(&mut self, table: &mut Table<'_>) -> Option<Option<Quantity>> {
        const WORDS: [(&str, Quantity); 3] = [("all", Quantity::All), ("any", Quantity::Any), ("none", Quantity::None)];
        match (table.get("for"), table.get("count")) {
            (None, None) => Some(None),
            (Some(value), None) => self.mistakes.take(value.word(&WORDS)).map(Some),
            (None, Some(value)) => self.mistakes.take(count(value)).map(Some),
            (Some(_), Some(count)) => {
                self.mistakes.push(count.place().mistake("a rule has `for` or `count`, not both"));
                None
            }
        }
    }

    fn points(&mut self, table: &mut Table<'_>) -> Option<f64> {
        let Some(value) = table.get("points") else { return Some(1.0) };
        let points = self.mistakes.take(value.number())?;
        if !(0.0..=MAX_POINTS).contains(&points) {
            self.mistakes.push(value.place().mistake(format!("points are from 0 to {MAX_POINTS}")));
            return None;
        }
        Some(points)
    }

    fn binds(&mut self, table: &mut Table<'_>) -> Vec<(String, Place, Written)> {
        let Some(binds) = table.get("bind").and_then(|bind| self.mistakes.take(bind.table())) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for (name, place, value) in binds.entries() {
            if all.len() == MAX_BINDS {
                self.mistakes.push(place.mistake(format!("a rule binds at most {MAX_BINDS} names")));
                break;
            }
            if self.may_be_named(name, &place)
                && let Some(text) = self.mistakes.take(value.text())
            {
                all.push((name.to_owned(), place, Written { text, place: value.place() }));
            }
        }
        all
    }
}

/// What is said of a parameter: type, default and where that is, help.
type Described = (Type, Option<(String, Place)>, Option<String>);

/// The most names that a rule binds.
const MAX_BINDS: usize = 32;

/// A parameter that is given by its default alone.
fn plain(value: Value<'_>) -> Result<Described, Mistake> {
    let kind = if value.is_integer() { Type::Number } else { Type::Text };
    Ok((kind, Some((value.scalar()?, value.place())), None))
}

/// `3`, `"3"`, `"1..3"`, `">=2"`, `"<=2"`, `">2"`, `"<2"`.
fn count(value: Value<'_>) -> Result<Quantity, Mistake> {
    let text = value.scalar()?;
    let text = text.trim();
    let number = |text: &str| {
        let text = text.trim();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| digits)
    };
    let range = if let Some((least, most)) = text.split_once("..") {
        let least = if least.trim().is_empty() { Some(0) } else { number(least) };
        least.zip(if most.trim().is_empty() { Some(u64::MAX) } else { number(most) })
    } else if let Some(least) = text.strip_prefix(">=") {
        number(least).map(|least| (least, u64::MAX))
    } else if let Some(most) = text.strip_prefix("<=") {
        number(most).map(|most| (0, most))
    } else if let Some(below) = text.strip_prefix('>') {
        number(below).and_then(|below| below.checked_add(1)).map(|least| (least, u64::MAX))
    } else if let Some(above) = text.strip_prefix('<') {
        number(above).and_then(|above| above.checked_sub(1)).map(|most| (0, most))
    } else {
        number(text).map(|count| (count, count))
    };
    match range {
        Some((least, most)) if least <= most => Ok(Quantity::Count { least, most }),
        Some(_) => Err(value.place().mistake("no number is in this range")),
        None => {
            let mistake = value.place().mistake("this is no number of messages");
            Err(mistake.hint("such as 2, \"1..3\", \">=2\" or \"<=5\""))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("extends = 'none.toml'", "cannot extend none.toml"),
            (&format!("{ONE}{ONE}"), "there is another rule of the name `a`"),
        ] {
            let said_instead = drafts(&[("a.toml", text)]).unwrap_err();
            assert!(said_instead.contains(said), "{text}\n{said_instead}");
        }
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
