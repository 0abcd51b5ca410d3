//! A rendition of the fields of a block in the form that HTTP/1 has, so that what reads messages reads these.

use super::hpack::Line;
use crate::app::http1::Http;
use crate::app::http1::head::{FieldLine, Head, Span, StartLine, Version};
use crate::app::http1::name::Name;
use crate::app::http1::syntax::is_token;
use crate::issue::{Issue, IssueSet};

/// What stands for a name that is not known in the rendition; no name is so.
pub const UNKNOWN: &[u8] = b"?";

/// Fields that are of HTTP/1 connections alone (RFC 9113 8.2.2).
const OF_CONNECTION: [&[u8]; 5] = [b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"];

/// The pseudo-header fields that there are (RFC 9113 8.3, RFC 8441 4).
const PSEUDO: [&[u8]; 6] = [b":method", b":scheme", b":authority", b":path", b":status", b":protocol"];

/// The fields of one block.
#[derive(Default)]
pub struct Fields {
    pseudo: Vec<(Vec<u8>, Vec<u8>)>,
    /// The lines of the others, and where they are in it.
    bytes: Vec<u8>,
    lines: Vec<FieldLine>,
    unknown: u32,
    issues: IssueSet,
}

impl Fields {
    /// Adds the next one.
    pub fn add(&mut self, line: Line<'_>) {
        self.unknown += u32::from(line.name.is_none() || line.value.is_none());
        let (name, value) = (line.name.unwrap_or(UNKNOWN), line.value.unwrap_or_default());
        if name.starts_with(b":") {
            // Names that are compared with it are known and differ: they are few, however many a block has.
            if !self.issues.contains(Issue::BadPseudoField)
                && (!self.lines.is_empty()
                    || !PSEUDO.contains(&name)
                    || self.pseudo.iter().any(|(before, _)| before == name))
            {
                self.issues.insert(Issue::BadPseudoField);
            }
            return self.pseudo.push((name.into(), value.into()));
        }
        if line.name.is_some() {
            self.judge(name, value);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(b": ");
        let value_start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        let known = if line.name.is_some() { Name::of(name) } else { Name::Other };
        let name = Span::new(start, start + line.name.map_or(0, <[u8]>::len));
        self.lines.push(FieldLine { name, value: Span::new(value_start, self.bytes.len()), known });
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn judge(&mut self, name: &[u8], value: &[u8]) {
        if !is_token(name) || name.iter().any(u8::is_ascii_uppercase) {
            self.issues.insert(Issue::BadHeaderName);
        }
        if value.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r')) {
            self.issues.insert(Issue::InvalidByte);
        }
        if value.iter().any(|byte| *byte >= 0x80) {
            self.issues.insert(Issue::ObsText);
        }
        if OF_CONNECTION.contains(&name) || name == b"te" && value != b"trailers" {
            self.issues.insert(Issue::ConnectionField);
        }
    }

    fn of_pseudo(&self, name: &[u8]) -> Option<&[u8]> {
        self.pseudo.iter().find(|(own, _)| own == name).map(|(_, value)| &value[..])
    }

    /// Whether they are those of a request, or of a response, as far as they tell.
    pub fn is_request(&self) -> Option<bool> {
        if self.of_pseudo(b":status").is_some() {
            return Some(false);
        }
        (!self.pseudo.is_empty()).then_some(true)
    }

    /// Makes them the head of a message: a start line, the pseudo-header fields that it does not say, the others.
    /// `whole` where all of them are there.
    pub fn into_head(self, http: &mut Http, whole: bool) -> IssueSet {
        let mut issues = self.issues;
        let mut part = http.http2.take().unwrap_or_default();
        let Http { raw, parsed, .. } = http;
        part.unknown = self.unknown;
        raw.clear();
        parsed.clear();
        let has_start = if self.is_request() == Some(false) {
            self.status_line(raw, parsed)
        } else {
            self.request_line(raw, parsed)
        };
        if !has_start && whole && self.unknown == 0 || !self.are_known_pseudo() {
            issues.insert(Issue::BadPseudoField);
        }
        for (name, value) in self.pseudo.iter().filter(|(name, _)| !is_of_start_line(name)) {
            put(raw, name);
            raw.extend_from_slice(b": ");
            let value = put(raw, value);
            raw.extend_from_slice(b"\r\n");
            if name == b":authority" {
                parsed.authority = value;
            }
        }
        let shift = raw.len();
        raw.extend_from_slice(&self.bytes);
        raw.extend_from_slice(b"\r\n");
        take_lines(&self.lines, shift, parsed);
        parsed.complete = whole && self.unknown == 0;
        parsed.len = raw.len() as u32;
        if parsed.code == 0 && self.is_request() == Some(false) || parsed.code > 599 {
            issues.insert(Issue::BadStatusCode);
        }
        parsed.issues = issues;
        part.pseudo = self.pseudo;
        http.http2 = Some(part);
        issues
    }

    /// `:status 200` as a status line; whether there is one.
    fn status_line(&self, raw: &mut Vec<u8>, parsed: &mut Head) -> bool {
        let Some(status) = self.of_pseudo(b":status") else { return false };
        let version = put(raw, b"HTTP/2");
        raw.push(b' ');
        let code = put(raw, status);
        raw.extend_from_slice(b"\r\n");
        parsed.start = StartLine::Response { version, code, phrase: Span::default() };
        let digits = std::str::from_utf8(status).ok().filter(|status| status.len() == 3);
        parsed.code = digits.and_then(|digits| digits.parse().ok()).filter(|code| *code >= 100).unwrap_or(0);
        parsed.version = Some(VERSION);
        true
    }

    /// Method and path, or what CONNECT has instead, as a request line; whether there is one.
    fn request_line(&self, raw: &mut Vec<u8>, parsed: &mut Head) -> bool {
        let Some(method) = self.of_pseudo(b":method") else { return false };
        let path = self.of_pseudo(b":path");
        let connects = method == b"CONNECT" && path.is_none();
        let target = if connects { self.of_pseudo(b":authority") } else { path };
        let method = put(raw, method);
        raw.push(b' ');
        let span = put(raw, target.unwrap_or_default());
        raw.push(b' ');
        let version = put(raw, b"HTTP/2");
        raw.extend_from_slice(b"\r\n");
        parsed.start = StartLine::Request { method, target: span, version };
        parsed.version = Some(VERSION);
        target.is_some()
    }

    fn are_known_pseudo(&self) -> bool {
        let of_response = self.is_request() == Some(false);
        self.pseudo.iter().all(|(name, _)| PSEUDO.contains(&&name[..])) && (!of_response || self.pseudo.len() == 1)
    }

    /// Makes them the trailer section.
    pub fn into_trailer(self, http: &mut Http) -> IssueSet {
        let mut issues = self.issues;
        if !self.pseudo.is_empty() {
            issues.insert(Issue::BadPseudoField);
        }
        http.trailer_raw = self.bytes;
        http.trailer_raw.extend_from_slice(b"\r\n");
        http.trailer.clear();
        take_lines(&self.lines, 0, &mut http.trailer);
        http.trailer.len = http.trailer_raw.len() as u32;
        http.trailer.complete = self.unknown == 0;
        if let Some(part) = &mut http.http2 {
            part.unknown += self.unknown;
        }
        issues
    }
}

const VERSION: Version = Version { major: 2, minor: 0 };

fn is_of_start_line(name: &[u8]) -> bool {
    matches!(name, b":method" | b":path" | b":status")
}

/// Adds bytes, and tells where they are.
fn put(raw: &mut Vec<u8>, bytes: &[u8]) -> Span {
    let start = raw.len();
    raw.extend_from_slice(bytes);
    Span::new(start, raw.len())
}

fn take_lines(lines: &[FieldLine], shift: usize, parsed: &mut Head) {
    let shifted = |span: Span| Span::new(span.start as usize + shift, span.end as usize + shift);
    for line in lines {
        parsed.push(FieldLine { name: shifted(line.name), value: shifted(line.value), known: line.known });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&[u8], &[u8])]) -> Fields {
        let mut fields = Fields::default();
        lines.iter().for_each(|(name, value)| fields.add(Line { name: Some(name), value: Some(value) }));
        fields
    }

    #[test]
    fn pseudo_fields_are_known_come_once_and_come_first() {
        let good: [(&[u8], &[u8]); 4] = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b"a", b"b")];
        assert!(fields(&good).issues.is_empty());
        for bad in [[good[0], good[0]], [good[3], good[0]], [good[0], (b":color", b"red")]] {
            assert!(fields(&bad).issues.contains(Issue::BadPseudoField), "{bad:?}");
        }
    }

    #[test]
    fn a_block_of_many_pseudo_fields_takes_no_more_time_than_one_of_others() {
        let names: Vec<String> = (0..200_000).map(|n| format!(":{n}")).collect();
        let lines: Vec<(&[u8], &[u8])> = names.iter().map(|name| (name.as_bytes(), &b""[..])).collect();
        let start = std::time::Instant::now();
        assert_eq!(fields(&lines).pseudo.len(), lines.len());
        // Twenty thousand million comparisons, were each compared with all before it.
        assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
    }
}
