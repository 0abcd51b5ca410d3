//! What a rules file says, once it is read.

use crate::filter::Filter;

use super::relation::Relation;
use super::source::Place;

/// A filter of a rules file.
#[derive(Debug)]
pub struct Condition {
    /// As it was written, with the values of parameters.
    pub text: String,
    /// Ready to be asked.
    pub filter: Filter,
}

/// A filter that has a name and can be named in others.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// The filter.
    pub condition: Condition,
}

/// What a rule chooses among.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Of {
    /// Messages of both kinds.
    Messages,
    /// Requests.
    Requests,
    /// Responses.
    Responses,
    /// Requests with their final responses.
    Exchanges,
    /// TCP connections.
    Connections,
}

impl Of {
    /// Each, by its word in rules files.
    pub const ALL: [(&'static str, Self); 5] = [
        ("messages", Self::Messages),
        ("requests", Self::Requests),
        ("responses", Self::Responses),
        ("exchanges", Self::Exchanges),
        ("connections", Self::Connections),
    ];

    /// Its word in rules files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Requests => "requests",
            Self::Responses => "responses",
            Self::Exchanges => "exchanges",
            Self::Connections => "connections",
        }
    }

    /// The word for one.
    pub fn one(self) -> &'static str {
        self.name().strip_suffix('s').unwrap_or(self.name())
    }
}

/// For how many of those chosen a rule's expectation is to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quantity {
    /// For each.
    All,
    /// For one at least.
    Any,
    /// For none.
    None,
    /// For so many, both ends included.
    Count {
        /// The fewest.
        least: u64,
        /// The most.
        most: u64,
    },
}

/// What a rule for all comes to where there is nothing that it chooses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Empty {
    /// It is passed.
    Pass,
    /// It is failed.
    Fail,
}

/// Who sees a test on Gradescope, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visibility {
    /// Nobody but the staff.
    Hidden,
    /// From the due date on.
    AfterDueDate,
    /// From the day on when grades are published.
    AfterPublished,
    /// Anyone.
    Visible,
}

impl Visibility {
    /// Each, by its word.
    pub const ALL: [(&'static str, Self); 4] = [
        ("hidden", Self::Hidden),
        ("after_due_date", Self::AfterDueDate),
        ("after_published", Self::AfterPublished),
        ("visible", Self::Visible),
    ];

    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::AfterDueDate => "after_due_date",
            Self::AfterPublished => "after_published",
            Self::Visible => "visible",
        }
    }
}

/// What a name of a rule's own stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// What is related to the one that is looked at.
    Related(Relation),
    /// What another rule found, by its index.
    Found(usize),
}

/// A rule, with conditions of type `C` and names that stand for `B`: what is asked of a capture, or, while a file is
/// read, what is written there.
#[derive(Debug)]
pub struct Rule<C = Condition, B = Bound> {
    /// Its name, which no other rule has.
    pub name: String,
    /// What it is about, in one line.
    pub title: Option<String>,
    /// What it chooses among.
    pub of: Of,
    /// What it chooses; all where there is none.
    pub select: Option<C>,
    /// What is to hold of those; where there is none, that they are there.
    pub expect: Option<C>,
    /// For how many of those.
    pub quantity: Quantity,
    /// What it comes to where there is nothing that it chooses.
    pub empty: Empty,
    /// What it is worth.
    pub points: f64,
    /// Whether it is worth the share of those for which it holds.
    pub partial: bool,
    /// What to do about it, told where it does not pass.
    pub hint: Option<String>,
    /// Words to sort by.
    pub tags: Vec<String>,
    /// Who sees it.
    pub visibility: Option<Visibility>,
    /// Its number, such as `1.2`.
    pub number: Option<String>,
    /// Names of its own, and what they stand for.
    pub binds: Vec<(String, B)>,
    /// Where it is.
    pub place: Place,
}

impl Rule {
    /// Its title, or else its name.
    pub fn heading(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}
