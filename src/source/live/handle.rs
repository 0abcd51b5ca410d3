//! One interface that is captured on, by libpcap.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};

use pcap::{Active, Capture, Linktype, PacketHeader, Precision};
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;

use super::blocks::Noted;
use super::devices::devices;
use super::{HOLD, Options, message};
use crate::frame::{LinkType, Timestamp};
use crate::source::bpf::link_of_dlt;
use crate::source::pcap::MAX_CAPTURED;
use crate::source::{Error, Filter, Resolution};

/// An interface that is open.
pub(super) struct Handle {
    capture: Capture<Active>,
    pub name: String,
    pub link: LinkType,
    /// Index into the interfaces.
    number: u16,
    /// Whether there may be frames.
    pub ready: bool,
    /// Whether it went down, after which come the frames that the kernel still has.
    is_down: bool,
    /// libpcap's counters at the last look, which wrap, and their sums.
    seen: [u32; 3],
    sums: [u64; 3],
}

/// libpcap has times in nanoseconds where it was asked for them on Linux; elsewhere not every device can.
const PRECISION: Precision = if cfg!(target_os = "linux") { Precision::Nano } else { Precision::Micro };

/// How fine the times of frames are.
pub(super) const RESOLUTION: Resolution =
    if matches!(PRECISION, Precision::Nano) { Resolution::NANOS } else { Resolution::MICROS };

impl Handle {
    pub fn open(name: &str, number: u16, options: &Options, filter: Option<&Filter>) -> Result<Self, Error> {
        let failed = |error: pcap::Error| Error::Live { interface: name.to_owned(), reason: message(&error) };
        let inactive = Capture::from_device(name)
            .map_err(|error| explain(name, &error))?
            // To libpcap, promiscuous mode of `any` is worth a warning, which the `pcap` crate takes for a failure.
            .promisc(options.promiscuous && name != "any")
            .snaplen(options.snaplen.clamp(1, MAX_CAPTURED) as i32)
            .immediate_mode(options.immediate)
            .timeout(HOLD.as_millis() as i32)
            .precision(PRECISION)
            .buffer_size(i32::try_from(options.buffer_size).unwrap_or(i32::MAX));
        let mut capture = inactive.open().map_err(|error| explain(name, &error))?;
        prefer_sll2(&mut capture).map_err(failed)?;
        let link = link_of_dlt(capture.get_datalink().0);
        if let Some(filter) = filter {
            capture.filter(filter.expression(), true).map_err(|error| Error::Filter {
                expression: filter.expression().to_owned(),
                link,
                reason: message(&error),
            })?;
        }
        let capture = capture.setnonblock().map_err(failed)?;
        Ok(Self {
            capture,
            name: name.to_owned(),
            link,
            number,
            ready: true,
            is_down: false,
            seen: [0; 3],
            sums: [0; 3],
        })
    }

    /// Gives out the frames that are there, at most `most`. Where there were none, it is not ready.
    pub fn read(&mut self, most: usize, mut put: impl FnMut(Noted, &[u8])) -> Result<usize, Error> {
        let interface = self.number;
        // libpcap goes on in the hope that it comes up again.
        self.is_down |= matches!(socket_error(&self.capture), Ok(Err(Errno::NETDOWN)));
        let read = self.capture.dispatch(Some(most), |packet| {
            let wire_len = packet.header.len.max(packet.header.caplen);
            put(Noted { time: time_of(packet.header), wire_len, interface }, packet.data);
        });
        let count = read.map_err(|error| self.failure(&error))?;
        self.ready = count > 0;
        if self.is_down && count == 0 {
            return Err(Error::WentDown { interface: self.name.clone() });
        }
        Ok(count)
    }

    /// What was counted since it was opened: received, dropped by the kernel, dropped by the interface. The counts may be
    /// behind where libpcap can read them no more.
    pub fn counts(&mut self) -> Result<[u64; 3], Error> {
        let stat = self.capture.stats().map_err(|error| self.failure(&error))?;
        let now = [stat.received, stat.dropped, stat.if_dropped];
        for ((sum, seen), now) in self.sums.iter_mut().zip(&mut self.seen).zip(now) {
            // One that falls has been begun anew, or cannot be read.
            *sum += u64::from(now.wrapping_sub(*seen).cast_signed().max(0).cast_unsigned());
            *seen = now;
        }
        Ok(self.sums)
    }

    fn failure(&self, error: &pcap::Error) -> Error {
        Error::Live { interface: self.name.clone(), reason: message(error) }
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }
}

// The numbers have 64 bits here and fewer elsewhere.
#[allow(clippy::unnecessary_cast)]
fn time_of(header: &PacketHeader) -> Timestamp {
    let nanos = header.ts.tv_usec as i64 * if PRECISION == Precision::Nano { 1 } else { 1000 };
    Timestamp::from_secs_nanos(header.ts.tv_sec as i64, nanos)
}

/// Where libpcap makes up a link header, takes its second version, which says on which interface each frame was: the
/// same frame seen on two interfaces can then be told from one sent twice.
fn prefer_sll2(capture: &mut Capture<Active>) -> Result<(), pcap::Error> {
    let sll2 = Linktype(LinkType::LINUX_SLL2.0.cast_signed());
    let is_cooked = capture.get_datalink().0 == LinkType::LINUX_SLL.0.cast_signed();
    // A libpcap that cannot list them cannot set one either.
    if is_cooked && capture.list_datalinks().is_ok_and(|known| known.contains(&sll2)) {
        capture.set_datalink(sll2)?;
    }
    Ok(())
}

/// Why an interface cannot be opened: libpcap's code is lost in the `pcap` crate, so the list of interfaces and the
/// words of the message have to tell.
fn explain(name: &str, error: &pcap::Error) -> Error {
    let reason = message(error);
    let interface = name.to_owned();
    let listed = devices().unwrap_or_default();
    let known = listed.iter().find(|device| device.name == name);
    // Names with a colon, such as nflog:1, are taken by libpcap and not listed.
    if known.is_none() && !name.contains(':') && !listed.is_empty() {
        let near = near(name, listed.into_iter().map(|device| device.name));
        return Error::NoSuchInterface { interface, near };
    }
    let words = reason.to_ascii_lowercase();
    if ["not permitted", "permission", "cap_net_raw", "denied"].iter().any(|word| words.contains(word)) {
        return Error::Permission { interface };
    }
    match known {
        Some(device) if !device.up => Error::InterfaceDown { interface },
        _ => Error::Live { interface, reason },
    }
}

/// The names that are like `name`: those it shares its first letters with, or all.
fn near(name: &str, all: impl Iterator<Item = String>) -> Vec<String> {
    let all: BTreeSet<String> = all.collect();
    let letters = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_lowercase();
    let alike: Vec<String> = all.iter().filter(|known| letters(known) == letters(name)).cloned().collect();
    if alike.is_empty() { all.into_iter().take(8).collect() } else { alike }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names() {
        let all = || ["eth0", "eth1", "lo", "any"].into_iter().map(String::from);
        assert_eq!(near("eth9", all()), ["eth0", "eth1"]);
        assert_eq!(near("wlan0", all()), ["any", "eth0", "eth1", "lo"]);
    }
}
