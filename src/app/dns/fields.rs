//! The fields of a DNS message.

use super::Dns;
use crate::app::message::{Get, Message, Unit};
use crate::field::{Field, Kind, Value};

/// The fields, those with a common prefix side by side.
pub static FIELDS: &[Field<Get>] = &[
    Field::hex("dns.id", "Identifier that a response shares with its query", |message, put| {
        if let Some(dns) = dns(message) {
            put(Value::Uint(dns.id.into()));
        }
    }),
    Field::new("dns.flags.response", Kind::Bool, "Whether it is a response", |message, put| {
        if let Some(dns) = dns(message) {
            put(Value::Bool(dns.response));
        }
    }),
    Field::new("dns.flags.truncated", Kind::Bool, "Whether the message was cut to fit", |message, put| {
        if let Some(dns) = dns(message) {
            put(Value::Bool(dns.truncated));
        }
    }),
    Field::new("dns.summary", Kind::Text, "The message in one line", |message, put| {
        if let Some(dns) = dns(message) {
            put(Value::Text(dns.to_string().as_bytes()));
        }
    }),
    Field::list("dns.qry.name", Kind::Text, "Names asked for", |message, put| {
        let questions = dns(message).map_or(&[][..], |dns| &dns.questions);
        questions.iter().for_each(|question| put(Value::Text(question.name.as_bytes())));
    }),
    Field::list("dns.resp.name", Kind::Text, "Names of the answers", |message, put| {
        let answers = dns(message).map_or(&[][..], |dns| &dns.answers);
        answers.iter().for_each(|answer| put(Value::Text(answer.name.as_bytes())));
    }),
];

fn dns(message: &Message) -> Option<&Dns> {
    match &message.unit {
        Unit::Dns(dns) => Some(dns),
        _ => None,
    }
}
