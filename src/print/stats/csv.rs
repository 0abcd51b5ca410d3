//! Counts as comma-separated values: a line for each value of each thing that is counted by. Times are in seconds.

use crate::print::csv::line;
use crate::print::number;
use crate::stats::Stats;
use crate::stats::durations::Durations;
use crate::stats::table::Row;

const TITLES: [&str; 15] = [
    "by",
    "value",
    "messages",
    "bytes",
    "errors",
    "incomplete",
    "connections",
    "times",
    "min",
    "p50",
    "p90",
    "p95",
    "p99",
    "max",
    "exact",
];

pub(super) fn write(stats: &Stats, out: &mut Vec<u8>) {
    line(TITLES, out);
    for breakdown in stats.breakdowns() {
        let row = |row: &Row, value: &str| {
            let counts = [row.messages, row.bytes, row.errors, row.incomplete, row.connections];
            let cells = [breakdown.by.name().to_owned(), value.to_owned()];
            cells.into_iter().chain(counts.map(|count| count.to_string())).chain(times(&row.times)).collect::<Vec<_>>()
        };
        let rows = breakdown.table.rows();
        rows.iter().for_each(|of| line(row(of, &String::from_utf8_lossy(&of.value)), out));
        breakdown.table.others().iter().for_each(|of| line(row(of, "(others)"), out));
    }
    let connections = &stats.connections;
    for (name, durations) in [("initial_rtt", &connections.initial_rtt), ("duration", &connections.duration)] {
        let cells = ["connection", name, "", "", "", "", ""].map(str::to_owned);
        line(cells.into_iter().chain(times(durations)), out);
    }
}

/// How many, and the cells of the percentiles.
fn times(durations: &Durations) -> Vec<String> {
    let Some(summary) = durations.summary() else {
        return ["0", "", "", "", "", "", "", ""].map(str::to_owned).to_vec();
    };
    let seconds = |nanos: i64| {
        let mut text = Vec::new();
        number::seconds(&mut text, nanos);
        String::from_utf8(text).unwrap_or_default()
    };
    let spans = [summary.min].into_iter().chain(summary.percentiles).chain([summary.max]);
    [summary.count.to_string()].into_iter().chain(spans.map(seconds)).chain([summary.exact.to_string()]).collect()
}
