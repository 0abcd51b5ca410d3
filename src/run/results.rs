//! What goes to standard output: events in a format or the body of one message, gathered and written.

use std::io::{self, Write};
use std::mem;
use std::thread;

use jiff::tz::TimeZone;

use super::Failure;
use super::ahead::Ahead;
use super::export::Export;
use super::follow::{self, Raw};
use super::renderer::Renderer;
use super::selection::Selection;
use super::status;
use super::stop::Until;
use crate::app::ledger::Ledger;
use crate::app::message::Integrity;
use crate::cli::{Format, Input, Output, Plan, Saved, Style, WIDTH};
use crate::event::{Event, Packet, Sink, Transport};
use crate::frame::{FrameNumber, Timestamp};
use crate::print::connections::Connections;
use crate::print::json::{self, Json};
use crate::print::page::Page;
use crate::print::stats::Stats;
use crate::print::table::{self, Table};
use crate::print::text::{self, Explain, Text};
use crate::print::{Begin, End, Printer, Selected};
use crate::redact::Redactor;
use crate::sandbox::Reach;
use crate::stats;

/// Results are gathered up to about this many bytes before they are written.
pub(super) const GATHERED: usize = 64 << 10;

/// Batches of frames after which it is worth while to have the printer in a thread of its own.
const ALONE: u32 = 64;

/// The printer of a format.
fn printer(style: &Style) -> Box<dyn Printer> {
    let width = style.width.unwrap_or(WIDTH).into();
    let terminal = style.width.is_some();
    let &Style { color, quiet, times: time, .. } = style;
    let zone = TimeZone::system();
    match style.format {
        Format::Json => Box::new(Json::new(json::Options { hash: style.hash, quiet })),
        Format::Table => Box::new(Table::new(table::Options { width, color, terminal, time, zone, quiet })),
        Format::Text => Box::new(Text::new(text::Options {
            width,
            color,
            terminal,
            verbose: style.verbose,
            hex: style.hex,
            time,
            zone,
            packets: style.packets,
            quiet,
        })),
    }
}

/// Whether the printer is better off in a thread of its own: rendering takes about as long as all else. Of frames it takes
/// longer, and they would have to be copied; live results are few. Where messages are passed over, it is to forget their
/// bodies at once.
fn gains_by_thread(plan: &Plan) -> bool {
    let rendered = matches!(&plan.output, Output::Results(style) if !style.quiet) && !plan.engine.packets;
    let forgets = plan.display.is_some() && plan.engine.bodies;
    rendered
        && !plan.input.is_under_way()
        && !forgets
        && thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
}

/// Where events go, and what is to be written of them.
pub(super) struct Results {
    to: To,
    selection: Option<Selection>,
    /// What masks secrets in whatever is shown.
    redactor: Option<Redactor>,
    until: Option<Until>,
    /// Numbers of the frames that are shown, of those taken last, where they are saved.
    frames: Option<Vec<FrameNumber>>,
    ahead: Option<Ahead>,
    /// How many more batches of frames until the printer moves into a thread of its own; 0 where it stays.
    alone: u32,
    out: Vec<u8>,
    /// When the first thing in `out` was known.
    since: Option<Timestamp>,
}

enum To {
    Printer(Box<dyn Printer>),
    Renderer(Box<Renderer>),
    Body(Body),
    Explain(Box<Explain>),
    Export(Box<Export>),
    Raw(Raw),
    Nothing,
}

/// The message whose body is wanted.
struct Body {
    stream: u64,
    number: u32,
    /// What became of it, and how many bytes of it are missing, once that is known.
    end: Option<(Integrity, u64)>,
}

impl Results {
    /// Opens what results go to, and what they are told from; `reach` learns what is opened later.
    pub(super) fn new(plan: &Plan, ahead: Option<Ahead>, reach: &mut Reach) -> Result<Self, Failure> {
        let to = match plan.output {
            Output::Results(ref style) => To::Printer(printer(style)),
            Output::Body { stream, number } => To::Body(Body { stream, number, end: None }),
            Output::Explanation { frame, color, width } => {
                let width = width.unwrap_or(WIDTH).into();
                To::Explain(Box::new(Explain::new(frame, width, color, TimeZone::system())))
            }
            Output::Connections { ref format, order } => To::Printer(Box::new(Connections::new(format.clone(), order))),
            Output::Stats { format, ref by } => {
                To::Printer(Box::new(Stats::new(format, stats::Stats::new(by.iter().cloned()))))
            }
            Output::Export(ref wanted) => {
                let read = match &plan.input {
                    Input::File(path) | Input::Growing(path) => Some(path.as_path()),
                    Input::Stdin | Input::Live { .. } => None,
                };
                To::Export(Box::new(Export::new(wanted, read, reach)?))
            }
            Output::Follow(ref following) => match follow::printer(following) {
                Some(printer) => To::Printer(printer),
                None => To::Raw(Raw::new(following)),
            },
            Output::Page(style) => To::Printer(Box::new(Page::new(style, TimeZone::system()))),
            Output::Nothing => To::Nothing,
        };
        let packets = matches!(&plan.output, Output::Results(style) if style.packets);
        let selection = plan.display.clone().map(|filter| Selection::new(filter, packets));
        let redactor = plan.redact.then(|| match plan.output {
            Output::Follow(_) => Redactor::of_conversation(),
            _ => Redactor::default(),
        });
        let alone = if gains_by_thread(plan) { ALONE } else { 0 };
        let frames = (plan.saved == Saved::Frames).then(Vec::new);
        let until = plan.stop.until.clone().map(Until::new);
        Ok(Self { to, selection, redactor, until, frames, ahead, alone, out: Vec::new(), since: None })
    }

    pub(super) fn begin(&mut self, begin: &Begin) {
        match &mut self.to {
            To::Printer(printer) => printer.begin(begin, &mut self.out),
            To::Export(export) => export.begin(begin),
            To::Renderer(_) | To::Body(_) | To::Explain(_) | To::Raw(_) | To::Nothing => {}
        }
    }

    /// Takes note that nothing has come for a while.
    pub(super) fn idle(&mut self) {
        if let To::Printer(printer) = &mut self.to {
            printer.idle(&mut self.out);
        }
    }

    pub(super) fn end(&mut self, end: &End) -> io::Result<()> {
        self.join()?;
        match &mut self.to {
            To::Printer(printer) => printer.end(end, &mut self.out),
            To::Explain(explain) => explain.end(&mut self.out),
            To::Export(export) => export.end(end, &mut self.out),
            To::Raw(raw) => raw.end(&mut self.out),
            To::Renderer(_) | To::Body(_) | To::Nothing => {}
        }
        Ok(())
    }

    /// Takes note of when the first frames were captured.
    pub(super) fn takes(&mut self, first: Timestamp) {
        if let Some(selection) = &mut self.selection {
            selection.begins(first);
        }
        if let Some(until) = &mut self.until {
            until.begins(first);
        }
    }

    /// What the display filter holds for, if there is one.
    pub(super) fn selected(&self) -> Option<Selected> {
        self.selection.as_ref().map(Selection::selected)
    }

    /// Takes the numbers of the frames that are to be saved, in their order, where not all are.
    pub(super) fn take_frames(&mut self) -> Option<Vec<FrameNumber>> {
        self.frames.as_mut().map(mem::take)
    }

    /// Whether it is this frame that is explained.
    pub(super) fn explains(&self, frame: FrameNumber) -> bool {
        matches!(&self.to, To::Explain(explain) if explain.frame() == frame)
    }

    /// How the account stood before the frame that is explained, and after it.
    pub(super) fn account(&mut self, before: &Ledger, after: &Ledger) {
        if let To::Explain(explain) = &mut self.to {
            explain.account(before, after);
        }
    }

    /// Whether nothing more is wanted.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.to, To::Body(Body { end: Some(_), .. })) || self.until.as_ref().is_some_and(Until::is_met)
    }

    /// What the results lack of what was asked for.
    pub(super) fn lacks(&self) -> Option<String> {
        if let To::Printer(printer) = &self.to {
            return printer.lacks();
        }
        if let To::Explain(explain) = &self.to {
            let frame = explain.frame();
            return (!explain.is_found()).then(|| format!("there is no frame {frame} among those read"));
        }
        if let To::Raw(raw) = &self.to {
            return raw.lacks();
        }
        let To::Body(Body { stream, number, end }) = self.to else { return None };
        match end {
            None => Some(format!("there is no message {number} in stream {stream}")),
            Some((Integrity::Complete, _)) => None,
            Some((integrity, 0)) => Some(format!("message {stream}.{number} is not whole: {}", integrity.name())),
            Some((integrity, missing)) => {
                Some(format!("message {stream}.{number} is not whole: {}, {missing} bytes missing", integrity.name()))
            }
        }
    }

    /// Adds what later frames tell of a fragment.
    #[inline]
    fn look_ahead(&mut self, packet: &mut Packet<'_>) {
        let meta = &packet.decoded.meta;
        let waits = packet.decoded.fragment.is_some() && packet.decoded.missing == 0;
        if waits && (matches!(self.to, To::Printer(_)) || self.explains(meta.number)) {
            packet.reassembled_in = self.ahead.as_mut().and_then(|ahead| ahead.reassembled_in(meta));
        }
    }

    /// Writes if there is much, or if something has waited for longer than `wait` nanoseconds at `now`.
    #[inline]
    pub(super) fn gather(&mut self, now: Timestamp, wait: i64) -> Result<(), Failure> {
        match &mut self.to {
            To::Printer(_) if self.alone > 0 => {
                self.alone -= 1;
                if self.alone == 0 {
                    self.split();
                }
            }
            To::Renderer(renderer) if renderer.has_failed => self.join().map_err(Failure::Output)?,
            To::Export(export) => export.check()?,
            _ => {}
        }
        if self.out.is_empty() {
            return Ok(());
        }
        let since = *self.since.get_or_insert(now);
        if self.out.len() >= GATHERED || now.since(since) > wait { self.flush() } else { Ok(()) }
    }

    /// Moves the printer into a thread of its own, if there is one.
    fn split(&mut self) {
        self.to = match mem::replace(&mut self.to, To::Nothing) {
            To::Printer(printer) => match Renderer::start((printer, mem::take(&mut self.out)), write_out) {
                Ok(renderer) => To::Renderer(Box::new(renderer)),
                Err((printer, out)) => {
                    self.out = out;
                    To::Printer(printer)
                }
            },
            to => to,
        };
    }

    /// Takes the printer back.
    fn join(&mut self) -> io::Result<()> {
        match mem::replace(&mut self.to, To::Nothing) {
            To::Renderer(renderer) => {
                let ((printer, out), written) = renderer.finish();
                self.out = out;
                self.to = To::Printer(printer);
                written
            }
            to => {
                self.to = to;
                Ok(())
            }
        }
    }

    /// Writes what was gathered.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.since = None;
        match &mut self.to {
            To::Renderer(renderer) => renderer.hand_over(),
            To::Export(export) => export.check()?,
            To::Printer(_) | To::Body(_) | To::Explain(_) | To::Raw(_) | To::Nothing => {}
        }
        if self.out.is_empty() {
            return Ok(());
        }
        let written = write_out(&self.out);
        self.out.clear();
        written.map_err(Failure::Output)
    }
}

impl Sink for Results {
    fn event(&mut self, mut event: Event<'_>) {
        if self.until.as_mut().is_some_and(|until| until.takes(&event)) {
            return;
        }
        if let Event::Packet(packet) = &mut event {
            self.look_ahead(packet);
        }
        let shown = self.selection.as_mut().is_none_or(|selection| selection.shows(&event));
        let exported = matches!(self.to, To::Export(_));
        if let (Event::Packet(packet), Some(frames)) = (&event, self.frames.as_mut().filter(|_| shown)) {
            frames.push(packet.decoded.meta.number);
        }
        if !shown && !exported {
            if let Some(redactor) = &mut self.redactor {
                redactor.pass_over(&event);
            }
            if let (To::Printer(printer), Event::Message(message)) = (&mut self.to, &event) {
                printer.pass_over(message);
            }
            return;
        }
        let Self { to, out, redactor, .. } = self;
        match redactor {
            Some(redactor) => redactor.mask(event, |event| to.event(event, shown, out)),
            None => to.event(event, shown, out),
        }
    }
}

impl To {
    /// Takes an event that is shown, or that is not and may matter to an export.
    #[inline]
    fn event(&mut self, event: Event<'_>, shown: bool, out: &mut Vec<u8>) {
        match self {
            Self::Printer(printer) => printer.event(event, out),
            Self::Renderer(renderer) => renderer.event(event),
            Self::Body(body) => body.event(event, out),
            Self::Explain(explain) => explain.event(event, out),
            Self::Export(export) => export.event(event, shown),
            Self::Raw(raw) => raw.event(event, out),
            Self::Nothing => {}
        }
    }
}

impl Body {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Body { stream, number, bytes, .. } if (stream, number) == (self.stream, self.number) => {
                out.extend_from_slice(bytes);
            }
            Event::Message(told)
                if told.flow.transport == Transport::Tcp
                    && (told.flow.stream, told.message.number) == (self.stream, self.number) =>
            {
                self.end = Some((told.message.integrity, told.message.missing_bytes));
            }
            _ => {}
        }
    }
}

/// Writes to standard output, and waits until the system has it.
pub fn write_out(bytes: &[u8]) -> io::Result<()> {
    status::clear();
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}
