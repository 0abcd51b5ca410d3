//! `-w`: one file after the other (`-C`, `-G`, `-W`), and what is there when saving fails or the program is killed.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Write, copy};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::capture::{Talk, response, write};
use common::{Run, dissect, installed, name, path, run};

/// Captures by the names of their files.
type Files = BTreeMap<String, Vec<u8>>;

fn files(folder: &Path) -> Files {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|file| (name(&file), fs::read(&file).unwrap())).collect()
}

/// What `dissect -r input -w NAME` leaves in an empty folder.
fn save(input: &Path, output: &str, arguments: &[&str]) -> (Run, Files) {
    let folder = tempfile::tempdir().unwrap();
    let told = run(dissect().arg("-r").arg(input).arg("-w").arg(folder.path().join(output)).args(arguments));
    (told, files(folder.path()))
}

/// Frames of a capture, which has to be whole.
fn frames(capture: &Path) -> u64 {
    let told = run(dissect().arg("-r").arg(capture).args(["-q", "-T", "json"]));
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{}", capture.display());
    told.records().last().unwrap()["totals"]["frames"].as_u64().unwrap()
}

fn frames_in(capture: &[u8]) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a");
    fs::write(&file, capture).unwrap();
    frames(&file)
}

/// A capture of some five million bytes in four seconds.
fn large(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("large.pcap");
    let body = vec![b'x'; 1_150_000];
    let get = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let talk = (0..4).fold(Talk::new(1000), |talk, _| talk.exchange(get, &response("", &body)));
    write(&file, &[talk.close()]);
    file
}

/// Without their first header, which says what wrote it, the records of a pcap.
fn records(capture: &[u8]) -> &[u8] {
    &capture[24..]
}

#[test]
fn files_are_those_of_tcpdump() {
    if !installed("tcpdump") {
        return println!("skipped: tcpdump is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let large = large(folder.path());
    let small = path("fixtures/page-http.pcap");
    for (input, arguments, count) in [
        (&large, &["-C", "1"][..], 5),
        (&large, &["-C", "2"], 3),
        (&large, &["-C", "1", "-W", "2"], 2),
        (&large, &["-C", "1", "-W", "1"], 1),
        (&large, &["-C", "1", "-W", "11"], 5),
        (&large, &["-C", "1", "-W", "1000"], 5),
        (&large, &["-C", "1", "-G", "999999"], 5),
        (&large, &["-C", "1", "-G", "999999", "-W", "3"], 3),
        (&small, &["-C", "1"], 1),
        (&small, &["-C", "1", "-W", "100"], 1),
        (&small, &["-G", "999999", "-W", "3"], 1),
    ] {
        let (told, ours) = save(input, "a", &[arguments, &["-q"]].concat());
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        let folder = tempfile::tempdir().unwrap();
        let mut tcpdump = Command::new("tcpdump");
        tcpdump.args(["-Z", "root", "--nano", "-r"]).arg(input).arg("-w").arg(folder.path().join("a"));
        let output = tcpdump.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let theirs = files(folder.path());
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{arguments:?}");
        assert_eq!(ours.len(), count, "{arguments:?}");
        for (name, ours) in &ours {
            assert!(frames_in(ours) == frames_in(&theirs[name]), "{arguments:?} {name}");
            assert!(input == &small || records(ours) == records(&theirs[name]), "{arguments:?} {name}");
        }
    }
}

#[test]
fn periods_are_of_capture_time() {
    let folder = tempfile::tempdir().unwrap();
    let large = large(folder.path());
    // From 22:13:20 on; a frame a millisecond.
    let (told, files) = save(&large, "%Y-%m-%d-%H%M%S.pcap", &["-G", "1", "-q"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    let names = (20..25).map(|second| format!("2023-11-14-2213{second}.pcap"));
    assert_eq!(files.keys().cloned().collect::<Vec<_>>(), names.collect::<Vec<_>>());
    assert_eq!(files.values().map(|file| frames_in(file)).collect::<Vec<_>>()[..4], [999, 1000, 1000, 1000]);
    let whole: Vec<u8> = files.values().flat_map(|file| records(file)).copied().collect();
    assert!(whole == records(&fs::read(&large).unwrap()));

    // Each of the two replaces the one before where the name does not tell them apart.
    let (_, one) = save(&large, "a", &["-G", "4", "-q"]);
    assert_eq!(one.into_values().map(|file| frames_in(&file)).collect::<Vec<_>>(), [frames(&large) - 3999]);

    let (told, both) = save(&large, "%S-", &["-G", "2", "-C", "1", "-W", "10", "-q"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        both.keys().map(String::as_str).collect::<Vec<_>>(),
        ["20-0", "20-1", "20-2", "22-0", "22-1", "22-2", "24-0"]
    );
}

#[test]
fn after_so_many_periods_the_run_ends() {
    let folder = tempfile::tempdir().unwrap();
    let large = large(folder.path());
    let (told, files) = save(&large, "%S", &["-G", "1", "-W", "2", "-T", "json"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    assert_eq!(files.values().map(|file| frames_in(file)).collect::<Vec<_>>(), [999, 1000]);
    let records = told.records();
    assert_eq!(records.last().unwrap()["totals"]["frames"], 1999);
    let mut messages = records.iter().filter(|record| record["type"] == "message");
    assert_eq!(messages.next_back().unwrap()["message"]["integrity"], "unfinished");
}

#[test]
fn each_file_describes_its_interfaces() {
    let input = path("fixtures/two-interfaces.pcapng");
    let (told, files) = save(&input, "b", &["-C", "1k", "-q"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    assert!(files.len() > 1 && files.values().all(|file| file.starts_with(b"\x0a\x0d\x0d\x0a")), "{}", files.len());
    assert_eq!(files.values().map(|file| frames_in(file)).sum::<u64>(), frames(&input));
}

#[test]
fn what_is_chosen_is_divided_too() {
    let input = path("fixtures/page-http.pcap");
    for (more, most) in
        [(&["-Y", "tcp.stream == 0", "-P"][..], 60), (&["-Y", "http.response.code == 304"], 60), (&["udp"], 5)]
    {
        if more == ["udp"] && cfg!(not(feature = "live")) {
            continue;
        }
        let (told, files) = save(&input, "a", &[more, &["-C", "1k", "-q"]].concat());
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
        let all: u64 = files.values().map(|file| frames_in(file)).sum();
        let (_, one) = save(&input, "a", &[more, &["-q"]].concat());
        assert!(all > 0 && all == frames_in(&one["a"]) && all < most, "{more:?} {all}");
    }
}

#[test]
fn a_capture_without_frames_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pcap");
    write(&empty, &[]);
    for arguments in [&["-C", "1"][..], &["-G", "1"], &["-G", "1", "-W", "1"]] {
        let (told, files) = save(&empty, "a", &[arguments, &["-q"]].concat());
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
        assert_eq!(
            files.into_iter().map(|(name, file)| (name, frames_in(&file))).collect::<Vec<_>>(),
            [("a".into(), 0)]
        );
    }
}

#[test]
fn what_does_not_go_together_is_one_line() {
    let (folder, file) = (tempfile::tempdir().unwrap(), path("fixtures/keep-alive.pcap"));
    let name = folder.path().join("a");
    let name = name.to_str().unwrap();
    for arguments in [
        &["-C", "1"][..],
        &["-G", "1"],
        &["-W", "1", "-w", name],
        &["-C", "1", "-w", "-"],
        &["-C", "0", "-w", name],
        &["-C", "1x", "-w", name],
        &["-G", "0", "-w", name],
        &["-G", "1.5", "-w", name],
        &["-C", "1", "-W", "0", "-w", name],
        &["-C", "1", "-W", "99999999999", "-w", name],
        &["-w", name, "--until", "htpp"],
        &["--duration", "0"],
        &["--duration", "1y"],
    ] {
        let told = run(dissect().arg("-r").arg(&file).args(arguments));
        assert_eq!((told.code, told.stdout.len()), (Some(2), 0), "{arguments:?} {}", told.stderr);
        assert!(files(folder.path()).is_empty(), "{arguments:?}");
    }
    let nowhere = folder.path().join("none/a");
    let told = run(dissect().arg("-r").arg(&file).arg("-w").arg(&nowhere).args(["-C", "1"]));
    assert_eq!((told.code, told.stderr.lines().count()), (Some(3), 1), "{}", told.stderr);
    assert!(told.stderr.contains("none/a: there is no such folder"), "{}", told.stderr);
}

#[test]
fn the_file_that_is_read_is_never_one_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("a2");
    fs::copy(path("fixtures/page-http.pcap"), &input).unwrap();
    let told = run(dissect().arg("-r").arg(&input).arg("-w").arg(folder.path().join("a")).args(["-C", "10k", "-q"]));
    assert_eq!(told.code, Some(2), "{}", told.stderr);
    assert!(told.stderr.contains("a2 is being read"), "{}", told.stderr);
    assert!(fs::read(&input).unwrap() == fs::read(path("fixtures/page-http.pcap")).unwrap());
}

#[test]
fn where_results_cannot_be_written_the_capture_is() {
    let folder = tempfile::tempdir().unwrap();
    let (input, saved) = (path("fixtures/page-http.pcap"), folder.path().join("saved"));
    let command = format!("{} -r {} -w {}", env!("CARGO_BIN_EXE_dissect"), input.display(), saved.display());
    let shell = |script: &str| {
        let output = Command::new("bash").args(["-c", script]).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    if cfg!(target_os = "linux") {
        let (code, line) = shell(&format!("{command} > /dev/full; echo $?"));
        assert!(code == "3\n" && line.contains("cannot write to standard output"), "{code} {line}");
        assert!(frames(&saved) > 0);
        fs::remove_file(&saved).unwrap();
    }
    let told = shell(&format!("{command} | true; echo ${{PIPESTATUS[0]}}"));
    assert_eq!(told, ("0\n".to_owned(), String::new()));
    assert!(frames(&saved) > 0);
}

/// A small file system; it goes with it.
struct Disk(tempfile::TempDir);

impl Disk {
    /// None, with the reason printed, where it cannot be made.
    fn of(bytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "none"])
            .arg(folder.path())
            .output();
        if !mount.as_ref().is_ok_and(|output| output.status.success()) {
            println!("skipped: `mount` failed, which needs root: {mount:?}");
            return None;
        }
        Some(Self(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_whole_captures() {
    let folder = tempfile::tempdir().unwrap();
    let large = large(folder.path());
    let ng = folder.path().join("large.pcapng");
    let has_ng = installed("editcap")
        && Command::new("editcap").args(["-F", "pcapng"]).arg(&large).arg(&ng).status().unwrap().success();
    for (input, arguments) in [(&large, &[][..]), (&large, &["-C", "1"]), (&ng, &[])] {
        if input == &ng && !has_ng {
            println!("skipped: editcap is not installed");
            continue;
        }
        let Some(disk) = Disk::of(3 << 20) else { return };
        let saved = disk.0.path().join("saved");
        let told = run(dissect().arg("-r").arg(input).arg("-w").arg(&saved).args(["-T", "json"]).args(arguments));
        assert_eq!((told.code, told.stderr.lines().count()), (Some(3), 1), "{}", told.stderr);
        let saved: u64 = files(disk.0.path()).values().map(|file| frames_in(file)).sum();
        let line = format!(
            "saved{}: No space left on device (os error 28); the first {saved} frames are saved\n",
            if arguments.is_empty() { "" } else { "3" }
        );
        assert!(told.stderr.ends_with(&line), "{} {line}", told.stderr);
        // What was taken up to there is told.
        let end = told.records().pop().unwrap();
        let taken = end["totals"]["frames"].as_u64().unwrap();
        assert!(end["type"] == "end" && (saved..saved + 200).contains(&taken), "{saved} {taken}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow_is_as_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (input, saved) = (large(folder.path()), folder.path().join("saved"));
    let dissect = env!("CARGO_BIN_EXE_dissect");
    let script = format!("ulimit -f 1000; {dissect} -q -r {} -w {}", input.display(), saved.display());
    let told = run(Command::new("bash").args(["-c", &script]));
    assert_eq!((told.code, told.stderr.lines().count()), (Some(3), 1), "{}", told.stderr);
    let line = format!("the first {} frames are saved\n", frames(&saved));
    assert!(told.stderr.contains("File too large") && told.stderr.ends_with(&line), "{}", told.stderr);
}

#[test]
fn a_folder_that_goes_away_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = dissect();
    let child = child.args(["-r", "-", "-q", "-C", "1", "-w"]).arg(folder.path().join("a"));
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let input = tempfile::tempdir().unwrap();
    let capture = fs::read(large(input.path())).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&capture[..500_000]).unwrap();
    while files(folder.path()).is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    fs::remove_dir_all(folder.path()).unwrap();
    // It ends before all is read.
    let _ = stdin.write_all(&capture[500_000..]);
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), line.lines().count()), (Some(3), 1), "{line}");
    assert!(line.contains("a: it was removed meanwhile; no frame was saved"), "{line}");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("frames"));
}

#[test]
fn a_killed_process_leaves_its_last_whole_record() {
    let folder = tempfile::tempdir().unwrap();
    let capture = fs::read(large(folder.path())).unwrap();
    for (round, to_stdout) in [(0, false), (1, false), (2, true)] {
        let saved = folder.path().join(format!("saved{round}"));
        let mut command = dissect();
        command.args(["-r", "-", "-q", "-w"]);
        if to_stdout {
            command.arg("-").stdout(Stdio::piped());
        } else {
            command.arg(&saved).stdout(Stdio::null());
        }
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take());
        let to = saved.clone();
        let reader = stdout.map(|mut out| thread::spawn(move || copy(&mut out, &mut fs::File::create(to).unwrap())));
        let load = capture.clone();
        let feeder = thread::spawn(move || {
            // Over and over, until nobody reads.
            stdin.write_all(&load)?;
            loop {
                stdin.write_all(&load[24..])?;
            }
            #[allow(unreachable_code)]
            Ok::<(), std::io::Error>(())
        });
        thread::sleep(Duration::from_millis(150 + 37 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(feeder.join().unwrap().is_err());
        if let Some(reader) = reader {
            reader.join().unwrap().unwrap();
        }
        let told = run(dissect().arg("-r").arg(&saved).args(["-q", "-T", "json"]));
        let frames = told.records().last().unwrap()["totals"]["frames"].as_u64().unwrap();
        // A write of several pages may have been cut by the signal.
        let is_whole = told.code == Some(0) && told.stderr.is_empty();
        let is_cut = told.code == Some(1) && told.stderr.contains("ends inside the record");
        assert!(frames > 50 && (is_whole || is_cut), "{frames} {}", told.stderr);
    }
}
