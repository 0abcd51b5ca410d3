//! `dissect scrub`: its arguments, and what they come to.

use std::fs;
use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};

use super::args::Confined;
use super::plan;
use crate::engine;
use crate::run::Failure;
use crate::run::scrub::{Scrub as Plan, random};
use crate::scrub::{Bodies, Key, Options};

const AFTER: &str = "\
Rewrites a capture so that it can be shared. What changes:
  addresses      IPv4, IPv6 and MAC addresses are mapped one to one, by a key: random for each run, or --key for the
                 same mapping in several captures. Addresses with a common prefix have one as long afterwards. Loopback,
                 multicast and broadcast stay; private and link-local addresses stay such. They are mapped everywhere:
                 in tunnels, ARP, ICMP quotes, neighbour discovery, DHCP, DNS; written out in text they become the
                 mapped address where that is as long, else their digits become x.
  secrets        what --redact masks: credentials, cookies, tokens in URLs, forms; in every copy of the bytes.
  bodies         those that --mask-body chooses, and those with a content coding (gzip, br), which cannot be looked
                 into. The framing of chunks stays. Of WebSocket, the headers of frames stay.
  what is left   payload that is no HTTP/1, DNS, DHCP, TLS or QUIC, and headers and options that are not known, become
                 zeros.
Comments, names of interfaces, decryption secrets and other blocks of pcapng are left out.

What stays: lengths, times, sequence and acknowledgment numbers, flags, options, ports, names of hosts, TTL and IDs. A
checksum that was right is right, one that was wrong is wrong. TLS is not touched: its handshake has names of servers
and certificates, with the addresses in these. A report tells what was done; read it, and the capture, before you share.

Exit codes: 0 done; 1 done, but the file ends inside a record or is corrupt further on; 2 usage or a bad filter; 3 the
capture could not be read, or the other one not be written, which then is not there.

Examples:
  dissect scrub lab1.pcap -o shared.pcap
  dissect scrub lab1.pcapng -o shared.pcapng --mask-body 'http.content_type contains \"json\"'
  dissect scrub day1.pcap -o 1.pcap --key-file secret.key -T json";

/// What is scrubbed, and how.
#[derive(Group, Debug)]
#[command(after_help = AFTER, max_term_width = 120)]
pub struct Scrub {
    /// The capture file; it is read twice
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Write the scrubbed capture to this file, replacing one that is there; `-` is standard output
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Map addresses by this phrase: the same phrase gives the same mapping. Whoever knows it can undo the mapping
    #[arg(long, value_name = "PHRASE", conflicts_with = "key_file")]
    key: Option<String>,
    /// The same, with the content of this file as the phrase
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Mask the bodies of the HTTP messages for which this display filter holds
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    mask_body: Option<String>,
    /// Mask all bodies
    #[arg(long, conflicts_with = "mask_body")]
    mask_bodies: bool,
    /// Keep bodies with a content coding as they are
    #[arg(long)]
    keep_coded: bool,
    /// Keep payload of other protocols, in which addresses alone are replaced, and those as text alone
    #[arg(long)]
    keep_other: bool,
    /// Keep the vendor's part of MAC addresses
    #[arg(long)]
    keep_oui: bool,
    /// Format of the report
    #[arg(short = 'T', long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    confined: Confined,
}

/// Format of the report.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Lines, for people
    Text,
    /// A JSON object, for programs
    Json,
}

impl Scrub {
    /// Makes a plan of them.
    pub(super) fn plan(self) -> Result<Plan, Failure> {
        if self.input.as_os_str() == "-" {
            return Err(plan::usage("the capture is read twice: it has to be a file"));
        }
        let masked = self.mask_body.as_deref().map(plan::display).transpose()?;
        let mut engine = engine::Options::default();
        if let Some(filter) = &masked {
            plan::needs(filter, &mut engine);
        }
        let key = match (self.key, self.key_file) {
            (Some(phrase), _) => phrase.into_bytes(),
            (None, Some(path)) => match fs::read(&path) {
                Ok(bytes) if bytes.is_empty() => {
                    return Err(plan::usage(format!("--key-file: {} is empty", path.display())));
                }
                Ok(bytes) => bytes,
                Err(reason) => return Err(plan::usage(format!("--key-file: {}: {reason}", path.display()))),
            },
            (None, None) => random()?.to_vec(),
        };
        let options = Options {
            key: Key::new(&key),
            keep_oui: self.keep_oui,
            keep_other: self.keep_other,
            keep_coded: self.keep_coded,
            bodies: if self.mask_bodies { Bodies::All } else { Bodies::Chosen },
        };
        let json = self.format == Format::Json;
        let sandbox = self.confined.options(false);
        Ok(Plan { input: self.input, output: self.output, options, masked, engine, json, sandbox })
    }
}
