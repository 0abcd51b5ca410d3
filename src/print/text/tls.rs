//! What a message of TLS says, and what it keeps from whoever looks on.

use crate::app::tls::certificate::{Certificate, Read};
use crate::app::tls::handshake::{Body, kind};
use crate::app::tls::hello::Hello;
use crate::app::tls::{Content, Facts, Hidden, Tls, fingerprint, names};
use crate::print::pen::Pen;
use crate::print::style::{DIM, HEADING, PLAIN};

/// Columns of what a line is about.
const LABEL: usize = 13;

/// Of a list, as many are shown; all with `-v`.
const SHOWN: usize = 4;

/// Whether there is more to tell of a message than its heading.
pub(super) fn has_details(tls: &Tls) -> bool {
    match &tls.content {
        Content::Handshake(handshake) => !matches!(handshake.body, Body::Other | Body::Key { signature: None, .. }),
        Content::Alert(_, description) => names::alert_meaning(*description).is_some(),
        Content::Data(Hidden::Handshake | Hidden::Early) => true,
        Content::Data(Hidden::Application) => is_like_an_alert(tls),
        _ => false,
    }
}

/// Whether it is as long as an alert in TLS 1.3: level, description, content type, and 16 bytes that authenticate them.
fn is_like_an_alert(tls: &Tls) -> bool {
    tls.is_tls13() && (tls.records, tls.payload) == (1, 19)
}

/// Writes what there is to tell of a message.
pub(super) fn write(pen: &mut Pen<'_>, tls: &Tls, by_client: bool, all: bool) {
    let mut lines = Lines { pen, all };
    match &tls.content {
        Content::Handshake(handshake) => match &handshake.body {
            Body::Hello(hello) if handshake.kind == kind::CLIENT_HELLO => lines.client_hello(hello),
            Body::Hello(hello) => lines.server_hello(hello, tls.resumes),
            Body::Certificates(chain) => lines.certificates(chain),
            Body::Request { signatures, authorities, .. } => {
                lines.list("signatures", signatures.iter().map(|number| names::signature(*number).to_string()));
                lines.list("signed by", authorities.iter().cloned());
                if authorities.is_empty() {
                    lines.words("signed by", "anyone");
                }
            }
            Body::Ticket(lifetime, len) => {
                let text = format!("{len} bytes, to resume the session with for {lifetime} s");
                lines.words("ticket", &text);
            }
            Body::Status(len) => lines.words("OCSP", &format!("{len} bytes from the issuer: is it revoked?")),
            Body::Key { signature: Some(signature), .. } | Body::Verify(signature) => {
                lines.words("signed with", &names::signature(*signature).to_string());
            }
            Body::Key { .. } | Body::Other => {}
        },
        Content::Alert(_, description) => {
            if let Some(meaning) = names::alert_meaning(*description) {
                lines.words("means", meaning);
            }
        }
        Content::Data(Hidden::Handshake) => lines.words(
            "begins with",
            if by_client {
                "Finished (before it Certificate and CertificateVerify, if it was asked for them)"
            } else {
                "EncryptedExtensions, Certificate, CertificateVerify, Finished"
            },
        ),
        Content::Data(Hidden::Early) => lines.words("early", "sent before the server's answer; may have been replayed"),
        Content::Data(Hidden::Application) if is_like_an_alert(tls) => {
            lines.words("perhaps", "an alert, such as close_notify: it is as long as one");
        }
        _ => {}
    }
}

/// Writes what was seen of a connection in all, and what was not.
pub(super) fn write_facts(pen: &mut Pen<'_>, facts: &Facts, client: usize) {
    let mut lines = Lines { pen, all: false };
    lines.line("seen", |pen| {
        match facts.version {
            Some(version) => pen.put(format_args!("{}", names::version(version))),
            None => pen.push("no version chosen"),
        }
        if let Some(cipher) = facts.cipher {
            pen.piece_after(2, |pen| pen.put(format_args!("{}", names::cipher(cipher))));
        }
        for (what, value) in [("host ", &facts.server_name), ("ALPN ", &facts.alpn)] {
            if let Some(value) = value {
                pen.piece_after(2, |pen| {
                    let room = pen.width() / 2;
                    pen.push(what);
                    pen.captured(value, room);
                });
            }
        }
    });
    if facts.records == [0; 2] {
        return;
    }
    lines.line("hidden", |pen| {
        let certificates = if facts.version.is_some_and(names::is_tls13) { "the certificates, and " } else { "" };
        pen.words(PLAIN, &format!("{certificates}what was asked and answered:"));
        for (arrow, side) in [('→', client & 1), ('←', 1 - (client & 1))] {
            let (bytes, records) = (facts.bytes[side], facts.records[side]);
            let plural = if records == 1 { "" } else { "s" };
            pen.piece_after(2, |pen| pen.put(format_args!("{arrow} {bytes} B in {records} record{plural}")));
        }
    });
}

/// Lines below a heading, each about one thing.
struct Lines<'p, 'o> {
    pen: &'p mut Pen<'o>,
    all: bool,
}

impl Lines<'_, '_> {
    fn client_hello(&mut self, hello: &Hello) {
        self.line("host", |pen| match &hello.server_name {
            Some(name) => {
                let room = pen.room();
                pen.styled(HEADING, |pen| pen.captured(name, room));
                pen.push(" ");
                pen.words(DIM, "in clear, for all on the way to read");
            }
            None => pen.text(DIM, "not named"),
        });
        let versions = if hello.versions.is_empty() { std::slice::from_ref(&hello.version) } else { &hello.versions };
        self.list("versions", known(versions).map(|number| names::version(number).to_string()));
        self.texts("ALPN", &hello.alpn);
        self.list("ciphers", known(&hello.ciphers).map(|number| names::cipher(number).to_string()));
        self.list(
            "ciphers",
            hello.specs.iter().map(|spec| match u16::try_from(*spec) {
                Ok(cipher) => names::cipher(cipher).to_string(),
                Err(_) => format!("{spec:#08x}"),
            }),
        );
        self.list("groups", known(&hello.groups).map(|number| names::group(number).to_string()));
        self.list("keys for", known(&hello.key_shares).map(|number| names::group(number).to_string()));
        if self.all {
            self.list("signatures", known(&hello.signatures).map(|number| names::signature(number).to_string()));
            self.list("extensions", known(&hello.extensions).map(|number| names::extension(number).to_string()));
        }
        if hello.has_psk() {
            let early = if hello.has_early_data() { "; data of the application follows at once" } else { "" };
            self.words("resumes", &format!("by a key from an earlier session{early}"));
        }
        if hello.has_encrypted_hello() {
            self.words("ECH", "the host may be another one, encrypted; many clients pretend that");
        }
        if !hello.partial && hello.specs.is_empty() {
            self.words("JA3", &fingerprint::ja3(hello));
            self.words("JA4", &fingerprint::ja4(hello));
        }
    }

    fn server_hello(&mut self, hello: &Hello, resumes: bool) {
        self.list("version", [names::version(hello.highest_version()).to_string()].into_iter());
        self.list("cipher", hello.ciphers.iter().map(|number| names::cipher(*number).to_string()));
        self.list("group", hello.key_shares.iter().map(|number| names::group(*number).to_string()));
        if let Some(group) = hello.retry_group {
            self.words("asks for", &format!("another ClientHello, with a key for {}", names::group(group)));
        }
        self.texts("ALPN", &hello.alpn);
        if resumes {
            self.words("resumes", "an earlier session, so that there is no certificate");
        }
        if !hello.is_retry() && names::is_tls13(hello.highest_version()) {
            self.words("from here", "all is encrypted, the certificate too");
        }
    }

    fn certificates(&mut self, chain: &[Certificate]) {
        if chain.is_empty() {
            self.words("none", "its sender has no certificate");
        }
        for certificate in chain {
            match &certificate.read {
                Some(read) => self.certificate(read),
                None => self.words("certificate", &format!("{} bytes that cannot be read", certificate.len)),
            }
        }
    }

    fn certificate(&mut self, read: &Read) {
        self.captured("certificate", &read.subject);
        let names = read.dns_names.iter().cloned().chain(read.addresses.iter().map(ToString::to_string));
        self.list("  for", names);
        self.captured("  issuer", if read.issuer == read.subject { "itself" } else { &read.issuer });
        self.captured("  valid", &format!("{} to {}", read.not_before, read.not_after));
        if self.all {
            let serial: String = read.serial.iter().map(|byte| format!("{byte:02x}")).collect();
            self.captured("  serial", &serial);
        }
    }

    /// Writes a line that goes on below its text.
    fn line(&mut self, label: &str, write: impl FnOnce(&mut Pen<'_>)) {
        let indent = self.pen.indent;
        self.pen.begin_line();
        self.pen.text(DIM, label);
        self.pen.indent.column += LABEL;
        self.pen.pad_to(self.pen.indent.column);
        self.pen.begin_text();
        write(self.pen);
        self.pen.end_line();
        self.pen.indent = indent;
    }

    fn words(&mut self, label: &str, text: &str) {
        self.line(label, |pen| pen.words(PLAIN, text));
    }

    fn captured(&mut self, label: &str, text: &str) {
        self.line(label, |pen| {
            let room = pen.room();
            pen.captured(text.as_bytes(), room);
        });
    }

    fn texts(&mut self, label: &str, texts: &[Vec<u8>]) {
        self.list(label, texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()));
    }

    /// A list, the first of it, and how many more there are.
    fn list(&mut self, label: &str, items: impl Iterator<Item = String>) {
        let items: Vec<String> = items.collect();
        if items.is_empty() {
            return;
        }
        let shown = if self.all || items.len() <= SHOWN + 1 { items.len() } else { SHOWN };
        self.line(label, |pen| {
            for (i, item) in items.iter().take(shown).enumerate() {
                pen.piece_after(1, |pen| {
                    let room = pen.width() / 2;
                    pen.captured(item.as_bytes(), room);
                    if i + 1 < items.len() {
                        pen.push(",");
                    }
                });
            }
            if shown < items.len() {
                pen.piece_after(1, |pen| pen.put(format_args!("and {} more", items.len() - shown)));
            }
        });
    }
}

fn known(numbers: &[u16]) -> impl Iterator<Item = u16> {
    numbers.iter().copied().filter(|number| !names::is_grease(*number))
}
