//! From what the streams of one connection hand on to messages, and the account of their bytes.

use super::Shared;
use super::connection::{Name, Noted};
use crate::app::http1::{Run, Session, Taken};
use crate::app::ledger::Class;
use crate::app::{Context, Output, Pool};
use crate::event::{self, Event, Flow, Followed, Happened, Sink};
use crate::issue::Issue;
use crate::tcp::SegmentRef;
use crate::tcp::reassembly::{Compared, Item, Memory, ORIGIN, Outlet};

/// What the streams of one connection are fed to.
pub(super) struct Feed<'f, S> {
    pub session: &'f mut Option<Box<Session>>,
    pub name: &'f Name,
    /// Relative sequence number of each stream's `ORIGIN`.
    pub origins: [u32; 2],
    pub messages: &'f mut [u32; 2],
    pub noted: &'f mut Noted,
    /// Whether all that happens on them is told.
    pub is_followed: bool,
    pub shared: &'f mut Shared,
    pub sink: &'f mut S,
}

/// The outlet of one direction.
pub(super) struct Side<'t, 'f, S> {
    feed: &'t mut Feed<'f, S>,
    dir: usize,
}

impl<S: Sink> Outlet for Side<'_, '_, S> {
    #[inline]
    fn item(&mut self, item: Item<'_>) {
        match item {
            item if self.feed.is_followed => self.feed.follow(self.dir, item),
            Item::Data(segment, bytes, _)
                if passes(self.feed.session.as_deref_mut(), self.dir, &segment, bytes, self.feed.shared).is_some() => {}
            item => self.feed.item(self.dir, item),
        }
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.feed.shared.memory
    }
}

impl<'f, S: Sink> Feed<'f, S> {
    pub fn of(&mut self, dir: usize) -> Side<'_, 'f, S> {
        Side { feed: self, dir }
    }

    /// Takes an item of one stream, and tells that it did.
    fn follow(&mut self, dir: usize, item: Item<'_>) {
        self.item(dir, item);
        let flow = self.name.flow_of(self.session.as_deref());
        let what = Happened::Item(item, self.session.as_deref_mut().and_then(|session| session.under_way(dir)));
        self.sink.event(Event::Followed(Followed { flow, side: dir, what }));
    }

    /// Takes an item of one stream, and accounts for its bytes, where they do not pass.
    pub fn item(&mut self, dir: usize, item: Item<'_>) {
        match item {
            Item::Data(segment, bytes, carrier) => {
                self.session(|session, cx| session.data(dir, &Run { segment, bytes, carrier }, cx));
            }
            Item::Gap { offset, len, cause, forced } => {
                self.shared.ledger.missing += len;
                self.session(|session, cx| session.gap(dir, offset, len, cause, forced, cx));
            }
            Item::Copy(segment, compared) => {
                let conflict = matches!(compared, Compared::Conflict(_));
                let class = if conflict { Class::Conflict } else { Class::Duplicate };
                self.shared.ledger.add(class, segment.len.into());
                if conflict {
                    self.noted.insert(Issue::OverlapConflict);
                }
                if self.session.is_some() {
                    self.session(|session, cx| session.copy(dir, segment, compared, cx));
                }
            }
            Item::Late(segment) => {
                self.shared.ledger.missing -= u64::from(segment.len);
                self.noted.insert(Issue::LateData);
                self.session(|session, cx| session.late(dir, segment, cx));
            }
            Item::Before(segment) => self.shared.ledger.add(Class::BeforeFirst, segment.len.into()),
            Item::Outside(segment) => {
                self.noted.insert(Issue::OutsideWindow);
                self.shared.ledger.add(Class::Rejected, segment.len.into());
            }
            Item::End { by, frame } => {
                if hears_of_end(self.session, dir) {
                    self.session(|session, cx| session.end(dir, by, frame, cx));
                }
            }
        }
    }

    /// The connection is over.
    pub fn close(&mut self) {
        if let Some(session) = self.session {
            session.close(&mut self.shared.ledger);
        }
    }

    pub fn session(&mut self, act: impl FnOnce(&mut Session, &mut Context<'_>)) {
        let Shared { counts, ledger, decoding, pool, wanted, losses, now, .. } = &mut *self.shared;
        let (name, origins, sink) = (self.name, self.origins, &mut *self.sink);
        let messages = &mut *self.messages;
        let first_seq = |side: usize, start: u64| origins[side].wrapping_add(start.wrapping_sub(ORIGIN) as u32);
        // Where no SYN told who the client is, a message does.
        let flow = |client: usize| Flow { client: name.client().or(Some(client)), ..name.flow() };
        let mut out = |output: Output<'_>| match output {
            Output::Body(message, bytes) => {
                sink.event(Event::Body {
                    stream: name.stream,
                    number: message.number,
                    missing: message.missing_bytes,
                    bytes,
                    message: Some(message),
                });
            }
            Output::Message(message) => {
                losses.flag(message, *now);
                counts.count(message);
                messages[message.side] += 1;
                if !wanted.messages {
                    return;
                }
                let flow = flow(message.client());
                let first_seq = first_seq(message.side, message.start);
                sink.event(Event::Message(event::Message { flow, first_seq, message }));
            }
            Output::Update(_) if !wanted.messages => {}
            Output::Update(update) => {
                let first_seq = first_seq(update.side, update.start);
                let flow = flow(update.kind.client(update.side));
                sink.event(Event::Update(event::Update { flow, first_seq, update: &update }));
            }
        };
        let session = self.session.get_or_insert_with(|| begin_session(name, pool));
        act(session, &mut Context { wanted: *wanted, ledger, decoding, pool, out: &mut out });
    }
}

fn begin_session(name: &Name, pool: &mut Pool) -> Box<Session> {
    let mut session = pool.take_session();
    name.client().into_iter().for_each(|side| session.opened_by(side));
    session
}

/// Whether the end of a direction says something to the session.
pub(super) fn hears_of_end(session: &Option<Box<Session>>, dir: usize) -> bool {
    session.as_ref().is_some_and(|session| !session.is_between(dir))
}

/// Takes a segment that begins a message of which nothing is asked but that it is counted, if it is of the usual form;
/// see [`Session::count`].
pub(super) fn counts(
    session: &mut Option<Box<Session>>,
    name: &Name,
    dir: usize,
    (segment, bytes): (&SegmentRef, &[u8]),
    shared: &mut Shared,
    messages: &mut [u32; 2],
) -> bool {
    let Shared { counts, ledger, pool, wanted, .. } = shared;
    if wanted.messages || wanted.bodies {
        return false;
    }
    let session = session.get_or_insert_with(|| begin_session(name, pool));
    let Some(taken) = session.count(dir, segment, bytes, pool) else { return false };
    ledger.add(Class::Message, bytes.len() as u64);
    if let Taken::Whole(kind) = taken {
        counts.count_whole(kind);
        messages[dir & 1] += 1;
    }
    true
}

/// Accounts for a segment that need not be looked at, within a body, or of another protocol: its class, if it is one.
#[inline]
pub(super) fn passes(
    session: Option<&mut Session>,
    dir: usize,
    segment: &SegmentRef,
    bytes: &[u8],
    shared: &mut Shared,
) -> Option<Class> {
    let session = session?;
    let class = if session.within_body(dir, segment, shared.wanted) {
        Class::Message
    } else if session.passes_over(dir, bytes) {
        Class::Other
    } else {
        return None;
    };
    shared.ledger.add(class, bytes.len() as u64);
    Some(class)
}
