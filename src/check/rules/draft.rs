//! A rule of a rules file: every key read and its type checked, filters still as written.

use super::model::{Empty, Of, Quantity, Rule, Visibility};
use super::source::{Mistake, Place};
use super::toml::{Mistakes, Table, Value};

/// The longest name, in bytes.
const MAX_NAME: usize = 100;
/// The most points of a rule.
const MAX_POINTS: f64 = 1e6;
/// The most names that a rule binds.
const MAX_BINDS: usize = 32;

/// Text and where it is.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// As TOML has it.
    pub text: String,
    /// Where.
    pub place: Place,
}

/// A rule whose filters are not compiled yet. What it binds has the place of the name and what was written.
pub(super) type Draft = Rule<Written, (Place, Written)>;

/// The rule that a table says.
pub(super) fn draft(rule: Value<'_>, mistakes: &mut Mistakes) -> Option<Draft> {
    let mut table = mistakes.take(rule.table())?;
    let draft = of_table(&mut table, mistakes);
    table.done(mistakes);
    draft
}

fn of_table(table: &mut Table<'_>, mistakes: &mut Mistakes) -> Option<Draft> {
    let place = table.place();
    let name = rule_name(table, &place, mistakes);
    let title = text(table, "title", mistakes);
    let of = table.get("of").map(|of| mistakes.take(of.word(&Of::ALL)));
    let select = written(table, "where", mistakes);
    let expect = written(table, "expect", mistakes);
    let quantity = quantity(table, mistakes);
    const EMPTY: [(&str, Empty); 2] = [("pass", Empty::Pass), ("fail", Empty::Fail)];
    let empty = table.get("empty").map(|value| (value.place(), mistakes.take(value.word(&EMPTY))));
    let points = points(table, mistakes);
    let partial = table.get("partial").map(|value| (value.place(), mistakes.take(value.truth())));
    let hint = text(table, "hint", mistakes);
    let tags = table.get("tags").and_then(|tags| mistakes.take(tags.texts())).unwrap_or_default();
    let visibility = table.get("visibility").and_then(|value| mistakes.take(value.word(&Visibility::ALL)));
    let number = table.get("number").and_then(|number| mistakes.take(number.number_text()));
    let binds = binds(table, mistakes);

    let quantity = quantity?;
    if expect.is_none() && quantity.is_none() {
        if table.has_unknown() {
            // One of them may be what was meant.
            return None;
        }
        let what = "this rule expects nothing";
        let hint = "say what is to hold with `expect`, or how many are to be there with `for` or `count`";
        mistakes.push(place.mistake(what).hint(hint));
        return None;
    }
    let quantity = quantity.unwrap_or(Quantity::All);
    for (key, option) in
        [("empty", empty.as_ref().map(|(place, _)| place)), ("partial", partial.as_ref().map(|(place, _)| place))]
    {
        if let Some(place) = option.filter(|_| quantity != Quantity::All) {
            let what = format!("`{key}` goes with a rule for all alone");
            mistakes.push(place.mistake(what));
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

fn rule_name(table: &mut Table<'_>, place: &Place, mistakes: &mut Mistakes) -> Option<String> {
    let Some(value) = table.get("name") else {
        mistakes.push(place.mistake("this rule has no name").hint("name = \"some-words\""));
        return None;
    };
    let name = mistakes.take(value.text())?;
    let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(fits) {
        let mistake = value.place().mistake("a rule's name is made of letters, digits, and - _ .");
        mistakes.push(mistake.hint("what it is about goes into `title`"));
        return None;
    }
    Some(name)
}

fn text(table: &mut Table<'_>, key: &'static str, mistakes: &mut Mistakes) -> Option<String> {
    table.get(key).and_then(|value| mistakes.take(value.text()))
}

fn written(table: &mut Table<'_>, key: &'static str, mistakes: &mut Mistakes) -> Option<Written> {
    let value = table.get(key)?;
    let text = mistakes.take(value.text())?;
    Some(Written { text, place: value.place() })
}

/// What `for` or `count` say; none within where neither is there, and none at all after a mistake.
fn quantity(table: &mut Table<'_>, mistakes: &mut Mistakes) -> Option<Option<Quantity>> {
    const WORDS: [(&str, Quantity); 3] = [("all", Quantity::All), ("any", Quantity::Any), ("none", Quantity::None)];
    match (table.get("for"), table.get("count")) {
        (None, None) => Some(None),
        (Some(value), None) => mistakes.take(value.word(&WORDS)).map(Some),
        (None, Some(value)) => mistakes.take(count(value)).map(Some),
        (Some(_), Some(count)) => {
            mistakes.push(count.place().mistake("a rule has `for` or `count`, not both"));
            None
        }
    }
}

fn points(table: &mut Table<'_>, mistakes: &mut Mistakes) -> Option<f64> {
    let Some(value) = table.get("points") else { return Some(1.0) };
    let points = mistakes.take(value.number())?;
    if !(0.0..=MAX_POINTS).contains(&points) {
        mistakes.push(value.place().mistake(format!("points are from 0 to {MAX_POINTS}")));
        return None;
    }
    Some(points)
}

fn binds(table: &mut Table<'_>, mistakes: &mut Mistakes) -> Vec<(String, (Place, Written))> {
    let Some(binds) = table.get("bind").and_then(|bind| mistakes.take(bind.table())) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (name, place, value) in binds.entries() {
        if all.len() == MAX_BINDS {
            mistakes.push(place.mistake(format!("a rule binds at most {MAX_BINDS} names")));
            break;
        }
        if may_be_named(name, &place, mistakes)
            && let Some(text) = mistakes.take(value.text())
        {
            all.push((name.to_owned(), (place, Written { text, place: value.place() })));
        }
    }
    all
}

/// Whether it is a word of letters, digits and underscores, as parameters and definitions have for a name.
pub(super) fn may_be_named(name: &str, place: &Place, mistakes: &mut Mistakes) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let fits = begins && name.len() <= MAX_NAME && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !fits {
        mistakes.push(place.mistake("this name is not made of letters, digits and underscores"));
    }
    fits
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
