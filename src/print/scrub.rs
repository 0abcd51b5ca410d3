//! What `dissect scrub` has changed, as text or as one JSON object.

use super::object::Object;
use crate::scrub::Report;

/// A line for each thing that was changed, left out or left.
pub fn text(report: &Report, out: &mut Vec<u8>) {
    let mut line = |text: String| {
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    };
    let [v4, v6, macs] = report.addresses;
    line(format!("{} written", counted(report.frames, "frame")));
    line(format!("mapped:  {v4} IPv4, {v6} IPv6, {macs} MAC addresses; {} checksums brought along", report.checksums));
    if report.literals > 0 {
        line(format!("replaced: {} in text", counted(report.literals, "address")));
    }
    let secrets: Vec<String> = report.secrets.iter().map(|(kind, count)| format!("{count} {}", kind.name())).collect();
    let secrets = if secrets.is_empty() { "no secrets".to_owned() } else { secrets.join(", ") };
    line(format!("masked:  {secrets}; {} as a whole", counted(report.bodies_masked, "body")));
    if report.websocket_bytes > 0 {
        line(format!("masked:  {} bytes of WebSocket payload", report.websocket_bytes));
    }
    if report.http2_bytes > 0 {
        line(format!("masked:  {} bytes of HTTP/2 DATA", report.http2_bytes));
    }
    for (name, count) in &report.headers_blanked {
        line(format!(
            "zeroed:  {name} and what follows it, in {}: this header is not known here",
            counted(*count, "frame")
        ));
    }
    if report.frames_blanked > 0 {
        let by: Vec<String> = report.blanked.iter().map(|(name, bytes)| format!("{bytes} behind {name}")).collect();
        line(format!("zeroed:  payload of {}, bytes: {}", counted(report.frames_blanked, "frame"), by.join(", ")));
    }
    if report.fragments_blanked > 0 {
        line(format!("zeroed:  {} of datagrams that are not whole", counted(report.fragments_blanked, "fragment")));
    }
    if report.dns_blanked > 0 {
        line(format!("zeroed:  {} of a type that may hold addresses", counted(report.dns_blanked, "DNS record")));
    }
    if report.copies_dropped > 0 {
        line(format!("zeroed:  {} that may differ from what they copy", counted(report.copies_dropped, "segment")));
    }
    if report.records_left_out > 0 {
        line(format!("left out: {} that are no packets", counted(report.records_left_out, "record")));
    }
    line(format!(
        "kept:    {} of HTTP, {} of them with a body; {} of DNS; names of hosts, targets, other fields",
        counted(report.messages, "message"),
        report.bodies_kept,
        counted(report.dns_messages, "message"),
    ));
    if report.bodies_coded > 0 {
        line(format!("kept:    {} with a content coding, not looked into", counted(report.bodies_coded, "body")));
    }
    if report.other_kept > 0 {
        line(format!("kept:    {} bytes of other protocols, looked into for addresses alone", report.other_kept));
    }
    if report.ran_out {
        line("a bound on memory was reached: streams were zeroed beyond it".to_owned());
    }
}

/// One object.
pub fn json(report: &Report, out: &mut Vec<u8>) {
    Object::write(out, |object| {
        object.text("type", "scrub");
        object.uint("frames", report.frames);
        object.uint("records_left_out", report.records_left_out);
        object.object("addresses", |object| {
            let names = ["ipv4", "ipv6", "mac"];
            names.into_iter().zip(report.addresses).for_each(|(name, count)| object.uint(name, count));
            object.uint("in_text", report.literals);
        });
        object.uint("checksums", report.checksums);
        object.object("secrets", |object| {
            report.secrets.iter().for_each(|(kind, count)| object.uint(kind.name(), *count));
        });
        object.object("http", |object| {
            object.uint("messages", report.messages);
            object.uint("bodies_masked", report.bodies_masked);
            object.uint("bodies_kept", report.bodies_kept);
            object.uint("bodies_coded", report.bodies_coded);
        });
        object.object("dns", |object| {
            object.uint("messages", report.dns_messages);
            object.uint("records_zeroed", report.dns_blanked);
        });
        object.uint("websocket_bytes_masked", report.websocket_bytes);
        object.uint("http2_bytes_masked", report.http2_bytes);
        object.object("zeroed", |object| {
            object.uint("frames", report.frames_blanked);
            object.object("bytes", |object| {
                report.blanked.iter().for_each(|(name, bytes)| object.uint(name, *bytes));
            });
            object.object("headers", |object| {
                report.headers_blanked.iter().for_each(|(name, frames)| object.uint(name, *frames));
            });
            object.uint("fragments", report.fragments_blanked);
            object.uint("copies", report.copies_dropped);
        });
        object.uint("other_bytes_kept", report.other_kept);
        object.bool("ran_out_of_memory", report.ran_out);
    });
    out.push(b'\n');
}

fn counted(count: u64, what: &str) -> String {
    match (count, what.strip_suffix('y')) {
        (1, _) => format!("one {what}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        _ if what.ends_with('s') => format!("{count} {what}es"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_done_is_not_told() {
        let report = Report { frames: 1, bodies_masked: 2, ..Report::default() };
        let (mut shown, mut object) = (Vec::new(), Vec::new());
        text(&report, &mut shown);
        json(&report, &mut object);
        let shown = String::from_utf8(shown).unwrap();
        assert!(shown.starts_with("one frame written\n") && shown.contains("2 bodies as a whole"), "{shown}");
        assert!(!shown.contains("zeroed"), "{shown}");
        let object: serde_json::Value = serde_json::from_slice(&object).unwrap();
        assert_eq!(object["http"]["bodies_masked"], 2);
    }
}
