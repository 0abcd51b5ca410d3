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
            c if is_word(c) && !rest.starts_with("..") => {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len()).min(rest.find("..").unwrap_or(rest.len()))
            }
            c => {
                let sign = OPERATORS
                    .iter()
                    .map(|(sign, _)| *sign)
                    .filter(|sign| !sign.starts_with(|c: char| c.is_ascii_alphabetic()));
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

/// How fields are spoken of whose meaning is not said in a few words.
const SPOKEN: [(&str, &str); 25] = [
    ("http.request.version", "the version"),
    ("http.response.version", "the version"),
    ("http.content_length", "Content-Length"),
    ("http.body", "the body"),
    ("http.body.length", "the length of the body"),
    ("http.body.decoded_length", "the length of the body without its content coding"),
    ("http.body.sha256", "the SHA-256 of the body"),
    ("http.head", "the head"),
    ("http.issues", "what is odd in its head or framing"),
    ("http.time", "the time from request to response"),
    ("http.location.full_uri", "the URI where Location leads"),
    ("http.request.full_uri", "the URI asked for"),
    ("message.issues", "what is worth flagging"),
    ("message.number", "its number on the connection"),
    ("message.nth", "its number among those of its kind on the connection"),
    ("message.order", "its number among those of its kind in the capture"),
    ("message.length", "its length in bytes"),
    ("message.time", "the time of its first byte"),
    ("message.since_start", "the time from the start of the capture to its first byte"),
    ("message.duration", "the time from its first byte to its last"),
    ("message.integrity", "what became of its bytes"),
    ("connection.closed_by", "who closes first"),
    ("connection.close", "how it ends"),
    ("connection.protocol", "the protocol"),
    ("tcp.stream", "the number of the connection"),
];

/// How what is related is spoken of.
const fn owner(relation: Relation) -> &'static str {
    match relation {
        Relation::Request => "its request",
        Relation::Response => "its response",
        Relation::Connection => "its connection",
        Relation::Before => "the one before on its connection",
        Relation::After => "the one after on its connection",
        Relation::First => "the first on its connection",
        Relation::Last => "the last on its connection",
        Relation::Previous => "the one before in the capture",
        Relation::Next => "the one after in the capture",
        Relation::Earlier => "an earlier message",
        Relation::Later => "a later message",
    }
}

/// What a field's name stands for.
fn meaning(name: &str, names: &Vocabulary<'_>) -> Option<String> {
    let scope = names.resolve(name)?.id.scope;
    if scope == 0 {
        return Some(field(name, names));
    }
    let (prefix, rest) = name.split_once('.')?;
    let owner = Relation::of_name(prefix).map_or_else(|| format!("`{prefix}`"), |relation| owner(relation).to_owned());
    Some(format!("{} of {owner}", field(rest, names)))
}

fn field(name: &str, names: &Vocabulary<'_>) -> String {
    let spoken = SPOKEN.iter().find(|(known, _)| *known == name).map(|(_, spoken)| (*spoken).to_owned());
    let header = name.strip_prefix("http.header.").map(|header| format!("the field {header}"));
    if let Some(spoken) = spoken.or(header) {
        return spoken;
    }
    if names.definitions.iter().any(|definition| definition == name) {
        return format!("`{name}`");
    }
    let of_registry = || registry::entries().into_iter().find(|entry| entry.name == name).map(|entry| entry.doc);
    let Some(doc) = vocabulary::doc(name).or_else(of_registry) else { return format!("`{name}`") };
    if let Some(header) = doc.strip_prefix("Value of ").or(doc.strip_prefix("Values of ")) {
        return header.to_owned();
    }
    let short = doc.split([',', '(', ';', ':']).next().unwrap_or(doc).trim();
    let is_word = short.chars().nth(1).is_none_or(char::is_lowercase);
    let mut letters = short.chars();
    let first = letters.next().map(|first| if is_word { first.to_lowercase().to_string() } else { first.to_string() });
    let phrase = format!("{}{}", first.unwrap_or_default(), letters.as_str());
    let is_clause = ["whether", "there ", "how ", "what ", "who ", "where ", "its ", "the "];
    if is_clause.iter().any(|word| phrase.starts_with(word)) { phrase } else { format!("the {phrase}") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Rules;
    use super::*;

    #[test]
    fn filters_are_read_aloud() {
        let spoken = |filter: &str| {
            let text = format!("[[rule]]\nname = 'a'\nof = 'responses'\nexpect = '{filter}'\n");
            let rules = Rules::read(Path::new("a"), &mut |_| Ok(text.clone()), &[], false).unwrap();
            in_words(&rules, rules.rules[0].expect.as_ref().unwrap(), Some(&rules.rules[0]))
        };
        assert_eq!(
            spoken(r#"http.host == "a" && !(tcp.port in {80..90})"#),
            r#"Host is "a" and not (the tcp.port is one of {80 to 90})"#.replace("the tcp.port", "`tcp.port`")
        );
        assert_eq!(
            spoken("request.http.request.uri != before.http.location"),
            "the request target of its request is not Location of the one before on its connection"
        );
        assert_eq!(
            spoken(r#"http.body matches r"a\"b" or http.response.code>=400"#),
            r#"the body matches r"a\"b" or the status code is at least 400"#
        );
    }
}
