//! Whether what the values of a field need was captured.

use super::vocabulary::Needs;
use crate::app::http1::Http;
use crate::app::http1::framing::{Framing, framing};
use crate::app::message::{Integrity, Kind};
use crate::check::trace::{Held, Kept, Trace};
use crate::event::Close;
use crate::field::Value;
use crate::filter::Coverage;
use crate::issue::{Issue, IssueSet};

/// Issues that losses of the capture bring about.
const OF_THE_CAPTURE: IssueSet = {
    let mut set = IssueSet::EMPTY;
    let all = [
        Issue::Gap,
        Issue::Truncated,
        Issue::Unfinished,
        Issue::PairingUncertain,
        Issue::LateData,
        Issue::BufferFull,
        Issue::Undecodable,
        Issue::OverlapConflict,
        Issue::DecompressionFailed,
        Issue::MissingBlankLine,
        Issue::ExcessData,
    ];
    let mut at = 0;
    while at < all.len() {
        set.insert(all[at]);
        at += 1;
    }
    set
};

/// Of values, whether these are all.
pub fn coverage(complete: bool) -> Coverage {
    if complete { Coverage::Complete } else { Coverage::Incomplete }
}

/// Whether what is needed of a message was captured.
pub fn knows(trace: &Trace, kept: &Kept, needs: Needs) -> bool {
    let message = &kept.message;
    let is_cut = matches!(message.integrity, Integrity::Gap | Integrity::Truncated | Integrity::Unfinished);
    let head = || message.http().is_none_or(|http| http.nine || http.parsed.complete) || !is_cut;
    let all = || {
        let ends =
            !is_until_close(trace, kept) || held(trace, kept).is_some_and(|held| held.known.ends[message.side & 1]);
        !is_cut && message.missing_bytes == 0 && ends
    };
    match needs {
        Needs::Nothing => true,
        Needs::StartLine => head() || message.http().is_some_and(|http| http.raw.contains(&b'\n')),
        Needs::Head => head(),
        Needs::All => all(),
        Needs::Frames | Needs::Issues => all() && kept.certain && is_whole(trace, kept),
        Needs::Side => {
            // Whether bytes are in excess, or belong to what was agreed to follow, is said by the other side.
            let excess = message.issues.contains(Issue::ExcessData);
            let is_side_whole = |held: &Held| held.known.sides[message.side & 1];
            all() && kept.certain && held(trace, kept).is_none_or(is_side_whole) && (!excess || is_whole(trace, kept))
        }
        Needs::Before => kept.certain,
        Needs::Connection => kept.certain && held(trace, kept).is_none_or(|held| !held.known.lossy),
        Needs::Capture => !trace.may_precede(message.segments.first_frame()),
        Needs::Pair => kept.certain && is_whole(trace, kept),
    }
}

/// Issues of the message. What its frames lack is an issue of the capture; where they lack something, it is not
/// known what else there would be.
pub fn issues(trace: &Trace, kept: &Kept, put: &mut dyn FnMut(Value<'_>)) -> Coverage {
    let whole = knows(trace, kept, Needs::Frames);
    let mut issues = kept.message.issues;
    if !whole {
        issues = issues.iter().filter(|issue| (*issue as u8) > Issue::BadIpChecksum as u8).collect();
        issues = issues.without(OF_THE_CAPTURE);
        if !knows(trace, kept, Needs::Head) {
            issues = IssueSet::EMPTY;
        }
    }
    issues.iter().for_each(|issue| put(Value::Text(issue.name().as_bytes())));
    coverage(whole)
}

fn held<'t>(trace: &'t Trace, kept: &Kept) -> Option<&'t Held> {
    trace.connections.get(kept.connection?)
}

/// Whether no doubt is about the connection of this message, nor about the capture where it is on none.
fn is_whole(trace: &Trace, kept: &Kept) -> bool {
    match held(trace, kept) {
        Some(held) => held.known.whole,
        None => trace.doubts.is_empty(),
    }
}

/// Whether its body ends with the connection.
fn is_until_close(trace: &Trace, kept: &Kept) -> bool {
    let Some(http) = kept.message.http().filter(|_| kept.message.kind == Kind::Response) else { return false };
    let request = kept.pair.and_then(|at| trace.messages.get(at)).and_then(|request| request.message.http());
    let method = request.and_then(|request| request.head().method());
    http.nine || framing(http.head(), method).0 == Framing::UntilClose
}

/// Whether what a field of a connection needs was captured.
pub fn knows_of_connection(held: &Held, name: &str) -> bool {
    let connection = &held.connection;
    let whole = held.known.whole;
    let both_end = held.known.ends == [true; 2];
    match name {
        "connection.client_known" => connection.flow.client.is_some(),
        _ if name.starts_with("connection.client.") || name.starts_with("connection.server.") => {
            connection.flow.client.is_some()
        }
        // That a segment was not captured does not say that it was not sent.
        "connection.handshake.syn" => connection.handshake[0],
        "connection.handshake.syn_ack" => connection.handshake[1],
        "connection.handshake.ack" => connection.handshake[2],
        "connection.close" => matches!(connection.close, Close::Fin) || connection.close == Close::Rst && whole,
        "connection.initial_rtt" => connection.handshake == [true; 3] && whole,
        "connection.protocol" => connection.http || whole && both_end,
        _ => whole && both_end,
    }
}

/// Whether all of its body was kept.
pub fn is_body_kept(kept: &Kept) -> bool {
    let kept_all = |http: &Http| http.preview.len() as u64 == http.decoded_len.unwrap_or(http.body_len);
    !kept.bodiless && kept.message.http().is_none_or(kept_all)
}
