//! What rules mean, in plain words.

use std::cell::RefCell;
use std::fmt::{self, Write};

use super::Rules;
use super::model::{Bound, Condition, Empty, Quantity, Rule};
use super::relation::Relation;
use super::source::printable;
use crate::check::evaluate::vocabulary::{self, Vocabulary};
use crate::filter::Names;
use crate::registry;

/// What the rules mean, in lines.
pub fn explain(rules: &Rules) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(rules, &mut text);
    text.lines().map(|line| printable(line) + "\n").collect()
}

fn write(rules: &Rules, text: &mut String) -> fmt::Result {
    writeln!(text, "{}", rules.title.as_deref().unwrap_or("Rules"))?;
    if let Some(about) = &rules.about {
        writeln!(text, "{}", about.trim())?;
    }
    if !rules.parameters.is_empty() {
        writeln!(text, "\nValues that --set changes:")?;
    }
    for parameter in &rules.parameters {
        let value = parameter.value.as_deref().unwrap_or("…");
        write!(text, "  {} is {value} ({})", parameter.name, parameter.kind.name())?;
        writeln!(text, "{}", parameter.help.as_ref().map_or_else(String::new, |help| format!(": {help}")))?;
    }
    if !rules.definitions.is_empty() {
        writeln!(text, "\nWhat is meant by")?;
    }
    for definition in &rules.definitions {
        writeln!(text, "  {}: {}", definition.name, in_words(rules, &definition.condition, None))?;
    }
    for rule in &rules.rules {
        writeln!(text)?;
        self::rule(rules, rule, text)?;
    }
    writeln!(text, "\nAll together: {}.", points(rules.points()))
}

fn rule(rules: &Rules, rule: &Rule, text: &mut String) -> fmt::Result {
    let number = rule.number.as_ref().map_or_else(String::new, |number| format!("{number} "));
    write!(text, "{number}{}", rule.name)?;
    if let Some(title) = &rule.title {
        write!(text, ": {title}")?;
    }
    writeln!(text, " ({})", points(rule.points))?;
    let chosen = rule.select.as_ref().map_or_else(String::new, |select| {
        format!(" of which this holds:\n    {}\n ", in_words(rules, select, Some(rule)))
    });
    let (of, one) = (rule.of.name(), rule.of.one());
    let expected = rule.expect.as_ref().map(|expect| in_words(rules, expect, Some(rule)));
    let expected = |otherwise: &str| expected.as_ref().map_or(otherwise.to_owned(), |words| format!("\n    {words}"));
    match rule.quantity {
        Quantity::All => {
            writeln!(text, "  Of every {one}{chosen} this must hold:{}", expected(" that it is there"))?;
            writeln!(
                text,
                "  If there is no such {one}, the rule is {}.",
                if rule.empty == Empty::Pass { "passed" } else { "failed" }
            )?;
        }
        Quantity::Any => {
            writeln!(text, "  Of one {one} at least{chosen} this must hold:{}", expected(" that it is there"))?
        }
        Quantity::None => writeln!(text, "  Of no {one}{chosen} this may hold:{}", expected(" that it is there"))?,
        Quantity::Count { least, most } => {
            let count = match (least, most) {
                (least, most) if least == most => format!("exactly {least}"),
                (least, u64::MAX) => format!("at least {least}"),
                (0, most) => format!("at most {most}"),
                (least, most) => format!("{least} to {most}"),
            };
            writeln!(
                text,
                "  Of {of}{chosen} there must be {count} of which this holds:{}",
                expected(" that they are there")
            )?;
        }
    }
    for (name, bound) in &rule.binds {
        match bound {
            Bound::Related(relation) => {
                let (.., meaning) = Relation::ALL[relation.index()];
                writeln!(text, "  `{name}` is {meaning}.")?;
            }
            Bound::Found(found) => {
                let found = rules.rules.get(*found).map_or("", |rule| rule.name.as_str());
                writeln!(text, "  `{name}` is what rule `{found}` found.")?;
            }
        }
    }
    if rule.partial {
        writeln!(text, "  Where it holds of some, it is worth that share of its points.")?;
    }
    if let Some(hint) = &rule.hint {
        writeln!(text, "  Hint: {hint}")?;
    }
    Ok(())
}

fn points(points: f64) -> String {
    if points == 1.0 { "1 point".into() } else { format!("{points} points") }
}

/// A filter in words: its fields by their meanings, its operators as one would read them.
fn in_words(rules: &Rules, condition: &Condition, rule: Option<&Rule>) -> String {
    const OPERATORS: [(&str, &str); 27] = [
        ("===", "are all"),
        ("!==", "are not all"),
        ("==", "is"),
        ("!=", "is not"),
        ("<=", "is at most"),
        (">=", "is at least"),
        ("&&", "and"),
        ("||", "or"),
        ("^^", "or else"),
        ("..", "to"),
        ("<", "is less than"),
        (">", "is more than"),
        ("~", "matches"),
        ("!", "not"),
        ("eq", "is"),
        ("ne", "is not"),
        ("lt", "is less than"),
        ("le", "is at most"),
        ("gt", "is more than"),
        ("ge", "is at least"),
        ("in", "is one of"),
        ("xor", "or else"),
        ("any_eq", "is"),
        ("all_ne", "is not"),
        ("all_eq", "are all"),
        ("any_ne", "are not all"),
        ("contains", "contains"),
    ];
    let definitions: Vec<String> = rules.definitions.iter().map(|definition| definition.name.clone()).collect();
    let headers = RefCell::new(rules.headers.clone());
    let binds = rule.map_or(&[][..], |rule| &rule.binds);
    let names = Vocabulary { of: rule.map(|rule| rule.of), definitions: &definitions, binds, headers: &headers };
    let mut words: Vec<String> = Vec::new();
    let mut rest = condition.text.trim();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' | '\'' => quoted_end(rest, first),
            'r' | 'R' if rest[1..].starts_with('"') => 1 + quoted_end(&rest[1..], '"'),
            '[' | '#' => rest.find([']', ' ']).map_or(rest.len(), |at| at + 1),
            c if is_word(c) => {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len()).min(rest.find("..").unwrap_or(rest.len()))
            }
            c => {
                let sign = OPERATORS.iter().map(|(sign, _)| *sign).filter(|sign| !sign.starts_with(is_word));
                sign.filter(|sign| rest.starts_with(*sign)).map(str::len).max().unwrap_or(c.len_utf8())
            }
        };
        let end = if end == 0 { first.len_utf8() } else { end };
        let token = &rest[..end];
        let spoken = OPERATORS.iter().find(|(sign, _)| *sign == token).map(|(_, spoken)| (*spoken).to_owned());
        words.push(spoken.or_else(|| meaning(token, &names)).unwrap_or_else(|| token.to_owned()));
        rest = rest[end..].trim_start();
    }
    words.join(" ").replace("( ", "(").replace(" )", ")").replace(" ,", ",").replace("{ ", "{").replace(" }", "}")
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.:-".contains(c)
}

/// One past the quote that ends the text that `rest` begins with.
fn quoted_end(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    let inside = rest.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    inside.map_or(rest.len(), |(at, _)| at + 1)
}

/// What a field's name stands for.
fn meaning(name: &str, names: &Vocabulary<'_>) -> Option<String> {
    let scope = names.resolve(name)?.id.scope;
    let (owner, field) =
        if scope == 0 { (None, name) } else { name.split_once('.').map(|(owner, field)| (Some(owner), field))? };
    let doc = vocabulary::doc(field)
        .or_else(|| registry::entries().into_iter().find(|entry| entry.name == field).map(|entry| entry.doc));
    let doc = match (doc, field.strip_prefix("http.header.")) {
        (Some(doc), _) => {
            let short = doc.split([',', '(', ';', ':']).next().unwrap_or(doc).trim();
            let mut letters = short.chars();
            let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
            format!("{first}{}", letters.as_str())
        }
        (None, Some(header)) => format!("value of {header}"),
        (None, None) => format!("`{field}`"),
    };
    let is_clause =
        ["whether", "there ", "how ", "what ", "who ", "where ", "its ", "the ", "`", "client", "request or"];
    let article = if is_clause.iter().any(|word| doc.starts_with(word)) { "" } else { "the " };
    Some(match owner {
        None => format!("{article}{doc}"),
        Some(owner) => format!("{article}{doc} (of `{owner}`)"),
    })
}
