//! When a run ends before its source does: `--duration` and `--until`.

use std::sync::Arc;
use std::time::Duration;

use clap::Args as Group;

use super::plan;
use crate::engine::{self, Choice};
use crate::filter::{Fields, Filter};
use crate::flow::Endpoint;
use crate::run::Failure;

/// The options as typed.
#[derive(Group, Debug)]
pub struct Stopping {
    /// Stop after this time: seconds, or a number with ms, s, m, h or d. Live, and with --follow, it is the clock's, and
    /// otherwise that of the capture
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Stop after the first frame, message or connection for which this display filter holds; what is under way then is
    /// `unfinished`
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    until: Option<String>,
}

/// When to stop.
#[derive(Clone, Default, Debug)]
pub struct Stop {
    /// After so much time.
    pub duration: Option<Duration>,
    /// When something is there.
    pub until: Option<Until>,
}

/// What is waited for.
#[derive(Clone, Debug)]
pub struct Until {
    /// It holds for it.
    pub filter: Arc<Filter>,
    /// Whether nothing else asks for frames.
    pub packets_alone: bool,
}

impl Stopping {
    /// When to stop, and what the core has to do to know.
    pub fn plan(self, engine: &mut engine::Options) -> Result<Stop, Failure> {
        let filter = self.until.as_deref().map(plan::display).transpose()?;
        Ok(Stop { duration: self.duration, until: filter.map(|filter| Until::new(filter, engine)) })
    }
}

impl Until {
    fn new(filter: Arc<Filter>, engine: &mut engine::Options) -> Self {
        let mut of_frames = false;
        filter.fields(&mut |field| of_frames |= Fields::is_of_frames(field));
        let packets_alone = of_frames && !engine.packets;
        engine.packets |= packets_alone;
        plan::needs(&filter, engine);
        if let Some(shown) = engine.choice.take() {
            engine.choice = Some(Arc::new(Either(shown, Arc::clone(&filter))));
        }
        Self { filter, packets_alone }
    }
}

/// What one or the other wants.
#[derive(Debug)]
struct Either(Arc<dyn Choice>, Arc<Filter>);

impl Choice for Either {
    fn wants(&self, stream: u64, ends: [Endpoint; 2], in_tunnel: bool) -> bool {
        self.0.wants(stream, ends, in_tunnel) || self.1.wants(stream, ends, in_tunnel)
    }
}

/// A number of seconds, or with another unit.
fn duration(text: &str) -> Result<Duration, &'static str> {
    const UNITS: [(&str, f64); 5] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let seconds = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, seconds)| *seconds);
    let seconds = if unit.is_empty() { Some(1.0) } else { seconds };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = number.parse::<f64>().ok().filter(|number| is_number && *number > 0.0);
    let time = number.zip(seconds).and_then(|(number, seconds)| Duration::try_from_secs_f64(number * seconds).ok());
    // Beyond that, it would never be reached.
    let time = time.filter(|time| !time.is_zero() && time.as_secs() <= u32::MAX.into());
    time.ok_or("it is a time above 0: seconds, or a number with ms, s, m, h or d, such as 90s or 1.5h")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, millis) in
            [("10", 10_000), ("1.5", 1500), ("20ms", 20), ("90s", 90_000), ("2m", 120_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "0", "0s", "-1", "+1", "1e3", "s", "1w", "1 s", "1s5", "nan", "inf", "1..2", "9999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn frames_are_asked_for_where_a_field_is_of_frames() {
        for (text, of_frames) in [
            ("frame.number == 100", true),
            ("not tcp", true),
            ("tcp.analysis.retransmission", true),
            ("http.response.code >= 500 or frame.number == 9", true),
            ("http.response.code >= 500", false),
            ("dns or tls", false),
            ("message.integrity != \"complete\"", false),
            ("connection.duration > 1", false),
        ] {
            let mut engine = engine::Options { only_totals: true, ..engine::Options::default() };
            let until = Until::new(plan::display(text).unwrap(), &mut engine);
            assert_eq!((until.packets_alone, engine.packets), (of_frames, of_frames), "{text}");
            assert!(!engine.only_totals);
        }
    }
}
