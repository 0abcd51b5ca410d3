//! JSON: one object, with every capture, rule and piece of evidence.

use serde_json::{Map, Value, json};

use super::{Graded, Report, rounded};
use crate::check::evaluate::Outcome;
use crate::check::evaluate::evidence::{self, Evidence, Term};
use crate::check::rules::model::Rule;
use crate::filter::Decision;
use crate::print::json::escaped;

/// Version of the report's form.
const VERSION: u64 = 1;

pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    let captures: Vec<Value> = report.captures.iter().map(|graded| capture(report, graded)).collect();
    let mut object = Map::new();
    object.insert("report".into(), VERSION.into());
    object.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    if let Some(title) = &report.rules.title {
        object.insert("title".into(), title.as_str().into());
    }
    object.insert("captures".into(), captures.into());
    // A value of strings and numbers can always be written.
    escaped(&serde_json::to_string_pretty(&object).unwrap_or_default(), out);
    out.push(b'\n');
}

fn capture(report: &Report<'_>, graded: &Graded) -> Value {
    let score = report.score(graded);
    let mut object = json!({
        "capture": graded.capture,
        "verdict": graded.word(),
        "score": rounded(score.earned),
        "max_score": rounded(score.most),
        "undecided_score": rounded(score.open),
        "seconds": graded.took.as_secs_f64(),
    });
    match &graded.outcomes {
        Err(reason) => object["error"] = reason.as_str().into(),
        Ok(_) => {
            let rules = report.outcomes(graded).map(|(rule, outcome)| self::rule(report, rule, outcome));
            object["rules"] = rules.collect();
        }
    }
    if let Some(cut) = &graded.cut {
        object["cut"] = cut.as_str().into();
    }
    object
}

fn rule(report: &Report<'_>, rule: &Rule, outcome: &Outcome) -> Value {
    let mut object = json!({
        "name": rule.name,
        "verdict": outcome.verdict.name(),
        "max_score": rounded(rule.points),
        "reason": outcome.reason,
        "chosen": outcome.chosen,
        "held": outcome.held,
        "evidence": outcome.evidence.iter().map(evidence).collect::<Vec<_>>(),
    });
    if let Some(points) = report.points(rule, outcome) {
        object["score"] = rounded(points).into();
    }
    if !outcome.doubts.is_empty() {
        object["missing"] = outcome.doubts.clone().into();
    }
    let texts = [("title", &rule.title), ("number", &rule.number), ("hint", &rule.hint)];
    for (key, text) in texts {
        if let Some(text) = text {
            object[key] = text.as_str().into();
        }
    }
    if !rule.tags.is_empty() {
        object["tags"] = rule.tags.clone().into();
    }
    object
}

fn evidence(evidence: &Evidence) -> Value {
    let mut object = json!({
        "what": evidence.what,
        "holds": decision(evidence.holds),
        "frames": evidence.frames,
        "frame_count": evidence.frame_count,
        "tests": evidence.terms.iter().map(term).collect::<Vec<_>>(),
    });
    if let Some(stream) = evidence.stream {
        object["stream"] = stream.into();
    }
    if !evidence.messages.is_empty() {
        object["messages"] = evidence.messages.clone().into();
    }
    if let Some((offset, len)) = evidence.bytes {
        object["bytes"] = json!({ "offset": offset, "len": len });
    }
    object
}

fn term(term: &Term) -> Value {
    json!({
        "expected": term.expected,
        "holds": decision(term.decision),
        "found": term.found.iter().map(value).collect::<Vec<_>>(),
    })
}

fn value(value: &evidence::Value) -> Value {
    let mut object = json!({ "field": value.field, "values": value.values, "complete": value.complete });
    if value.more > 0 {
        object["more"] = value.more.into();
    }
    if let Some((offset, len)) = value.at {
        object["at"] = json!({ "offset": offset, "len": len });
    }
    if let Some(frame) = value.frame {
        object["frame"] = frame.into();
    }
    object
}

/// True, false, or null where it is not known.
fn decision(decision: Decision) -> Value {
    match decision {
        Decision::Yes => true.into(),
        Decision::No => false.into(),
        Decision::Unknown => Value::Null,
    }
}
