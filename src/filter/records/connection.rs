//! A connection as a record.

use std::net::IpAddr;

use super::super::fields::{self, Source};
use super::super::names::{Coverage, FieldId, Item, Record};
use super::flags;
use crate::event::{Close, Connection, Direction, Flow, Transport};
use crate::field::Value;
use crate::frame::Timestamp;
use crate::issue::IssueSet;

/// A connection that has ended. Of what is a frame's or a message's it knows nothing: that is unknown.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionRecord<'a> {
    connection: &'a Connection,
    as_sent: bool,
}

impl<'a> ConnectionRecord<'a> {
    /// The connection as it was captured: a handshake that is not in the capture did not happen.
    pub fn as_captured(connection: &'a Connection) -> Self {
        Self { connection, as_sent: false }
    }

    /// The connection as it was: what happened before the capture or after it is unknown.
    pub fn as_sent(connection: &'a Connection) -> Self {
        Self { connection, as_sent: true }
    }
}

impl Record for ConnectionRecord<'_> {
    fn values(&self, field: FieldId, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        let Some(entry) = fields::entry(field) else { return Coverage::Incomplete };
        let connection = self.connection;
        let mut known: Option<Coverage> = None;
        for source in &entry.sources {
            let coverage = match *source {
                Source::Connection(get) | Source::Flow(get) => {
                    let unknown = match &*entry.name {
                        // The capture may have begun after it, and ended before.
                        "connection.handshake.syn" => !connection.handshake[0],
                        "connection.handshake.syn_ack" => !connection.handshake[1],
                        "connection.handshake.ack" => !connection.handshake[2],
                        "connection.close" => matches!(connection.close, Close::Open | Close::Forgotten),
                        _ => false,
                    };
                    if unknown && self.as_sent {
                        Coverage::Incomplete
                    } else {
                        get(connection, &mut |value| put(value.into()));
                        Coverage::Complete
                    }
                }
                Source::ConnectionFlags { from_client } => {
                    let direction = direction(connection, from_client);
                    direction.flags.iter().for_each(|(flag, _)| put(Value::Text(flag.name().as_bytes()).into()));
                    Coverage::Complete
                }
                Source::Flags => {
                    flags(all_flags(connection)).for_each(|flag| put(Value::Text(flag.name().as_bytes()).into()));
                    Coverage::Complete
                }
                Source::Flag(flag) => {
                    if all_flags(connection).contains(flag) {
                        put(Value::Bool(true).into());
                    }
                    Coverage::Complete
                }
                Source::EndIpv4 | Source::EndIpv6 => {
                    for end in connection.flow.ends {
                        match (source, end.address) {
                            (Source::EndIpv4, IpAddr::V4(address)) => put(Value::Ipv4(address.octets()).into()),
                            (Source::EndIpv6, IpAddr::V6(address)) => put(Value::Ipv6(address.octets()).into()),
                            _ => {}
                        }
                    }
                    Coverage::Complete
                }
                Source::EndPort if connection.flow.transport == Transport::Tcp => {
                    connection.flow.ends.iter().for_each(|end| put(Value::Uint(end.port.into()).into()));
                    Coverage::Complete
                }
                Source::Stream => {
                    put(Value::Uint(connection.flow.stream).into());
                    Coverage::Complete
                }
                Source::IsTcp => {
                    put(Value::Bytes(b"").into());
                    Coverage::Incomplete
                }
                Source::IsHttp => {
                    if connection.http {
                        put(Value::Bytes(b"").into());
                    }
                    Coverage::Incomplete
                }
                _ => continue,
            };
            known = Some(known.map_or(coverage, |known| known.and(coverage)));
        }
        known.unwrap_or(Coverage::Incomplete)
    }
}

fn all_flags(connection: &Connection) -> IssueSet {
    let mut all = IssueSet::EMPTY;
    let counts = connection.directions.iter().flat_map(|direction| direction.flags.iter());
    counts.for_each(|(flag, _)| all.insert(flag));
    all
}

fn direction(connection: &Connection, from_client: bool) -> &Direction {
    let [one, other] = &connection.directions;
    let is_first = (connection.flow.client.unwrap_or(0) == 0) == from_client;
    if is_first { one } else { other }
}

/// A connection of which no more is known than who talks to whom.
pub(super) fn of_flow(flow: Flow) -> Connection {
    Connection {
        flow,
        handshake: [false; 3],
        close: Close::Open,
        first: (Timestamp(0), 0),
        last: (Timestamp(0), 0),
        directions: [Direction::default(), Direction::default()],
        initial_rtt: 0,
        http: false,
        protocol: None,
        tls: None,
        other_bytes: 0,
        issues: IssueSet::EMPTY,
    }
}
