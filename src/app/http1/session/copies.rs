//! What is learnt of a message's bytes after they were had: copies of them, and bytes that came too late.

use super::Session;
use crate::app::ledger::Class;
use crate::app::message::{Kind, Update};
use crate::app::{Context, Output};
use crate::issue::{Issue, IssueSet};
use crate::tcp::SegmentRef;
use crate::tcp::reassembly::Compared;

impl Session {
    /// A copy of bytes of a direction.
    pub fn copy(&mut self, at: usize, segment: SegmentRef, compared: Compared, cx: &mut Context<'_>) {
        let mut issues = segment.flags.issues();
        if let Compared::Conflict(damaged) = compared {
            issues.insert(Issue::OverlapConflict);
            if damaged.is_some() {
                issues.insert(Issue::BadChecksum);
            }
        }
        self.learn(at, segment, issues, cx);
    }

    /// Bytes of a gap that was handed on as such.
    pub fn late(&mut self, at: usize, segment: SegmentRef, cx: &mut Context<'_>) {
        let mut issues = segment.flags.issues();
        issues.insert(Issue::LateData);
        let met = self.learn(at, segment, issues, cx);
        let class = if met {
            Class::Message
        } else if self.recognised {
            Class::Undecodable
        } else {
            Class::Other
        };
        cx.ledger.add(class, u64::from(segment.len));
    }

    /// Adds a segment and what it tells to the messages whose bytes it has; whether there are any.
    fn learn(&mut self, at: usize, segment: SegmentRef, issues: IssueSet, cx: &mut Context<'_>) -> bool {
        let end = segment.offset + u64::from(segment.len);
        let clip = |from: u64, to: u64| SegmentRef {
            offset: segment.offset.max(from),
            len: (end.min(to) - segment.offset.max(from)) as u32,
            ..segment
        };
        let side = &mut self.sides[at];
        let mut foreign = self.foreign.as_mut().and_then(|foreign| foreign.protocol.as_mut());
        let mut met = foreign.as_mut().is_some_and(|foreign| foreign.learn(at, segment, issues, cx));
        if let Some(message) = side.message.as_deref_mut().or(foreign.and_then(|foreign| foreign.under_way(at)))
            && segment.offset < message.end()
            && end > message.start
        {
            let (from, to) = (message.start, message.end());
            message.issues = message.issues.union(issues);
            message.segments.add(&clip(from, to));
            met = true;
        }
        let past: Vec<_> = side.past_from(segment.offset).filter(|past| past.start < end).collect();
        let kind = side.role.unwrap_or(Kind::Request);
        for past in past {
            let update = Update {
                number: past.number,
                side: at,
                kind,
                start: past.start,
                issues: issues.without(side.issues_of(past.number)),
                segment: Some(clip(past.start, past.end)),
            };
            side.add_issues(past.number, issues);
            met = true;
            (cx.out)(Output::Update(update));
        }
        met
    }
}
