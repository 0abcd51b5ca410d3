//! What was counted by the values of one field, a row each; the rows are bounded in number.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::durations::Durations;

/// Rows of a table: one that is full counts what has no row with the others. A row of a long history takes some 10 KiB.
pub const MAX_ROWS: usize = 4096;

/// Bytes that are kept of a value; longer ones that begin alike are one.
pub const MAX_VALUE: usize = 256;

/// Spans of a row of which percentiles are exact: 8 KiB, which is about what their buckets take.
const EXACT: usize = 1024;

/// What was counted of the messages that have a value.
#[derive(Clone, Debug)]
pub struct Row {
    /// The value, as text.
    pub value: Box<[u8]>,
    /// Messages that have it.
    pub messages: u64,
    /// Their bytes that were captured, and those of the answers to them.
    pub bytes: u64,
    /// How many of them, or of the answers to them, say that something is wrong.
    pub errors: u64,
    /// How many of them are not complete.
    pub incomplete: u64,
    /// Connections of it, where it is a protocol.
    pub connections: u64,
    /// From question to answer.
    pub times: Durations,
}

impl Row {
    fn new(value: &[u8], exact: usize) -> Self {
        let times = Durations::new(exact);
        Self { value: value.into(), messages: 0, bytes: 0, errors: 0, incomplete: 0, connections: 0, times }
    }
}

/// Names a row of a table while that lasts.
pub type Place = usize;

/// The place of what has no row of its own.
const OTHERS: Place = Place::MAX;

/// Rows by value.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Row>,
    places: HashMap<Box<[u8]>, Place, RandomState>,
    others: Option<Row>,
    exact: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self::exact_to(EXACT)
    }
}

impl Table {
    /// Nothing counted; percentiles of a row are exact up to so many values.
    pub fn exact_to(exact: usize) -> Self {
        Self { rows: Vec::new(), places: HashMap::default(), others: None, exact }
    }

    /// The place of a value's row.
    pub fn place(&mut self, value: &[u8]) -> Place {
        let value = value.get(..MAX_VALUE).unwrap_or(value);
        if let Some(place) = self.places.get(value) {
            return *place;
        }
        if self.rows.len() >= MAX_ROWS {
            return OTHERS;
        }
        let row = Row::new(value, self.exact);
        self.places.insert(row.value.clone(), self.rows.len());
        self.rows.push(row);
        self.rows.len() - 1
    }

    /// The row of a place.
    pub fn row(&mut self, place: Place) -> &mut Row {
        match self.rows.get_mut(place) {
            Some(row) => row,
            None => self.others.get_or_insert_with(|| Row::new(b"", self.exact)),
        }
    }

    /// The rows, those with most messages first, of as many those with most bytes.
    pub fn rows(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by(|a, b| (b.messages, b.bytes).cmp(&(a.messages, a.bytes)).then_with(|| a.value.cmp(&b.value)));
        rows
    }

    /// What came when the table was full.
    pub fn others(&self) -> Option<&Row> {
        self.others.as_ref()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_with_the_others() {
        let mut table = Table::default();
        for number in 0..MAX_ROWS + 3 {
            let place = table.place(format!("host{number}").as_bytes());
            table.row(place).messages += 1;
        }
        let place = table.place(b"host7");
        table.row(place).messages += 1;
        assert_eq!((table.rows().len(), table.others().unwrap().messages), (MAX_ROWS, 3));
        assert_eq!((&*table.rows()[0].value, table.rows()[0].messages), (&b"host7"[..], 2));
    }

    #[test]
    fn of_a_long_value_the_beginning_is_kept() {
        let mut table = Table::default();
        let long = [b'a'; MAX_VALUE + 5];
        assert_eq!(table.place(&long), table.place(&long[..MAX_VALUE]));
        assert_ne!(table.place(&long), table.place(b"a"));
    }
}
