//! Live capture on one interface or several, by libpcap, without ever blocking past a timeout.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use pcap::{Active, Capture, Linktype, PacketHeader, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::frame::{Frame, FrameMeta, FrameNumber, LinkType, Timestamp};

use super::bpf::{link_of_dlt, message};
use super::error::Error;
use super::interface::{Interface, Resolution};
use super::pcap::MAX_CAPTURED;
use super::{Filter, Wait};

/// How to capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Also frames that are for other machines.
    pub promiscuous: bool,
    /// The most bytes to capture of a frame; 1 to 262144.
    pub snaplen: u32,
    /// Bytes that the kernel may hold for us, for each interface.
    pub buffer_size: u32,
    /// Hand out each frame at once, at the price of a buffer that holds fewer of them; else within 10 ms.
    pub immediate: bool,
}

/// Sixteen times what libpcap takes by itself: fast downloads over loopback lost a quarter of their frames with that,
/// and next to none with this.
const BUFFER_SIZE: u32 = 32 << 20;

impl Default for Options {
    fn default() -> Self {
        Self { promiscuous: true, snaplen: MAX_CAPTURED, buffer_size: BUFFER_SIZE, immediate: true }
    }
}

/// How long the kernel may hold frames to hand out many at once.
const HOLD: Duration = Duration::from_millis(10);

/// What was counted on all interfaces of a capture, in frames.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Stats {
    /// Received; on loopback, libpcap counts each twice.
    pub received: u64,
    /// Dropped by the kernel, because we were too slow.
    pub dropped: u64,
    /// Dropped by the interface or its driver.
    pub dropped_by_interface: u64,
}

/// A running capture.
pub struct Live {
    handles: Vec<Handle>,
    interfaces: Vec<Interface>,
    frames: FrameNumber,
    /// The handle to ask first, so that none is starved.
    turn: usize,
}

struct Handle {
    capture: Capture<Active>,
    name: String,
    link: LinkType,
    /// Index into the interfaces.
    number: u16,
    /// Whether there may be frames.
    ready: bool,
    /// libpcap's counters at the last look, which wrap, and their sums.
    seen: [u32; 3],
    sums: [u64; 3],
}

/// libpcap has times in nanoseconds where it was asked for them on Linux; elsewhere not every device can.
const PRECISION: Precision = if cfg!(target_os = "linux") { Precision::Nano } else { Precision::Micro };

impl Live {
    /// Opens interfaces by name, `any` for all of them, and sets the filter on each.
    pub fn open(names: &[String], options: &Options, filter: Option<&Filter>) -> Result<Self, Error> {
        let mut live = Self { handles: Vec::new(), interfaces: Vec::new(), frames: 0, turn: 0 };
        for (number, name) in (0..).zip(names) {
            let handle = Handle::open(name, number, options, filter)?;
            live.interfaces.push(Interface {
                name: Some(name.clone()),
                link: handle.link,
                snaplen: options.snaplen,
                resolution: if PRECISION == Precision::Nano { Resolution::NANOS } else { Resolution::MICROS },
                ..Interface::default()
            });
            live.handles.push(handle);
        }
        Ok(live)
    }

    /// The next frame that is there, with the interfaces. Those of one interface come in their order.
    pub fn next_described(&mut self) -> Result<Option<(Frame<'_>, &[Interface])>, Error> {
        self.turn = if self.turn + 1 < self.handles.len() { self.turn + 1 } else { 0 };
        let (later, first) = self.handles.split_at_mut(self.turn);
        for handle in first.iter_mut().chain(later).filter(|handle| handle.ready) {
            match handle.capture.next_packet() {
                Ok(packet) => {
                    self.frames += 1;
                    let meta = FrameMeta {
                        number: self.frames,
                        time: time_of(packet.header),
                        wire_len: packet.header.len.max(packet.header.caplen),
                        link: handle.link,
                        interface: handle.number,
                        interface_id: Some(handle.number),
                    };
                    return Ok(Some((Frame { meta, bytes: packet.data }, &self.interfaces)));
                }
                Err(pcap::Error::TimeoutExpired) => handle.ready = false,
                Err(error) => return Err(Error::Live { interface: handle.name.clone(), reason: message(&error) }),
            }
        }
        Ok(None)
    }

    /// Waits until an interface has frames, or `timeout` is over, or a signal comes.
    pub fn wait(&mut self, timeout: Duration) -> Result<Wait, Error> {
        let mut watched: Vec<_> =
            self.handles.iter().map(|handle| PollFd::new(&handle.capture, PollFlags::IN)).collect();
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
        let count = match poll(&mut watched, Some(&timeout)) {
            Ok(count) => count,
            Err(rustix::io::Errno::INTR) => 0,
            Err(error) => {
                let interface = self.handles.iter().map(|handle| handle.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Error::Live { interface, reason: error.to_string() });
            }
        };
        // An error of the interface shows as an event too; the next read tells it.
        let events: Vec<bool> = watched.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(watched);
        self.handles.iter_mut().zip(events).for_each(|(handle, ready)| handle.ready |= ready);
        Ok(if count > 0 { Wait::Ready } else { Wait::Idle })
    }

    /// The interfaces that were opened, in the order of their names.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// What was counted since the capture was opened.
    pub fn stats(&mut self) -> Result<Stats, Error> {
        let mut sums = [0; 3];
        for handle in &mut self.handles {
            let stat = handle.capture.stats();
            let stat = stat.map_err(|e| Error::Live { interface: handle.name.clone(), reason: message(&e) })?;
            let now = [stat.received, stat.dropped, stat.if_dropped];
            for (((sum, of_handle), seen), now) in sums.iter_mut().zip(&mut handle.sums).zip(&mut handle.seen).zip(now)
            {
                *of_handle += u64::from(now.wrapping_sub(*seen));
                *seen = now;
                *sum += *of_handle;
            }
        }
        let [received, dropped, dropped_by_interface] = sums;
        Ok(Stats { received, dropped, dropped_by_interface })
    }
}

impl Handle {
    fn open(name: &str, number: u16, options: &Options, filter: Option<&Filter>) -> Result<Self, Error> {
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
        Ok(Self { capture, name: name.to_owned(), link, number, ready: true, seen: [0; 3], sums: [0; 3] })
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

/// An interface of this machine that can be captured on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// What `-i` takes.
    pub name: String,
    /// What the system says of it.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it is up.
    pub up: bool,
    /// Whether it is running: up, and its link too.
    pub running: bool,
    /// Whether it is a loopback interface.
    pub loopback: bool,
}

/// Lists the interfaces, in libpcap's order: the likeliest first.
pub fn devices() -> Result<Vec<Device>, Error> {
    let listed = pcap::Device::list();
    let listed = listed.map_err(|e| Error::Live { interface: "any interface".into(), reason: message(&e) })?;
    Ok(listed
        .into_iter()
        .map(|device| Device {
            up: device.flags.is_up(),
            running: device.flags.is_running(),
            loopback: device.flags.is_loopback(),
            addresses: device.addresses.into_iter().map(|address| address.addr).collect(),
            name: device.name,
            description: device.desc,
        })
        .collect())
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

    #[test]
    fn an_interface_that_is_not_there_is_named_with_those_that_are() {
        let error = Live::open(&["lo77".into()], &Options::default(), None).err().unwrap();
        match &error {
            Error::NoSuchInterface { near, .. } => assert!(!near.is_empty()),
            // A machine that lets nobody list its interfaces.
            other => eprintln!("skipped: {other}"),
        }
        assert_eq!(error.kind(), super::super::Kind::Unreadable);
    }
}
