//! Live capture between two network namespaces: a real server, a real client, `dissect -i`. Skipped where namespaces
//! cannot be made.

#![cfg(all(target_os = "linux", feature = "live"))]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use common::{dissect, installed, ledger_fault, run, strings};
use serde_json::Value;

/// How long anything may take to come up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two namespaces and the link between them; they go with it.
struct Lab {
    client: String,
    server: String,
    children: Vec<Child>,
}

impl Lab {
    /// None, with the reason printed, where it cannot be built.
    fn build() -> Option<Self> {
        for tool in ["curl", "python3"] {
            if !installed(tool) {
                println!("skipped: {tool} is not installed");
                return None;
            }
        }
        let id = std::process::id();
        let lab = Self { client: format!("dissect-c{id}"), server: format!("dissect-s{id}"), children: Vec::new() };
        let (client, server) = (&lab.client, &lab.server);
        let steps = [
            format!("netns add {client}"),
            format!("netns add {server}"),
            format!("-n {client} link add veth0 type veth peer name veth0 netns {server}"),
            format!("-n {client} address add 10.9.0.1/24 dev veth0"),
            format!("-n {server} address add 10.9.0.2/24 dev veth0"),
            format!("-n {client} link set veth0 up"),
            format!("-n {server} link set veth0 up"),
        ];
        for step in steps {
            let output = Command::new("ip").args(step.split(' ')).output();
            if !output.as_ref().is_ok_and(|output| output.status.success()) {
                println!("skipped: `ip {step}` failed, which needs root and network namespaces: {output:?}");
                return None;
            }
        }
        Some(lab)
    }

    /// `command`, in the client's namespace.
    fn at_client(&self, command: &str) -> Command {
        let mut all = Command::new("ip");
        all.args(["netns", "exec", &self.client, command]).env("TZ", "UTC");
        all
    }

    fn serve(&mut self) {
        let mut server = Command::new("ip");
        server.args(["netns", "exec", &self.server, "python3", "-m", "http.server", "8000", "-d"]);
        server.arg(common::path("fixtures/record")).stdout(Stdio::null()).stderr(Stdio::null());
        self.children.push(server.spawn().unwrap());
        wait_until("the server answers", || self.get("/"));
    }

    fn get(&self, target: &str) -> bool {
        let url = format!("http://10.9.0.2:8000{target}");
        let mut curl = self.at_client("curl");
        curl.args(["-s", "-o", "/dev/null", "--max-time", "2", &url]).stdout(Stdio::null());
        curl.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        for namespace in [&self.client, &self.server] {
            let _ = Command::new("ip").args(["netns", "delete", namespace]).stderr(Stdio::null()).status();
        }
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Lines as they come, until the end.
fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (put, lines) = channel();
    thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| put.send(line)));
    lines
}

#[test]
fn an_exchange_is_told_as_it_happens() {
    let Some(mut lab) = Lab::build() else { return };
    lab.serve();
    let saved = tempfile::tempdir().unwrap();
    let saved = saved.path().join("saved.pcap");

    let mut command = lab.at_client(env!("CARGO_BIN_EXE_dissect"));
    command.args(["-i", "veth0", "-T", "json", "--strict", "-w"]).arg(&saved).args(["tcp", "port", "8000"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (out, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
    wait_until("it listens", || {
        let sockets = lab.at_client("cat").arg("/proc/net/packet").output().unwrap().stdout;
        // Interface and state: bound to one, and running.
        String::from_utf8_lossy(&sockets).lines().skip(1).any(|socket| {
            let mut words = socket.split_whitespace().skip(4);
            words.next() != Some("0") && words.next() == Some("1")
        })
    });
    // Its filter and its ring come a moment after that.
    thread::sleep(Duration::from_millis(300));

    assert!(lab.get("/record.py"));
    let begun = Instant::now();
    let mut records = Vec::new();
    while records.iter().filter(|record: &&Value| record["type"] == "message").count() < 2 {
        let line = out.recv_timeout(PATIENCE).expect("the request and its response");
        records.push(serde_json::from_str(&line).unwrap());
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "told after {:?}", begun.elapsed());

    interrupt(&child);
    records.extend(out.iter().map(|line| serde_json::from_str(&line).unwrap()));
    assert_eq!(child.wait().unwrap().code(), Some(0), "{:?}", err.iter().collect::<Vec<_>>());
    let end = records.last().unwrap();
    assert_eq!(end["type"], "end");
    assert_eq!(ledger_fault(end), None);
    assert_eq!(end["drops"]["kernel"], 0);
    let messages = the_messages(&records);
    assert_eq!(messages[0].0, "GET /record.py");
    assert_eq!(messages[1].0, "200");

    // The file that was saved tells the same.
    let told = run(dissect().args(["-T", "json", "--strict", "-r"]).arg(&saved));
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let read = told.records();
    assert_eq!(the_messages(&read), messages);
    assert_eq!(read.last().unwrap()["ledger"], end["ledger"]);
}

#[test]
fn an_interface_that_is_not_there_cannot_be_opened() {
    let told = run(dissect().args(["-i", "no-such-interface"]));
    assert_eq!(told.code, Some(3), "{}", told.stderr);
    assert!(told.stderr.contains("no-such-interface"), "{}", told.stderr);
}

/// What is asked or answered, with the integrity, the length of the body and the issues.
fn the_messages(records: &[Value]) -> Vec<(String, String, u64, usize)> {
    let messages = records.iter().filter(|record| record["type"] == "message");
    let row = |record: &Value| {
        let (http, message) = (&record["http"], &record["message"]);
        let what = match http["request"]["method"].as_str() {
            Some(method) => format!("{method} {}", http["request"]["uri"].as_str().unwrap()),
            None => http["response"]["code"].to_string(),
        };
        let integrity = message["integrity"].as_str().unwrap().to_owned();
        (what, integrity, http["body"]["length"].as_u64().unwrap(), strings(&message["issues"]).len())
    };
    messages.map(row).collect()
}

/// Sends SIGINT, as Ctrl-C does.
fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}
