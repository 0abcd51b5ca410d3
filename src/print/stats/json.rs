//! Counts as records: `begin`, `connections`, a `count` for each value of each thing that is counted by, `end`.

use crate::event::Close;
use crate::print::json::{Json, Options};
use crate::print::number;
use crate::print::object::Object;
use crate::print::{Begin, End, Printer};
use crate::stats::Stats;
use crate::stats::durations::{Durations, PERCENTS};
use crate::stats::table::Row;

/// Writes them; the first and the last are those of the main job.
pub(super) struct Records(Json);

impl Default for Records {
    fn default() -> Self {
        Self(Json::new(Options { quiet: true, ..Options::default() }))
    }
}

impl Records {
    pub fn begin(&mut self, begin: &Begin, out: &mut Vec<u8>) {
        self.0.begin(begin, out);
    }

    pub fn end(&mut self, stats: &Stats, end: &End, out: &mut Vec<u8>) {
        record(out, "connections", |object| connections(object, stats, end));
        for breakdown in stats.breakdowns() {
            let by = breakdown.by.name();
            for of in breakdown.table.rows() {
                record(out, "count", |object| {
                    object.text("by", by);
                    object.text("value", &of.value);
                    row(object, of);
                });
            }
            if let Some(of) = breakdown.table.others() {
                record(out, "count", |object| {
                    object.text("by", by);
                    object.bool("others", true);
                    row(object, of);
                });
            }
        }
        self.0.end(end, out);
    }
}

fn record(out: &mut Vec<u8>, kind: &str, fill: impl FnOnce(&mut Object<'_>)) {
    Object::write(out, |object| {
        object.text("type", kind);
        fill(object);
    });
    out.push(b'\n');
}

fn row(object: &mut Object<'_>, row: &Row) {
    object.uint("messages", row.messages);
    object.uint("bytes", row.bytes);
    object.uint("errors", row.errors);
    object.uint("incomplete", row.incomplete);
    if row.connections > 0 {
        object.uint("connections", row.connections);
    }
    times(object, "time", &row.times);
}

fn connections(object: &mut Object<'_>, stats: &Stats, end: &End) {
    let connections = &stats.connections;
    if let Some((first, last)) = end.totals.span {
        number::seconds(object.key("capture_duration"), last.since(first));
    }
    object.uint("connections", connections.count);
    object.object("opened", |object| {
        object.uint("handshake", connections.handshakes);
        object.uint("unanswered", connections.unanswered);
        object.uint("midway", connections.midway);
    });
    object.object("closed", |object| {
        Close::ALL.iter().zip(connections.closes).for_each(|(close, count)| object.uint(close.name(), count));
    });
    object.uint("segments", connections.segments);
    object.uint("bytes", connections.bytes);
    object.object("flags", |object| connections.flags().for_each(|(flag, count)| object.uint(flag.name(), count)));
    times(object, "initial_rtt", &connections.initial_rtt);
    times(object, "duration", &connections.duration);
}

/// Spans in seconds; nothing where there were none.
fn times(object: &mut Object<'_>, key: &str, durations: &Durations) {
    let Some(summary) = durations.summary() else { return };
    object.object(key, |object| {
        object.uint("count", summary.count);
        number::seconds(object.key("min"), summary.min);
        for (percent, nanos) in PERCENTS.into_iter().zip(summary.percentiles) {
            number::seconds(object.key(&format!("p{percent}")), nanos);
        }
        number::seconds(object.key("max"), summary.max);
        object.bool("exact", summary.exact);
    });
}
