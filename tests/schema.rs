//! The records against their schema, and the schema against the registry of fields: `src/print/json/schema.json` is what
//! is generated here. `DISSECT_BLESS=1` writes it.

mod common;

use std::collections::HashSet;
use std::fs;

use common::{dissect, name, run};
use dissect::app::APPLICATIONS;
use dissect::decode::protocols;
use dissect::issue::Issue;
use dissect::registry::{Entry, entries};
use serde_json::{Map, Value, json};

#[test]
fn the_schema_is_that_of_the_fields() {
    let path = common::path("src/print/json/schema.json");
    let want = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("DISSECT_BLESS").is_some() {
        return fs::write(path, want).unwrap();
    }
    let hint = "the schema is stale; DISSECT_BLESS=1 cargo test --test schema writes it";
    assert!(fs::read_to_string(path).unwrap() == want, "{hint}");
}

#[test]
fn the_program_prints_the_schema() {
    let printed = run(dissect().arg("schema"));
    assert!(serde_json::from_slice::<Value>(&printed.stdout).unwrap() == schema());
}

#[test]
fn every_record_is_as_the_schema_says() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let faults = common::side_by_side(&common::fixtures(), |path| {
        let mut faults = Vec::new();
        for arguments in [
            &["--hash", "-P"][..],
            &["--verify-checksums"],
            &["connections", "--rtt"],
            &["stats"],
            &["follow", "0", "-v"],
            &["follow", "--udp", "0"],
        ] {
            let told = run(dissect().args(arguments).args(["-T", "json", "-r"]).arg(path));
            for line in String::from_utf8(told.stdout).unwrap().lines() {
                if let Some(key) = repeated_key(line) {
                    faults.push(format!("{}: {key} twice: {line}", name(path)));
                }
                let record: Value = serde_json::from_str(line).unwrap();
                let kind = record["type"].as_str().unwrap();
                if !validator.is_valid(&record) {
                    // Against the definition of its type, for a fault that tells.
                    let own = json!({ "$ref": format!("#/$defs/{kind}"), "$defs": schema()["$defs"] });
                    let own = jsonschema::validator_for(&own).unwrap();
                    let errors: Vec<String> =
                        own.iter_errors(&record).map(|error| format!("{}: {error}", error.instance_path())).collect();
                    faults.push(format!("{}: {kind}: {}", name(path), errors.join("; ")));
                }
            }
        }
        faults
    })
    .concat();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Such as destination options before a routing header and behind it (RFC 8200 4.1).
#[test]
fn extension_headers_that_come_twice_are_an_array() {
    let path = common::path("fuzz/corpus/capture/extensions-twice");
    let told = run(dissect().args(["-P", "-T", "json", "-r"]).arg(path));
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for line in String::from_utf8(told.stdout.clone()).unwrap().lines() {
        assert_eq!(repeated_key(line), None, "{line}");
        assert!(validator.is_valid(&serde_json::from_str(line).unwrap()), "{line}");
    }
    let records = told.records();
    let packet = records.iter().find(|record| record["type"] == "packet").unwrap();
    assert_eq!(packet["ipv6"]["dstopts"], json!([{"nxt": 43, "len": 0}, {"nxt": 59, "len": 0}]));
    assert_eq!(packet["ipv6"]["routing"]["nxt"], 60);
}

#[test]
fn every_field_of_a_record_is_listed() {
    let entries = entries();
    let is_listed = |path: &str| entries.iter().any(|entry| entry.name == path);
    let all = schema();
    for kind in ["packet", "message", "update", "connection", "drops", "end"] {
        let mut unlisted = Vec::new();
        unlisted_below(&all, &all["$defs"][kind], "", &is_listed, &mut unlisted);
        unlisted.retain(|path| path != "type");
        assert!(unlisted.is_empty(), "{kind}: {unlisted:?} are not among the fields");
    }
}

/// The names of members, down to those that are listed or are no objects.
fn unlisted_below(all: &Value, at: &Value, path: &str, is_listed: &impl Fn(&str) -> bool, out: &mut Vec<String>) {
    if let Some(of) = at["$ref"].as_str() {
        return unlisted_below(all, &all["$defs"][&of["#/$defs/".len()..]], path, is_listed, out);
    }
    if let Some(one) = at["anyOf"].get(0) {
        return unlisted_below(all, one, path, is_listed, out);
    }
    let members = at["properties"].as_object().filter(|members| !is_listed(path) || members.contains_key("value"));
    match members {
        Some(members) => {
            members.iter().filter(|(name, _)| *name != "value" || !is_listed(path)).for_each(|(name, member)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                unlisted_below(all, member, &path, is_listed, out);
            })
        }
        None if !is_listed(path) => out.push(path.to_owned()),
        None => {}
    }
}

#[test]
fn what_is_no_record_is_refused() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for wrong in [
        json!({}),
        json!({"type": "message"}),
        json!({"type": "begin", "schema": 1, "version": "0", "source": "a", "link_types": [], "more": 1}),
        json!({"type": "begin", "schema": "1", "version": "0", "source": "a", "link_types": []}),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn repeated_keys_are_found() {
    assert_eq!(repeated_key(r#"{"a":{"b":1,"c":[{"b":1},{"b":2}]},"b":"\"b\":{"}"#), None);
    assert_eq!(repeated_key(r#"{"a":{"b":1,"c":2,"b":3}}"#).as_deref(), Some("b"));
    assert_eq!(repeated_key(r#"{"a":1,"b":{"a":1},"a":2}"#).as_deref(), Some("a"));
}

/// A key that an object on the line has twice.
fn repeated_key(line: &str) -> Option<String> {
    let mut open: Vec<HashSet<&str>> = Vec::new();
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => open.push(HashSet::new()),
            b'}' => drop(open.pop()),
            b'"' => {
                let start = at + 1;
                at = start;
                while bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                let text = &line[start..at];
                if bytes.get(at + 1) == Some(&b':') && !open.last_mut()?.insert(text) {
                    return Some(text.to_owned());
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

// The schema.

fn schema() -> Value {
    let kinds = [
        ("begin", begin()),
        ("packet", packet()),
        ("message", message()),
        ("update", update()),
        ("connection", connection()),
        ("follow", follow()),
        ("drops", drops()),
        ("end", end()),
        ("finding", finding()),
        ("findings", findings()),
        ("lint", lint()),
        ("connections", connections()),
        ("count", counted()),
    ];
    let one_of: Vec<Value> = kinds.iter().map(|(kind, _)| json!({ "$ref": format!("#/$defs/{kind}") })).collect();
    let mut defs: Map<String, Value> = kinds.into_iter().map(|(kind, of)| (kind.to_owned(), of)).collect();
    defs.extend(layers().into_iter().map(|(base, layer)| (base.to_owned(), layer)));
    defs.insert("issue".into(), json!({ "enum": names(|_| true) }));
    defs.insert("flag".into(), json!({ "enum": names(is_flag) }));
    let counts: Map<String, Value> = names(is_flag).into_iter().map(|name| (name.to_owned(), count())).collect();
    defs.insert("flag_counts".into(), json!({ "type": "object", "properties": counts, "additionalProperties": false }));
    defs.insert("segments".into(), list(segment()));
    defs.insert("field_lines".into(), list(json!({ "type": "array", "items": text(), "minItems": 2, "maxItems": 2 })));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A record of dissect -T json",
        "description": "One object a line; the first is of the type begin, the last of the type end. Follow records are what follow tells, findings what check tells, lints what lints tells, connections and counts what stats tells.",
        "oneOf": one_of,
        "$defs": defs,
    })
}

/// Of all connections, in `dissect stats`.
fn connections() -> Value {
    let object = Object::default().must("type", json!({ "const": "connections" }));
    let counts = ["connections", "opened.handshake", "opened.unanswered", "opened.midway", "segments", "bytes"];
    let object = counts.into_iter().fold(object, |object, name| object.must(name, count()));
    let closes = ["fin", "rst", "open", "forgotten", "reused"];
    let object = closes.into_iter().fold(object, |object, name| object.must(&format!("closed.{name}"), count()));
    let object =
        object.may("capture_duration", json!({ "type": "number", "minimum": 0 })).must("flags", of("flag_counts"));
    object.may("initial_rtt", times()).may("duration", times()).build()
}

/// What messages that have one value come to, in `dissect stats`.
fn counted() -> Value {
    let object = Object::default().must("type", json!({ "const": "count" })).must("by", text());
    let object = object.may("value", text()).may("others", json!({ "const": true }));
    let counts = ["messages", "bytes", "errors", "incomplete"];
    let object = counts.into_iter().fold(object, |object, name| object.must(name, count()));
    object.may("connections", count()).may("time", times()).build()
}

/// Percentiles of spans of time.
fn times() -> Value {
    let object = Object::default().must("count", count()).must("exact", json!({ "type": "boolean" }));
    let spans = ["min", "p50", "p90", "p95", "p99", "max"];
    spans.into_iter().fold(object, |object, name| object.must(name, json!({ "type": "number" }))).build()
}

fn names(which: impl Fn(Issue) -> bool) -> Vec<&'static str> {
    Issue::ALL.iter().filter(|issue| which(**issue)).map(|issue| issue.name()).collect()
}

fn is_flag(issue: Issue) -> bool {
    issue <= Issue::BadIpChecksum
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn of(definition: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{definition}") })
}

/// An object under construction, its members by dotted names.
#[derive(Default)]
struct Object {
    members: Vec<(String, Object)>,
    value: Option<Value>,
    required: bool,
}

/// Whether a field is of messages.
fn is_of_message(field: &str) -> bool {
    let Some((word, _)) = field.split_once('.') else { return false };
    word == "message" || APPLICATIONS.iter().any(|application| word == application.name)
}

impl Object {
    fn at(&mut self, name: &str) -> &mut Object {
        name.split('.').fold(self, |object, part| {
            let found = object.members.iter().position(|(name, _)| name == part);
            let i = found.unwrap_or(object.members.len());
            if found.is_none() {
                object.members.push((part.to_owned(), Object::default()));
            }
            &mut object.members[i].1
        })
    }

    fn may(mut self, name: &str, value: Value) -> Self {
        self.at(name).value = Some(value);
        self
    }

    fn must(mut self, name: &str, value: Value) -> Self {
        self.at(name).value = Some(value);
        self.require(&[name])
    }

    /// These members, and the objects around them, are always there.
    fn require(mut self, names: &[&str]) -> Self {
        for name in names {
            name.match_indices('.').for_each(|(at, _)| self.at(&name[..at]).required = true);
            self.at(name).required = true;
        }
        self
    }

    /// Fields of the registry.
    fn fields(self, which: impl Fn(&Entry) -> bool) -> Self {
        let fields = entries().into_iter().filter(|entry| entry.kind != "record" && which(entry));
        fields.fold(self, |object, entry| object.may(entry.name, field(&entry)))
    }

    fn build(mut self) -> Value {
        if self.members.is_empty() {
            return self.value.expect("a value");
        }
        // What is both a value and a parent has its value under `value`; a list may be absent.
        if let Some(value) = self.value.take() {
            let is_list = value["type"] == "array";
            self = self.may("value", value);
            self.at("value").required = !is_list;
        }
        let required: Vec<Value> =
            self.members.iter().filter(|(_, member)| member.required).map(|(name, _)| json!(name)).collect();
        let properties: Map<String, Value> =
            self.members.into_iter().map(|(name, member)| (name, member.build())).collect();
        let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            object["required"] = required.into();
        }
        object
    }
}

fn field(entry: &Entry) -> Value {
    let mut value = match entry.kind {
        "bool" => json!({ "type": "boolean" }),
        "uint" => count(),
        "int" => json!({ "type": "integer" }),
        "text" => text(),
        "bytes" => json!({ "type": "string", "pattern": "^([0-9a-f]{2})*$" }),
        "mac" => json!({ "type": "string", "pattern": "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$" }),
        "ipv4" => json!({ "type": "string", "format": "ipv4" }),
        "ipv6" => json!({ "type": "string", "format": "ipv6" }),
        "time" => json!({ "type": "string", "pattern": "^-?[0-9]+\\.[0-9]{9}$" }),
        "duration" => json!({ "type": "number" }),
        other => panic!("{}: no schema for {other}", entry.name),
    };
    if entry.many {
        value = list(value);
    }
    value["description"] = entry.doc.into();
    value
}

fn record(kind: &str) -> Object {
    Object::default().must("type", json!({ "const": kind }))
}

/// Adds every layer: an object, or an array of them, outermost first, where there are several.
fn with_layers(record: Object) -> Object {
    layers().into_iter().fold(record, |record, (base, _)| record.may(base, one_or_more(of(base))))
}

fn one_or_more(one: Value) -> Value {
    let several = json!({ "type": "array", "items": one, "minItems": 2 });
    json!({ "anyOf": [one, several] })
}

/// The layers by the first part of their fields' names.
fn layers() -> Vec<(&'static str, Value)> {
    let others = ["frame", "connection"];
    let mut bases: Vec<&str> = entries()
        .iter()
        .filter(|entry| entry.kind != "record" && entry.name.contains('.') && !is_of_message(entry.name))
        .filter_map(|entry| entry.name.split('.').next())
        .collect();
    bases.retain(|base| !others.contains(base));
    bases.sort_unstable();
    bases.dedup();
    let layer = |base: &'static str| {
        let is_of = |entry: &Entry| entry.name.split('.').next() == Some(base);
        let (_, layer) = Object::default().fields(is_of).members.pop().expect("fields of one layer");
        let mut layer = layer.build();
        // A header may have more than one of an extension.
        for (of, extension) in protocols().iter().filter_map(|protocol| protocol.name.split_once('.')) {
            if of == base {
                let one = layer["properties"][extension].take();
                layer["properties"][extension] = one_or_more(one);
            }
        }
        (base, layer)
    };
    bases.into_iter().map(layer).collect()
}

fn follow() -> Value {
    let events = ["segment", "data", "gap", "copy", "late", "before", "outside", "end"];
    let control = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"];
    record("follow")
        .must("event", json!({ "enum": events }))
        .may("tcp.stream", count())
        .may("tcp.seq", count())
        .may("tcp.ack", count())
        .may("tcp.window_size", count())
        .may("udp.stream", count())
        .must("src", text())
        .must("dst", text())
        .may("from", json!({ "enum": ["client", "server"] }))
        .may("frame.number", count())
        .may("time", json!({ "type": "string", "format": "date-time" }))
        .may("offset", count())
        .may("len", count())
        .may("flags", list(of("flag")))
        .may("control", list(json!({ "enum": control })))
        .may("initial_rtt", json!({ "type": "number" }))
        .may("text", text())
        .may("bytes", json!({ "type": "string", "pattern": "^([0-9a-f]{2})*$" }))
        .may("missing", count())
        .may("cause", json!({ "enum": ["gap", "truncated"] }))
        .may("compared", json!({ "enum": ["equal", "not", "conflict"] }))
        .may("by", json!({ "enum": ["fin", "rst", "capture"] }))
        .build()
}

fn finding() -> Value {
    let message = json!({ "enum": ["request", "response", "message"] });
    record("finding")
        .must("lint", text())
        .must("severity", severity())
        .must("title", text())
        .must("section", text())
        .must("help", text())
        .may("time", json!({ "type": "string", "format": "date-time" }))
        .must("tcp.stream", count())
        .may("src", text())
        .may("dst", text())
        .may("message.number", count())
        .may("message.kind", message)
        .may("message.offset", count())
        .may("frame.number", count())
        .may("frame.offset", count())
        .may("line.offset", count())
        .may("line.text", text())
        .may("line.bytes", json!({ "type": "string", "pattern": "^([0-9a-f]{2})*$" }))
        .may("line.mark", json!({ "type": "array", "items": count(), "minItems": 2, "maxItems": 2 }))
        .may("found", text())
        .may("expected", text())
        .may("more", count())
        .build()
}

fn findings() -> Value {
    let record = record("findings").must("left_out", count());
    ["error", "warn", "note", "chat"]
        .iter()
        .fold(record, |record, name| record.must(&format!("count.{name}"), count()))
        .build()
}

fn lint() -> Value {
    ["name", "section", "title", "help", "explanation"]
        .iter()
        .fold(record("lint"), |record, name| record.must(name, text()))
        .must("severity", severity())
        .may("issue", of("issue"))
        .must("httpolice", list(count()))
        .build()
}

fn severity() -> Value {
    json!({ "enum": ["error", "warn", "note", "chat"] })
}

fn begin() -> Value {
    record("begin")
        .must("schema", json!({ "const": dissect::print::json::SCHEMA_VERSION }))
        .must("version", text())
        .must("source", text())
        .must("link_types", list(text()))
        .may("filter", text())
        .build()
}

fn packet() -> Value {
    let fields = ["number", "len", "cap_len", "protocols"].map(|f| format!("frame.{f}"));
    with_layers(record("packet").fields(|entry| entry.name.starts_with("frame.")))
        .require(&fields.each_ref().map(String::as_str))
        .may("stop", Object::default().must("layer", text()).must("offset", count()).must("reason", text()).build())
        .build()
}

fn message() -> Value {
    let integrity = ["complete", "gap", "truncated", "aborted", "closed_early", "unfinished", "malformed"];
    let missing = Object::default().must("offset", count()).must("len", count());
    let missing = missing.must("cause", json!({ "enum": ["gap", "truncated"] })).build();
    with_layers(record("message"))
        .must("frame.number", count())
        .must("time", json!({ "type": "string", "format": "date-time" }))
        .fields(|entry| is_of_message(entry.name))
        .must("message.kind", json!({ "enum": ["request", "response", "message"] }))
        .must("message.integrity", json!({ "enum": integrity }))
        .must("message.issues", list(of("issue")))
        .must("message.missing", list(missing))
        .must("message.segments", of("segments"))
        .require(&["message.number", "message.length", "message.missing_bytes", "message.segment_count"])
        .require(&["message.first_frame", "message.last_frame"])
        .may("http.headers", of("field_lines"))
        .may("http.trailers", of("field_lines"))
        .may("http.body.sha256", json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }))
        .may("websocket.sha256", json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }))
        .inside("http", &["headers", "body"])
        .inside("http.body", &["length"])
        .build()
}

impl Object {
    /// Where the object `name` is there, so are these members of it.
    fn inside(mut self, name: &str, members: &[&str]) -> Self {
        members.iter().for_each(|member| self.at(name).at(member).required = true);
        self
    }
}

fn segment() -> Value {
    let numbers = ["frame", "seq", "len", "offset"];
    let segment = numbers.iter().fold(Object::default(), |segment, name| segment.must(name, count()));
    segment.must("flags", list(of("flag"))).build()
}

fn update() -> Value {
    record("update")
        .may("tcp.stream", count())
        .may("udp.stream", count())
        .must("message.number", count())
        .must("message.issues", list(of("issue")))
        .must("message.segments", of("segments"))
        .build()
}

fn connection() -> Value {
    let is_optional = |name: &str| {
        ["connection.initial_rtt", "connection.protocol"].contains(&name)
            || name.ends_with(".rate")
            || name.contains(".ack_rtt.")
            || name.starts_with("connection.tls.")
    };
    let is_connection = |entry: &Entry| entry.name.starts_with("connection.") && entry.kind != "record";
    let all: Vec<&str> = entries().iter().filter(|entry| is_connection(entry)).map(|entry| entry.name).collect();
    let always: Vec<&str> = all.into_iter().filter(|name| !is_optional(name)).collect();
    record("connection")
        .must("tcp.stream", count())
        .fields(is_connection)
        .require(&always)
        .must("connection.close", json!({ "enum": ["fin", "rst", "open", "forgotten", "reused"] }))
        .must("connection.issues", list(of("issue")))
        .must("connection.to_server.flags", of("flag_counts"))
        .must("connection.to_client.flags", of("flag_counts"))
        .build()
}

fn drops() -> Value {
    let lost = ["after_frame", "kernel", "interface", "dissect", "file"];
    let time = json!({ "type": "string", "format": "date-time" });
    lost.iter()
        .fold(record("drops"), |drops, name| drops.must(&format!("drops.{name}"), count()))
        .may("drops.before_frame", count())
        .must("drops.since", time.clone())
        .must("drops.until", time)
        .build()
}

fn end() -> Value {
    let totals = [
        "frames",
        "bytes",
        "connections",
        "messages",
        "requests",
        "responses",
        "incomplete",
        "stopped",
        "fragments_given_up",
        "queues_relieved",
        "forgotten",
    ];
    let ledger = [
        "captured",
        "message",
        "duplicate",
        "conflict",
        "other",
        "before_first",
        "undecodable",
        "rejected",
        "given_up",
        "filtered",
        "missing",
    ];
    let totals = totals.iter().fold(record("end"), |end, name| end.must(&format!("totals.{name}"), count()));
    let ledger = ledger.iter().fold(totals, |end, name| end.must(&format!("ledger.{name}"), count()));
    let end = ledger.must("totals.flags", of("flag_counts")).must("ledger.unexplained", json!({ "type": "integer" }));
    let drops = ["received", "kernel", "interface", "dissect", "file"];
    let drops = drops.iter().fold(Object::default(), |drops, name| drops.may(name, count())).build();
    end.may("drops", drops).build()
}
