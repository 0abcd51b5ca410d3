//! What the arguments come to: a plan that the run loop carries out.

use std::env;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Args, Confined, Explain, Format, When};
use super::follow::Following;
use super::input::{Buffers, Input};
use super::stop::Stop;
use crate::engine;
use crate::filter::{self as display, Fields};
use crate::frame::FrameNumber;
use crate::print::page;
use crate::print::text::{Hex, TimeFormat};
use crate::print::{connections, stats};
use crate::run::Failure;
use crate::run::export::Wanted;
use crate::sandbox;
use crate::source::Rotation;
use crate::stats::by::By;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where frames come from.
    pub input: Input,
    /// The BPF filter.
    pub filter: Option<String>,
    /// The display filter.
    pub display: Option<Arc<display::Filter>>,
    /// Stop after so many frames that passed it.
    pub count: Option<u64>,
    /// When to stop otherwise.
    pub stop: Stop,
    /// The capture file to write.
    pub write: Option<PathBuf>,
    /// When it goes on in another file.
    pub rotation: Rotation,
    /// Which frames it gets.
    pub saved: Saved,
    /// What results are.
    pub output: Output,
    /// What the core is to do.
    pub engine: engine::Options,
    /// Whether an unexplained byte is a failure.
    pub strict: bool,
    /// Whether secrets are masked in what is shown.
    pub redact: bool,
    /// How the process is shut in.
    pub sandbox: sandbox::Options,
}

/// Which frames are saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Saved {
    /// All that passed the BPF filter.
    All,
    /// Those for which the display filter holds.
    Frames,
    /// Those that carried messages for which it holds, and what it takes to read these again.
    Messages,
}

/// What goes to standard output.
#[derive(Clone, Debug)]
pub enum Output {
    /// Results, in a format.
    Results(Style),
    /// The body of one message.
    Body {
        /// Number of the connection.
        stream: u64,
        /// Number of the message within it.
        number: u32,
    },
    /// What there is to say of one frame.
    Explanation {
        /// Its number.
        frame: FrameNumber,
        /// Whether to use colours.
        color: bool,
        /// Columns of the terminal; none where standard output is none.
        width: Option<u16>,
    },
    /// Bodies in files, or an HTTP archive.
    Export(Wanted),
    /// One stream as a conversation.
    Follow(Following),
    /// A line a connection.
    Connections {
        /// In which format.
        format: connections::Format,
        /// In which order.
        order: connections::Order,
    },
    /// Counts.
    Stats {
        /// In which format.
        format: stats::Format,
        /// By what messages are counted beside what they always are.
        by: Vec<By>,
    },
    /// Visits to pages.
    Page(page::Style),
    /// No results: the capture that is written, or nothing.
    Nothing,
}

/// How results are shown.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// In which format.
    pub format: Format,
    /// Each frame too.
    pub packets: bool,
    /// The summary alone.
    pub quiet: bool,
    /// How much more than usual: 0 to 2 and above.
    pub verbose: u8,
    /// The bytes, in hexadecimal.
    pub hex: Hex,
    /// How times are shown.
    pub times: TimeFormat,
    /// The hashes of bodies.
    pub hash: bool,
    /// Whether to use colours.
    pub color: bool,
    /// Columns of the terminal; none where standard output is none.
    pub width: Option<u16>,
}

/// Columns of a line that does not go to a terminal.
pub const WIDTH: u16 = 100;

/// Bytes that are kept of a body's beginning to be shown, and with `-vv`.
const PREVIEW: usize = 4 << 10;
const LONG_PREVIEW: usize = 64 << 10;

/// Bytes of a body's beginning that a display filter searches.
const SEARCHED: usize = 64 << 10;

impl Plan {
    /// Makes a plan of the arguments.
    pub fn new(args: Args) -> Result<Self, Failure> {
        let Args { capture, select, show, trust, confined, .. } = args;
        if let [word, rest @ ..] = &select.filter[..]
            && ["check", "connections", "explain", "export", "diff", "follow", "page", "scrub", "stats"]
                .contains(&word.as_str())
        {
            let of = |name| rest.first().map_or(name, String::as_str);
            let example = match word.as_str() {
                "check" => "check RULES.toml -r FILE".to_owned(),
                "explain" => format!("explain {} -r FILE", of("FRAME")),
                "follow" => format!("follow {} -r FILE", of("N")),
                "connections" | "stats" => format!("{word} -r FILE"),
                "export" => "export -r FILE -d DIR".to_owned(),
                "page" => "page -r FILE".to_owned(),
                "scrub" => "scrub IN -o OUT".to_owned(),
                _ => "diff A B".to_owned(),
            };
            return Err(usage(format!("a command comes first: dissect {example}")));
        }
        let display = select.display_filter.as_deref().map(display).transpose()?;
        if show.hash && show.format != Format::Json {
            return Err(usage("--hash goes with -T json"));
        }
        let to_stdout = capture.write.as_deref() == Some(Path::new("-"));
        if to_stdout && select.body.is_some() {
            return Err(usage("standard output can have the capture (-w -) or a body (--body), not both"));
        }
        let buffers = Buffers::new(capture.buffer_size, &trust.limits);
        let (promiscuous, snaplen) = (!capture.no_promiscuous, capture.snaplen);
        let input = Input::new(capture.follow, capture.read, capture.interfaces, promiscuous, snaplen, buffers)?;
        let rotation = capture.saving.plan(capture.write.as_deref())?;
        let style = Style {
            format: show.format,
            // Without results those that a display filter chooses are still counted.
            packets: show.packets && (!show.quiet || display.is_some()),
            quiet: show.quiet,
            verbose: show.verbose,
            hex: match (show.hex_ascii, show.hex) {
                (true, _) => Hex::BytesAndText,
                (false, true) => Hex::Bytes,
                (false, false) => Hex::None,
            },
            times: times(show.times)?,
            hash: show.hash,
            color: colors(show.color),
            width: width(),
        };
        let output = match select.body {
            Some((stream, number)) => Output::Body { stream, number },
            None if to_stdout => Output::Nothing,
            None => Output::Results(style),
        };
        let mut engine = options(&output);
        engine.verify_checksums = trust.verify_checksums;
        if select.stream.is_some() {
            engine.stream = select.stream;
        }
        let saved = match (&capture.write, &display) {
            (Some(_), Some(_)) if show.packets => Saved::Frames,
            (Some(_), Some(_)) => Saved::Messages,
            _ => Saved::All,
        };
        if saved == Saved::Messages && !matches!(&input, Input::File(path) if path.is_file() || !path.exists()) {
            return Err(usage(
                "-w with -Y reads the capture more than once, which only a file can be (-r FILE); with -P it saves the \
                 frames that -Y chooses as they come",
            ));
        }
        engine.packets |= saved == Saved::Frames;
        ask_for(display.as_ref(), &mut engine);
        let stop = capture.stop.plan(&mut engine)?;
        if saved == Saved::Messages && stop.until.is_some() {
            return Err(usage("--until goes with -w and -Y only if -P is there too"));
        }
        trust.limits.into_iter().for_each(|limit| limit.apply(&mut engine.limits));
        Ok(Self {
            input,
            filter: expression(&select.filter),
            display,
            count: capture.count,
            stop,
            write: capture.write,
            rotation,
            saved,
            output,
            engine,
            strict: trust.strict,
            redact: false,
            sandbox: confined.options(show.verbose > 0),
        })
    }

    /// The same with secrets masked, or not.
    pub fn redacted(mut self, redact: bool) -> Result<Self, Failure> {
        self.redact = redact;
        if redact && self.write.is_some() {
            return Err(usage("--redact masks what is shown; the capture that -w writes would have its secrets"));
        }
        if let Output::Results(style) = &mut self.output
            && redact
        {
            // Who has the digest of a short secret can find it by trying.
            style.hash = false;
        }
        Ok(self)
    }

    /// Makes a plan to explain a frame.
    pub fn explain(args: Explain) -> Result<Self, Failure> {
        let output = Output::Explanation { frame: args.frame, color: colors(args.color), width: width() };
        let engine = engine::Options { verify_checksums: args.verify_checksums, ..options(&output) };
        let plan = Self::all(Input::saved(args.read)?, output, engine, args.confined);
        Ok(Self { filter: expression(&args.filter), ..plan })
    }

    /// Takes all that comes, and saves none of it.
    pub(super) fn all(input: Input, output: Output, engine: engine::Options, confined: Confined) -> Self {
        Self {
            input,
            filter: None,
            display: None,
            count: None,
            stop: Stop::default(),
            write: None,
            rotation: Rotation::default(),
            saved: Saved::All,
            output,
            engine,
            strict: false,
            redact: false,
            sandbox: confined.options(false),
        }
    }
}

pub(super) fn expression(words: &[String]) -> Option<String> {
    Some(words.join(" ")).filter(|words| !words.trim().is_empty())
}

/// What the core has to do for a display filter.
pub(super) fn ask_for(display: Option<&Arc<display::Filter>>, engine: &mut engine::Options) {
    let Some(display) = display else { return };
    engine.choice = Some(Arc::clone(display) as _);
    needs(display, engine);
}

/// What the core has to do for the fields of a filter.
pub(super) fn needs(display: &display::Filter, engine: &mut engine::Options) {
    engine.only_totals = false;
    display.fields(&mut |field| {
        engine.details |= Fields::needs_details(field);
        if Fields::needs_body(field) {
            engine.preview = engine.preview.max(SEARCHED);
        }
    });
}

pub(super) fn display(text: &str) -> Result<Arc<display::Filter>, Failure> {
    let filter = display::compile(text, &Fields).map_err(|mistake| usage(mistake.render(text)))?;
    Ok(Arc::new(filter))
}

/// Whether to use colours.
pub(super) fn colors(when: When) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// Columns of the terminal, if standard output is one.
pub(super) fn width() -> Option<u16> {
    terminal_size::terminal_size_of(stdout()).map(|(width, _)| width.0)
}

/// What the core has to do for these results, and no more.
pub(super) fn options(output: &Output) -> engine::Options {
    let default = engine::Options::default();
    match *output {
        Output::Results(style) => engine::Options {
            only_totals: style.quiet,
            packets: style.packets,
            bodies: style.hash && !style.quiet,
            preview: match (style.format, style.verbose) {
                _ if style.quiet => 0,
                (Format::Text, 0 | 1) => PREVIEW,
                (Format::Text, _) => LONG_PREVIEW,
                (Format::Table | Format::Json, _) => 0,
            },
            details: style.packets || style.verbose > 0,
            ..default
        },
        Output::Body { stream, .. } => engine::Options { bodies: true, stream: Some(stream), ..default },
        Output::Explanation { frame, .. } => {
            engine::Options { packets: true, details: true, explain: Some(frame), ..default }
        }
        Output::Export(ref wanted) => engine::Options { bodies: true, packets: wanted.har.is_some(), ..default },
        Output::Follow(ref following) => engine::Options { follow: Some(following.stream), ..default },
        Output::Nothing => engine::Options { only_totals: true, ..default },
        Output::Connections { .. } | Output::Stats { .. } => default,
        Output::Page(_) => page::options(),
    }
}

pub(super) fn times(count: u8) -> Result<TimeFormat, Failure> {
    const ALL: [TimeFormat; 6] = [
        TimeFormat::TimeOfDay,
        TimeFormat::None,
        TimeFormat::Epoch,
        TimeFormat::Delta,
        TimeFormat::DateAndTime,
        TimeFormat::SinceFirst,
    ];
    ALL.get(usize::from(count)).copied().ok_or_else(|| usage("-t can be given one to five times"))
}

pub(super) fn usage(line: impl Into<String>) -> Failure {
    Failure::Usage(line.into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::source::MAX_SNAPLEN;

    fn plan(words: &str) -> Result<Plan, Failure> {
        Plan::new(Args::try_parse_from(format!("dissect {words}").split(' ')).unwrap())
    }

    #[test]
    fn words_that_are_no_option_are_the_filter() {
        let plan = plan("-r a.pcap tcp port 80 -T json").unwrap();
        assert_eq!(plan.filter.as_deref(), Some("tcp port 80"));
        assert!(matches!(plan.output, Output::Results(Style { format: Format::Json, .. })));
    }

    #[test]
    fn the_core_does_what_the_output_needs() {
        let text = plan("-r a.pcap").unwrap().engine;
        assert_eq!((text.preview, text.details, text.packets, text.bodies), (PREVIEW, false, false, false));
        let long = plan("-r a.pcap -vvP").unwrap().engine;
        assert_eq!((long.preview, long.details, long.packets), (LONG_PREVIEW, true, true));
        let json = plan("-r a.pcap -T json --hash").unwrap().engine;
        assert_eq!((json.preview, json.bodies), (0, true));
        let quiet = plan("-r a.pcap -qP").unwrap().engine;
        assert_eq!((quiet.preview, quiet.packets, quiet.only_totals), (0, false, true));
        let chosen = plan("-r a.pcap -q -Y http").unwrap().engine;
        assert!(!chosen.only_totals && !text.only_totals);
        let body = plan("-r a.pcap --body 3.2").unwrap().engine;
        assert_eq!((body.stream, body.bodies, body.preview), (Some(3), true, 0));
    }

    #[test]
    fn times_are_counted() {
        for (words, times) in
            [("", TimeFormat::TimeOfDay), (" -ttt", TimeFormat::Delta), (" -ttttt", TimeFormat::SinceFirst)]
        {
            let plan = plan(&format!("-r a.pcap{words}")).unwrap();
            assert!(matches!(plan.output, Output::Results(style) if style.times == times));
        }
        assert!(plan("-r a.pcap -tttttt").is_err());
    }

    #[test]
    fn what_does_not_go_together() {
        for words in [
            "-r a.pcap explain 3",
            "-r a.pcap check",
            "-r a.pcap -Y htpt",
            "-r - -Y http -w b",
            "-i lo -Y http -w b",
            "-r a --hash",
            "tcp",
            "-r a -w - --body 0.1",
        ] {
            assert!(matches!(plan(words), Err(Failure::Usage(_))), "{words}");
        }
        for words in ["-r a -r b", "-i lo -r a", "-r a --body 0", "-r a --body 0.0", "-c 0", "-s 262145", "--limit x=1"]
        {
            assert!(Args::try_parse_from(format!("dissect {words}").split(' ')).is_err(), "{words}");
        }
    }

    #[test]
    fn no_limit_on_a_frame_is_the_most_there_is() {
        for (words, expected) in [("-i lo", MAX_SNAPLEN), ("-i lo -s 0", MAX_SNAPLEN), ("-i lo -s 96", 96)] {
            let plan = plan(words).unwrap();
            assert!(matches!(plan.input, Input::Live { snaplen, .. } if snaplen == expected), "{words}");
        }
    }
}
