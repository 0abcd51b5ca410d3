//! Colours: few, and never the only way in which something is said.

use anstyle::{AnsiColor, Style};

use crate::issue::Severity;

/// As the terminal has it.
pub const PLAIN: Style = Style::new();
/// What a block is about.
pub const HEADING: Style = Style::new().bold();
/// Rules, line ends, notes.
pub const DIM: Style = Style::new().dimmed();
/// What stands out where it should not be there.
pub const ODD: Style = AnsiColor::Yellow.on_default().bold();

/// The style of what has this severity.
pub const fn of(severity: Severity) -> Style {
    match severity {
        Severity::Chat => DIM,
        Severity::Note => AnsiColor::Cyan.on_default(),
        Severity::Warn => AnsiColor::Yellow.on_default(),
        Severity::Error => AnsiColor::Red.on_default(),
    }
}
