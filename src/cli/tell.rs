//! What is told without a capture: fields, interfaces, schema, completions, manual page.

use std::io::{IsTerminal, stdout};

use clap::CommandFactory;
use clap_complete::Shell;
use comfy_table::{ContentArrangement, Table, presets};

use super::args::{Args, SchemaOf};
use crate::check::rules;
use crate::filter::Fields;
use crate::print::{json, page};
use crate::registry;
use crate::run::Failure;
use crate::source::Error;

/// Every field: name, type, meaning; then the names that filters know beside them.
pub fn fields() -> Vec<u8> {
    let row = |name: &str, kind: &str, many: bool, doc: &str| {
        [name.into(), format!("{kind}{}", if many { "[]" } else { "" }), doc.into()]
    };
    let of_records = registry::entries().into_iter().map(|entry| row(entry.name, entry.kind, entry.many, entry.doc));
    let of_filters = Fields::others().map(|other| row(other.name, other.kind, other.many, other.doc));
    table(["field", "type", "meaning"], of_records.chain(of_filters))
}

/// The interfaces that can be captured on.
#[cfg(feature = "live")]
pub fn interfaces() -> Result<Vec<u8>, Error> {
    let rows = crate::source::devices()?.into_iter().map(|device| {
        let state = [(device.up, "up"), (device.running, "running"), (device.loopback, "loopback")];
        let state: Vec<_> = state.into_iter().filter_map(|(holds, word)| holds.then_some(word)).collect();
        let addresses: Vec<_> = device.addresses.iter().map(ToString::to_string).collect();
        [device.name, state.join(" "), addresses.join(" "), device.description.unwrap_or_default()]
    });
    Ok(table(["interface", "state", "addresses", "description"], rows))
}

/// Without libpcap there are none.
#[cfg(not(feature = "live"))]
pub fn interfaces() -> Result<Vec<u8>, Error> {
    Err(Error::NoLive { what: "live capture" })
}

/// A JSON Schema.
pub fn schema(of: SchemaOf) -> Vec<u8> {
    match of {
        SchemaOf::Records => json::SCHEMA.into(),
        SchemaOf::Rules => rules::SCHEMA.into(),
        SchemaOf::Page => page::SCHEMA.into(),
    }
}

/// A completion script.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "dissect", &mut script);
    script
}

/// The manual page, or that of a command.
pub fn man(command: Option<&str>) -> Result<Vec<u8>, Failure> {
    let mut of = Args::command();
    if let Some(name) = command {
        of.build();
        let unknown = || Failure::Usage(format!("there is no command {name:?}; `dissect help` lists them"));
        of = of.find_subcommand(name).ok_or_else(unknown)?.clone();
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(of).render(&mut page).map_err(Failure::Output)?;
    Ok(page)
}

/// On a terminal a table as wide as that, else rows with a tab between columns.
pub(super) fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Vec<u8> {
    if !stdout().is_terminal() {
        return rows.flat_map(|row| (row.join("\t") + "\n").into_bytes()).collect();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some((width, _)) = terminal_size::terminal_size_of(stdout()) {
        table.set_width(width.0);
    }
    table.set_header(header).add_rows(rows);
    format!("{table}\n").into_bytes()
}
