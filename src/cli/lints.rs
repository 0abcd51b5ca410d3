//! What lints there are, and what each means.

use super::args::{Format, LintsArgs};
use super::plan::{WIDTH, colors, width};
use super::tell;
use crate::check::lint::{self, Lint};
use crate::print::json;
use crate::print::lint::{Options, explain};
use crate::run::Failure;

/// The list, or the lints that are named.
pub fn lints(args: &LintsArgs) -> Result<Vec<u8>, Failure> {
    let named = args.names.iter().map(|name| lint::named(name)).collect::<Result<Vec<&Lint>, _>>();
    let named = named.map_err(|unknown| Failure::Usage(unknown.to_string()))?;
    let mut out = Vec::new();
    match (args.format, &named[..]) {
        (Format::Json, named) => {
            let mut records = json::Lints::default();
            let all = lint::all().filter(|lint| named.is_empty() || named.iter().any(|named| named.name == lint.name));
            all.for_each(|lint| records.lint(lint, &mut out));
        }
        (Format::Table | Format::Text, []) => {
            let rows =
                lint::all().map(|lint| [lint.name, lint.severity.name(), lint.section, lint.title].map(String::from));
            out = tell::table(["lint", "severity", "section", "what it says"], rows);
        }
        (Format::Table | Format::Text, named) => {
            let options = Options { width: width().unwrap_or(WIDTH).into(), color: colors(args.color) };
            for (i, lint) in named.iter().enumerate() {
                if i > 0 {
                    out.push(b'\n');
                }
                explain(lint, options, &mut out);
            }
        }
    }
    Ok(out)
}
