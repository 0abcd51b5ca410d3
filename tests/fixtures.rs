//! Every capture of `fixtures/` through the binary, against what is known of it: `fixtures/expected.json`.

mod common;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;

use common::{dissect, ledger_fault, name, path, run, strings};
use serde_json::{Value, json};

#[test]
fn every_capture_yields_what_was_sent() {
    let expected = expected();
    let faults: Vec<String> = expected.iter().flat_map(|(name, truth)| check(name, truth)).collect();
    assert!(faults.is_empty(), "{} of {} captures:\n{}", faults.len(), expected.len(), faults.join("\n"));
}

#[test]
fn expected_json_tells_of_every_capture() {
    let files: Vec<String> = common::fixtures().iter().map(|path| name(path)).collect();
    assert_eq!(files, expected().into_keys().collect::<Vec<_>>());
}

fn expected() -> BTreeMap<String, Value> {
    serde_json::from_str(&fs::read_to_string(path("fixtures/expected.json")).unwrap()).unwrap()
}

/// What the records lack of the truth, or have beside it.
fn check(name: &str, truth: &Value) -> Option<String> {
    let mut faults = Faults(Vec::new());
    let file = path("fixtures").join(name);
    let arguments = strings(&truth["arguments"]);
    let mut command = dissect();
    command.args(["-T", "json", "--hash", "--strict", "-P", "-r"]).arg(file).args(arguments);
    let run = run(&mut command);
    let code = match truth {
        _ if truth["unreadable"] == true => 3,
        _ if truth["file_cut"] == true => 1,
        _ => 0,
    };
    faults.compare("exit code", run.code, Some(code));
    if truth["unreadable"] != true {
        let capture = Capture::new(run.records());
        capture.check(truth, &mut faults);
        capture.check_provenance(&mut faults);
    }
    (!faults.0.is_empty()).then(|| format!("{name} ({})\n    {}", truth["about"], faults.0.join("\n    ")))
}

struct Faults(Vec<String>);

impl Faults {
    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, got: T, want: T) {
        if got != want {
            self.0.push(format!("{what}: {got:?}, not {want:?}"));
        }
    }

    fn unless(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }
}

/// The records of a run, sorted.
struct Capture {
    packets: HashMap<u64, Value>,
    messages: Vec<Value>,
    updates: Vec<Value>,
    connections: Vec<Value>,
    end: Value,
}

impl Capture {
    fn new(records: Vec<Value>) -> Self {
        let mut of: HashMap<String, Vec<Value>> = HashMap::new();
        for record in records {
            of.entry(record["type"].as_str().unwrap().to_owned()).or_default().push(record);
        }
        let mut all = |kind: &str| of.remove(kind).unwrap_or_default();
        let packets = all("packet").into_iter().map(|packet| (packet["frame"]["number"].as_u64().unwrap(), packet));
        Self {
            packets: packets.collect(),
            messages: all("message"),
            updates: all("update"),
            connections: all("connection"),
            end: all("end").pop().expect("an end record"),
        }
    }

    fn check(&self, truth: &Value, faults: &mut Faults) {
        if let Some(fault) = ledger_fault(&self.end) {
            faults.0.push(fault);
        }
        faults.compare("frames", self.packets.len() as u64, self.end["totals"]["frames"].as_u64().unwrap());
        let connections = truth["connections"].as_array().unwrap();
        let mut met = HashSet::new();
        for connection in connections {
            let ends = (connection["client"].as_str().unwrap(), connection["server"].as_str().unwrap());
            let stream = self.connections.iter().find(|one| {
                ends == (&end(one, "client"), &end(one, "server")) && !met.contains(&one["tcp"]["stream"].as_u64())
            });
            let Some(stream) = stream else {
                faults.0.push(format!("no connection {ends:?}"));
                continue;
            };
            met.insert(stream["tcp"]["stream"].as_u64());
            self.check_connection(stream, connection, faults);
        }
        let strange = |message: &&Value| {
            !message["http"].is_null() && !message["tcp"].is_null() && !met.contains(&message["tcp"]["stream"].as_u64())
        };
        faults.unless(self.messages.iter().all(|message| !strange(&message)), || "messages elsewhere".into());
        for class in ["undecodable", "before_first"] {
            let told: Vec<u64> = connections.iter().filter_map(|one| one[class].as_u64()).collect();
            // What follows a message that ended before its time need not be told.
            if !told.is_empty() || connections.iter().all(is_clean) {
                faults.compare(class, self.end["ledger"][class].as_u64(), Some(told.iter().sum()));
            }
        }
        self.check_rest(truth, faults);
    }

    /// Flags, issues and protocols that must be somewhere.
    fn check_rest(&self, truth: &Value, faults: &mut Faults) {
        let totals = &self.end["totals"];
        for flag in strings(&truth["flags"]) {
            faults.unless(totals["flags"][flag].as_u64() > Some(0), || format!("no frame has {flag}"));
        }
        for issue in strings(&truth["issues"]) {
            let told = self.connections.iter().any(|one| strings(&one["connection"]["issues"]).contains(&issue));
            faults.unless(told || totals[issue].as_u64() > Some(0), || format!("no issue {issue}"));
        }
        for protocol in strings(&truth["others"]) {
            let has = |packet: &Value| packet["frame"]["protocols"].as_str().unwrap().split(':').any(|p| p == protocol);
            faults.unless(self.packets.values().any(has), || format!("no frame of {protocol}"));
        }
        let (http, other): (Vec<&Value>, Vec<&Value>) =
            self.messages.iter().filter(|one| !one["udp"].is_null()).partition(|one| !one["http"].is_null());
        let (names, named): (Vec<&Value>, Vec<&Value>) = other.into_iter().partition(|one| !one["dns"].is_null());
        check_names(&truth["datagrams"], names.into_iter(), faults);
        check_named(&truth["named"], &named, faults);
        let said = http.iter().map(|one| match &one["http"]["response"]["code"] {
            Value::Null => json!([one["http"]["request"]["method"], one["http"]["request"]["uri"]]),
            code => json!([code]),
        });
        faults.compare("HTTP over UDP", Value::from_iter(said), truth.get("over_udp").cloned().unwrap_or(json!([])));
    }

    fn check_connection(&self, stream: &Value, truth: &Value, faults: &mut Faults) {
        let number = &stream["tcp"]["stream"];
        let mut got: Vec<&Value> =
            self.messages.iter().filter(|one| !one["http"].is_null() && one["tcp"]["stream"] == *number).collect();
        got.sort_by_key(|message| message["message"]["number"].as_u64());
        let want = truth["messages"].as_array().unwrap();
        if want.is_empty() {
            faults.compare("protocol", stream["connection"].get("protocol"), truth.get("protocol"));
        } else {
            let protocol = truth.get("protocol").cloned().unwrap_or("HTTP".into());
            faults.compare("protocol", &stream["connection"]["protocol"], &protocol);
        }
        // Of what is dissected, the bytes are in messages.
        let has_messages = self.messages.iter().any(|one| !one["tls"].is_null() && one["tcp"]["stream"] == *number);
        let other = has_messages || stream["connection"]["other_bytes"].as_u64() > Some(0);
        let own = self.messages.iter().filter(|one| !one["dns"].is_null() && one["tcp"]["stream"] == *number);
        check_names(&truth["dns"], own, faults);
        let then = truth.get("then").filter(|then| *then != "websocket");
        let foreign = want.is_empty() && truth.get("protocol").is_some() && truth.get("dns").is_none();
        let elsewhere = then.is_some() || foreign;
        faults.compare("bytes of another protocol", other, elsewhere);

        if let Some(truth) = truth.get("tls") {
            self.check_tls(stream, truth, faults);
        }

        // Ours are numbered in the order of cause and effect, theirs in that of the frames; within a direction they agree.
        let mut pairs: Vec<Option<&Value>> = vec![None; want.len()];
        for kind in ["request", "response"] {
            let of_kind: Vec<usize> = (0..want.len()).filter(|i| want[*i]["kind"] == kind).collect();
            let got: Vec<&Value> = got.iter().copied().filter(|one| one["message"]["kind"] == kind).collect();
            faults.compare(&format!("stream {number}, {kind}s"), got.len(), of_kind.len());
            of_kind.into_iter().zip(got).for_each(|(i, one)| pairs[i] = Some(one));
        }
        self.check_websocket(number, truth, faults);
        let numbers: Vec<Option<u64>> =
            pairs.iter().map(|one| one.and_then(|m| m["message"]["number"].as_u64())).collect();
        for (i, (truth, message)) in want.iter().zip(&pairs).enumerate() {
            let Some(message) = message else { continue };
            let before = faults.0.len();
            self.check_message(message, truth, &numbers, faults);
            faults.0[before..]
                .iter_mut()
                .for_each(|fault| *fault = format!("stream {number}, message {}, {fault}", i + 1));
        }
    }

    /// WebSocket messages, in the order in which they begin: they are numbered after those of the handshake.
    fn check_websocket(&self, stream: &Value, truth: &Value, faults: &mut Faults) {
        let Some(want) = truth.get("websocket").and_then(Value::as_array) else { return };
        let of_stream = |one: &&Value| !one["websocket"].is_null() && one["tcp"]["stream"] == *stream;
        let mut got: Vec<&Value> = self.messages.iter().filter(of_stream).collect();
        got.sort_by_key(|message| message["message"]["number"].as_u64());
        faults.compare("WebSocket messages", got.len(), want.len());
        for (truth, told) in want.iter().zip(got) {
            let (websocket, message) = (&told["websocket"], &told["message"]);
            let number = &message["number"];
            let mut compare = |what: &str, got: Option<&Value>, want: Option<&Value>| {
                faults.compare(&format!("stream {stream}, message {number}, {what}"), got, want);
            };
            compare("type", websocket.get("type"), truth.get("type"));
            compare("length", websocket.get("length"), truth.get("length"));
            compare("integrity", message.get("integrity"), truth.get("integrity"));
            compare("issues", message.get("issues"), truth.get("issues"));
            compare("answers", message.get("answers"), truth.get("answers"));
            compare("code", websocket["payload"]["close"].get("status_code"), truth.get("code"));
            compare("fragments", websocket["fragment"].get("count"), truth.get("frames"));
            if let (Some(sum), Some(_)) = (websocket.get("sha256"), truth.get("sha256")) {
                compare("hash", Some(sum), truth.get("sha256"));
            }
            let is_client = told["tcp"]["dstport"] == 80;
            compare("by", Some(&Value::from(if is_client { "client" } else { "server" })), truth.get("by"));
            let is_compressed = websocket["pmc"][0] == true;
            compare("compressed", is_compressed.then_some(&Value::Bool(true)), truth.get("compressed"));
        }
    }

    /// The version, the name, and which messages of either side are in clear.
    fn check_tls(&self, stream: &Value, truth: &Value, faults: &mut Faults) {
        let seen = &stream["connection"]["tls"];
        for field in ["version", "server_name"] {
            faults.compare(field, seen.get(field), truth.get(field).filter(|value| !value.is_null()));
        }
        let mut messages: Vec<&Value> =
            self.messages.iter().filter(|one| one["tcp"]["stream"] == stream["tcp"]["stream"]).collect();
        messages.sort_by_key(|message| message["message"]["number"].as_u64());
        for (direction, end) in [("there", "client"), ("back", "server")] {
            let port = &stream["connection"][end]["port"];
            let is_clear =
                |one: &&&Value| one["tls"].get("app_data").is_none() && one["tls"]["summary"] != "Encrypted alert";
            let sent = messages.iter().filter(|one| one["tcp"]["srcport"] == *port).filter(is_clear);
            let titles: Vec<&str> = sent.map(|one| one["tls"]["summary"].as_str().unwrap()).collect();
            let want = strings(&truth[direction]);
            let same = titles.len() == want.len() && titles.iter().zip(&want).all(|(got, want)| got.starts_with(want));
            faults.unless(same, || format!("{direction}: {titles:?}, not {want:?}"));
        }
    }

    fn check_message(&self, got: &Value, truth: &Value, numbers: &[Option<u64>], faults: &mut Faults) {
        let (http, message) = (&got["http"], &got["message"]);
        for field in ["method", "uri", "version", "code"] {
            let want = truth.get(field).filter(|value| !value.is_null());
            faults.compare(field, http[truth["kind"].as_str().unwrap()].get(field), want);
        }
        let want = truth["answers"].as_u64().and_then(|number| numbers[number as usize - 1]);
        let unsure = message["answers"].is_null() && truth["answers_may_be_null"] == true;
        let mut issues: HashSet<&str> = strings(&message["issues"]).into_iter().collect();
        if unsure {
            faults.unless(issues.contains("pairing_uncertain"), || "names no request, without saying why".into());
        } else {
            faults.compare("answers", message["answers"].as_u64(), want);
        }
        faults.compare("integrity", &message["integrity"], &truth["integrity"]);
        let body = &truth["body"];
        if !body.is_null() {
            faults.compare("body length", &http["body"]["length"], &body["length"]);
            faults.compare("body hash", &http["body"]["sha256"], &body["sha256"]);
        }
        faults.compare("trailers", http.get("trailers"), truth.get("trailers"));
        if let Some(missing) = truth.get("missing") {
            faults.compare("missing bytes", &message["missing_bytes"], missing);
        }
        for update in &self.updates {
            if update["tcp"]["stream"] == got["tcp"]["stream"] && update["message"]["number"] == message["number"] {
                issues.extend(strings(&update["message"]["issues"]));
            }
        }
        for issue in strings(&truth["issues"]) {
            faults.unless(issues.contains(issue), || format!("lacks issue {issue}, has {issues:?}"));
        }
    }

    /// The segments of each message are bytes of the frames that they name, and with what is missing they are all of it.
    fn check_provenance(&self, faults: &mut Faults) {
        let of_tcp = |message: &&Value| !message["http"].is_null() && !message["tcp"].is_null();
        for message in self.messages.iter().filter(of_tcp) {
            // The frames of other streams of HTTP/2 lie between those of a message.
            let in_pieces = !message["http2"].is_null();
            let (stream, message) = (&message["tcp"]["stream"], &message["message"]);
            let of = format!("stream {stream}, message number {}", message["number"]);
            let mut runs = Vec::new();
            for segment in message["segments"].as_array().unwrap() {
                let number = |field: &str| segment[field].as_u64().unwrap();
                runs.push((number("offset"), number("len")));
                let tcp = &self.packets[&number("frame")]["tcp"];
                let inside = (number("seq") as u32).wrapping_sub(tcp["seq"].as_u64().unwrap() as u32);
                let end = u64::from(inside) + number("len");
                let fits = tcp["stream"] == *stream && end <= tcp["len"].as_u64().unwrap();
                faults.unless(fits, || format!("{of}: frame {} does not hold {segment}", number("frame")));
            }
            if message["segment_count"].as_u64() != Some(runs.len() as u64) {
                continue;
            }
            for missing in message["missing"].as_array().unwrap() {
                let [offset, len] = ["offset", "len"].map(|field| missing[field].as_u64().unwrap());
                let had = runs.iter().any(|run| run.0 < offset + len && offset < run.0 + run.1);
                faults.unless(!had, || format!("{of}: {missing} is in a segment"));
                runs.push((offset, len));
            }
            runs.sort_unstable();
            // Copies are segments too.
            let (mut end, mut between) = (0, 0);
            for (offset, len) in &runs {
                between += offset.saturating_sub(end);
                end = end.max(offset + len);
            }
            let end = Some(end - between).filter(|_| in_pieces || between == 0);
            faults.compare(&format!("{of}: bytes covered by {runs:?}"), end, message["length"].as_u64());
        }
    }
}

/// Messages of DNS, in order.
fn check_names<'m>(truth: &Value, told: impl Iterator<Item = &'m Value>, faults: &mut Faults) {
    let (truth, told): (Vec<&Value>, Vec<&Value>) = (truth.as_array().into_iter().flatten().collect(), told.collect());
    faults.compare("messages of DNS", told.len(), truth.len());
    for (one, got) in truth.into_iter().zip(told) {
        let (dns, message) = (&got["dns"], &got["message"]);
        if let Some(id) = one.get("id") {
            faults.compare("dns.id", &dns["id"], id);
        }
        faults.compare("dns.qry.name", &dns["qry"]["name"][0], &one["name"]);
        faults.compare("dns.flags.response", &dns["flags"]["response"], &Value::from(one["kind"] == "response"));
        faults.compare("dns.flags.rcode", dns["flags"].get("rcode"), one.get("rcode"));
        let shown = one["address"].as_str().or(one["type"].as_str()).unwrap();
        let summary = dns["summary"].as_str().unwrap();
        faults.unless(summary.contains(&shown[..shown.len().min(40)]), || format!("{summary} lacks {shown}"));
        if let Some(number) = one.get("answers") {
            faults.compare("answers", &message["answers"], number);
        }
        for issue in strings(&one["issues"]) {
            faults.unless(strings(&message["issues"]).contains(&issue), || format!("{summary} lacks {issue}"));
        }
    }
}

/// Datagrams of protocols that are told by name, in the order of their frames.
fn check_named(truth: &Value, told: &[&Value], faults: &mut Faults) {
    let truth: Vec<&Value> = truth.as_array().into_iter().flatten().collect();
    faults.compare("messages told by name", told.len(), truth.len());
    for (one, got) in truth.into_iter().zip(told) {
        faults.compare("message.kind", &got["message"]["kind"], &one["kind"]);
        let (protocol, says) = (one["protocol"].as_str().unwrap(), one["says"].as_str().unwrap());
        let told = got[protocol]["summary"].as_str();
        faults.unless(told.is_some_and(|told| told.contains(says)), || format!("{protocol} {told:?} lacks {says}"));
    }
}

/// Whether all bytes of a connection are in whole messages.
fn is_clean(connection: &Value) -> bool {
    connection["messages"]
        .as_array()
        .unwrap()
        .iter()
        .all(|message| message["integrity"] == "complete" && !strings(&message["issues"]).contains(&"excess_data"))
}

/// `address:port` of one end, as `expected.json` has it.
fn end(connection: &Value, which: &str) -> String {
    let end = &connection["connection"][which];
    let address = end["address"].as_str().unwrap();
    let brackets = if address.contains(':') { ("[", "]") } else { ("", "") };
    format!("{}{address}{}:{}", brackets.0, brackets.1, end["port"])
}
