//! The data of records by type: of which pieces it consists, and which field each of them is.

use super::name;
use crate::field::Value;
use crate::frame::Timestamp;

/// How the data of a type is laid out.
#[derive(Debug)]
pub struct Layout {
    /// Its number.
    kind: u16,
    /// Its name.
    pub name: &'static str,
    /// The pieces, each with its field.
    pieces: &'static [(&'static str, Piece)],
}

/// A piece of a record's data.
#[derive(Clone, Copy, Debug)]
enum Piece {
    U8,
    U16,
    U32,
    /// Seconds since 1970, in 32 bits.
    Time,
    Name,
    Ipv4,
    Ipv6,
    /// Text after its length in a byte, which is the field named here, if it is one.
    Text(&'static str),
    /// The same, as often as there is more.
    Texts(&'static str),
    /// Bytes after their length in a byte, which is the field named here.
    Counted(&'static str),
    /// All that is left, as bytes.
    Rest,
    /// All that is left, as text.
    RestText,
    /// Bits for the types that a name has (RFC 4034 4.1.2).
    Types,
    /// Options (RFC 6891 6.1.2).
    Options,
    /// Parameters (RFC 9460 2.2).
    Params,
}

/// What types are told as that a name has; Wireshark has them in the field of the record's type.
pub const TYPES: &str = "types";

use Piece::*;

const fn of(kind: u16, name: &'static str, pieces: &'static [(&'static str, Piece)]) -> Layout {
    Layout { kind, name, pieces }
}

/// The types, in the order of their numbers.
static LAYOUTS: &[Layout] = &[
    of(1, "A", &[("dns.a", Ipv4)]),
    of(2, "NS", &[("dns.ns", Name)]),
    of(3, "MD", &[("dns.md", Name)]),
    of(4, "MF", &[("dns.mf", Name)]),
    of(5, "CNAME", &[("dns.cname", Name)]),
    of(
        6,
        "SOA",
        &[
            ("dns.soa.mname", Name),
            ("dns.soa.rname", Name),
            ("dns.soa.serial_number", U32),
            ("dns.soa.refresh_interval", U32),
            ("dns.soa.retry_interval", U32),
            ("dns.soa.expire_limit", U32),
            ("dns.soa.minimum_ttl", U32),
        ],
    ),
    of(7, "MB", &[("dns.mb", Name)]),
    of(8, "MG", &[("dns.mg", Name)]),
    of(9, "MR", &[("dns.mr", Name)]),
    of(12, "PTR", &[("dns.ptr.domain_name", Name)]),
    of(13, "HINFO", &[("dns.hinfo.cpu", Text("dns.hinfo.cpu_length")), ("dns.hinfo.os", Text("dns.hinfo.os_length"))]),
    of(14, "MINFO", &[("dns.minfo.r", Name), ("dns.minfo.e", Name)]),
    of(15, "MX", &[("dns.mx.preference", U16), ("dns.mx.mail_exchange", Name)]),
    of(16, "TXT", &[("dns.txt", Texts("dns.txt.length"))]),
    of(17, "RP", &[("dns.rp.mailbox", Name), ("dns.rp.txt_rr", Name)]),
    of(18, "AFSDB", &[("dns.afsdb.subtype", U16), ("dns.afsdb.hostname", Name)]),
    of(21, "RT", &[("dns.rt.subtype", U16), ("dns.rt.intermediate_host", Name)]),
    of(28, "AAAA", &[("dns.aaaa", Ipv6)]),
    of(
        33,
        "SRV",
        &[("dns.srv.priority", U16), ("dns.srv.weight", U16), ("dns.srv.port", U16), ("dns.srv.target", Name)],
    ),
    of(
        35,
        "NAPTR",
        &[
            ("dns.naptr.order", U16),
            ("dns.naptr.preference", U16),
            ("dns.naptr.flags", Text("dns.naptr.flags_length")),
            ("dns.naptr.service", Text("dns.naptr.service_length")),
            ("dns.naptr.regex", Text("dns.naptr.regex_length")),
            ("dns.naptr.replacement", Name),
        ],
    ),
    of(36, "KX", &[("dns.kx.preference", U16), ("dns.kx.key_exchange", Name)]),
    of(39, "DNAME", &[("dns.dname", Name)]),
    of(41, "OPT", &[("", Options)]),
    of(
        43,
        "DS",
        &[("dns.ds.key_id", U16), ("dns.ds.algorithm", U8), ("dns.ds.digest_type", U8), ("dns.ds.digest", Rest)],
    ),
    of(
        44,
        "SSHFP",
        &[("dns.sshfp.algorithm", U8), ("dns.sshfp.fingerprint.type", U8), ("dns.sshfp.fingerprint", Rest)],
    ),
    of(
        46,
        "RRSIG",
        &[
            ("dns.rrsig.type_covered", U16),
            ("dns.rrsig.algorithm", U8),
            ("dns.rrsig.labels", U8),
            ("dns.rrsig.original_ttl", U32),
            ("dns.rrsig.signature_expiration", Time),
            ("dns.rrsig.signature_inception", Time),
            ("dns.rrsig.key_tag", U16),
            ("dns.rrsig.signers_name", Name),
            ("dns.rrsig.signature", Rest),
        ],
    ),
    of(47, "NSEC", &[("dns.nsec.next_domain_name", Name), ("", Types)]),
    of(
        48,
        "DNSKEY",
        &[
            ("dns.dnskey.flags", U16),
            ("dns.dnskey.protocol", U8),
            ("dns.dnskey.algorithm", U8),
            ("dns.dnskey.public_key", Rest),
        ],
    ),
    of(
        50,
        "NSEC3",
        &[
            ("dns.nsec3.algo", U8),
            ("dns.nsec3.flags", U8),
            ("dns.nsec3.iterations", U16),
            ("dns.nsec3.salt_value", Counted("dns.nsec3.salt_length")),
            ("", Counted("dns.nsec3.hash_length")),
            ("", Types),
        ],
    ),
    of(
        52,
        "TLSA",
        &[
            ("dns.tlsa.certificate_usage", U8),
            ("dns.tlsa.selector", U8),
            ("dns.tlsa.matching_type", U8),
            ("dns.tlsa.certificate_association_data", Rest),
        ],
    ),
    of(64, "SVCB", &[("dns.svcb.svcpriority", U16), ("dns.svcb.targetname", Name), ("", Params)]),
    of(65, "HTTPS", &[("dns.svcb.svcpriority", U16), ("dns.svcb.targetname", Name), ("", Params)]),
    of(99, "SPF", &[("dns.spf", Texts("dns.spf.length"))]),
    of(256, "URI", &[("", U16), ("", U16), ("", RestText)]),
    of(257, "CAA", &[("dns.caa.flags", U8), ("dns.caa.tag", Text("dns.caa.tag_length")), ("dns.caa.value", RestText)]),
];

/// The layout of a type.
pub fn layout(kind: u16) -> Option<&'static Layout> {
    LAYOUTS.binary_search_by_key(&kind, |layout| layout.kind).ok().and_then(|at| LAYOUTS.get(at))
}

/// Takes the values of a record's data: the name of the field, empty where it is none, and the value.
pub type Take<'t> = &'t mut dyn FnMut(&'static str, Value<'_>);

/// Data, and the message that names in it may point into.
#[derive(Clone, Copy)]
pub struct Data<'a> {
    /// The message.
    pub wire: &'a [u8],
    /// Where the data begins.
    pub at: usize,
    /// Where it ends.
    pub end: usize,
}

impl Layout {
    /// Whether some piece is this field.
    pub fn has(&self, field: &str) -> bool {
        let prefix = |piece: Piece| match piece {
            Options => field.starts_with("dns.opt."),
            Params => field.starts_with("dns.svcb.svcparam."),
            Text(len) | Texts(len) | Counted(len) => len == field,
            _ => false,
        };
        self.pieces.iter().any(|(name, piece)| *name == field || prefix(*piece))
    }

    /// Hands the values of data to `take`, up to where it does not fit; whether all of it does.
    pub fn read(&self, data: Data<'_>, take: Take<'_>) -> bool {
        let mut cursor = Cursor(data);
        self.pieces.iter().all(|(field, piece)| cursor.piece(field, *piece, take).is_some()) && cursor.0.at == data.end
    }
}

/// Where reading of data is.
struct Cursor<'a>(Data<'a>);

impl<'a> Cursor<'a> {
    /// The next `len` bytes.
    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let Data { wire, at, end } = self.0;
        let next = at.checked_add(len).filter(|next| *next <= end)?;
        self.0.at = next;
        wire.get(at..next)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.first_chunk().copied()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn rest(&mut self) -> Option<&'a [u8]> {
        self.bytes(self.left())
    }

    fn left(&self) -> usize {
        self.0.end.saturating_sub(self.0.at)
    }

    fn name(&mut self) -> Option<name::Name> {
        let name = name::read(self.0.wire, self.0.at).filter(|name| name.end <= self.0.end)?;
        self.0.at = name.end;
        Some(name)
    }

    fn piece(&mut self, field: &'static str, piece: Piece, take: Take<'_>) -> Option<()> {
        match piece {
            U8 => take(field, Value::Uint(self.u8()?.into())),
            U16 => take(field, Value::Uint(self.u16()?.into())),
            U32 => take(field, Value::Uint(self.u32()?.into())),
            Time => take(field, Value::Time(Timestamp::from_secs_nanos(self.u32()?.into(), 0))),
            Name => {
                let name = self.name()?;
                take(field, Value::Text(name.text.as_bytes()));
                return name.is_valid.then_some(());
            }
            Ipv4 => take(field, Value::Ipv4(self.array()?)),
            Ipv6 => take(field, Value::Ipv6(self.array()?)),
            Text(length) => self.text(field, length, take)?,
            Texts(length) => {
                while self.left() > 0 {
                    self.text(field, length, take)?;
                }
            }
            Counted(length) => {
                let len = self.u8()?;
                take(length, Value::Uint(len.into()));
                take(field, Value::Bytes(self.bytes(len.into())?));
            }
            Rest => take(field, Value::Bytes(self.rest()?)),
            RestText => take(field, Value::Text(name::shown(self.rest()?).as_bytes())),
            Types => {
                while self.left() > 0 {
                    let (window, len) = (self.u8()?, self.u8()?);
                    for (at, bits) in (0..).zip(self.bytes(len.into())?) {
                        let types = (0..8).filter(|bit| bits & 0x80 >> bit != 0);
                        types.for_each(|bit| take(TYPES, Value::Uint(u64::from(window) << 8 | at << 3 | bit)));
                    }
                }
            }
            Options => {
                while self.left() > 0 {
                    self.option(take)?;
                }
            }
            Params => {
                while self.left() > 0 {
                    self.param(take)?;
                }
            }
        }
        Some(())
    }

    fn text(&mut self, field: &'static str, length: &'static str, take: Take<'_>) -> Option<()> {
        let len = self.u8()?;
        take(length, Value::Uint(len.into()));
        take(field, Value::Text(name::shown(self.bytes(len.into())?).as_bytes()));
        Some(())
    }

    /// A part of the data, after its code and its length.
    fn coded(&mut self, names: [&'static str; 2], take: Take<'_>) -> Option<(u16, Self)> {
        let (code, len) = (self.u16()?, self.u16()?);
        take(names[0], Value::Uint(code.into()));
        take(names[1], Value::Uint(len.into()));
        let at = self.0.at;
        self.bytes(len.into())?;
        Some((code, Self(Data { at, end: self.0.at, ..self.0 })))
    }

    fn option(&mut self, take: Take<'_>) -> Option<()> {
        let (code, mut inner) = self.coded(["dns.opt.code", "dns.opt.len"], take)?;
        take("dns.opt.data", Value::Bytes(Self(inner.0).rest()?));
        match code {
            // Client subnet (RFC 7871 6).
            8 => {
                let family = inner.u16()?;
                take("dns.opt.client.family", Value::Uint(family.into()));
                take("dns.opt.client.netmask", Value::Uint(inner.u8()?.into()));
                take("dns.opt.client.scope", Value::Uint(inner.u8()?.into()));
                let prefix = inner.rest()?;
                match family {
                    1 => take("dns.opt.client.addr4", Value::Ipv4(padded(prefix)?)),
                    2 => take("dns.opt.client.addr6", Value::Ipv6(padded(prefix)?)),
                    _ => {}
                }
            }
            // Cookies (RFC 7873 4).
            10 => {
                take("dns.opt.cookie.client", Value::Bytes(inner.bytes(8)?));
                if inner.left() > 0 {
                    take("dns.opt.cookie.server", Value::Bytes(inner.rest()?));
                }
            }
            // Extended errors (RFC 8914 2).
            15 => {
                take("dns.opt.ext_error.info_code", Value::Uint(inner.u16()?.into()));
                if inner.left() > 0 {
                    take("dns.opt.ext_error.extra_text", Value::Text(name::shown(inner.rest()?).as_bytes()));
                }
            }
            _ => {}
        }
        Some(())
    }

    fn param(&mut self, take: Take<'_>) -> Option<()> {
        let names = ["dns.svcb.svcparam.key", "dns.svcb.svcparam.value.length"];
        let (key, mut inner) = self.coded(names, take)?;
        while inner.left() > 0 {
            match key {
                0 => take("dns.svcb.svcparam.mandatory.key", Value::Uint(inner.u16()?.into())),
                1 => inner.text("dns.svcb.svcparam.alpn", "dns.svcb.svcparam.alpn.length", take)?,
                3 => take("dns.svcb.svcparam.port", Value::Uint(inner.u16()?.into())),
                4 => take("dns.svcb.svcparam.ipv4hint.ip", Value::Ipv4(inner.array()?)),
                5 => take("dns.svcb.svcparam.echconfig", Value::Bytes(inner.rest()?)),
                6 => take("dns.svcb.svcparam.ipv6hint.ip", Value::Ipv6(inner.array()?)),
                _ => take("dns.svcb.svcparam.value", Value::Bytes(inner.rest()?)),
            }
        }
        Some(())
    }
}

/// A prefix of an address, with zeros after it.
fn padded<const N: usize>(prefix: &[u8]) -> Option<[u8; N]> {
    let mut address = [0; N];
    address.get_mut(..prefix.len())?.copy_from_slice(prefix);
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_in_the_order_of_their_numbers() {
        assert!(LAYOUTS.is_sorted_by(|one, next| one.kind < next.kind));
    }
}
