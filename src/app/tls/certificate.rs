//! Certificate chains (RFC 5246 7.4.2), each certificate as RFC 5280 has it, by a library.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::{Decode, Encode, Tag, Tagged};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use super::read::Reader;

/// Certificates of a chain that are read; usual chains have up to five.
pub const MAX_CERTIFICATES: usize = 32;

/// Names of a certificate that are kept; the most that the large hosters put into one is 100 or so.
const MAX_NAMES: usize = 256;

/// What is told of a certificate.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// Its length in bytes.
    pub len: u32,
    /// What it says; nothing where it is cut or cannot be read.
    pub read: Option<Box<Read>>,
}

/// What a certificate says.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Read {
    /// Whose key it is, such as `CN=example.com,O=Example`: the most specific first (RFC 4514).
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The issuer's number for it.
    pub serial: Vec<u8>,
    /// From when it is valid, such as `2026-01-31T00:00:00Z`.
    pub not_before: String,
    /// Until when it is valid.
    pub not_after: String,
    /// Host names that it is for.
    pub dns_names: Vec<String>,
    /// Addresses that it is for.
    pub addresses: Vec<IpAddr>,
}

/// Reads the chain of a Certificate message, the sender's own first, as far as it is there.
pub fn chain(body: &[u8]) -> Vec<Certificate> {
    let mut list = Reader(body).vector24().unwrap_or(Reader(&[]));
    let mut chain = Vec::new();
    while chain.len() < MAX_CERTIFICATES
        && let Some(len) = list.u24()
    {
        let bytes = list.vector(len as usize).0;
        let read = if bytes.len() == len as usize { read(bytes) } else { None };
        chain.push(Certificate { len, read });
    }
    chain
}

fn read(bytes: &[u8]) -> Option<Box<Read>> {
    let certificate = CertificateInner::<Raw>::from_der(bytes).ok()?;
    let signed = certificate.tbs_certificate();
    let [not_before, not_after] = [signed.validity().not_before, signed.validity().not_after];
    let mut read = Read {
        subject: name(signed.subject()),
        issuer: name(signed.issuer()),
        serial: signed.serial_number().as_bytes().to_vec(),
        not_before: not_before.to_date_time().to_string(),
        not_after: not_after.to_date_time().to_string(),
        dns_names: Vec::new(),
        addresses: Vec::new(),
    };
    let names = signed.filter_extensions::<SubjectAltName>().flatten().flat_map(|(_, names)| names.0);
    for name in names.take(MAX_NAMES) {
        match name {
            GeneralName::DnsName(name) => read.dns_names.push(name.as_str().to_owned()),
            GeneralName::IpAddress(bytes) => read.addresses.extend(address(bytes.as_bytes())),
            _ => {}
        }
    }
    Some(Box::new(read))
}

/// The text of an encoded distinguished name.
pub fn name_of(bytes: &[u8]) -> Option<String> {
    Name::from_der(bytes).ok().map(|read| name(&read))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(|octets| IpAddr::V4(Ipv4Addr::from(octets)));
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))).ok()
}

/// A distinguished name as RFC 4514 has it; the library writes those in hexadecimal of which a character is not of the
/// alphabet that they name, as many are.
fn name(name: &Name) -> String {
    let mut text = String::new();
    let relative: Vec<_> = name.iter_rdn().collect();
    for (i, parts) in relative.iter().rev().enumerate() {
        for (j, part) in parts.iter().enumerate() {
            if i + j > 0 {
                text.push(if j > 0 { '+' } else { ',' });
            }
            let key = part.oid.to_string();
            text.push_str(ATTRIBUTES.iter().find(|(oid, _)| *oid == key).map_or(&key, |(_, short)| short));
            text.push('=');
            let bytes = part.value.value();
            let value = match part.value.tag() {
                Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString | Tag::NumericString => {
                    Some(String::from_utf8_lossy(bytes).into_owned())
                }
                // Nearly always Latin-1.
                Tag::TeletexString => Some(bytes.iter().copied().map(char::from).collect()),
                Tag::BmpString => {
                    let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
                    Some(String::from_utf16_lossy(&units))
                }
                _ => None,
            };
            match value {
                Some(value) => escape(&value, &mut text),
                None => {
                    text.push('#');
                    for byte in part.value.to_der().unwrap_or_default() {
                        // Writing into a string does not fail.
                        let _ = write!(text, "{byte:02x}");
                    }
                }
            }
        }
    }
    text
}

fn escape(value: &str, text: &mut String) {
    for c in value.chars() {
        if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            text.push('\\');
        }
        text.push(c);
    }
}

/// Short names of attributes (RFC 4514 3, and those that OpenSSL writes).
const ATTRIBUTES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.42", "GN"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by OpenSSL for this test.
    const DER: &str = include_str!("certificate.hex");

    fn der() -> Vec<u8> {
        let digits: Vec<u8> = DER.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    fn list(certificates: &[&[u8]]) -> Vec<u8> {
        let with_length = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
        with_length(&certificates.iter().flat_map(|bytes| with_length(bytes)).collect::<Vec<u8>>())
    }

    #[test]
    fn a_certificate_says_whose_it_is() {
        let der = der();
        let chain = chain(&list(&[&der, b"none"]));
        assert_eq!((chain.len(), chain[0].len as usize, chain[1].len), (2, der.len(), 4));
        assert_eq!(chain[1].read, None);
        let read = chain[0].read.as_ref().unwrap();
        assert_eq!(read.subject, "CN=*.example.com,OU=Q+UID=7,O=Example\\, Inc.,C=SE");
        assert_eq!(read.issuer, read.subject);
        assert_eq!(
            (read.not_before.as_str(), read.not_after.as_str()),
            ("2026-01-02T03:04:05Z", "9999-12-31T23:59:59Z")
        );
        assert_eq!(read.serial, [0x12, 0x34, 0x56]);
        assert_eq!(read.dns_names, ["*.example.com", "example.com"]);
        assert_eq!(read.addresses, ["192.0.2.1".parse::<IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]);
    }

    #[test]
    fn a_cut_chain_tells_of_those_that_are_whole() {
        let der = der();
        let whole = list(&[&der, &der]);
        for len in 0..whole.len() {
            let chain = chain(&whole[..len]);
            assert_eq!(
                chain.iter().filter(|certificate| certificate.read.is_some()).count(),
                (len.max(3) - 3) / (der.len() + 3)
            );
        }
        assert!(super::chain(&[0xff; 70_000]).len() <= MAX_CERTIFICATES);
    }
}
