//! Bodies to files: each under a safe name, whole or not there, with a line in an index.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::bodies::{Bodies, Body, Key};
use super::folder::Folder;
use super::name::{Subject, file_name};
use super::requests::Requests;
use crate::app::http1::Http;
use crate::app::http1::coding::Decoder;
use crate::app::http1::head::HeadRef;
use crate::app::message::{Integrity, Kind, Message, Missing, Unit};
use crate::event::{self, Event, Transport};
use crate::issue::{Issue, IssueSet};
use crate::print::object::Object;
use crate::print::url::Url;
use crate::sandbox::Reach;

/// Name of the index.
const INDEX: &str = "index.jsonl";

/// Bytes that all bodies together are decoded into; those that come later stay as they are coded.
const MAX_ALL_DECODED: u64 = 64 << 30;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// Writes bodies to files.
pub struct Files {
    folder: Folder,
    bodies: Bodies,
    requests: Requests,
    /// Whether content codings stay.
    raw: bool,
    /// Bytes that a body is decoded into at most.
    max_decoded: u64,
    decoded: u64,
    index: Option<(String, BufWriter<File>)>,
    counts: Counts,
}

/// What was written.
#[derive(Clone, Copy, Default, Debug)]
struct Counts {
    files: u64,
    incomplete: u64,
    empty: u64,
}

/// What a file has.
struct Written {
    name: String,
    len: u64,
    sha256: Vec<u8>,
    /// Whether its content coding was undone.
    decoded: bool,
    holes: Vec<Missing>,
    /// Bytes after a hole, which could not be decoded.
    undecoded: u64,
    issues: IssueSet,
    is_whole: bool,
}

/// What decoding gave.
struct Decoded {
    len: u64,
    sha256: Vec<u8>,
    /// How many bytes were decoded before each hole.
    holes: Vec<Missing>,
    undecoded: u64,
}

impl Files {
    /// To write into a folder, which is made if it is not there.
    pub fn new(folder: &Path, raw: bool, max_decoded: u64, reach: &mut Reach) -> io::Result<Self> {
        let mut folder = Folder::make(folder)?;
        folder.leave(reach)?;
        let (name, file) = folder.temporary()?;
        reach.give(&file);
        Ok(Self {
            folder,
            bodies: Bodies::default(),
            requests: Requests::default(),
            raw,
            max_decoded,
            decoded: 0,
            index: Some((name, BufWriter::new(file))),
            counts: Counts::default(),
        })
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes an event; a message that is not chosen is not written.
    pub fn event(&mut self, event: Event<'_>, chosen: bool) -> io::Result<()> {
        match event {
            Event::Body { stream, number, missing, bytes, .. } => {
                self.bodies.push((stream, number), missing, bytes, &mut self.folder)
            }
            Event::Message(told) if told.flow.transport == Transport::Tcp => {
                self.requests.note(told.flow.stream, told.message);
                if chosen {
                    return self.message(&told);
                }
                let body = self.bodies.take((told.flow.stream, told.message.number));
                body.file.into_iter().for_each(|name| self.folder.remove(&name));
                Ok(())
            }
            Event::Connection(connection) => {
                self.requests.forget(connection.flow.stream);
                Ok(())
            }
            Event::Message(_) | Event::Packet(_) | Event::Update(_) | Event::Followed(_) | Event::Drops(_) => Ok(()),
        }
    }

    fn message(&mut self, told: &event::Message<'_>) -> io::Result<()> {
        let message = told.message;
        let key = (told.flow.stream, message.number);
        let mut body = self.bodies.take(key);
        let headless = Http::default();
        let (http, media_type) = match &message.unit {
            Unit::Http(http) => (http, http.head().get("content-type")),
            Unit::WebSocket(unit) if !unit.opcode.is_control() => (&headless, Some(unit.media_type().into())),
            _ => return Ok(()),
        };
        if http.parsed.complete || http.nine || message.http().is_none() {
            body.note_hole(message.missing_bytes);
        }
        body.tell_causes(&message.missing);
        let request = match message.kind {
            Kind::Request => self.requests.get(key),
            Kind::Response | Kind::Message { .. } => {
                message.answers.and_then(|number| self.requests.get((key.0, number)))
            }
        };
        let request = request.map(|request| (request.method.clone(), request.target.clone(), request.host.clone()));
        let url = request.as_ref().map(|(_, target, host)| Url::new(target, host.as_deref()));
        let server = told.flow.ends[1 - message.client()];
        let server = server.to_string();
        let unknown = Url { scheme: b"http", authority: b"", path: b"", query: None };
        let named = url.unwrap_or(unknown);
        let named = if named.authority.is_empty() { Url { authority: server.as_bytes(), ..named } } else { named };
        let head = (http.head(), media_type.as_deref());
        let written = if body.len == 0 { None } else { Some(self.write(key, message, head, named, body)?) };
        self.count(written.as_ref());
        let mut line = Vec::new();
        Object::write(&mut line, |object| {
            match &written {
                Some(written) => object.text("file", &written.name),
                None => object.null("file"),
            }
            object.uint("stream", key.0);
            object.uint("message", key.1.into());
            object.text("kind", message.kind.name());
            if let Some((method, ..)) = &request {
                object.text("method", method);
            }
            if let Some(url) = url {
                object.text("url", url.text(&server));
            }
            if message.kind == Kind::Response && http.parsed.code > 0 {
                object.uint("code", http.parsed.code.into());
            }
            if let Some(value) = &media_type {
                object.text("type", value);
            }
            if http.head().get("content-encoding").is_some() {
                object.texts("coding", http.head().list("content-encoding"));
                object.bool("decoded", written.as_ref().is_some_and(|written| written.decoded));
            }
            object.uint("length", written.as_ref().map_or(0, |written| written.len));
            if let Some(written) = &written {
                object.hex("sha256", &written.sha256);
            }
            object.text("integrity", message.integrity.name());
            object.uint("missing", message.missing_bytes);
            let whole = message.integrity == Integrity::Complete;
            object.bool("complete", written.as_ref().map_or(whole, |written| written.is_whole));
            if let Some(written) = &written {
                object.objects("holes", &written.holes, |object, hole| {
                    object.uint("offset", hole.offset);
                    object.uint("len", hole.len);
                    object.text("cause", hole.cause.name());
                });
                if written.undecoded > 0 {
                    object.uint("undecoded", written.undecoded);
                }
                object.texts("issues", written.issues.iter().map(Issue::name));
            }
        });
        line.push(b'\n');
        if message.kind == Kind::Response
            && let Some(number) = message.answers.filter(|_| http.is_final())
        {
            self.requests.remove((key.0, number));
        }
        self.index.as_mut().map_or(Ok(()), |(_, index)| index.write_all(&line))
    }

    fn count(&mut self, written: Option<&Written>) {
        match written {
            Some(written) => {
                self.counts.files += 1;
                self.counts.incomplete += u64::from(!written.is_whole);
            }
            None => self.counts.empty += 1,
        }
    }

    fn write(
        &mut self,
        (stream, number): Key,
        message: &Message,
        (head, media_type): (HeadRef<'_>, Option<&[u8]>),
        url: Url<'_>,
        mut body: Body,
    ) -> io::Result<Written> {
        let codings = || head.list("content-encoding");
        let complete = message.integrity == Integrity::Complete;
        let limit = self.max_decoded.min(MAX_ALL_DECODED - self.decoded);
        let decoder = if self.raw { None } else { Decoder::bounded(codings(), 0, limit) };
        let mut written = Written {
            name: String::new(),
            len: body.len,
            sha256: Vec::new(),
            decoded: false,
            holes: std::mem::take(&mut body.holes),
            undecoded: 0,
            issues: IssueSet::EMPTY,
            is_whole: complete,
        };
        body.settle(&mut self.folder)?;
        let decoded = match decoder {
            Some(decoder) => self.decode(decoder, &body, complete, &written.holes, &mut written.issues)?,
            None => None,
        };
        let temporary = match decoded {
            Some((temporary, decoded)) => {
                body.file.take().into_iter().for_each(|name| self.folder.remove(&name));
                self.decoded += decoded.len;
                written.is_whole &= written.issues.is_empty();
                (written.decoded, written.len, written.sha256) = (true, decoded.len, decoded.sha256);
                (written.holes, written.undecoded) = (decoded.holes, decoded.undecoded);
                temporary
            }
            None => {
                written.sha256 = self.digest(&body)?;
                self.as_it_is(body)?
            }
        };
        let mut coded: Vec<&str> = Vec::new();
        if !written.decoded {
            coded.extend(codings().filter_map(suffix));
        }
        let subject = Subject { stream, number, url, media_type, coded: &coded, is_whole: written.is_whole };
        let published = self.folder.publish(&temporary, &file_name(&subject));
        if published.is_err() {
            self.folder.remove(&temporary);
        }
        written.name = published?;
        Ok(written)
    }

    /// A file with the body as it was captured.
    fn as_it_is(&mut self, body: Body) -> io::Result<String> {
        match body.file {
            Some(name) => Ok(name),
            None => {
                let (name, mut file) = self.folder.temporary()?;
                let result = file.write_all(&body.held);
                if result.is_err() {
                    self.folder.remove(&name);
                }
                result.map(|()| name)
            }
        }
    }

    fn digest(&self, body: &Body) -> io::Result<Vec<u8>> {
        let mut sha256 = Sha256::new();
        self.each_piece(body, &mut |piece| {
            sha256.update(piece);
            Ok(true)
        })?;
        Ok(sha256.finalize().to_vec())
    }

    /// Undoes the content coding into a temporary file. None where nothing of it could be undone, or where a body that is
    /// all there is not coded as it says: it is then better left as it is.
    fn decode(
        &mut self,
        mut decoder: Decoder,
        body: &Body,
        complete: bool,
        holes: &[Missing],
        issues: &mut IssueSet,
    ) -> io::Result<Option<(String, Decoded)>> {
        let (name, file) = self.folder.temporary()?;
        let mut sink = Digested { out: BufWriter::with_capacity(PIECE, file), sha256: Sha256::new(), result: Ok(()) };
        let mut taken = 0;
        let until = holes.first().map_or(body.len, |hole| hole.offset);
        let read = self.each_piece(body, &mut |piece| {
            let within = usize::try_from(until - taken).map_or(piece, |room| &piece[..piece.len().min(room)]);
            decoder.push_into(within, &mut |bytes| sink.put(bytes));
            taken += within.len() as u64;
            Ok(decoder.is_running() && sink.result.is_ok() && taken < until)
        });
        decoder.end_into(complete, &mut |bytes| sink.put(bytes));
        let decoded_len = decoder.decoded_len();
        *issues = decoder.issues();
        let failed = issues.contains(Issue::DecompressionFailed) || issues.contains(Issue::CodingUnknown);
        if read.is_ok() && (decoded_len == 0 && !issues.is_empty() || complete && failed) {
            self.folder.remove(&name);
            return Ok(None);
        }
        let written = read.and(sink.result).and_then(|()| sink.out.flush());
        if written.is_err() {
            self.folder.remove(&name);
        }
        written?;
        let holes = holes.iter().map(|hole| Missing { offset: decoded_len, ..*hole }).collect();
        let sha256 = sink.sha256.finalize().to_vec();
        Ok(Some((name, Decoded { len: decoded_len, sha256, holes, undecoded: body.len - until })))
    }

    /// Hands the body on in pieces while `take` wants more.
    fn each_piece(&self, body: &Body, take: &mut dyn FnMut(&[u8]) -> io::Result<bool>) -> io::Result<()> {
        let Some(name) = &body.file else {
            return body
                .held
                .chunks(PIECE)
                .try_fold(true, |more, piece| if more { take(piece) } else { Ok(false) })
                .map(|_| ());
        };
        let mut file = self.folder.read(name)?;
        let mut piece = vec![0; PIECE];
        loop {
            let len = file.read(&mut piece)?;
            if len == 0 || !take(piece.get(..len).unwrap_or_default())? {
                return Ok(());
            }
        }
    }

    /// Writes the index; tells what there is.
    pub fn finish(&mut self) -> io::Result<String> {
        let Some((name, mut index)) = self.index.take() else { return Ok(String::new()) };
        index.flush()?;
        let index = self.folder.publish(&name, INDEX)?;
        let Counts { files, incomplete, empty } = self.counts;
        let plural = if files == 1 { "y" } else { "ies" };
        Ok(format!(
            "{files} bod{plural} written, {incomplete} of them incomplete; {empty} empty; the index is {index}\n"
        ))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.bodies.remove(&self.folder);
        if let Some((name, _)) = &self.index {
            self.folder.remove(name);
        }
    }
}

/// A file with the hash of what is written to it.
struct Digested {
    out: BufWriter<File>,
    sha256: Sha256,
    /// What went wrong.
    result: io::Result<()>,
}

impl Digested {
    fn put(&mut self, bytes: &[u8]) {
        if self.result.is_ok() {
            self.sha256.update(bytes);
            self.result = self.out.write_all(bytes);
        }
    }
}

/// How the name of a file ends that has this coding.
fn suffix(coding: &[u8]) -> Option<&'static str> {
    Some(match &coding.to_ascii_lowercase()[..] {
        b"gzip" | b"x-gzip" => ".gz",
        b"br" => ".br",
        b"zstd" => ".zst",
        b"deflate" => ".zz",
        b"compress" | b"x-compress" => ".Z",
        _ => return None,
    })
}
