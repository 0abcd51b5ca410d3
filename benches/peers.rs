//! Times dissect beside its peers, in one run: `cargo bench --bench peers -- --help`. Prints tables in Markdown.

mod traces;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use traces::{Kind, Worst};
use wait4::Wait4;

const DISSECT: &str = env!("CARGO_BIN_EXE_dissect");

/// Times dissect beside tcpdump, tcpflow, tshark and httpry, as far as they are installed.
#[derive(Parser)]
#[command(name = "peers")]
struct Arguments {
    /// Kinds of trace: mix, small, bulk, manyflows, noisy; all where none is named
    #[arg(value_parser = |name: &str| Kind::named(name).ok_or("no such kind of trace"))]
    kinds: Vec<Kind>,
    /// Times the full length
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Runs of each, of which the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Leave out tcpflow and tshark, which take most of the time
    #[arg(long)]
    quick: bool,
    /// Also the memory that a trace ten times as long takes, by a pipe
    #[arg(long)]
    long: bool,
    /// The worst traces alone
    #[arg(long)]
    worst: bool,
    /// Folder for the traces
    #[arg(short, long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/traces"))]
    output: PathBuf,
    /// Write a trace of so many frames to standard output, and nothing else
    #[arg(long, hide = true)]
    write: Option<u64>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// A program with its arguments; `FILE` stands for the trace, `FOLDER` for an empty folder.
struct Contender {
    name: &'static str,
    command: &'static [&'static str],
    /// Takes a trace of a twentieth of the length.
    slow: bool,
}

const CONTENDERS: &[Contender] = &[
    Contender { name: "cat", command: &["cat", "FILE"], slow: false },
    Contender { name: "tcpdump -w /dev/null", command: &["tcpdump", "-r", "FILE", "-w", "/dev/null"], slow: false },
    Contender { name: "httpry", command: &["httpry", "-r", "FILE", "-o", "/dev/null"], slow: false },
    Contender { name: "dissect -q", command: &[DISSECT, "-q", "-r", "FILE"], slow: false },
    Contender { name: "dissect -T json", command: &[DISSECT, "-T", "json", "-r", "FILE"], slow: false },
    Contender { name: "dissect", command: &[DISSECT, "-T", "text", "-r", "FILE"], slow: false },
    Contender { name: "tcpflow -o", command: &["tcpflow", "-q", "-r", "FILE", "-o", "FOLDER"], slow: true },
    Contender {
        name: "tshark -Y http, three fields",
        command: &[
            "tshark",
            "-n",
            "-r",
            "FILE",
            "-Y",
            "http",
            "-T",
            "fields",
            "-e",
            "frame.number",
            "-e",
            "http.request.uri",
            "-e",
            "http.response.code",
        ],
        slow: true,
    },
];

/// Slow contenders take a trace shorter by this.
const SHORTER: f64 = 20.0;

/// What is to be reached: a contender's time for a byte, over that of another, for each kind.
struct Target {
    name: &'static str,
    of: &'static str,
    over: &'static str,
    /// By kind, in the order of [`Kind::ALL`].
    most: [Option<f64>; 5],
}

const TARGETS: &[Target] = &[
    Target {
        name: "-q : tcpdump -w",
        of: "dissect -q",
        over: "tcpdump -w /dev/null",
        most: [Some(0.4), Some(0.55), Some(0.3), Some(0.9), Some(0.45)],
    },
    Target { name: "-q : cat", of: "dissect -q", over: "cat", most: [None, None, Some(2.0), None, None] },
    Target {
        name: "-T json : -q",
        of: "dissect -T json",
        over: "dissect -q",
        most: [Some(1.5), Some(3.0), Some(1.5), Some(3.0), None],
    },
    Target { name: "text : -T json", of: "dissect", over: "dissect -T json", most: [Some(2.0); 5] },
    Target { name: "-q : tcpflow -o", of: "dissect -q", over: "tcpflow -o", most: [Some(0.1); 5] },
    Target { name: "-q : tshark", of: "dissect -q", over: "tshark -Y http, three fields", most: [Some(0.01); 5] },
];

/// Megabytes of memory that dissect may take, in the order of [`Kind::ALL`].
const MEMORY: [f64; 5] = [64.0, 64.0, 64.0, 256.0, 64.0];

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    if let (Some(frames), [kind]) = (arguments.write, &*arguments.kinds) {
        return traces::write(*kind, frames, 1, io::stdout().lock()).map(drop);
    }
    fs::create_dir_all(&arguments.output)?;
    println!("{}\n", machine()?);
    if !arguments.worst {
        compare(arguments)?;
    }
    if arguments.worst || arguments.kinds.is_empty() {
        linearity(arguments)?;
    }
    Ok(())
}

/// Date, processor, system.
fn machine() -> io::Result<String> {
    let now = jiff::Zoned::now();
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = thread::available_parallelism()?;
    Ok(format!("{}, {cores} × {model}, kernel {}", now.strftime("%Y-%m-%d"), kernel.trim()))
}

/// One run of a program.
#[derive(Clone, Copy)]
struct Sample {
    wall: Duration,
    user: Duration,
    /// Peak of resident memory in bytes.
    memory: u64,
}

fn sample(command: &mut Command) -> io::Result<Sample> {
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let used = child.wait4()?;
    let wall = begun.elapsed();
    // tcpdump and others end with 1 where a file is odd, so that a signal alone is a failure.
    if used.status.code().is_none_or(|code| code > 1) {
        return Err(io::Error::other(format!("{command:?}: {}", used.status)));
    }
    Ok(Sample { wall, user: used.rusage.utime, memory: used.rusage.maxrss })
}

/// Runs a contender over a trace.
fn contend(contender: &Contender, trace: &Path) -> io::Result<Sample> {
    let folder = tempfile::tempdir_in(trace.parent().unwrap_or(Path::new(".")))?;
    let (program, rest) = contender.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    for argument in rest {
        match *argument {
            "FILE" => command.arg(trace),
            "FOLDER" => command.arg(folder.path()),
            other => command.arg(other),
        };
    }
    sample(&mut command)
}

/// Has another process write a trace: the memory of this one would count as that of all that it starts.
fn write_trace(kind: Kind, frames: u64, out: Stdio) -> io::Result<Child> {
    let frames = frames.to_string();
    Command::new(std::env::current_exe()?)
        .args(["--write", &frames, kind.name()])
        .stdin(Stdio::null())
        .stdout(out)
        .spawn()
}

/// A trace of this length, which is in memory once it is written.
fn trace(arguments: &Arguments, kind: Kind, frames: u64, name: &str) -> io::Result<(PathBuf, Written)> {
    let path = arguments.output.join(format!("{name}.pcap"));
    let file = File::create(&path)?;
    write_trace(kind, frames, file.try_clone()?.into())?.wait()?;
    // Writing it to the disk would go on in the background.
    file.sync_all()?;
    Ok((path, Written { frames, bytes: file.metadata()?.len() }))
}

/// What a trace has.
#[derive(Clone, Copy)]
struct Written {
    /// Frames, nearly.
    frames: u64,
    /// Bytes of the file.
    bytes: u64,
}

/// The median of a contender's runs over a trace.
#[derive(Clone, Copy)]
struct Result {
    /// Seconds of wall time for a megabyte.
    cost: f64,
    megabytes_a_second: f64,
    million_frames_a_second: f64,
    /// Megabytes.
    memory: f64,
}

impl Result {
    fn of(samples: &mut [Sample], written: Written) -> Self {
        samples.sort_by_key(|sample| sample.wall);
        let wall = samples[samples.len() / 2].wall.as_secs_f64();
        let memory = samples.iter().map(|sample| sample.memory).max().unwrap_or_default();
        let megabytes = written.bytes as f64 / 1e6;
        Self {
            cost: wall / megabytes,
            megabytes_a_second: megabytes / wall,
            million_frames_a_second: written.frames as f64 / wall / 1e6,
            memory: memory as f64 / 1e6,
        }
    }
}

type Results = BTreeMap<(&'static str, &'static str), Result>;

fn compare(arguments: &Arguments) -> io::Result<()> {
    let kinds = if arguments.kinds.is_empty() { Kind::ALL.to_vec() } else { arguments.kinds.clone() };
    let present = |contender: &&Contender| {
        let there = installed(contender.command[0]) && !(arguments.quick && contender.slow);
        if !there {
            eprintln!("without {}", contender.name);
        }
        there
    };
    let contenders: Vec<&Contender> = CONTENDERS.iter().filter(present).collect();
    let mut results = Results::new();
    for kind in &kinds {
        let frames = (kind.frames() as f64 * arguments.scale).round();
        let (long, long_written) = trace(arguments, *kind, frames as u64, kind.name())?;
        let short_name = format!("{}-short", kind.name());
        let (short, short_written) = trace(arguments, *kind, (frames / SHORTER) as u64, &short_name)?;
        let mut samples: Vec<Vec<Sample>> = contenders.iter().map(|_| Vec::new()).collect();
        // One after the other, so that what else goes on strikes all of them.
        for run in 0..arguments.runs.max(1) {
            eprintln!("{}: run {}", kind.name(), run + 1);
            for (contender, samples) in contenders.iter().zip(&mut samples) {
                samples.push(contend(contender, if contender.slow { &short } else { &long })?);
            }
        }
        for (contender, samples) in contenders.iter().zip(&mut samples) {
            let written = if contender.slow { short_written } else { long_written };
            results.insert((contender.name, kind.name()), Result::of(samples, written));
        }
    }
    let names: Vec<&str> = contenders.iter().map(|contender| contender.name).collect();
    speeds(&names, &kinds, &results);
    ratios(&kinds, &results);
    memory(arguments, &kinds, &results)
}

fn installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

fn heading(first: &str, kinds: &[Kind]) {
    println!("| {first} | {} |", kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "--:|".repeat(kinds.len()));
}

fn row(name: &str, cells: impl Iterator<Item = Option<String>>) {
    let cells: Vec<String> = cells.map(|cell| cell.unwrap_or_default()).collect();
    println!("| {name} | {} |", cells.join(" | "));
}

fn speeds(names: &[&'static str], kinds: &[Kind], results: &Results) {
    println!("MB of file a second; frames a second in brackets, in millions:\n");
    heading("program", kinds);
    for name in names {
        let cell = |kind: &Kind| {
            let result = results.get(&(*name, kind.name()))?;
            let digits = if result.megabytes_a_second < 20.0 { 1 } else { 0 };
            Some(format!("{:.digits$} ({:.2})", result.megabytes_a_second, result.million_frames_a_second))
        };
        row(name, kinds.iter().map(cell));
    }
}

fn ratios(kinds: &[Kind], results: &Results) {
    println!("\nRatios of the time for a byte, and in brackets what they may be:\n");
    heading("ratio", kinds);
    for target in TARGETS {
        let cell = |kind: &Kind| {
            let [of, over] = [target.of, target.over].map(|name| results.get(&(name, kind.name())));
            let ratio = of?.cost / over?.cost;
            let most = Kind::ALL.iter().position(|other| other == kind).and_then(|place| target.most[place]);
            let missed = if most.is_some_and(|most| ratio > most) { "**" } else { "" };
            let digits = if ratio < 0.095 { 4 } else { 2 };
            Some(format!("{missed}{ratio:.digits$}{missed}{}", most.map_or(String::new(), |most| format!(" ({most})"))))
        };
        row(target.name, kinds.iter().map(cell));
    }
}

fn memory(arguments: &Arguments, kinds: &[Kind], results: &Results) -> io::Result<()> {
    println!("\nPeak memory in MB, and in brackets what it may be:\n");
    heading("program", kinds);
    for name in ["dissect -q", "dissect -T json", "dissect"] {
        let cell = |kind: &Kind| Some(megabytes(*kind, results.get(&(name, kind.name()))?.memory));
        row(name, kinds.iter().map(cell));
    }
    if arguments.long {
        let mut cells = Vec::new();
        for kind in kinds {
            eprintln!("{}: ten times as long", kind.name());
            cells.push(Some(megabytes(*kind, long(*kind, arguments.scale)? as f64 / 1e6)));
        }
        row("dissect -q, ten times as long", cells.into_iter());
    }
    Ok(())
}

fn megabytes(kind: Kind, memory: f64) -> String {
    let most = Kind::ALL.iter().position(|other| *other == kind).map_or(f64::MAX, |place| MEMORY[place]);
    let missed = if memory > most { "**" } else { "" };
    format!("{missed}{memory:.0}{missed} ({most})")
}

/// The memory that ten times the trace takes, which comes by a pipe.
fn long(kind: Kind, scale: f64) -> io::Result<u64> {
    let mut child =
        Command::new(DISSECT).args(["-q", "-r", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    traces::write(kind, (kind.frames() as f64 * scale * 10.0) as u64, 1, input)?;
    Ok(child.wait4()?.rusage.maxrss)
}

/// Frames of the shorter one of two traces of the same kind.
const FEW: u64 = 100_000;

/// Ten times the frames may take so many times the time: beyond ten for caches that are outgrown.
const MOST_GROWTH: f64 = 12.0;

fn linearity(arguments: &Arguments) -> io::Result<()> {
    println!("\nThe worst traces: nanoseconds a frame of user time, and ten times the frames over the frames:\n");
    println!("| trace | {FEW} frames | {} frames | growth ({MOST_GROWTH}) | peak MB |", FEW * 10);
    println!("|---|--:|--:|--:|--:|");
    for worst in Worst::ALL {
        let kind = Kind::Worst(worst);
        let mut seconds = [0.0; 2];
        let mut memory = 0;
        for (frames, seconds) in [FEW, FEW * 10].into_iter().zip(&mut seconds) {
            let (path, _) = trace(arguments, kind, frames, kind.name())?;
            let mut samples = Vec::new();
            for _ in 0..arguments.runs.max(1) {
                samples.push(sample(Command::new(DISSECT).args(["-q", "-r"]).arg(&path))?);
            }
            samples.sort_by_key(|sample| sample.user);
            *seconds = samples[samples.len() / 2].user.as_secs_f64();
            memory = samples.iter().map(|sample| sample.memory).max().unwrap_or_default();
            fs::remove_file(path)?;
        }
        let growth = seconds[1] / seconds[0];
        let missed = if growth > MOST_GROWTH { "**" } else { "" };
        let [few, many] = [seconds[0] / FEW as f64 * 1e9, seconds[1] / (FEW * 10) as f64 * 1e9];
        let memory = memory as f64 / 1e6;
        println!("| {} | {few:.0} | {many:.0} | {missed}{growth:.1}{missed} | {memory:.0} |", worst.name());
    }
    Ok(())
}
