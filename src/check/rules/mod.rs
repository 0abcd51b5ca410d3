//! Rules files: what is read, what is meant, what is wrong with one.

mod draft;
pub mod explain;
pub mod file;
pub mod model;
pub mod parameter;
pub mod relation;
pub mod source;
mod toml;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use crate::check::evaluate::vocabulary::{Meaning, Vocabulary, meaning};
use crate::filter::{self, Names};
use draft::{Draft, Written};
use file::{Drafts, Fault, Load};
use model::{Bound, Condition, Definition, Of, Rule};
use parameter::{Parameter, fill};
use relation::Relation;
use source::{Mistake, Place, nearest};
use toml::Mistakes;

/// The JSON Schema of rules files.
pub const SCHEMA: &str = include_str!("schema.json");

/// How deep definitions name one another.
const MAX_DEPTH: usize = 32;

/// Rules, ready to be asked.
#[derive(Debug)]
pub struct Rules {
    /// What they are for, in one line.
    pub title: Option<String>,
    /// The same at length.
    pub about: Option<String>,
    /// Parameters with their values.
    pub parameters: Vec<Parameter>,
    /// Definitions, in the order of their indexes.
    pub definitions: Vec<Definition>,
    /// Rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// The same by their indexes, those before others that name what they found.
    pub order: Vec<usize>,
    /// Header fields that are named, in lower case.
    pub headers: Vec<String>,
    /// Whether bodies are searched.
    pub bodies: bool,
    /// Whether bodies are hashed.
    pub hashes: bool,
}

/// Why there are no rules.
#[derive(Debug)]
pub enum Error {
    /// A file, or what is in it.
    File(Fault),
    /// What the command line sets.
    Set(String),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::File(fault)
    }
}

impl Rules {
    /// Reads a file, and those that it extends, with these values of parameters. Where values are `optional`, one that
    /// is missing is shown as a `…`: to explain the rules.
    pub fn read(path: &Path, load: &mut Load<'_>, set: &[(String, String)], optional: bool) -> Result<Self, Error> {
        let mut drafts = file::read(path, load)?;
        assign(&mut drafts.parameters, set, optional)?;
        compile(drafts).map_err(|mistakes| Fault::Mistakes(mistakes).into())
    }

    /// What all rules are worth.
    pub fn points(&self) -> f64 {
        self.rules.iter().map(|rule| rule.points).sum()
    }
}

fn assign(parameters: &mut [Parameter], set: &[(String, String)], optional: bool) -> Result<(), Error> {
    for (name, value) in set {
        let Some(parameter) = parameters.iter_mut().find(|parameter| parameter.name == *name) else {
            let near = nearest(name, parameters.iter().map(|parameter| parameter.name.as_str()));
            let hint = near.map_or_else(String::new, |near| format!("; {near}"));
            return Err(Error::Set(format!("--set {name}: the rules have no such parameter{hint}")));
        };
        parameter.set(value.clone()).map_err(|reason| Error::Set(format!("--set {name}={value}: {reason}")))?;
    }
    let missing = parameters.iter_mut().filter(|parameter| parameter.value.is_none());
    let mut names = Vec::new();
    for parameter in missing {
        if optional {
            parameter.value = Some(match parameter.kind {
                parameter::Type::Text => "…".into(),
                parameter::Type::Number => "0".into(),
                parameter::Type::Address => "0.0.0.0".into(),
            });
            continue;
        }
        let help = parameter.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
        names.push(format!("--set {}=…{help}", parameter.name));
    }
    if names.is_empty() {
        return Ok(());
    }
    Err(Error::Set(format!("the rules need a value that only you know: {}", names.join(", "))))
}

fn compile(drafts: Drafts) -> Result<Rules, Vec<Mistake>> {
    let Drafts { title, about, parameters, definitions: drafted, rules: drafted_rules } = drafts;
    let headers = RefCell::default();
    let mut mistakes = Mistakes::default();
    let names: Vec<String> = drafted.keys().cloned().collect();
    for (name, (place, _)) in &drafted {
        let taken = Vocabulary { of: None, definitions: &[], binds: &[], headers: &headers }.resolve(name).is_some();
        if taken || Relation::of_name(name).is_some() {
            mistakes.push(place.mistake(format!("`{name}` has a meaning already")).hint("take another name"));
        }
    }
    let compiler = Compiler { parameters: &parameters, definitions: &names, headers: &headers };
    let mut definitions = Vec::new();
    for (name, (_, written)) in &drafted {
        if let Some(condition) = mistakes.take(compiler.condition(written, None, &[])) {
            definitions.push(Definition { name: name.clone(), condition });
        }
    }
    let mut rules = Vec::new();
    let by_name: HashMap<String, usize> = drafted_rules.iter().map(|rule| rule.name.clone()).zip(0..).collect();
    for draft in drafted_rules {
        rules.extend(compiler.rule(draft, &by_name, &mut mistakes));
    }
    if mistakes.is_empty() {
        let places: Vec<&Place> = drafted.values().map(|(place, _)| place).collect();
        circles(&definitions, &places, &mut mistakes);
    }
    let order = order(&rules, &by_name, &mut mistakes);
    mistakes.into_result()?;
    let mut rules = Rules {
        title,
        about,
        parameters,
        definitions,
        rules,
        order,
        headers: headers.into_inner(),
        bodies: false,
        hashes: false,
    };
    (rules.bodies, rules.hashes) = (rules.mentions("http.body"), rules.mentions("http.body.sha256"));
    Ok(rules)
}

/// What was meant by a name that relations begin, where it is no field's.
fn relation_hint(named: &str, of: Option<Of>) -> Option<String> {
    let (first, rest) = named.split_once('.')?;
    let relation = Relation::of_name(first)?;
    let second = rest.split_once('.').and_then(|(second, _)| Relation::of_name(second));
    match (of, second) {
        (Some(of), _) if !relation.is_of(of) => Some(format!("what is chosen among {} has no `{first}`", of.name())),
        (_, Some(second)) => Some(format!(
            "one relation at a time: [define] what is asked of the `{}`, and put `{first}.` before that name",
            second.name()
        )),
        _ => None,
    }
}

struct Compiler<'c> {
    parameters: &'c [Parameter],
    definitions: &'c [String],
    headers: &'c RefCell<Vec<String>>,
}

impl Compiler<'_> {
    fn condition(&self, written: &Written, of: Option<Of>, binds: &[(String, Bound)]) -> Result<Condition, Mistake> {
        let filled = fill(&written.text, &written.place, self.parameters)?;
        if filled.text.trim().is_empty() {
            return Err(written.place.mistake("this filter is empty"));
        }
        let names = Vocabulary { of, definitions: self.definitions, binds, headers: self.headers };
        match filter::compile(&filled.text, &names) {
            Ok(filter) => Ok(Condition { text: filled.text, filter }),
            Err(mistake) => {
                let place = written.place.within_string(&filled.written(&mistake.span));
                let told = place.mistake(mistake.what);
                let named = filled.text.get(mistake.span.clone()).unwrap_or_default();
                Err(match relation_hint(named, of).or(mistake.hint) {
                    Some(hint) => told.hint(hint),
                    None => told,
                })
            }
        }
    }

    fn rule(&self, draft: Draft, by_name: &HashMap<String, usize>, mistakes: &mut Mistakes) -> Option<Rule> {
        let mut binds = Vec::new();
        for (name, (place, written)) in draft.binds {
            let relation = Relation::of_name(&written.text);
            let bound = match (relation, by_name.get(&written.text)) {
                _ if Relation::of_name(&name).is_some() => {
                    Err(place.mistake(format!("`{name}` has a meaning already")).hint("take another name"))
                }
                (Some(relation), _) if !relation.is_of(draft.of) => {
                    let what = format!("what is chosen among {} has no `{}`", draft.of.name(), relation.name());
                    Err(written.place.mistake(what))
                }
                (Some(relation), _) => Ok(Bound::Related(relation)),
                (None, Some(rule)) => Ok(Bound::Found(*rule)),
                (None, None) => {
                    let what = format!("`{}` is neither a relation nor the name of a rule", written.text);
                    let relations = Relation::ALL.iter().map(|(name, ..)| *name);
                    let names = by_name.keys().map(String::as_str).chain(relations);
                    Err(written.place.mistake(what).among(&written.text, names))
                }
            };
            binds.extend(mistakes.take(bound).map(|bound| (name, bound)));
        }
        let condition = |written: Written| self.condition(&written, Some(draft.of), &binds);
        let select = mistakes.take(draft.select.map(condition).transpose());
        let expect = mistakes.take(draft.expect.map(condition).transpose());
        Some(Rule {
            name: draft.name,
            title: draft.title,
            of: draft.of,
            select: select?,
            expect: expect?,
            quantity: draft.quantity,
            empty: draft.empty,
            points: draft.points,
            partial: draft.partial,
            hint: draft.hint,
            tags: draft.tags,
            visibility: draft.visibility,
            number: draft.number,
            binds,
            place: draft.place,
        })
    }
}

impl Rules {
    fn mentions(&self, field: &str) -> bool {
        let of_rules = self.rules.iter().flat_map(|rule| rule.select.iter().chain(&rule.expect));
        let mut found = false;
        for condition in of_rules.chain(self.definitions.iter().map(|definition| &definition.condition)) {
            condition.filter.fields(&mut |id| {
                found |= matches!(meaning(id.index), Some(Meaning::Field(entry)) if entry.name == field);
            });
        }
        found
    }
}

/// The definitions that a filter names.
fn named(condition: &Condition) -> Vec<usize> {
    let mut named = Vec::new();
    condition.filter.fields(&mut |id| {
        if let Some(Meaning::Definition(at)) = meaning(id.index) {
            named.push(at);
        }
    });
    named.sort_unstable();
    named.dedup();
    named
}

/// Notes definitions that name themselves, through others or not, or through too many.
fn circles(definitions: &[Definition], places: &[&Place], mistakes: &mut Mistakes) {
    let edges: Vec<Vec<usize>> = definitions.iter().map(|definition| named(&definition.condition)).collect();
    let mut depths = vec![0; edges.len()];
    // After as many rounds as a chain may be long, only circles and longer chains still grow.
    for _ in 0..=MAX_DEPTH {
        for at in 0..edges.len() {
            depths[at] = edges[at].iter().map(|next| depths[*next] + 1).max().unwrap_or(0).min(MAX_DEPTH + 1);
        }
    }
    for (at, definition) in definitions.iter().enumerate().filter(|(at, _)| depths[*at] > MAX_DEPTH) {
        let what = format!("`{}` names itself, or a chain of more than {MAX_DEPTH} definitions", definition.name);
        mistakes.push(places[at].mistake(what));
    }
}

/// The order in which rules are looked at, so that what they name was found before.
fn order(rules: &[Rule], by_name: &HashMap<String, usize>, mistakes: &mut Mistakes) -> Vec<usize> {
    if rules.len() != by_name.len() {
        // Some have mistakes, which were told of.
        return Vec::new();
    }
    let needs: Vec<Vec<usize>> = rules
        .iter()
        .map(|rule| {
            let found = rule.binds.iter().filter_map(|(_, bound)| match bound {
                Bound::Found(rule) => Some(*rule),
                Bound::Related(_) => None,
            });
            found.collect()
        })
        .collect();
    let mut order = Vec::new();
    let mut placed = vec![false; rules.len()];
    loop {
        let before = order.len();
        for at in 0..rules.len() {
            if !placed[at] && needs[at].iter().all(|need| placed[*need]) {
                placed[at] = true;
                order.push(at);
            }
        }
        if order.len() == before {
            break;
        }
    }
    for (at, rule) in rules.iter().enumerate().filter(|(at, _)| !placed[*at]) {
        debug_assert!(!needs[at].is_empty());
        let what = format!("rule `{}` needs what a rule found that needs what this one finds", rule.name);
        mistakes.push(rule.place.mistake(what));
    }
    order
}
