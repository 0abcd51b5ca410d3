//! Writes traces to measure with: `cargo bench --bench generate -- --help`.

mod traces;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use traces::Kind;

/// Writes traces to measure with, the same ones for the same arguments.
#[derive(Parser)]
#[command(name = "generate")]
struct Arguments {
    /// mix, small, bulk, manyflows, noisy, and all these where none is named; one-byte, reversed, overlapping, holes,
    /// newcomers, drip, pipelined
    #[arg(value_parser = |name: &str| Kind::named(name).ok_or("no such kind of trace"))]
    kinds: Vec<Kind>,
    /// Times the full length
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Frames of each trace, nearly, in place of a scale
    #[arg(long)]
    frames: Option<u64>,
    /// Seed of the random numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for KIND.pcap; - is standard output
    #[arg(short, long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/traces"))]
    output: PathBuf,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        // Whoever read it has had enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("generate: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let kinds = if arguments.kinds.is_empty() { Kind::ALL.to_vec() } else { arguments.kinds.clone() };
    let to_stdout = arguments.output.as_os_str() == "-";
    if to_stdout && kinds.len() > 1 {
        return Err(io::Error::other("one kind at a time to standard output"));
    }
    for kind in kinds {
        let frames = arguments.frames.unwrap_or((kind.frames() as f64 * arguments.scale) as u64);
        let out: Box<dyn Write> = if to_stdout {
            Box::new(io::stdout().lock())
        } else {
            fs::create_dir_all(&arguments.output)?;
            Box::new(File::create(arguments.output.join(format!("{}.pcap", kind.name())))?)
        };
        let written = traces::write(kind, frames, arguments.seed, out)?;
        eprintln!(
            "{}: {} frames, {} bytes, {} exchanges",
            kind.name(),
            written.frames,
            written.bytes,
            written.exchanges
        );
    }
    Ok(())
}
