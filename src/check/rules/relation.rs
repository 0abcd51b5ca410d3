//! How what a rule looks at is related to others, whose fields it can name.

use super::model::Of;

/// A relation; its word and a dot before a field's name make that the field of what is so related.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Relation {
    /// The request: that a response answers, or of an exchange.
    Request,
    /// The final response: to a request, or of an exchange.
    Response,
    /// The connection.
    Connection,
    /// The one before, of the same kind and on the same connection.
    Before,
    /// The one after, of the same kind and on the same connection.
    After,
    /// The first of the same kind on the same connection.
    First,
    /// The last of the same kind on the same connection.
    Last,
    /// The one before, of the same kind, in the whole capture.
    Previous,
    /// The one after, of the same kind, in the whole capture.
    Next,
    /// All that began earlier, in the whole capture.
    Earlier,
    /// All that began later, in the whole capture.
    Later,
}

impl Relation {
    /// Each, in the order of their scopes, with its word and its meaning.
    pub const ALL: [(&'static str, Self, &'static str); 11] = [
        ("request", Self::Request, "the request that a response answers, or that of an exchange"),
        ("response", Self::Response, "the final response to a request, or that of an exchange"),
        ("connection", Self::Connection, "the connection it is on"),
        ("before", Self::Before, "the one of the same kind before it on its connection"),
        ("after", Self::After, "the one of the same kind after it on its connection"),
        ("first", Self::First, "the first one of the same kind on its connection"),
        ("last", Self::Last, "the last one of the same kind on its connection"),
        ("previous", Self::Previous, "the one of the same kind before it in the capture"),
        ("next", Self::Next, "the one of the same kind after it in the capture"),
        ("earlier", Self::Earlier, "all messages that began before it in the capture"),
        ("later", Self::Later, "all messages that began after it in the capture"),
    ];

    /// Its word.
    pub fn name(self) -> &'static str {
        Self::ALL[self.index()].0
    }

    /// Its place in [`Self::ALL`], which is in the order of the variants.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The one of that word.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(word, ..)| *word == name).map(|(_, relation, _)| *relation)
    }

    /// Whether what is chosen among these has it.
    pub const fn is_of(self, of: Of) -> bool {
        match self {
            Self::Request => matches!(of, Of::Responses | Of::Exchanges | Of::Messages),
            Self::Response => matches!(of, Of::Requests | Of::Exchanges | Of::Messages),
            Self::Before | Self::After => !matches!(of, Of::Connections),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_the_variants() {
        for (index, (name, relation, _)) in Relation::ALL.into_iter().enumerate() {
            assert_eq!((relation.index(), relation.name()), (index, name));
            assert_eq!(Relation::of_name(name), Some(relation));
        }
    }
}
