//! The fields of a DNS message, by Wireshark's names.

use super::rdata::TYPES;
use super::{Dns, OPT, Record, UPDATE, Variant, name};
use crate::app::message::{Get, Message, Unit};
use crate::field::{Base, Field, Kind, Value};

/// A field with one value, which the expression gives where the message has it.
macro_rules! one {
    ($name:literal, $kind:ident, $doc:literal, $get:expr) => {
        Field::new($name, Kind::$kind, $doc, |message, put| {
            let get: fn(&Message, &Dns) -> Option<_> = $get;
            if let Some(value) = dns(message).and_then(|dns| get(message, dns)) {
                put(Value::$kind(value));
            }
        })
    };
}

/// A flag.
macro_rules! flag {
    ($name:literal, $mask:literal, $doc:literal, $has:expr) => {
        one!($name, Bool, $doc, |_, dns| {
            let has: fn(&Dns) -> bool = $has;
            has(dns).then_some(dns.flags & $mask != 0)
        })
    };
}

/// One of the counts of the header: what it counts in an update is called otherwise.
macro_rules! count {
    ($name:literal, $at:literal, $of_update:literal, $doc:literal) => {
        one!($name, Uint, $doc, |_, dns| { ((dns.opcode() == UPDATE) == $of_update).then_some(dns.counts[$at].into()) })
    };
}

/// A value of each question.
macro_rules! question {
    ($name:literal, $kind:ident, $doc:literal, $get:expr) => {
        Field::list($name, Kind::$kind, $doc, |message, put| {
            let get: for<'a> fn(&Dns, &'a super::Question) -> Option<Value<'a>> = $get;
            let Some(dns) = dns(message) else { return };
            dns.questions.iter().filter_map(|question| get(dns, question)).for_each(put);
        })
    };
}

/// A value of each record that has it.
macro_rules! record {
    ($name:literal, $kind:ident, $doc:literal, $get:expr) => {
        Field::list($name, Kind::$kind, $doc, |message, put| {
            let get: for<'a> fn(&Dns, &'a Record) -> Option<Value<'a>> = $get;
            let Some(dns) = dns(message) else { return };
            dns.records.iter().filter_map(|record| get(dns, record)).for_each(put);
        })
    };
}

/// A piece of the data of records.
macro_rules! data {
    ($name:literal, $kind:ident, $doc:literal) => {
        Field::list($name, Kind::$kind, $doc, |message, put| {
            let Some(dns) = dns(message) else { return };
            for record in dns.records.iter().filter(|record| record.has($name)) {
                dns.visit(record, &mut |field, value| {
                    if field == $name {
                        put(value);
                    }
                });
            }
        })
    };
}

/// Shows the numbers of a field in hexadecimal.
const fn hex(field: Field<Get>) -> Field<Get> {
    Field { base: Base::Hex, ..field }
}

/// The fields, those with a common prefix side by side.
pub static FIELDS: &[Field<Get>] = &[
    one!("dns.length", Uint, "Length of the message as told before it, over TCP", |_, dns| dns.length.map(u64::from)),
    hex(one!("dns.id", Uint, "Identifier that a response shares with its query", |_, dns| Some(dns.id.into()))),
    hex(one!("dns.flags", Uint, "The flags, opcode and response code as one number", |_, dns| Some(dns.flags.into()))),
    flag!("dns.flags.response", 0x8000, "Whether it is a response", |_| true),
    one!("dns.flags.opcode", Uint, "Kind of query: 0 is a plain one", |_, dns| Some(dns.opcode().into())),
    flag!("dns.flags.authoritative", 0x0400, "Whether the server is an authority for the name", |dns| {
        dns.is_response() && !is_llmnr(dns)
    }),
    flag!("dns.flags.conflict", 0x0400, "LLMNR: whether the name is not unique", is_llmnr),
    flag!("dns.flags.truncated", 0x0200, "Whether the message was cut to fit", |_| true),
    flag!("dns.flags.recdesired", 0x0100, "Whether recursion is desired", |dns| !is_llmnr(dns)),
    flag!("dns.flags.tentative", 0x0100, "LLMNR: whether the name is not verified yet", is_llmnr),
    flag!("dns.flags.recavail", 0x0080, "Whether the server offers recursion", |dns| {
        dns.is_response() && !is_llmnr(dns)
    }),
    flag!("dns.flags.z", 0x0040, "Reserved bit", |dns| !is_llmnr(dns)),
    flag!(
        "dns.flags.authenticated",
        0x0020,
        "Whether the data was authenticated; in a query, that it is wanted",
        |dns| { !is_llmnr(dns) && (dns.is_response() || dns.flags & 0x0020 != 0) }
    ),
    flag!("dns.flags.checkdisable", 0x0010, "Whether data that is not authenticated will do", |dns| !is_llmnr(dns)),
    one!("dns.flags.rcode", Uint, "Response code of the header: 0 no error, 3 no such name", |_, dns| {
        dns.is_response().then_some(u64::from(dns.flags & 0xf))
    }),
    count!("dns.count.queries", 0, false, "How many questions the header tells of"),
    count!("dns.count.zones", 0, true, "The same of zones in an update"),
    count!("dns.count.answers", 1, false, "How many answers the header tells of"),
    count!("dns.count.prerequisites", 1, true, "The same of prerequisites in an update"),
    count!("dns.count.auth_rr", 2, false, "How many authority records the header tells of"),
    count!("dns.count.updates", 2, true, "The same of the records in an update"),
    one!("dns.count.add_rr", Uint, "How many additional records the header tells of", |_, dns| {
        Some(dns.counts[3].into())
    }),
    question!("dns.count.labels", Uint, "How many labels each name asked for has", |_, question| {
        Some(Value::Uint(name::labels(&question.name) as u64))
    }),
    question!("dns.qry.name", Text, "Names asked for", |_, question| Some(Value::Text(question.name.as_bytes()))),
    question!("dns.qry.type", Uint, "Types asked for", |_, question| Some(Value::Uint(question.kind.into()))),
    hex(question!("dns.qry.class", Uint, "Classes asked for", |dns, question| {
        Some(Value::Uint(dns.class(question.class).into()))
    })),
    question!("dns.qry.qu", Bool, "mDNS: whether an answer by unicast is welcome", |dns, question| {
        (dns.variant == Variant::Mdns).then_some(Value::Bool(dns.has_top_bit(question.class)))
    }),
    record!("dns.resp.name", Text, "Names of the records, of all sections", |_, record| {
        Some(Value::Text(record.name.as_bytes()))
    }),
    Field::list("dns.resp.type", Kind::Uint, "Their types; after that of NSEC those that it lists", |message, put| {
        let Some(dns) = dns(message) else { return };
        for record in &dns.records {
            put(Value::Uint(record.kind.into()));
            dns.visit(record, &mut |field, value| {
                if field == TYPES {
                    put(value);
                }
            });
        }
    }),
    hex(record!("dns.resp.class", Uint, "Their classes", |dns, record| {
        (record.kind != OPT).then(|| Value::Uint(dns.class(record.class).into()))
    })),
    record!("dns.resp.cache_flush", Bool, "mDNS: whether what was known before is to be forgotten", |dns, record| {
        (dns.variant == Variant::Mdns).then(|| Value::Bool(dns.has_top_bit(record.class)))
    }),
    record!("dns.resp.ttl", Uint, "Their time to live in seconds", |_, record| {
        (record.kind != OPT).then_some(Value::Uint(record.ttl.into()))
    }),
    record!("dns.resp.len", Uint, "Length of their data", |_, record| Some(Value::Uint(record.data_len().into()))),
    hex(record!("dns.resp.ext_rcode", Uint, "OPT: higher bits of the response code", |_, record| opt(
        record, 24, 0xff
    ))),
    record!("dns.resp.edns0_version", Uint, "OPT: version of EDNS", |_, record| opt(record, 16, 0xff)),
    hex(record!("dns.resp.z", Uint, "OPT: flags as one number", |_, record| opt(record, 0, 0xffff))),
    record!("dns.resp.z.do", Bool, "OPT: whether DNSSEC records are wanted", |_, record| {
        (record.kind == OPT).then_some(Value::Bool(record.ttl & 0x8000 != 0))
    }),
    hex(record!("dns.resp.z.reserved", Uint, "OPT: the other flags", |_, record| opt(record, 0, 0x7fff))),
    hex(record!("dns.rr.udp_payload_size", Uint, "OPT: how long a datagram may be", |_, record| {
        (record.kind == OPT).then_some(Value::Uint(record.class.into()))
    })),
    data!("dns.a", Ipv4, "IPv4 addresses"),
    data!("dns.aaaa", Ipv6, "IPv6 addresses"),
    data!("dns.cname", Text, "Names of which an alias is one"),
    data!("dns.dname", Text, "Names that replace the end of one"),
    data!("dns.ns", Text, "Name servers"),
    data!("dns.md", Text, "MD: mail destinations"),
    data!("dns.mf", Text, "MF: mail forwarders"),
    data!("dns.mb", Text, "MB: hosts of mailboxes"),
    data!("dns.mg", Text, "MG: members of mail groups"),
    data!("dns.mr", Text, "MR: new names of mailboxes"),
    data!("dns.ptr.domain_name", Text, "PTR: the names pointed to"),
    data!("dns.mx.preference", Uint, "MX: lowest first"),
    data!("dns.mx.mail_exchange", Text, "MX: mail servers"),
    data!("dns.txt", Text, "TXT: texts"),
    data!("dns.spf", Text, "SPF: texts"),
    data!("dns.soa.mname", Text, "SOA: primary name server"),
    data!("dns.soa.rname", Text, "SOA: mailbox of who is responsible"),
    data!("dns.soa.serial_number", Uint, "SOA: version of the zone"),
    data!("dns.soa.refresh_interval", Uint, "SOA: seconds after which to ask for a new version"),
    data!("dns.soa.retry_interval", Uint, "SOA: seconds after which to try again"),
    data!("dns.soa.expire_limit", Uint, "SOA: seconds after which the zone is void"),
    data!("dns.soa.minimum_ttl", Uint, "SOA: seconds for which that a name does not exist is to be remembered"),
    record!("dns.srv.service", Text, "SRV: service", |_, record| srv(record, 0)),
    record!("dns.srv.proto", Text, "SRV: transport protocol", |_, record| srv(record, 1)),
    record!("dns.srv.name", Text, "SRV: domain", |_, record| srv(record, 2)),
    data!("dns.srv.priority", Uint, "SRV: lowest first"),
    data!("dns.srv.weight", Uint, "SRV: share among those of the same priority"),
    data!("dns.srv.port", Uint, "SRV: port"),
    data!("dns.srv.target", Text, "SRV: host"),
    data!("dns.hinfo.cpu", Text, "HINFO: machine"),
    data!("dns.hinfo.cpu_length", Uint, "HINFO: length of that"),
    data!("dns.hinfo.os", Text, "HINFO: operating system"),
    data!("dns.hinfo.os_length", Uint, "HINFO: length of that"),
    data!("dns.minfo.r", Text, "MINFO: mailbox of who is responsible"),
    data!("dns.minfo.e", Text, "MINFO: mailbox for errors"),
    data!("dns.rp.mailbox", Text, "RP: mailbox of who is responsible"),
    data!("dns.rp.txt_rr", Text, "RP: where more is told"),
    data!("dns.afsdb.subtype", Uint, "AFSDB: kind of server"),
    data!("dns.afsdb.hostname", Text, "AFSDB: host"),
    data!("dns.rt.subtype", Uint, "RT: lowest first"),
    data!("dns.rt.intermediate_host", Text, "RT: host that relays"),
    data!("dns.kx.preference", Uint, "KX: lowest first"),
    data!("dns.kx.key_exchange", Text, "KX: host that exchanges keys"),
    data!("dns.naptr.order", Uint, "NAPTR: lowest first"),
    data!("dns.naptr.preference", Uint, "NAPTR: lowest first among those of the same order"),
    data!("dns.naptr.flags", Text, "NAPTR: flags"),
    data!("dns.naptr.flags_length", Uint, "NAPTR: length of the flags"),
    data!("dns.naptr.service", Text, "NAPTR: services"),
    data!("dns.naptr.service_length", Uint, "NAPTR: length of the services"),
    data!("dns.naptr.regex", Text, "NAPTR: what to replace, by what"),
    data!("dns.naptr.regex_length", Uint, "NAPTR: length of that"),
    data!("dns.naptr.replacement", Text, "NAPTR: the next name to ask for"),
    data!("dns.caa.flags", Uint, "CAA: flags"),
    data!("dns.caa.tag", Text, "CAA: what it is about"),
    data!("dns.caa.tag_length", Uint, "CAA: length of that"),
    data!("dns.caa.value", Text, "CAA: who may issue certificates"),
    data!("dns.svcb.svcpriority", Uint, "SVCB, HTTPS: lowest first; 0 for an alias"),
    data!("dns.svcb.targetname", Text, "SVCB, HTTPS: host, or the name itself"),
    data!("dns.svcb.svcparam.key", Uint, "SVCB, HTTPS: keys of the parameters"),
    data!("dns.svcb.svcparam.mandatory.key", Uint, "SVCB, HTTPS: keys that must be understood"),
    data!("dns.svcb.svcparam.alpn", Text, "SVCB, HTTPS: protocols offered"),
    data!("dns.svcb.svcparam.port", Uint, "SVCB, HTTPS: port"),
    data!("dns.svcb.svcparam.ipv4hint.ip", Ipv4, "SVCB, HTTPS: IPv4 addresses of the host"),
    data!("dns.svcb.svcparam.ipv6hint.ip", Ipv6, "SVCB, HTTPS: IPv6 addresses of the host"),
    data!("dns.svcb.svcparam.echconfig", Bytes, "SVCB, HTTPS: configuration of Encrypted Client Hello"),
    data!("dns.svcb.svcparam.value", Bytes, "SVCB, HTTPS: values of other parameters"),
    hex(data!("dns.ds.key_id", Uint, "DS: tag of the key")),
    data!("dns.ds.algorithm", Uint, "DS: algorithm of the key"),
    data!("dns.ds.digest_type", Uint, "DS: algorithm of the digest"),
    data!("dns.ds.digest", Bytes, "DS: digest of the key"),
    hex(data!("dns.dnskey.flags", Uint, "DNSKEY: flags")),
    data!("dns.dnskey.protocol", Uint, "DNSKEY: 3"),
    data!("dns.dnskey.algorithm", Uint, "DNSKEY: algorithm"),
    data!("dns.dnskey.public_key", Bytes, "DNSKEY: public key"),
    data!("dns.rrsig.type_covered", Uint, "RRSIG: type of the records signed"),
    data!("dns.rrsig.algorithm", Uint, "RRSIG: algorithm"),
    data!("dns.rrsig.labels", Uint, "RRSIG: how many labels the name has, a wildcard not counted"),
    data!("dns.rrsig.original_ttl", Uint, "RRSIG: time to live of the records signed"),
    data!("dns.rrsig.signature_expiration", Time, "RRSIG: end of validity"),
    data!("dns.rrsig.signature_inception", Time, "RRSIG: beginning of validity"),
    data!("dns.rrsig.key_tag", Uint, "RRSIG: tag of the key"),
    data!("dns.rrsig.signers_name", Text, "RRSIG: zone of the key"),
    data!("dns.rrsig.signature", Bytes, "RRSIG: signature"),
    data!("dns.nsec.next_domain_name", Text, "NSEC: the next name that exists"),
    data!("dns.nsec3.algo", Uint, "NSEC3: algorithm of the hash"),
    data!("dns.nsec3.flags", Uint, "NSEC3: flags"),
    data!("dns.nsec3.iterations", Uint, "NSEC3: how often to hash again"),
    data!("dns.nsec3.salt_length", Uint, "NSEC3: length of the salt"),
    data!("dns.nsec3.salt_value", Bytes, "NSEC3: salt"),
    data!("dns.nsec3.hash_length", Uint, "NSEC3: length of the hash"),
    data!("dns.tlsa.certificate_usage", Uint, "TLSA: what the certificate is for"),
    data!("dns.tlsa.selector", Uint, "TLSA: which part of it is compared"),
    data!("dns.tlsa.matching_type", Uint, "TLSA: how it is compared"),
    data!("dns.tlsa.certificate_association_data", Bytes, "TLSA: what it is compared with"),
    data!("dns.sshfp.algorithm", Uint, "SSHFP: algorithm of the key"),
    data!("dns.sshfp.fingerprint", Bytes, "SSHFP: fingerprint of the key"),
    data!("dns.sshfp.fingerprint.type", Uint, "SSHFP: algorithm of the fingerprint"),
    data!("dns.opt.code", Uint, "OPT: codes of the options"),
    data!("dns.opt.len", Uint, "OPT: lengths of the options"),
    data!("dns.opt.data", Bytes, "OPT: data of the options"),
    data!("dns.opt.client.family", Uint, "Client subnet: 1 IPv4, 2 IPv6"),
    data!("dns.opt.client.netmask", Uint, "Client subnet: length of the prefix"),
    data!("dns.opt.client.scope", Uint, "Client subnet: length of the prefix that the answer holds for"),
    data!("dns.opt.client.addr4", Ipv4, "Client subnet: IPv4 address"),
    data!("dns.opt.client.addr6", Ipv6, "Client subnet: IPv6 address"),
    data!("dns.opt.cookie.client", Bytes, "Cookie of the client"),
    data!("dns.opt.cookie.server", Bytes, "Cookie of the server"),
    data!("dns.opt.ext_error.info_code", Uint, "Extended error: what went wrong"),
    data!("dns.opt.ext_error.extra_text", Text, "Extended error: the same in words"),
    one!("dns.response_to", Uint, "Frame of the question that it is the first answer to", |message, dns| {
        message.request_in.filter(|_| dns.relation.same_as_response.is_none())
    }),
    one!("dns.time", Duration, "Seconds since that question", |message, dns| {
        message.since_request.filter(|_| dns.relation.same_as_response.is_none())
    }),
    one!("dns.retransmission", Bool, "Whether the same was asked, or answered, before", |_, dns| {
        let relation = dns.relation;
        relation.same_as_request.or(relation.same_as_response).map(|_| true)
    }),
    one!("dns.retransmit_request_in", Uint, "Frame of the question that it asks again", |_, dns| {
        dns.relation.same_as_request
    }),
    one!("dns.retransmit_response_in", Uint, "Frame of the first answer to the same question", |_, dns| {
        dns.relation.same_as_response
    }),
    one!("dns.unsolicited", Bool, "Whether it answers no question that was captured", |_, dns| {
        dns.relation.is_unsolicited.then_some(true)
    }),
    Field::new("dns.summary", Kind::Text, "The message in one line", |message, put| {
        if let Some(dns) = dns(message) {
            put(Value::Text(dns.to_string().as_bytes()));
        }
    }),
];

fn dns(message: &Message) -> Option<&Dns> {
    match &message.unit {
        Unit::Dns(dns) => Some(dns),
        _ => None,
    }
}

fn is_llmnr(dns: &Dns) -> bool {
    dns.variant == Variant::Llmnr
}

/// Some bits of what an OPT record has in place of the time to live.
fn opt(record: &Record, shift: u32, mask: u32) -> Option<Value<'static>> {
    (record.kind == OPT).then(|| Value::Uint((record.ttl >> shift & mask).into()))
}

/// A part of the name of an SRV record (RFC 2782): `_service._proto.domain`.
fn srv(record: &Record, part: usize) -> Option<Value<'_>> {
    let text = (record.kind == 33).then(|| record.name.splitn(3, '.').nth(part)).flatten()?;
    Some(Value::Text(text.as_bytes()))
}
