//! Which objects belong to one visit, and which of them caused which.
//!
//! A redirect belongs to what redirected. A page of its own begins a visit: what browsers say is one, or HTML that no other
//! page of the client has as its part. What else is fetched belongs to the page that its Referer names, that has its name in
//! the content, or else to what the client visits at that time.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::connections::Connections;
use super::lookups::Lookups;
use super::mentions::{Named, hash, last_part};
use super::object::{Exchange, Fetch, Object};
use super::{Cause, Connection, Lookup, Pages, Visit};
use crate::app::http1::uri;
use crate::frame::Timestamp;

/// A visit is over when nothing was under way for so long, where nothing else tells.
const QUIET: i64 = 1_000_000_000;
/// A request is taken to be under way for so long where no response comes.
const PATIENCE: i64 = 30_000_000_000;

/// Finds the visits.
pub fn find(mut objects: Vec<Object>, connections: Connections, lookups: Lookups) -> Pages {
    objects.sort_by_key(|object| (object.first(), object.stream));
    let mut pages = Pages::default();
    pages.beyond.connections = connections.beyond;
    let connections = connections.into_kept();
    let dns = lead_up(&mut objects, &connections, &lookups);
    let (mut drafts, places) = Grouping::default().group(&objects);
    for (object, place) in objects.iter_mut().zip(&places) {
        object.cause = place.cause;
    }
    place_times(&mut objects, &places);
    drafts.iter_mut().for_each(|draft| draft.begin(&objects));
    pages.visits = made(objects, &drafts, &places);
    give_lookups(&mut pages, &places, lookups, &dns);
    give_connections(&mut pages, connections);
    pages
}

/// Tells the first object on each connection what came before it. Returns, by object, the lookup that led there.
fn lead_up(
    objects: &mut [Object],
    connections: &BTreeMap<u64, Box<Connection>>,
    lookups: &Lookups,
) -> HashMap<usize, usize> {
    let (mut led, mut claimed) = (HashMap::new(), HashMap::new());
    let mut first: HashMap<u64, usize> = HashMap::new();
    for (at, object) in objects.iter().enumerate() {
        first.entry(object.stream).or_insert(at);
    }
    // The connection that was opened first after a lookup is the one that waited for it.
    let mut firsts: Vec<_> =
        first.into_iter().filter_map(|(stream, at)| Some((connections.get(&stream)?, at))).collect();
    firsts.sort_by_key(|(connection, _)| (connection.start(), connection.stream));
    for (connection, at) in firsts {
        let object = &mut objects[at];
        let mut before = object.before.unwrap_or_default();
        if let (Some(syn), Some(ack)) = (connection.syn, connection.ack) {
            before.connect = Some((syn.time, ack.time));
        }
        before.secure = connection.secured.as_ref().and_then(|secured| secured.span());
        let host = match object.turn() {
            Some(turn) => turn.host.as_deref(),
            None => object.exchange().and_then(|exchange| uri::host(&exchange.url)),
        };
        let server = connection.server.address;
        let of_host = lookups.before(server, connection.start(), host);
        if let Some(lookup) = of_host.or_else(|| lookups.before(server, connection.start(), None)) {
            led.insert(at, lookup);
            if claimed.insert(lookup, at).is_none()
                && let Some(lookup) = lookups.get(lookup)
                && let Some((asked, nanos)) = lookup.took(server)
            {
                before.dns = Some((asked, asked.plus(nanos)));
            }
        }
        object.before = Some(before);
    }
    led
}

/// Where an object belongs.
#[derive(Clone, Copy, Debug)]
struct Place {
    visit: usize,
    /// Its place there.
    at: usize,
    /// With places in the visit.
    cause: Cause,
}

/// A visit as it is found.
#[derive(Debug)]
struct Draft {
    objects: Vec<usize>,
    document: usize,
    from: Option<usize>,
    /// Until when something was under way.
    until: Timestamp,
    start: Timestamp,
    /// The visit of the same client before it ended then.
    previous: Option<Timestamp>,
}

/// Who visits: an address, and a hash of what the browser calls itself.
type Client = (IpAddr, u64);

/// What tells where an object belongs.
#[derive(Default)]
struct Grouping {
    drafts: Vec<Draft>,
    places: Vec<Place>,
    /// By hashes of URLs: objects with that URL, and those that lead there.
    urls: HashMap<(Client, u64), usize>,
    redirects: HashMap<(Client, u64), usize>,
    /// The latest page of an origin.
    origins: HashMap<(Client, u64), usize>,
    /// Which object of a visit names another.
    names: HashMap<(usize, u64), (usize, Named)>,
    /// The visit of a client, or of an address, that began last.
    latest: HashMap<Client, usize>,
    latest_of: HashMap<IpAddr, usize>,
}

impl Grouping {
    fn group(mut self, objects: &[Object]) -> (Vec<Draft>, Vec<Place>) {
        for (at, object) in objects.iter().enumerate() {
            let (visit, cause) = match object.exchange() {
                Some(exchange) => self.place(object, exchange, objects),
                None => {
                    let visit = self.current(object, self.latest_of.get(&object.client()).copied());
                    (visit, visit.map_or(Cause::Visit, |visit| self.led_to(object, visit, objects)))
                }
            };
            self.add(at, object, visit, cause);
        }
        (self.drafts, self.places)
    }

    /// The visit to which an object belongs, none where it begins one, and why; the object that caused it by its place among
    /// all.
    fn place(&mut self, object: &Object, exchange: &Exchange, objects: &[Object]) -> (Option<usize>, Cause) {
        let client = (object.client(), exchange.agent);
        let url = hash(exchange.url.as_bytes());
        let was_there = |other: &usize| {
            let response = objects[*other].response.as_ref();
            response.is_some_and(|response| response.first <= object.first())
        };
        if let Some(from) = self.redirects.remove(&(client, url)).filter(was_there) {
            return (Some(self.places[from].visit), Cause::Redirect(from));
        }
        let referer = exchange.referer.as_ref().and_then(|referer| {
            let key = (client, hash(referer.as_bytes()));
            self.urls.get(&key).or_else(|| self.origins.get(&key)).copied()
        });
        let referer = referer.filter(was_there);
        let latest = self.latest.get(&client).copied();
        let candidate = referer.map(|referer| self.places[referer].visit).or(latest);
        let named = last_part(exchange.url.as_bytes())
            .and_then(|name| self.names.get(&(candidate?, name)).copied())
            .filter(|(by, _)| was_there(by));
        let current = self.current(object, latest);
        let begins = match (exchange.fetch, named.map(|(_, named)| named)) {
            (Fetch::Document, _) => true,
            (Fetch::Part, _) | (_, Some(Named::Part)) => false,
            (Fetch::Navigation, _) => true,
            (Fetch::Unknown, Some(Named::Link)) => exchange.is_html(),
            (Fetch::Unknown, None) if referer.is_some() => exchange.is_html() && current.is_none(),
            (Fetch::Unknown, None) => exchange.is_html() && exchange.status < Some(400),
        };
        if begins {
            return (None, referer.or(named.map(|(by, _)| by)).map_or(Cause::Visit, Cause::Referer));
        }
        if let Some((by, _)) = named {
            return (Some(self.places[by].visit), Cause::Content(by));
        }
        if let Some(referer) = referer {
            return (Some(self.places[referer].visit), Cause::Referer(referer));
        }
        // After something that is no page, another thing belongs with it only if it is fetched over the same connection.
        let goes_on = current.filter(|visit| {
            let draft = &self.drafts[*visit];
            let document = objects[draft.document].exchange();
            document.is_none_or(Exchange::is_html)
                || draft.objects.last().is_some_and(|last| objects[*last].stream == object.stream)
        });
        (goes_on, Cause::Time)
    }

    /// Why a turn takes place: the object before it redirected to its host, or nothing tells.
    fn led_to(&self, turn: &Object, visit: usize, objects: &[Object]) -> Cause {
        let host_of = |object: &Object| object.turn().and_then(|turn| turn.host.clone());
        let last = self.drafts[visit].objects.last().copied();
        let location = last.and_then(|last| objects[last].exchange()?.location.as_deref());
        match (last, location.filter(|location| location.starts_with("https:")).and_then(uri::host), host_of(turn)) {
            (Some(last), Some(led), Some(host)) if led.eq_ignore_ascii_case(&host) => Cause::Redirect(last),
            _ => Cause::Time,
        }
    }

    /// A visit, if it still goes on when this object is asked for.
    fn current(&self, object: &Object, visit: Option<usize>) -> Option<usize> {
        visit.filter(|visit| object.first().since(self.drafts[*visit].until) <= QUIET)
    }

    fn add(&mut self, at: usize, object: &Object, visit: Option<usize>, cause: Cause) {
        let agent = object.exchange().map_or(0, |exchange| exchange.agent);
        let client = (object.client(), agent);
        let until = if object.response.is_some() { object.last() } else { object.last().plus(PATIENCE) };
        let (visit, cause) = match visit {
            Some(visit) => (visit, self.within(visit, cause)),
            None => (self.begin(at, object, client, cause), Cause::Visit),
        };
        self.latest.insert(client, visit);
        self.latest_of.insert(client.0, visit);
        let draft = &mut self.drafts[visit];
        draft.until = draft.until.max(until);
        if let Cause::Redirect(from) = cause
            && draft.objects.get(from) == Some(&draft.document)
        {
            draft.document = at;
        }
        draft.objects.push(at);
        self.places.push(Place { visit, at: draft.objects.len() - 1, cause });
        let Some(exchange) = object.exchange() else { return };
        self.urls.insert((client, hash(exchange.url.as_bytes())), at);
        if let Some(location) = &exchange.location {
            self.redirects.insert((client, hash(location.as_bytes())), at);
        }
        if let Some(origin) = uri::origin(&exchange.url).filter(|_| self.drafts[visit].document == at) {
            // With a slash, as Referer has it.
            let origin = &exchange.url[..=origin.len()];
            self.origins.insert((client, hash(origin.as_bytes())), at);
        }
        for (name, named) in exchange.names.iter() {
            self.names.entry((visit, name)).or_insert((at, named));
        }
    }

    fn begin(&mut self, at: usize, object: &Object, client: Client, cause: Cause) -> usize {
        let previous = self.latest_of.get(&client.0).map(|visit| self.drafts[*visit].until);
        self.drafts.push(Draft {
            objects: Vec::new(),
            document: at,
            from: cause.object().map(|by| self.places[by].visit),
            until: object.last(),
            start: object.first(),
            previous: previous.filter(|previous| *previous <= object.first()),
        });
        self.drafts.len() - 1
    }

    /// A cause with the place in the visit, for one among all.
    fn within(&self, visit: usize, cause: Cause) -> Cause {
        let at = |object: usize| Some(self.places[object]).filter(|place| place.visit == visit).map(|place| place.at);
        match cause {
            Cause::Redirect(by) => at(by).map_or(Cause::Time, Cause::Redirect),
            Cause::Content(by) => at(by).map_or(Cause::Time, Cause::Content),
            Cause::Referer(by) => at(by).map_or(Cause::Time, Cause::Referer),
            other => other,
        }
    }
}

impl Draft {
    /// When it began: with what led to its first object, unless that belongs to the visit before.
    fn begin(&mut self, objects: &[Object]) {
        let before = self.objects.first().and_then(|first| objects[*first].before).unwrap_or_default();
        let spans = [before.dns, before.connect, before.secure].into_iter().flatten().map(|(from, _)| from);
        let after = spans.filter(|from| self.previous.is_none_or(|previous| *from >= previous));
        self.start = after.chain([self.start]).min().unwrap_or(self.start);
    }
}

/// Tells each object since when it was wanted, and what it had to wait for.
fn place_times(objects: &mut [Object], places: &[Place]) {
    let mut by_place: HashMap<(usize, usize), usize> = HashMap::new();
    let mut latest: HashMap<u64, usize> = HashMap::new();
    for (at, place) in places.iter().enumerate() {
        by_place.insert((place.visit, place.at), at);
        let cause = place.cause.object().and_then(|by| by_place.get(&(place.visit, by)));
        let wanted = cause.and_then(|by| there(&objects[*by], place.cause));
        let previous = latest.insert(objects[at].stream, at).filter(|previous| places[*previous].visit == place.visit);
        let is_multiplexed = objects[at].exchange().is_none_or(|exchange| exchange.version >= 2);
        let behind = previous.filter(|previous| {
            let until = objects[*previous].response.as_ref().map(|response| response.last);
            let since = wanted.unwrap_or(objects[at].first());
            !is_multiplexed && until.is_some_and(|until| until > since)
        });
        if let (Some(wanted), Some(before)) = (wanted, &mut objects[at].before) {
            before.leave_out_what_ended_by(wanted);
        }
        objects[at].wanted = wanted;
        objects[at].behind = behind.map(|behind| places[behind].at);
    }
}

/// When an object that causes others was there: a page is read as it comes, all else when it has come.
fn there(object: &Object, cause: Cause) -> Option<Timestamp> {
    let response = object.response.as_ref()?;
    let as_it_comes = !matches!(cause, Cause::Redirect(_)) && object.exchange().is_some_and(Exchange::is_html);
    Some(if as_it_comes { response.first } else { response.last })
}

/// The visits, with their objects.
fn made(objects: Vec<Object>, drafts: &[Draft], places: &[Place]) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        visits.push(Visit {
            client: IpAddr::from([0, 0, 0, 0]),
            start: draft.start,
            end: draft.start,
            document: places[draft.document].at,
            from: draft.from,
            objects: Vec::with_capacity(draft.objects.len()),
            lookups: Vec::new(),
            connections: Vec::new(),
        });
    }
    for (object, place) in objects.into_iter().zip(places) {
        let visit = &mut visits[place.visit];
        visit.client = object.client();
        visit.end = visit.end.max(object.last());
        visit.objects.push(object);
    }
    visits
}

/// Gives each lookup to the visit of the first object that it led to, or that went on at its time.
fn give_lookups(pages: &mut Pages, places: &[Place], lookups: Lookups, led: &HashMap<usize, usize>) {
    let mut owner: HashMap<usize, usize> = HashMap::new();
    for (object, lookup) in led {
        let visit = places[*object].visit;
        let owner = owner.entry(*lookup).or_insert(visit);
        *owner = visit.min(*owner);
    }
    let times = Times::of(&pages.visits);
    let (kept, given_up) = lookups.into_kept();
    for (at, lookup) in kept {
        match owner.get(&at).copied().or_else(|| times.at(lookup.client, lookup.start())) {
            Some(visit) => pages.visits[visit].lookups.push(lookup),
            None => pages.lookups.push(lookup),
        }
    }
    pages.beyond.lookups = given_up as u64;
    for visit in &mut pages.visits {
        visit.lookups.sort_by_key(Lookup::start);
    }
}

/// Gives each connection to the visits that used it, and to the one in which it was opened.
fn give_connections(pages: &mut Pages, connections: BTreeMap<u64, Box<Connection>>) {
    let mut used: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, visit) in pages.visits.iter().enumerate() {
        for object in &visit.objects {
            let visits = used.entry(object.stream).or_default();
            if visits.last() != Some(&at) {
                visits.push(at);
            }
        }
    }
    let times = Times::of(&pages.visits);
    pages.connections = connections;
    for connection in pages.connections.values() {
        let mut visits = used.remove(&connection.stream).unwrap_or_default();
        let opened = connection.syn.and_then(|syn| times.at(connection.client.address, syn.time));
        visits.extend(opened.filter(|_| visits.is_empty()));
        if visits.is_empty() {
            pages.idle.push(connection.stream);
        }
        for visit in visits {
            pages.visits[visit].connections.push(connection.stream);
        }
    }
}

/// Visits by client and time.
struct Times(HashMap<IpAddr, Vec<(Timestamp, Timestamp, usize)>>);

impl Times {
    fn of(visits: &[Visit]) -> Self {
        let mut by_client: HashMap<_, Vec<_>> = HashMap::new();
        for (at, visit) in visits.iter().enumerate() {
            by_client.entry(visit.client).or_default().push((visit.start, visit.end, at));
        }
        by_client.values_mut().for_each(|times| times.sort_unstable());
        Self(by_client)
    }

    /// The visit of a client that goes on at a time, or shortly before or after.
    fn at(&self, client: IpAddr, time: Timestamp) -> Option<usize> {
        let times = self.0.get(&client)?;
        let after = times.partition_point(|(start, ..)| start.since(time) <= QUIET);
        let (_, end, visit) = times.get(after.checked_sub(1)?)?;
        (time.since(*end) <= QUIET).then_some(*visit)
    }
}
