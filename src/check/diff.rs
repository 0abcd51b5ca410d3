//! Two captures compared, message by message.
//!
//! What differs between any two recordings of the same exchange is left out: ports, sequence numbers, capture time, the
//! values of `Date` and `Expires` where both are dates. So are the addresses, which say where it was recorded; a `Host`
//! that names them is a field as any other.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;

use super::align::{Step, align};
use super::kept::{Connection, Kept, Place, Unit, digest, digest_of};
use crate::app::http1::head::{FieldLine, HeadRef};
use crate::app::message::Kind;
use crate::event::Close;

/// What is compared beside the fields: words that `--ignore` knows.
pub const ASPECTS: [&str; 15] = [
    "method",
    "target",
    "version",
    "status",
    "reason",
    "order",
    "case",
    "whitespace",
    "trailer",
    "body",
    "integrity",
    "pairing",
    "segments",
    "time",
    "close",
];

/// How to compare.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names of fields, or of [`ASPECTS`], in lower case, that do not matter.
    pub ignored: BTreeSet<String>,
    /// Nanoseconds by which spans of time may differ.
    pub tolerance: i64,
}

/// What differs in two messages, or connections.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// One of [`ASPECTS`], or `field`.
    pub aspect: &'static str,
    /// The name of the field.
    pub field: Option<Vec<u8>>,
    /// What the first capture has; none where it lacks that.
    pub a: Option<Value>,
    /// What the second one has.
    pub b: Option<Value>,
    /// Where bodies begin to differ.
    pub place: Option<Place>,
}

/// What a capture has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Bytes of the capture, or words of ours.
    Text(Vec<u8>),
    /// A span of time in nanoseconds.
    Span(i64),
    /// Segments: how many, and the sizes of the first ones.
    Segments(u64, Vec<u32>),
    /// A body: its length, its hash, and what it has from somewhat before the place where it differs.
    Body(u64, [u8; 32], Vec<u8>),
}

/// What is found, in order.
#[derive(Debug)]
pub enum Finding<'k> {
    /// Two connections that belong together, and what differs of them themselves.
    Connections(&'k Connection, &'k Connection, Vec<Difference>),
    /// Two messages of them that belong together.
    Messages(&'k Unit, &'k Unit, Vec<Difference>),
    /// A connection of one capture alone, the first where the flag is not set.
    Connection(bool, &'k Connection),
    /// A message of one capture alone, of the connections that were last named.
    Message(bool, &'k Unit),
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "connection {}", self.flow.stream)
    }
}

impl std::fmt::Debug for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "message {}", self.number)
    }
}

impl Options {
    fn counts(&self, aspect: &str) -> bool {
        !self.ignored.contains(aspect)
    }
}

/// Compares two captures; `found` is told everything, also what is equal.
pub fn compare<'k>(a: &'k Kept, b: &'k Kept, options: &Options, found: &mut dyn FnMut(Finding<'k>)) {
    let differ = Differ { options };
    for (first, second) in differ.pair(a, b) {
        match (first, second) {
            (Some(first), Some(second)) => differ.connections(first, second, found),
            (Some(only), None) => found(Finding::Connection(false, only)),
            (None, Some(only)) => found(Finding::Connection(true, only)),
            (None, None) => {}
        }
    }
}

struct Differ<'o> {
    options: &'o Options,
}

/// A connection of each capture, or of one.
type Pair<'k> = (Option<&'k Connection>, Option<&'k Connection>);

impl Differ<'_> {
    /// Connections that belong together: those that are equal, or ask for the same, in order; then also out of order;
    /// then those that begin with the same request, and those to the same server. One that is in no pair is alone.
    fn pair<'k>(&self, a: &'k Kept, b: &'k Kept) -> Vec<Pair<'k>> {
        let [first, second] = [a, b].map(|kept| kept.connections.values().collect::<Vec<_>>());
        let [equal_a, equal_b] = [&first, &second].map(|all| keys(all, |c| self.equal_key(c)));
        let [asks_a, asks_b] = [&first, &second].map(|all| keys(all, asks_key));
        let mut partner: Vec<Option<usize>> = vec![None; first.len()];
        let mut taken = vec![false; second.len()];
        for step in align(&[(&equal_a, &equal_b), (&asks_a, &asks_b)]) {
            if let Step::Both(i, j) = step {
                (partner[i], taken[j]) = (Some(j), true);
            }
        }
        let [begins_a, begins_b] = [&first, &second].map(|all| keys(all, begins_key));
        let [server_a, server_b] = [&first, &second].map(|all| keys(all, server_key));
        let mut weaker = vec![(equal_a, equal_b), (asks_a, asks_b), (begins_a, begins_b), (server_a, server_b)];
        if first.len() == second.len() {
            weaker.push((vec![0; first.len()], vec![0; second.len()]));
        }
        for (keys_a, keys_b) in weaker {
            let mut waiting: HashMap<u64, VecDeque<usize>> = HashMap::new();
            for (j, key) in keys_b.iter().enumerate().filter(|(j, _)| !taken[*j]) {
                waiting.entry(*key).or_default().push_back(j);
            }
            for (i, key) in keys_a.iter().enumerate() {
                if partner[i].is_none()
                    && let Some(j) = waiting.get_mut(key).and_then(VecDeque::pop_front)
                {
                    (partner[i], taken[j]) = (Some(j), true);
                }
            }
        }
        let mut pairs: Vec<Pair<'k>> =
            first.iter().zip(&partner).map(|(one, other)| (Some(*one), other.map(|other| second[other]))).collect();
        pairs.extend(second.iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(one, _)| (None, Some(*one))));
        pairs
    }

    /// The same for connections in which nothing that matters differs, but for their times.
    fn equal_key(&self, connection: &Connection) -> u64 {
        digest(|hasher| {
            connection.messages.iter().for_each(|message| self.content_key(message).hash(hasher));
            connection.flow.ends.map(|end| end.address).hash(hasher);
        })
    }

    /// The same for messages in which nothing that matters differs, but for their segments and times.
    fn content_key(&self, message: &Unit) -> u64 {
        digest(|hasher| {
            let head = message.http.head();
            (message.kind == Kind::Request, head.method(), head.target(), head.version()).hash(hasher);
            (message.http.parsed.code, head.phrase()).hash(hasher);
            for (name, line) in self.lines(head) {
                name.hash(hasher);
                if !is_dated(&name) {
                    head.value(line).hash(hasher);
                }
            }
            (message.body.len, message.body.sha256).hash(hasher);
        })
    }

    /// The field lines that matter, with their names in lower case.
    fn lines<'h>(&self, head: HeadRef<'h>) -> impl Iterator<Item = (Vec<u8>, &'h FieldLine)> {
        head.head.fields.iter().filter_map(move |line| {
            let name = head.name(line).to_ascii_lowercase();
            let ignored = str::from_utf8(&name).is_ok_and(|name| self.options.ignored.contains(name));
            (!ignored).then_some((name, line))
        })
    }

    fn connections<'k>(&self, a: &'k Connection, b: &'k Connection, found: &mut dyn FnMut(Finding<'k>)) {
        let mut differences = Vec::new();
        let close = |connection: &Connection| Some(connection.close.map_or("open", Close::name));
        self.text(&mut differences, "close", close(a), close(b));
        found(Finding::Connections(a, b, differences));
        let content =
            [a, b].map(|one| one.messages.iter().map(|message| self.content_key(message)).collect::<Vec<_>>());
        let asks = [a, b].map(subject_keys);
        let kinds = [a, b].map(|one| one.messages.iter().map(kind_key).collect::<Vec<_>>());
        for step in align(&[(&content[0], &content[1]), (&asks[0], &asks[1]), (&kinds[0], &kinds[1])]) {
            match step {
                Step::Both(i, j) => {
                    let (first, second) = (&a.messages[i], &b.messages[j]);
                    found(Finding::Messages(first, second, self.messages(first, second)));
                }
                Step::First(i) => found(Finding::Message(false, &a.messages[i])),
                Step::Second(j) => found(Finding::Message(true, &b.messages[j])),
            }
        }
    }

    fn messages(&self, a: &Unit, b: &Unit) -> Vec<Difference> {
        let mut all = Vec::new();
        let (head_a, head_b) = (a.http.head(), b.http.head());
        self.text(&mut all, "method", head_a.method(), head_b.method());
        self.text(&mut all, "target", head_a.target(), head_b.target());
        self.text(&mut all, "version", head_a.version(), head_b.version());
        let code = |unit: &Unit| Some(unit.http.parsed.code).filter(|code| *code > 0).map(|code| code.to_string());
        self.text(&mut all, "status", code(a), code(b));
        self.text(&mut all, "reason", head_a.phrase(), head_b.phrase());
        self.fields(&mut all, "field", head_a, head_b);
        if self.options.counts("trailer") {
            self.fields(&mut all, "trailer", a.http.trailer(), b.http.trailer());
        }
        self.whitespace(&mut all, head_a, head_b);
        self.body(&mut all, a, b);
        let integrity = |unit: &Unit| match unit.missing {
            0 => Some(unit.integrity.name().to_owned()),
            missing => Some(format!("{}, {missing} bytes missing", unit.integrity.name())),
        };
        self.text(&mut all, "integrity", integrity(a), integrity(b));
        let pairing = |unit: &Unit| match (unit.kind, unit.answers) {
            (Kind::Response, None) => Some("answers no request that is known"),
            (Kind::Response, Some(_)) => Some("answers a request"),
            (Kind::Request | Kind::Message { .. }, _) => None,
        };
        self.text(&mut all, "pairing", pairing(a), pairing(b));
        if self.options.counts("segments") && are_cut_otherwise(&a.segments, &b.segments) {
            let value = |unit: &Unit| Some(Value::Segments(unit.segments.0, unit.segments.1.clone()));
            all.push(Difference { aspect: "segments", field: None, a: value(a), b: value(b), place: None });
        }
        if self.options.counts("time") {
            let duration = [a, b].map(|unit| Some(unit.duration));
            for (name, [a, b]) in [("delay", [a.delay, b.delay]), ("duration", duration)] {
                if let (Some(a), Some(b)) = (a, b)
                    && a.abs_diff(b) > self.options.tolerance.unsigned_abs()
                {
                    let (a, b) = (Some(Value::Span(a)), Some(Value::Span(b)));
                    all.push(Difference { aspect: "time", field: Some(name.into()), a, b, place: None });
                }
            }
        }
        all
    }

    fn text<T: AsRef<[u8]> + PartialEq>(
        &self,
        all: &mut Vec<Difference>,
        aspect: &'static str,
        a: Option<T>,
        b: Option<T>,
    ) {
        if a != b && self.options.counts(aspect) {
            let value = |text: Option<T>| text.map(|text| Value::Text(text.as_ref().to_vec()));
            all.push(Difference { aspect, field: None, a: value(a), b: value(b), place: None });
        }
    }

    /// Values by name, the order of names, and how they are written.
    fn fields(&self, all: &mut Vec<Difference>, aspect: &'static str, a: HeadRef<'_>, b: HeadRef<'_>) {
        let mut by_name: BTreeMap<Vec<u8>, [Vec<&FieldLine>; 2]> = BTreeMap::new();
        // In the order in which they first occur.
        let mut names: Vec<Vec<u8>> = Vec::new();
        for (side, head) in [a, b].into_iter().enumerate() {
            for (name, line) in self.lines(head) {
                if !by_name.contains_key(&name) {
                    names.push(name.clone());
                }
                by_name.entry(name).or_default()[side].push(line);
            }
        }
        let mut push = |aspect, name: &[u8], a: Option<&[u8]>, b: Option<&[u8]>| {
            let value = |text: Option<&[u8]>| text.map(|text| Value::Text(text.to_vec()));
            all.push(Difference { aspect, field: Some(name.to_vec()), a: value(a), b: value(b), place: None });
        };
        for name in &names {
            let Some([first, second]) = by_name.get(name) else { continue };
            for at in 0..first.len().max(second.len()) {
                let (line_a, line_b) = (first.get(at), second.get(at));
                let shown = line_a.map(|line| a.name(line)).or(line_b.map(|line| b.name(line))).unwrap_or_default();
                let (value_a, value_b) = (line_a.map(|line| a.value(line)), line_b.map(|line| b.value(line)));
                let both_dates = is_dated(name) && [&value_a, &value_b].iter().all(|value| is_date(value.as_deref()));
                if value_a != value_b && !both_dates {
                    push(aspect, shown, value_a.as_deref(), value_b.as_deref());
                }
                if let (Some(line_a), Some(line_b)) = (line_a, line_b)
                    && a.name(line_a) != b.name(line_b)
                    && self.options.counts("case")
                {
                    push("case", shown, Some(a.name(line_a)), Some(b.name(line_b)));
                }
            }
        }
        let common = |side: usize, head: HeadRef<'_>| {
            let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
            let mut common = Vec::new();
            for (name, _) in self.lines(head) {
                let count = seen.entry(name.clone()).or_default();
                *count += 1;
                if by_name.get(&name).is_some_and(|lines| *count <= lines[1 - side].len()) {
                    common.push(name);
                }
            }
            common
        };
        let (order_a, order_b) = (common(0, a), common(1, b));
        if order_a != order_b && self.options.counts("order") {
            let text = |names: Vec<Vec<u8>>| Some(Value::Text(names.join(&b", "[..])));
            all.push(Difference { aspect: "order", field: None, a: text(order_a), b: text(order_b), place: None });
        }
    }

    /// What stands between the words, where these are the same: spaces, folds, line ends.
    fn whitespace(&self, all: &mut Vec<Difference>, a: HeadRef<'_>, b: HeadRef<'_>) {
        if !self.options.counts("whitespace") {
            return;
        }
        let (start_a, start_b) = (start_line(a), start_line(b));
        let same_words =
            (a.method(), a.target(), a.version(), a.phrase()) == (b.method(), b.target(), b.version(), b.phrase());
        let mut push = |field: Option<&[u8]>, a: &[u8], b: &[u8]| {
            let (field, a, b) = (field.map(<[u8]>::to_vec), Value::Text(a.to_vec()), Value::Text(b.to_vec()));
            all.push(Difference { aspect: "whitespace", field, a: Some(a), b: Some(b), place: None });
        };
        if same_words && a.head.code == b.head.code && start_a != start_b {
            push(None, start_a, start_b);
        }
        let mut lines: HashMap<Vec<u8>, VecDeque<&FieldLine>> = HashMap::new();
        for (name, line) in self.lines(b) {
            lines.entry(name).or_default().push_back(line);
        }
        for (name, line_a) in self.lines(a) {
            let Some(line_b) = lines.get_mut(&name).and_then(VecDeque::pop_front) else { continue };
            let same_value = a.value(line_a) == b.value(line_b);
            let layout = |head: HeadRef<'_>, line: &FieldLine| {
                let (name, value, raw) = (line.name, line.value, head.bytes);
                let part = |from: u32, to: u32| raw.get(from as usize..to as usize).unwrap_or_default().to_vec();
                let end = line_end(raw, value.end);
                let folded = if same_value { part(value.start, value.end) } else { Vec::new() };
                let before = if name.is_empty() { Vec::new() } else { part(name.end, value.start) };
                (before, folded, part(value.end, end))
            };
            if layout(a, line_a) != layout(b, line_b) {
                let whole = |head: HeadRef<'_>, line: &FieldLine| {
                    let start = if line.name.is_empty() { line.value.start } else { line.name.start } as usize;
                    head.bytes.get(start..line_end(head.bytes, line.value.end) as usize).unwrap_or_default().to_vec()
                };
                push(Some(a.name(line_a)), &whole(a, line_a), &whole(b, line_b));
            }
        }
        let (end_a, end_b) = (end_of_head(a), end_of_head(b));
        if a.head.complete == b.head.complete && end_a != end_b {
            push(None, end_a, end_b);
        }
    }

    fn body(&self, all: &mut Vec<Difference>, a: &Unit, b: &Unit) {
        let Some(place) = a.body.differs(&b.body).filter(|_| self.options.counts("body")) else { return };
        /// Bytes shown before the place, and in all.
        const BEFORE: u64 = 16;
        const SHOWN: usize = 48;
        let from = match place {
            Place::At(at) => at.saturating_sub(BEFORE) as usize,
            Place::Within(..) => usize::MAX,
        };
        let value = |unit: &Unit| {
            let shown = unit.body.first.get(from..).unwrap_or_default();
            Some(Value::Body(unit.body.len, unit.body.sha256, shown[..shown.len().min(SHOWN)].to_vec()))
        };
        all.push(Difference { aspect: "body", field: None, a: value(a), b: value(b), place: Some(place) });
    }
}

fn keys(all: &[&Connection], key: impl Fn(&Connection) -> u64) -> Vec<u64> {
    all.iter().map(|connection| key(connection)).collect()
}

/// What a connection asks for, in order.
fn asks_key(connection: &Connection) -> u64 {
    digest(|hasher| {
        requests(connection).for_each(|request| subject(request).hash(hasher));
    })
}

/// What it asks for first, or what is answered first.
fn begins_key(connection: &Connection) -> u64 {
    match requests(connection).next() {
        Some(request) => digest_of(subject(request)),
        None => digest_of(connection.messages.first().map(|message| message.http.parsed.code)),
    }
}

fn server_key(connection: &Connection) -> u64 {
    let client = connection.flow.client.unwrap_or(0);
    digest_of(connection.flow.ends.get(1 - client))
}

fn requests(connection: &Connection) -> impl Iterator<Item = &Unit> {
    connection.messages.iter().filter(|message| message.kind == Kind::Request)
}

fn subject(request: &Unit) -> (Option<&[u8]>, Option<&[u8]>) {
    let head = request.http.head();
    (head.method(), head.target())
}

/// What each message is about: what it asks for, or what it answers.
fn subject_keys(connection: &Connection) -> Vec<u64> {
    let asked: HashMap<u32, u64> =
        requests(connection).map(|request| (request.number, digest_of(subject(request)))).collect();
    let key = |message: &Unit| match message.kind {
        Kind::Request => digest_of((0, asked.get(&message.number))),
        Kind::Message { by_client } => digest_of((2, by_client)),
        Kind::Response => {
            let request = message.answers.and_then(|number| asked.get(&number));
            let code = message.http.parsed.code;
            let interim = (!message.http.is_final()).then_some(code);
            digest_of((1, request, interim, request.is_none().then_some(code)))
        }
    };
    connection.messages.iter().map(key).collect()
}

fn kind_key(message: &Unit) -> u64 {
    match message.kind {
        Kind::Request => 0,
        Kind::Response => 1 + u64::from(!message.http.is_final()),
        Kind::Message { by_client } => 3 + u64::from(by_client),
    }
}

/// Whether a field of this name has a time at which it was sent, or one that follows from that.
fn is_dated(name: &[u8]) -> bool {
    name == b"date" || name == b"expires"
}

/// Whether a value is a date of HTTP (RFC 9110 5.6.7), in its usual form.
fn is_date(value: Option<&[u8]>) -> bool {
    const FORM: &[u8] = b"aaa, 00 aaa 0000 00:00:00 GMT";
    value.is_some_and(|value| {
        value.len() == FORM.len()
            && value.iter().zip(FORM).all(|(byte, form)| match form {
                b'a' => byte.is_ascii_alphabetic(),
                b'0' => byte.is_ascii_digit(),
                _ => byte == form,
            })
    })
}

/// One past the line end at `from` or after.
fn line_end(bytes: &[u8], from: u32) -> u32 {
    let rest = bytes.get(from as usize..).unwrap_or_default();
    from + memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1) as u32
}

fn start_line(head: HeadRef<'_>) -> &[u8] {
    let start = head.bytes.iter().take_while(|byte| b"\r\n".contains(byte)).count();
    head.bytes.get(..line_end(head.bytes, start as u32) as usize).unwrap_or_default()
}

/// What follows the last line that is not blank.
fn end_of_head(head: HeadRef<'_>) -> &[u8] {
    let last =
        head.head.fields.last().map_or(start_line(head).len() as u32, |line| line_end(head.bytes, line.value.end));
    head.bytes.get(last as usize..).unwrap_or_default()
}

/// Whether two messages came in other segments: in another number of them, or cut at other places. That one of them is
/// longer says nothing of how it was cut.
fn are_cut_otherwise((count_a, a): &(u64, Vec<u32>), (count_b, b): &(u64, Vec<u32>)) -> bool {
    let length = |sizes: &[u32]| sizes.iter().map(|&size| u64::from(size)).sum::<u64>();
    let are_all_known = a.len() as u64 == *count_a;
    count_a != count_b || a != b && (!are_all_known || length(a) == length(b))
}
