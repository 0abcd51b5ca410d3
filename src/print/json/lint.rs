//! Findings of lints, and the lints themselves, as records.

use super::plan::Plans;
use super::time;
use super::writer::{Object, array, text};
use crate::check::lint::{Finding, Findings, Lint};
use crate::issue::Severity;
use crate::print::number::{self, uint};
use crate::print::time::Seconds;

/// Writes records of lints.
#[derive(Default)]
pub struct Lints {
    plans: Plans,
    clock: Seconds,
}

impl Lints {
    /// A finding, of the type `finding`.
    pub fn finding(&mut self, finding: &Finding, out: &mut Vec<u8>) {
        let mut object = Object::new(out, &self.plans, "finding");
        object.text("lint", finding.lint.name);
        object.text("severity", finding.severity.name());
        object.text("title", finding.lint.title);
        object.text("section", finding.lint.section);
        object.text("help", finding.lint.help);
        if let Some(at) = finding.time {
            time(object.key("time"), &mut self.clock, at);
        }
        object.uint("tcp.stream", finding.stream);
        if let Some([src, dst]) = finding.ends {
            object.text("src", &src.to_string());
            object.text("dst", &dst.to_string());
        }
        if let Some((number, kind)) = finding.message {
            object.uint("message.number", number.into());
            object.text("message.kind", kind.name());
            if let Some(offset) = finding.offset {
                object.uint("message.offset", offset);
            }
        }
        if let Some(frame) = finding.frame {
            object.uint("frame.number", frame);
            if let Some(offset) = finding.frame_offset {
                object.uint("frame.offset", offset);
            }
        }
        if let Some(excerpt) = &finding.excerpt {
            object.uint("line.offset", excerpt.offset);
            text(object.key("line.text"), &excerpt.bytes);
            let hex = object.key("line.bytes");
            hex.push(b'"');
            number::bytes(hex, &excerpt.bytes);
            hex.push(b'"');
            array(object.key("line.mark"), [excerpt.mark.start, excerpt.mark.end], |out, at| uint(out, at as u64));
        }
        if let Some(found) = &finding.found {
            object.text("found", found);
        }
        if let Some(expected) = &finding.expected {
            object.text("expected", expected);
        }
        if finding.more > 0 {
            object.uint("more", finding.more.into());
        }
        object.end();
        out.push(b'\n');
    }

    /// How many findings there were, of the type `findings`.
    pub fn summary(&mut self, findings: &Findings, out: &mut Vec<u8>) {
        let mut object = Object::new(out, &self.plans, "findings");
        for (name, severity) in [
            ("count.error", Severity::Error),
            ("count.warn", Severity::Warn),
            ("count.note", Severity::Note),
            ("count.chat", Severity::Chat),
        ] {
            object.uint(name, findings.of_severity(severity));
        }
        object.uint("left_out", findings.left_out().map(|(_, count)| count).sum());
        object.end();
        out.push(b'\n');
    }

    /// A lint, of the type `lint`.
    pub fn lint(&mut self, lint: &Lint, out: &mut Vec<u8>) {
        let mut object = Object::new(out, &self.plans, "lint");
        for (name, value) in [
            ("name", lint.name),
            ("severity", lint.severity.name()),
            ("section", lint.section),
            ("title", lint.title),
            ("help", lint.help),
            ("explanation", lint.explanation),
        ] {
            object.text(name, value);
        }
        if let Some(issue) = lint.issue {
            object.text("issue", issue.name());
        }
        object.array("httpolice", lint.httpolice, |out, number| uint(out, (*number).into()));
        object.end();
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::app::message::Kind;
    use crate::check::lint::{self, Excerpt};
    use crate::frame::Timestamp;

    #[test]
    fn a_finding_is_a_record() {
        let finding = Finding {
            lint: lint::find("bare-lf").unwrap(),
            severity: Severity::Error,
            stream: 3,
            ends: None,
            message: Some((1, Kind::Request)),
            frame: Some(4),
            time: Some(Timestamp(1_500_000_000)),
            offset: Some(31),
            frame_offset: Some(85),
            excerpt: Some(Excerpt {
                offset: 16,
                bytes: b"X: \xff\n".to_vec(),
                mark: 4..5,
                cut_before: false,
                cut_after: false,
            }),
            found: Some("LF".into()),
            expected: None,
            more: 2,
        };
        let mut out = Vec::new();
        Lints::default().finding(&finding, &mut out);
        assert!(out.starts_with(br#"{"type":"finding","lint":"bare-lf","severity":"error","#) && out.ends_with(b"}\n"));
        let record: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(record["frame"], json!({ "number": 4, "offset": 85 }));
        assert_eq!(record["message"], json!({ "number": 1, "kind": "request", "offset": 31 }));
        let line = json!({ "offset": 16, "text": "X: \u{fffd}\n", "bytes": "583a20ff0a", "mark": [4, 5] });
        assert_eq!(record["line"], line);
        assert_eq!((&record["time"], &record["more"]), (&json!("1970-01-01T00:00:01.500000000Z"), &json!(2)));
    }
}
