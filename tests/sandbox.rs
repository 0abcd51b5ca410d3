//! That the process is shut in: from inside, by a build of the program that tries to get out, and from outside.
//!
//! This test is that build, too: it runs itself, and what it runs is the program's own main with attempts added at the
//! point where everything is open and nothing was taken.

#[cfg(target_os = "linux")]
mod common;

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    within::main()
}

#[cfg(target_os = "linux")]
mod within {
    use std::collections::BTreeMap;
    use std::fs::{self, File};
    use std::io::{self, Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::CommandExt;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, ExitCode, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use nix::libc;
    use nix::unistd::geteuid;

    use super::common::{self, Run, captures, dissect, run};

    /// In the environment of the program that tries: the port that is listened to, and a folder that is out of reach.
    const PORT: &str = "ATTEMPT_PORT";
    const OUTSIDE: &str = "ATTEMPT_OUTSIDE";
    /// In that of one that runs where the kernel lacks Landlock.
    const LACKS: &str = "ATTEMPT_LACKS";

    pub fn main() -> ExitCode {
        if std::env::var_os(LACKS).is_some() {
            take_landlock_away();
            return dissect::cli::main();
        }
        if std::env::var_os(PORT).is_some() {
            dissect::sandbox::WITHIN.get_or_init(|| try_all);
            return dissect::cli::main();
        }
        let tests: &[(&str, fn())] = &[
            ("nothing_succeeds_from_inside", nothing_succeeds_from_inside),
            ("nothing_succeeds_from_inside_a_live_capture", nothing_succeeds_from_inside_a_live_capture),
            ("what_is_written_in_is_all_there_is", what_is_written_in_is_all_there_is),
            ("the_kernel_says_so", the_kernel_says_so),
            ("root_becomes_who_it_should", root_becomes_who_it_should),
            ("many_captures_are_reached_by_their_folder", many_captures_are_reached_by_their_folder),
            ("what_the_kernel_lacks_is_told", what_the_kernel_lacks_is_told),
        ];
        let wanted = std::env::args().nth(1).filter(|word| !word.starts_with('-')).unwrap_or_default();
        for (name, test) in tests.iter().filter(|(name, _)| name.contains(&wanted)) {
            test();
            println!("test {name} ... ok");
        }
        ExitCode::SUCCESS
    }

    /// Something to be tried on a folder that is out of reach, or with a port that is listened to.
    type Attempt = fn(&Path, u16) -> io::Result<()>;

    /// What somebody would try who has taken the program over.
    const ATTEMPTS: [(&str, Attempt); 9] = [
        ("open", |_, _| File::open("/etc/passwd").map(drop)),
        ("list", |_, _| fs::read_dir("/").map(drop)),
        ("create", |outside, _| File::create(outside.join("created")).map(drop)),
        ("remove", |outside, _| fs::remove_file(outside.join("there"))),
        ("rename", |outside, _| fs::rename(outside.join("other"), outside.join("renamed"))),
        ("connect", |_, port| TcpStream::connect(("127.0.0.1", port)).map(drop)),
        ("datagram", |_, _| UdpSocket::bind("127.0.0.1:0").map(drop)),
        ("pair", |_, _| UnixStream::pair().map(drop)),
        ("run", |_, _| Command::new("/bin/true").stdin(Stdio::null()).status().map(drop)),
    ];

    /// What not even a privileged program has to do here.
    const NEVER: [(&str, i64); 12] = [
        ("ptrace", libc::SYS_ptrace),
        ("kill", libc::SYS_kill),
        ("mount", libc::SYS_mount),
        ("unshare", libc::SYS_unshare),
        ("setuid", libc::SYS_setuid),
        ("bpf", libc::SYS_bpf),
        ("io_uring_setup", libc::SYS_io_uring_setup),
        ("perf_event_open", libc::SYS_perf_event_open),
        ("process_vm_readv", libc::SYS_process_vm_readv),
        ("memfd_create", libc::SYS_memfd_create),
        ("chmod", libc::SYS_fchmodat),
        ("fork", libc::SYS_clone),
    ];

    fn try_all() {
        // Without a folder nothing is tried: it would be tried on the current one.
        let outside = PathBuf::from(std::env::var_os(OUTSIDE).unwrap());
        let port = std::env::var(PORT).unwrap().parse().unwrap();
        let mut told = String::new();
        for (name, attempt) in ATTEMPTS {
            let result = attempt(&outside, port).map_or_else(|error| error.to_string(), |()| "done".into());
            told.push_str(&format!("attempt {name}: {result}\n"));
        }
        for (name, number) in NEVER {
            // SAFETY: with zeros for arguments each of these takes no memory; none is let through.
            #[allow(unsafe_code)]
            let result = unsafe { libc::syscall(number, 0, 0, 0, 0, 0, 0) };
            let error = io::Error::last_os_error();
            let refused = result == -1 && error.raw_os_error() == Some(libc::EPERM);
            told.push_str(&format!("attempt {name}: {}\n", if refused { "refused" } else { "done" }));
        }
        let error = Command::new("/bin/true").exec();
        told.push_str(&format!("attempt exec: {error}\n"));
        eprint!("{told}");
    }

    /// A folder with files to be damaged, which everyone may.
    fn outside() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        ["there", "other"].into_iter().for_each(|name| fs::write(folder.path().join(name), "").unwrap());
        folder
    }

    fn fixture() -> PathBuf {
        common::path("fixtures/absolute-form.pcap")
    }

    /// This program, as the one that tries.
    fn trying(listener: &TcpListener, outside: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env("TZ", "UTC").env("NO_COLOR", "1").env(OUTSIDE, outside);
        command.env(PORT, listener.local_addr().unwrap().port().to_string());
        command
    }

    /// The attempts that a run made and what came of each; it must have done its job beside.
    fn made(run: &Run) -> BTreeMap<String, String> {
        let told = run.stderr.lines().filter_map(|line| line.strip_prefix("attempt ")?.split_once(": "));
        let made: BTreeMap<String, String> = told.map(|(name, what)| (name.into(), what.into())).collect();
        assert_eq!(made.len(), ATTEMPTS.len() + NEVER.len() + 1, "{}", run.stderr);
        assert!(matches!(run.code, Some(0 | 1)), "{:?} {}", run.code, run.stderr);
        made
    }

    fn assert_nothing_done(made: &BTreeMap<String, String>, words: &[&str]) {
        let done: Vec<_> = made.iter().filter(|(_, what)| *what == "done").collect();
        assert!(done.is_empty(), "{words:?}: {done:?}");
    }

    fn nothing_succeeds_from_inside() {
        let (listener, folder) = (TcpListener::bind("127.0.0.1:0").unwrap(), outside());
        // A run that is not shut in does not come to where they are made.
        let before =
            trying(&listener, folder.path()).args(["-q", "--no-sandbox", "-r"]).arg(fixture()).output().unwrap();
        assert!(before.stderr.is_empty(), "{before:?}");
        control(&listener);

        let results = tempfile::tempdir().unwrap();
        let to = |name: &str| results.path().join(name).to_string_lossy().into_owned();
        let (har, report, copy, chosen, bodies, scrubbed) =
            (to("a.har"), to("report"), to("copy"), to("chosen"), to("bodies"), to("scrubbed"));
        let capture = fixture().to_string_lossy().into_owned();
        for words in [
            &["-q", "-r", &capture][..],
            &["-T", "json", "-r", &capture],
            &["-P", "-vv", "-r", &capture, "tcp port http"],
            &["-r", &capture, "-q", "-w", &copy],
            &["-r", &capture, "-q", "-Y", "http", "-w", &chosen],
            &["--body", "0.2", "-r", &capture],
            &["check", "-r", &capture, "-o", &report],
            &["check", "--learn", &capture],
            &["check", "-j", "2", "-r", &capture, &capture],
            &["connections", "-r", &capture],
            &["stats", "-r", &capture],
            &["explain", "4", "-r", &capture],
            &["diff", &capture, &capture],
            &["follow", "0", "-r", &capture],
            &["page", "-r", &capture],
            &["export", "-r", &capture, "-d", &bodies],
            &["export", "-r", &capture, "--har", &har],
            &["scrub", &capture, "-o", &scrubbed],
        ] {
            assert_nothing_done(&made(&run(trying(&listener, folder.path()).args(words))), words);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        for (path, least) in [(&har, 500), (&report, 10), (&copy, 1000), (&chosen, 1000), (&scrubbed, 1000)] {
            assert!(fs::metadata(path).unwrap().len() >= least, "{path}");
        }
        assert_eq!(fs::read_dir(&bodies).unwrap().count(), 2);
    }

    /// What is tried inside can be done outside.
    fn control(listener: &TcpListener) {
        let (folder, port) = (outside(), listener.local_addr().unwrap().port());
        for (name, attempt) in ATTEMPTS {
            let result = attempt(folder.path(), port);
            assert!(result.is_ok(), "{name}: {result:?}");
        }
    }

    fn nothing_succeeds_from_inside_a_live_capture() {
        if !captures() {
            return;
        }
        let (listener, folder) = (TcpListener::bind("127.0.0.1:0").unwrap(), outside());
        let ends = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let to = ends[1].local_addr().unwrap();
        let filter = format!("udp dst port {}", to.port());
        let saved = tempfile::tempdir().unwrap();
        let at = |name: &str| saved.path().join(name).to_string_lossy().into_owned();
        for words in [&[][..], &["-w", &at("whole")], &["-w", &at("ring"), "-C", "1"]] {
            let run = thread::scope(|scope| {
                let mut command = trying(&listener, folder.path());
                command.args(["-i", "lo", "-T", "json", "-c", "2"]).args(words).arg(&filter);
                let running = scope.spawn(move || run(&mut command));
                while !running.is_finished() {
                    ends[0].send_to(b"hello", to).unwrap();
                    thread::sleep(Duration::from_millis(10));
                }
                running.join().unwrap()
            });
            assert_nothing_done(&made(&run), words);
            assert_eq!(run.code, Some(0), "{words:?}: {}", run.stderr);
            assert_eq!(run.records().last().unwrap()["totals"]["frames"], 2);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(fs::read_dir(saved.path()).unwrap().all(|file| file.unwrap().metadata().unwrap().len() > 100));
        assert_eq!(fs::read_dir(saved.path()).unwrap().count(), 2);
    }

    fn what_is_written_in_is_all_there_is() {
        let (listener, folder) = (TcpListener::bind("127.0.0.1:0").unwrap(), outside());
        // The folder that bodies go to is the one that the attempts are made on.
        let mut command = trying(&listener, folder.path());
        let made = made(&run(command.args(["export", "-r"]).arg(fixture()).arg("-d").arg(folder.path())));
        let done: Vec<_> = made.iter().filter(|(_, what)| *what == "done").map(|(name, _)| name.as_str()).collect();
        assert_eq!(done, ["create"], "{made:?}");
    }

    /// What `/proc/PID/status` says.
    fn status(child: &Child) -> BTreeMap<String, String> {
        let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
    }

    /// A run that waits for its standard input, once it is shut in or some time has passed, and how it is then.
    fn waiting(mut command: Command) -> (Child, BTreeMap<String, String>) {
        command.args(["-q", "-r", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let status = shut_in(&child);
        (child, status)
    }

    fn shut_in(child: &Child) -> BTreeMap<String, String> {
        let begun = Instant::now();
        loop {
            let status = status(child);
            let is_in = status.get("Seccomp_filters").map_or("0", String::as_str) == "2";
            if is_in || begun.elapsed() > Duration::from_secs(3) {
                return status;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Gives a run its capture, and takes its exit code and what it says.
    fn feed(mut child: Child) -> (Option<i32>, String) {
        child.stdin.take().unwrap().write_all(&fs::read(fixture()).unwrap()).unwrap();
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        (child.wait().unwrap().code(), text)
    }

    fn the_kernel_says_so() {
        let (child, status) = waiting(dissect());
        let (code, text) = feed(child);
        assert!(code == Some(0) && text.contains("2   1 request   1 response"), "{text}");
        for (name, value) in [("NoNewPrivs", "1"), ("Seccomp", "2")] {
            assert_eq!(status[name], value, "{status:?}");
        }
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(status[set], "0000000000000000", "{set}");
        }
    }

    fn root_becomes_who_it_should() {
        if !geteuid().is_root() {
            println!("skipped: only root becomes another user");
            return;
        }
        let plain = || {
            let mut command = dissect();
            command.env_remove("SUDO_UID").env_remove("SUDO_GID");
            command
        };
        let (mut by_sudo, mut asked, mut off) = (plain(), plain(), plain());
        by_sudo.env("SUDO_UID", "12345").env("SUDO_GID", "23456");
        asked.args(["-Z", "daemon"]);
        off.arg("--no-sandbox");
        for (command, uid, gid) in
            [(plain(), None, None), (by_sudo, Some("12345"), Some("23456")), (asked, Some("1"), Some("1"))]
        {
            let (child, status) = waiting(command);
            feed(child);
            for (name, wanted) in [("Uid", uid), ("Gid", gid)] {
                let ids: Vec<_> = status[name].split(' ').collect();
                assert!(ids.iter().all(|id| wanted.map_or(*id != "0", |wanted| *id == wanted)), "{name} {ids:?}");
            }
            assert_eq!((status["CapBnd"].as_str(), status["Groups"].as_str()), ("0000000000000000", ""));
        }
        let (child, status) = waiting(off);
        feed(child);
        assert_eq!((status["Uid"].as_str(), status["Seccomp"].as_str()), ("0 0 0 0", "0"));

        // The owner of the folder has what is written in it.
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(folder.path(), Some(12345), Some(23456)).unwrap();
        let bodies = run(dissect().args(["export", "-r"]).arg(fixture()).arg("-d").arg(folder.path()));
        assert_eq!(bodies.code, Some(0), "{}", bodies.stderr);
        let body = fs::metadata(folder.path().join("0.2-example.test_hello.txt")).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::uid(&body), 12345);
        let stranger =
            run(dissect().args(["export", "-Z", "daemon", "-r"]).arg(fixture()).arg("-d").arg(folder.path()));
        assert_eq!(stranger.code, Some(3));
        assert!(stranger.stderr.contains("user daemon") && stranger.stderr.contains("-Z USER"), "{}", stranger.stderr);
        let mut here = dissect();
        here.current_dir(folder.path()).args(["-Z", "daemon", "-q", "-C", "1", "-w", "ring", "-r"]).arg(fixture());
        let here = run(&mut here);
        assert!(here.code == Some(3) && here.stderr.contains("may not write in .; -Z USER"), "{}", here.stderr);
        // So is root itself, once it has no capability.
        let root = run(dissect().args(["export", "-Z", "root", "-r"]).arg(fixture()).arg("-d").arg(folder.path()));
        assert!(root.code == Some(3) && root.stderr.contains("user root"), "{:?} {}", root.code, root.stderr);
        assert_eq!(run(dissect().args(["-Z", "no such user", "-r"]).arg(fixture())).code, Some(2));
    }

    fn many_captures_are_reached_by_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("0000.pcap");
        fs::copy(fixture(), &capture).unwrap();
        for number in 1..600 {
            fs::hard_link(&capture, folder.path().join(format!("{number:04}.pcap"))).unwrap();
        }
        let checked = run(dissect().args(["check", "-T", "json", "-r"]).arg(folder.path()));
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
        let last = folder.path().join("0599.pcap");
        assert!(String::from_utf8_lossy(&checked.stdout).contains(&*last.to_string_lossy()));
    }

    fn what_the_kernel_lacks_is_told() {
        for (words, told) in [(&["-q", "-v"][..], true), (&["-q"], false), (&["-q", "-v", "--no-sandbox"], false)] {
            let mut command = Command::new(std::env::current_exe().unwrap());
            let run = run(command.env(LACKS, "1").args(words).arg("-r").arg(fixture()));
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            assert_eq!(run.stderr.contains("the sandbox lacks Landlock"), told, "{words:?}: {}", run.stderr);
        }
    }

    /// Has Landlock be unknown to the kernel, as to one that was built without.
    fn take_landlock_away() {
        use seccompiler::{SeccompAction, SeccompFilter};
        let rules = [(libc::SYS_landlock_create_ruleset, Vec::new())].into();
        let absent = SeccompAction::Errno(libc::ENOSYS as u32);
        let arch = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, absent, arch).unwrap();
        seccompiler::apply_filter(&seccompiler::BpfProgram::try_from(filter).unwrap()).unwrap();
    }
}
