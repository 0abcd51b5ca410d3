//! Protocols that are named and no more: what a frame ends with where it is no concern of ours.

use super::get::{bits, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

/// Declares them: Wireshark's name, what a person calls it, the length of the header that its fields are read from, and
/// the numbers that announce it.
macro_rules! named {
    ($($id:ident $name:literal $title:literal $len:literal [$($field:expr),* $(,)?] by $($by:expr),* ;)*) => {
        $(pub(super) const $id: Header = {
            static PROTOCOL: Protocol =
                Protocol { name: $name, title: $title, fields: &[$($field),*], ethertype_at: None };
            Header { protocol: &PROTOCOL, parse: |decoded, rest| end(decoded, rest, &PROTOCOL, $len), by: &[$($by),*] }
        };)*
        /// All of them.
        pub(super) const HEADERS: [&Header; [$($name),*].len()] = [$(&$id),*];
    };
}

fn end<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>, protocol: &'static Protocol, len: usize) {
    if rest.bytes.len() < len {
        return decoded.refuse(protocol, rest, len);
    }
    let rest = decoded.layer(protocol, rest, len);
    decoded.carries(rest)
}

named! {
    SCTP "sctp" "SCTP" 12 [
        Field::new("sctp.srcport", Kind::Uint, "Source port", |l, put| uint(l.u16(0), put)),
        Field::new("sctp.dstport", Kind::Uint, "Destination port", |l, put| uint(l.u16(2), put)),
        Field::hex("sctp.verification_tag", "Verification tag", |l, put| uint(l.u32(4), put)),
        Field::hex("sctp.checksum", "Checksum", |l, put| uint(l.u32(8), put)),
    ] by Number::ip(132), Number::udp(9899);
    IGMP "igmp" "IGMP" 8 [
        Field::hex("igmp.type", "Type", |l, put| uint(l.u8(0), put)),
        Field::hex("igmp.checksum", "Checksum", |l, put| uint(l.u16(2), put)),
    ] by Number::ip(2);
    ESP "esp" "ESP" 8 [
        Field::hex("esp.spi", "Security parameters index", |l, put| uint(l.u32(0), put)),
        Field::new("esp.sequence", Kind::Uint, "Sequence number", |l, put| uint(l.u32(4), put)),
    ] by Number::ip(50);
    OSPF "ospf" "OSPF" 12 [
        Field::new("ospf.version", Kind::Uint, "Version", |l, put| uint(l.u8(0), put)),
        Field::new("ospf.msg", Kind::Uint, "1 hello, 2 description, 3 request, 4 update, 5 acknowledgment", |l, put| {
            uint(l.u8(1), put)
        }),
        Field::new("ospf.packet_length", Kind::Uint, "Length in bytes", |l, put| uint(l.u16(2), put)),
        Field::new("ospf.srcrouter", Kind::Ipv4, "Router that sent it", |l, put| l.ipv4(4, put)),
        Field::new("ospf.area_id", Kind::Ipv4, "Area", |l, put| l.ipv4(8, put)),
    ] by Number::ip(89);
    VRRP "vrrp" "VRRP" 4 [
        Field::new("vrrp.version", Kind::Uint, "Version", |l, put| bits(l.u8(0), 4, 0xf, put)),
        Field::new("vrrp.type", Kind::Uint, "Type", |l, put| bits(l.u8(0), 0, 0xf, put)),
        Field::new("vrrp.virt_rtr_id", Kind::Uint, "Virtual router", |l, put| uint(l.u8(1), put)),
        Field::new("vrrp.prio", Kind::Uint, "Priority", |l, put| uint(l.u8(2), put)),
    ] by Number::ip(112);
    EIGRP "eigrp" "EIGRP" 20 [
        Field::new("eigrp.version", Kind::Uint, "Version", |l, put| uint(l.u8(0), put)),
        Field::new("eigrp.opcode", Kind::Uint, "Opcode", |l, put| uint(l.u8(1), put)),
        Field::new("eigrp.seq", Kind::Uint, "Sequence", |l, put| uint(l.u32(8), put)),
        Field::new("eigrp.ack", Kind::Uint, "Acknowledgment", |l, put| uint(l.u32(12), put)),
        Field::new("eigrp.as", Kind::Uint, "Autonomous system", |l, put| uint(l.u16(18), put)),
    ] by Number::ip(88);
    HIP "hip" "HIP" 0 [] by Number::ip(139);
    RSVP "rsvp" "RSVP" 0 [] by Number::ip(46);
    RSVP_E2EI "rsvp-e2ei" "RSVP end-to-end" 0 [] by Number::ip(134);
    PGM "pgm" "PGM" 0 [] by Number::ip(113);
    DCCP "dccp" "DCCP" 0 [] by Number::ip(33);
    UDPLITE "udplite" "UDP-Lite" 0 [] by Number::ip(136);
    IPCOMP "ipcomp" "IPComp" 0 [] by Number::ip(108);
    IGRP "igrp" "IGRP" 0 [] by Number::ip(9);
    L2TP_IP "l2tp" "L2TP" 0 [] by Number::ip(115);
    NHRP "nhrp" "NHRP" 0 [] by Number::ip(54), Number::gre(0x2001);
    OSI "osi" "OSI" 0 [] by Number::ip(80), Number::gre(0x00fe), Number::ppp(0x0023), Number::chdlc(0xfefe),
        Number::sap(0xfe), Number::sap(0x14), Number::sap(0x54), Number::sap(0x20), Number::sap(0x34);
    COTP "cotp" "COTP" 0 [] by Number::ip(29);
    DSR "dsr" "DSR" 0 [] by Number::ip(48);
    SWIPE "swipe" "swIPe" 0 [] by Number::ip(53);
    XTP "xtp" "XTP" 0 [] by Number::ip(36);
    AX4000 "ax4000" "AX/4000" 0 [] by Number::ip(173);
    ISAKMP "isakmp" "IKE" 0 [] by ;
    LCP "lcp" "LCP" 0 [] by Number::ppp(0xc021);
    IPCP "ipcp" "IPCP" 0 [] by Number::ppp(0x8021);
    IPV6CP "ipv6cp" "IPV6CP" 0 [] by Number::ppp(0x8057);
    PAP "pap" "PAP" 0 [] by Number::ppp(0xc023);
    CHAP "chap" "CHAP" 0 [] by Number::ppp(0xc223);
    CCP "ccp" "CCP" 0 [] by Number::ppp(0x80fd);
    MPLSCP "mplscp" "MPLSCP" 0 [] by Number::ppp(0x8281);
    OSINLCP "osinlcp" "OSINLCP" 0 [] by Number::ppp(0x8023);
    CDPCP "cdpcp" "CDPCP" 0 [] by Number::ppp(0x8207);
    CBCP "cbcp" "CBCP" 0 [] by Number::ppp(0xc029);
    MULTILINK "mp" "PPP multilink" 0 [] by Number::ppp(0x003d);
    VJ_COMPRESSED "vjc" "Van Jacobson" 0 [] by Number::ppp(0x002d), Number::ppp(0x002f);
    COMPRESSED "comp_data" "Compressed" 0 [] by Number::ppp(0x00fd);
    IPX "ipx" "IPX" 0 [] by Number::ethertype(0x8137), Number::ppp(0x002b), Number::gre(0x8137), Number::chdlc(0x8137),
        Number::sap(0xe0), Number::sap(0x10);
    SLARP "slarp" "SLARP" 0 [] by Number::chdlc(0x8035);
    CDP "cdp" "CDP" 0 [] by Number::chdlc(0x2000), Number::gre(0x2000), Number::ppp(0x0207), Number::cisco(0x2000);
    STP "stp" "STP" 0 [] by Number::sap(0x42), Number::cisco(0x010b), Number::cisco(0x0108), Number::cisco(0x0109),
        Number::cisco(0x010c), Number::ethertype(0x8181), Number::chdlc(0x4242);
    DTP "dtp" "DTP" 0 [] by Number::cisco(0x2004);
    VTP "vtp" "VTP" 0 [] by Number::cisco(0x2003);
    PAGP "pagp" "PAgP" 0 [] by Number::cisco(0x0104);
    UDLD "udld" "UDLD" 0 [] by Number::cisco(0x0111), Number::chdlc(0x0111);
    NETBIOS "netbios" "NetBIOS" 0 [] by Number::sap(0xf0);
    LLDP "lldp" "LLDP" 0 [] by Number::ethertype(0x88cc);
    SLOW "slow" "Slow protocols" 0 [] by Number::ethertype(0x8809);
    EAPOL "eapol" "EAPOL" 0 [] by Number::ethertype(0x888e), Number::ethertype(0x88c7);
    CFM "cfm" "CFM" 0 [] by Number::ethertype(0x8902);
    PTP "ptp" "PTP" 0 [] by Number::ethertype(0x88f7);
    LOOPBACK "loop" "Loopback test" 0 [] by Number::ethertype(0x9000);
    TIPC "tipc" "TIPC" 0 [] by Number::ethertype(0x88ca);
    AOE "aoe" "ATA over Ethernet" 0 [] by Number::ethertype(0x88a2);
    AARP "aarp" "AARP" 0 [] by Number::ethertype(0x80f3), Number::chdlc(0x80f3);
    DECNET "dec_dna" "DECnet" 0 [] by Number::ethertype(0x6003), Number::ppp(0x0027), Number::chdlc(0x6003);
    WAKE "wol" "Wake-on-LAN" 0 [] by Number::ethertype(0x0842);
    MSNLB "msnlb" "MS load balancing" 0 [] by Number::ethertype(0x886f);
    BATMAN "batadv" "B.A.T.M.A.N." 0 [] by Number::ethertype(0x4305);
    PROFINET "pn_rt" "PROFINET" 0 [] by Number::ethertype(0x8892);
    ETHERCAT "ecatf" "EtherCAT" 0 [] by Number::ethertype(0x88a4);
    GOOSE "goose" "GOOSE" 0 [] by Number::ethertype(0x88b8);
    HOMEPLUG "homeplug-av" "HomePlug AV" 0 [] by Number::ethertype(0x88e1);
    FCOE "fcoe" "FCoE" 0 [] by Number::ethertype(0x8906);
    JOURNAL "systemd_journal" "systemd journal" 0 [] by Number::link(LinkType::JOURNAL_ENTRY);
    SYSDIG "sysdig" "System call" 0 [] by Number::link(LinkType::SYSTEM_CALL);
    NETLINK "netlink" "Netlink" 0 [] by Number::link(LinkType(253));
    WPAN "wpan" "802.15.4" 0 [] by Number::link(LinkType(195)), Number::link(LinkType(230)), Number::link(LinkType(283));
    VSOCK "vsock" "VSOCK" 0 [] by Number::link(LinkType(271));
    DBUS "dbus" "D-Bus" 0 [] by Number::link(LinkType(231));
    USB "usb" "USB" 0 [] by Number::link(LinkType(189)), Number::link(LinkType(220)), Number::link(LinkType(249));
    CAN "can" "CAN" 0 [] by Number::link(LinkType(190)), Number::link(LinkType(227));
    USER_DLT "user_dlt" "Private use" 0 [] by Number::link(LinkType(147)), Number::link(LinkType(148)),
        Number::link(LinkType(150)), Number::link(LinkType(151)), Number::link(LinkType(152)),
        Number::link(LinkType(153)), Number::link(LinkType(154)), Number::link(LinkType(155)),
        Number::link(LinkType(156)), Number::link(LinkType(157)), Number::link(LinkType(158)),
        Number::link(LinkType(159)), Number::link(LinkType(160)), Number::link(LinkType(161)),
        Number::link(LinkType(162));
}
