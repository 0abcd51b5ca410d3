//! The program `dissect`.

use std::process::ExitCode;

fn main() -> ExitCode {
    dissect::cli::main()
}
