//! Connections as comma-separated values: a column for each field of the records.

use crate::event::{Connection, FlagCounts};
use crate::filter::display;
use crate::print::csv::line;
use crate::registry::{self, ConnectionGet};

/// The fields of a connection, in the order of the records.
fn fields() -> impl Iterator<Item = &'static crate::field::Field<ConnectionGet>> {
    registry::CONNECTION.iter().chain(&registry::TO_SERVER).chain(&registry::TO_CLIENT)
}

/// The names of the columns.
pub(super) fn titles(out: &mut Vec<u8>) {
    let flags = ["connection.to_server.flags", "connection.to_client.flags", "name"];
    line(["stream"].into_iter().chain(fields().map(|field| field.name)).chain(flags), out);
}

/// A connection. Where a field has several values they stand between semicolons.
pub(super) fn row(connection: &Connection, name: Option<&[u8]>, out: &mut Vec<u8>) {
    let value = |field: &crate::field::Field<ConnectionGet>| {
        let mut cell = String::new();
        (field.get)(connection, &mut |value| {
            if !cell.is_empty() {
                cell.push(';');
            }
            cell.push_str(&display(value));
        });
        cell
    };
    let client = connection.client();
    let flags = [client, 1 - client].map(|end| counts(&connection.directions[end].flags));
    let name = String::from_utf8_lossy(name.unwrap_or_default()).into_owned();
    let cells = [connection.flow.stream.to_string()].into_iter().chain(fields().map(value)).chain(flags).chain([name]);
    line(cells, out);
}

fn counts(flags: &FlagCounts) -> String {
    let flags: Vec<String> = flags.iter().map(|(flag, count)| format!("{flag} {count}")).collect();
    flags.join(";")
}
