//! Where messages begin, go on and end among the bytes of a turn.

use super::Teller;
use super::turn::{Place, Title};
use crate::app::message::{Integrity, Message};
use crate::print::pen::Pen;
use crate::print::style::HEADING;

/// Messages under way of which it is known that they are marked: more than HTTP/2 has streams open at a time, as a rule.
const MAX_MARKED: usize = 4096;

/// What is remembered of a message that has ended, until its bytes are told.
pub struct EndedMessage {
    side: usize,
    pub number: u32,
    start: u64,
    pub title: Title,
    /// Where it goes on after bytes of others.
    resumed: Vec<u64>,
    pub integrity: Integrity,
}

impl Teller {
    /// Takes note of a message that has ended.
    pub(super) fn message(&mut self, message: &Message) {
        let title = self.title_of(message, true);
        let Message { side, number, start, integrity, .. } = *message;
        self.ended.push(EndedMessage { side, number, start, title, resumed: resumed(message), integrity });
    }

    fn title_of(&self, message: &Message, named: bool) -> Title {
        Title::new(message, named, self.options.width, self.options.color)
    }

    /// Marks where messages begin in the turn, and where one ends that is not whole.
    pub(super) fn mark_messages(&mut self, side: usize, under_way: Option<&Message>, out: &mut Vec<u8>) {
        let ended = std::mem::take(&mut self.ended).into_iter();
        let (ended, others): (Vec<_>, Vec<_>) = ended.partition(|ended| ended.side == side);
        self.ended = others;
        for ended in ended {
            let marked = self.marked.remove(&ended.number);
            if !marked {
                self.mark_start(ended.side, ended.start, &ended.title);
            }
            let title = ended.title.going_on();
            for start in &ended.resumed {
                self.mark_start(ended.side, *start, &title);
            }
            if self.under_way[ended.side].as_ref().is_some_and(|(start, _)| *start == ended.start) {
                self.under_way[ended.side] = None;
            }
            if ended.integrity != Integrity::Complete {
                self.not_whole(&ended, out);
            }
        }
        let Some(message) = under_way.filter(|message| message.number > 0) else { return };
        if self.marked.contains(&message.number) {
            return;
        }
        let is_known = message.http().is_some_and(|http| http.parsed.complete);
        let title = self.title_of(message, is_known);
        if is_known {
            self.mark_start(side, message.start, &title);
            self.remember(message.number);
        } else {
            self.under_way[side] = Some((message.start, title));
        }
    }

    fn remember(&mut self, number: u32) {
        if self.marked.len() >= MAX_MARKED {
            self.marked.clear();
        }
        self.marked.insert(number);
    }

    /// Marks where a message begins: in the heading of the turn, if that begins with it.
    pub(super) fn mark_start(&mut self, side: usize, start: u64, title: &Title) {
        let (width, color, bar) = (self.options.width, self.options.color, self.who(side).style());
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.side == side) else { return };
        match turn.position(start) {
            Some(0) if !turn.headed => turn.title = Some(title.clone()),
            Some(position) => {
                let mut lines = Vec::new();
                let mut pen = Pen::new(&mut lines, width, color);
                pen.text(bar, "├ ");
                pen.styled(HEADING, |pen| title.put(pen));
                pen.end_line();
                turn.mark(position, Place::Here, lines);
            }
            None => {}
        }
    }
}

/// Where a message goes on after bytes of others, as those of HTTP/2 do; nowhere where bytes of it are missing, or not
/// all of its segments are kept.
fn resumed(message: &Message) -> Vec<u64> {
    let kept = message.segments.kept();
    if message.missing_bytes > 0 || kept.len() as u64 != message.segments.count() {
        return Vec::new();
    }
    let mut runs: Vec<_> = kept.iter().map(|run| (run.offset, run.offset + u64::from(run.len))).collect();
    runs.sort_unstable();
    let breaks = runs.windows(2).filter(|pair| pair[0].1 < pair[1].0);
    breaks.map(|pair| pair[1].0).collect()
}
