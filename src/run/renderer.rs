//! A printer in a thread of its own: events are copied, gathered and handed over.

use std::io;
use std::mem;
use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};

use super::batch::Batch;
use super::results::GATHERED;
use crate::event::Event;
use crate::print::Printer;

/// How many batches may wait to be rendered: enough for work that comes in bursts.
const WAITING: usize = 2;

/// A printer with what it printed, not yet written.
pub(super) type Printed = (Box<dyn Printer>, Vec<u8>);

/// The other thread, as seen from the one that has the events.
pub(super) struct Renderer {
    batch: Batch,
    batches: SyncSender<Batch>,
    /// Those that were rendered, whose storage is used again.
    rendered: Receiver<Batch>,
    thread: JoinHandle<(Printed, io::Result<()>)>,
    /// Whether the thread takes no more, because it could not write.
    pub has_failed: bool,
}

impl Renderer {
    /// Moves the printer into a thread that writes by `write`; gives it back where the system has no thread to give.
    pub(super) fn start(
        printed: Printed,
        write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> Result<Self, Printed> {
        let (batches, to_render) = sync_channel(WAITING);
        let (back, rendered) = sync_channel(WAITING + 1);
        let (moved, arrived) = sync_channel(1);
        let run = move || {
            let printed = arrived.recv().expect("it is sent where the thread is there");
            render(printed, write, &to_render, &back)
        };
        match thread::Builder::new().name("render".into()).spawn(run) {
            Ok(thread) => {
                let _ = moved.send(printed);
                Ok(Self { batch: Batch::default(), batches, rendered, thread, has_failed: false })
            }
            Err(_) => Err(printed),
        }
    }

    /// Takes an event, and hands over what was gathered if that is much.
    pub(super) fn event(&mut self, event: Event<'_>) {
        self.batch.push(event);
        if self.batch.is_full() {
            self.hand_over();
        }
    }

    /// Has all that was gathered rendered and written.
    pub(super) fn hand_over(&mut self) {
        if !self.batch.is_empty() {
            let next = self.rendered.try_recv().unwrap_or_default();
            self.has_failed |= self.batches.send(mem::replace(&mut self.batch, next)).is_err();
        }
    }

    /// Waits for the end of the thread, and tells whether it could write.
    pub(super) fn finish(mut self) -> (Printed, io::Result<()>) {
        self.hand_over();
        drop(self.batches);
        self.thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    }
}

fn render(
    (mut printer, mut out): Printed,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
    batches: &Receiver<Batch>,
    back: &SyncSender<Batch>,
) -> (Printed, io::Result<()>) {
    let mut written = Ok(());
    while written.is_ok() {
        let batch = match batches.try_recv() {
            // Nothing that is known waits for more to come.
            Err(TryRecvError::Empty) => {
                written = write_all(&mut out, &mut write);
                batches.recv().ok()
            }
            batch => batch.ok(),
        };
        let Some(mut batch) = batch else { break };
        batch.replay(|event| printer.event(event, &mut out));
        batch.clear();
        // A batch that does not come back is not missed.
        let _ = back.try_send(batch);
        if out.len() >= GATHERED {
            written = write_all(&mut out, &mut write);
        }
    }
    ((printer, out), written)
}

fn write_all(out: &mut Vec<u8>, write: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let written = if out.is_empty() { Ok(()) } else { write(out) };
    out.clear();
    written
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::print::json::{Json, Options};
    use crate::run::batch::samples;

    fn json() -> Box<dyn Printer> {
        Box::new(Json::new(Options { hash: true, quiet: false }))
    }

    #[test]
    fn output_is_the_same_however_events_are_handed_over() {
        for every in [1, 3, usize::MAX] {
            let (mut here, mut out) = (json(), Vec::new());
            let there = Arc::new(Mutex::new(Vec::new()));
            let written = Arc::clone(&there);
            let write = move |bytes: &[u8]| {
                written.lock().unwrap().extend_from_slice(bytes);
                Ok(())
            };
            let mut renderer = Renderer::start((json(), Vec::new()), write).ok().unwrap();
            let mut count = 0;
            samples(|event| {
                here.event(event, &mut out);
                renderer.event(event);
                count += 1;
                if count % every == 0 {
                    renderer.hand_over();
                }
            });
            let ((_, rest), result) = renderer.finish();
            assert!(result.is_ok());
            assert!(!out.is_empty());
            assert!([&there.lock().unwrap()[..], &rest].concat() == out);
        }
    }

    #[test]
    fn what_cannot_be_written_ends_it() {
        let write = |_: &[u8]| Err(io::ErrorKind::BrokenPipe.into());
        let mut renderer = Renderer::start((json(), Vec::new()), write).ok().unwrap();
        while !renderer.has_failed {
            samples(|event| renderer.event(event));
            renderer.hand_over();
        }
        assert_eq!(renderer.finish().1.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
