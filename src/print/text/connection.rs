//! A connection that has ended, in one line; its issues below.

use super::message::issues;
use super::{Last, Text, put_ends, put_stream, tls};
use crate::event::{Close, Connection};
use crate::print::style::{self, HEADING, PLAIN};
use crate::print::time::Span;

impl Text {
    /// Writes a connection, unless its messages said it all.
    pub(super) fn connection(&mut self, connection: &Connection, out: &mut Vec<u8>) {
        let told = connection.http && connection.other_bytes == 0 && connection.issues.is_empty();
        if told && self.options.verbose == 0 {
            return;
        }
        let client = connection.flow.client.unwrap_or(0);
        let [sent, got] = [client, 1 - client].map(|end| &connection.directions[end]);
        let mut pen = self.pen(Last::Line, out);
        pen.indent.column = 4;
        pen.styled(HEADING, |pen| {
            put_stream(pen, &connection.flow);
            pen.push("  ");
            match connection.protocol {
                None if connection.http => pen.push("HTTP"),
                Some(protocol) if connection.http => pen.put(format_args!("HTTP, then {protocol}")),
                Some(protocol) => pen.put(format_args!("{protocol}")),
                None if sent.bytes + got.bytes == 0 => pen.push("no data"),
                None => pen.push("unknown protocol"),
            }
        });
        put_ends(&mut pen, connection.flow.ends[client], connection.flow.ends[1 - client]);
        for (arrow, direction) in [('→', sent), ('←', got)] {
            let (bytes, segments) = (direction.bytes, direction.segments);
            pen.piece(|pen| pen.put(format_args!("{arrow} {bytes} B in {segments} segments")));
        }
        if connection.other_bytes > 0 && connection.http {
            pen.piece(|pen| pen.put(format_args!("{} B in no message", connection.other_bytes)));
        }
        let (first, last) = (connection.first, connection.last);
        pen.piece(|pen| pen.put(format_args!("frames {}-{}", first.1, last.1)));
        pen.piece(|pen| Span(last.0.since(first.0)).put(pen));
        pen.piece(|pen| pen.text(PLAIN, opening(connection.handshake)));
        pen.piece(|pen| pen.text(PLAIN, closing(connection.close)));
        if connection.initial_rtt > 0 && self.options.verbose > 0 {
            pen.piece(|pen| {
                pen.push("initial RTT ");
                Span(connection.initial_rtt).put(pen);
            });
        }
        for (arrow, direction) in [('→', sent), ('←', got)] {
            for (flag, count) in direction.flags.iter() {
                pen.piece(|pen| {
                    pen.styled(style::of(flag.severity()), |pen| pen.put(format_args!("{arrow} {count} {flag}")));
                });
            }
        }
        pen.end_line();
        if let Some(facts) = &connection.tls {
            tls::write_facts(&mut pen, facts, client);
        }
        issues(&mut pen, connection.issues);
    }
}

/// How it was opened, as far as that was captured.
const fn opening(handshake: [bool; 3]) -> &'static str {
    match handshake {
        [true, true, true] => "handshake whole",
        [false, false, false] => "joined midway",
        [true, false, _] => "SYN not answered",
        [true, true, false] => "handshake not finished",
        [false, true, _] => "SYN not captured",
        [false, false, true] => "handshake not captured",
    }
}

const fn closing(close: Close) -> &'static str {
    match close {
        Close::Fin => "closed by FIN",
        Close::Rst => "closed by RST",
        Close::Open => "open at the end",
        Close::Forgotten => "forgotten when the table was full",
        Close::Reused => "its ports were used again",
    }
}
