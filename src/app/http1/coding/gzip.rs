//! gzip, member by member (RFC 1952).

use flate2::{Crc, Decompress};

use super::{Out, Stop, inflate};

/// gzip: one or more members (RFC 1952 2.2).
pub(super) struct Gzip {
    inflater: Decompress,
    crc: Crc,
    flags: u8,
    part: Member,
    members: u64,
}

/// The part of a member that comes next (RFC 1952 2.3).
#[derive(Clone, Copy)]
enum Member {
    /// The fixed header, and how much of it has come.
    Fixed(u8),
    ExtraLen(Option<u8>),
    Extra(u16),
    Name,
    Comment,
    HeaderCrc(u8),
    Body,
    /// CRC32 and ISIZE: what has come of them.
    Trailer(u8, u64),
}

impl Gzip {
    const FHCRC: u8 = 2;
    const FEXTRA: u8 = 4;
    const FNAME: u8 = 8;
    const FCOMMENT: u8 = 16;
    const RESERVED: u8 = 0xe0;

    pub fn new() -> Self {
        Self { inflater: Decompress::new(false), crc: Crc::new(), flags: 0, part: Member::Fixed(0), members: 0 }
    }

    pub fn is_at_end(&self) -> bool {
        self.members > 0 && matches!(self.part, Member::Fixed(0))
    }

    pub fn decode(&mut self, mut input: &[u8], out: Out<'_>) -> Result<(), Stop> {
        while let [byte, after @ ..] = input {
            if matches!(self.part, Member::Body) {
                let crc = &mut self.crc;
                let ended = inflate(&mut self.inflater, &mut input, &mut |bytes| {
                    crc.update(bytes);
                    out(bytes)
                })?;
                if ended {
                    self.part = Member::Trailer(0, 0);
                }
            } else {
                self.part = self.frame_byte(*byte)?;
                input = after;
            }
        }
        Ok(())
    }

    /// Reads a byte of a member's header or trailer; gives the part that comes next.
    fn frame_byte(&mut self, byte: u8) -> Result<Member, Stop> {
        let fits = |ok: bool, next: Member| if ok { Ok(next) } else { Err(Stop::Failed) };
        match self.part {
            Member::Fixed(at @ 0..=2) => fits(byte == [0x1f, 0x8b, 8][usize::from(at)], Member::Fixed(at + 1)),
            Member::Fixed(3) => {
                self.flags = byte;
                fits(byte & Self::RESERVED == 0, Member::Fixed(4))
            }
            Member::Fixed(at @ ..9) => Ok(Member::Fixed(at + 1)),
            Member::Fixed(_) if self.flags & Self::FEXTRA != 0 => Ok(Member::ExtraLen(None)),
            Member::ExtraLen(None) => Ok(Member::ExtraLen(Some(byte))),
            Member::ExtraLen(Some(low)) => match u16::from_le_bytes([low, byte]) {
                0 => Ok(self.after_extra()),
                len => Ok(Member::Extra(len)),
            },
            Member::Extra(left @ 2..) => Ok(Member::Extra(left - 1)),
            Member::Fixed(_) | Member::Extra(_) => Ok(self.after_extra()),
            Member::Name if byte == 0 => Ok(self.after_name()),
            Member::Comment if byte == 0 => Ok(self.after_comment()),
            Member::Name | Member::Comment => Ok(self.part),
            Member::HeaderCrc(0) => Ok(Member::HeaderCrc(1)),
            Member::HeaderCrc(_) => Ok(self.body()),
            Member::Trailer(at, value) => {
                let value = value | u64::from(byte) << (8 * at);
                if at < 7 {
                    return Ok(Member::Trailer(at + 1, value));
                }
                self.members += 1;
                fits(value == u64::from(self.crc.amount()) << 32 | u64::from(self.crc.sum()), Member::Fixed(0))
            }
            Member::Body => Ok(Member::Body),
        }
    }

    fn after_extra(&mut self) -> Member {
        if self.flags & Self::FNAME != 0 { Member::Name } else { self.after_name() }
    }

    fn after_name(&mut self) -> Member {
        if self.flags & Self::FCOMMENT != 0 { Member::Comment } else { self.after_comment() }
    }

    fn after_comment(&mut self) -> Member {
        if self.flags & Self::FHCRC != 0 { Member::HeaderCrc(0) } else { self.body() }
    }

    fn body(&mut self) -> Member {
        self.inflater.reset(false);
        self.crc.reset();
        Member::Body
    }
}
