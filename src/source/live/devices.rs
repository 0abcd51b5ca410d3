//! The interfaces of this machine.

use std::net::IpAddr;

use super::message;
use crate::source::Error;

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
