//! Who the process is: root becomes somebody else, and no capability is left to anyone.

use std::os::fd::OwnedFd;

use nix::unistd::{Gid, Uid, User, geteuid, setgroups, setresgid, setresuid};
use rustix::fs::{Access, AtFlags, FileType};
use rustix::io::Errno;
use rustix::thread::{self, CapabilitySet, CapabilitySets};

use super::{Error, Missing, Reach};

/// The number of `nobody` where no user has that name.
const NOBODY: u32 = 65534;

/// Drops what root may do, and every capability.
pub(super) fn drop(wanted: Option<&str>, reach: &Reach, missing: &mut Vec<Missing>) -> Result<(), Error> {
    bounding();
    let was_root = geteuid().is_root();
    if was_root {
        become_another(wanted, reach, missing)?;
    }
    // Root without capabilities is the owner of its files and no more.
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    thread::set_capabilities(None, sets).map_err(|reason| failed("drop capabilities", reason))?;
    // Kernels before 4.3 have no ambient set.
    match thread::clear_ambient_capability_set() {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(reason) => return Err(failed("drop ambient capabilities", reason)),
    }
    if was_root { may_write(reach) } else { Ok(()) }
}

/// Nothing that is executed may have capabilities. Without CAP_SETPCAP that is left to `no_new_privs`.
fn bounding() {
    for capability in (0..u64::BITS).map(|number| CapabilitySet::from_bits_retain(1 << number)) {
        if thread::remove_capability_from_bounding_set(capability).is_err() {
            return;
        }
    }
}

fn become_another(wanted: Option<&str>, reach: &Reach, missing: &mut Vec<Missing>) -> Result<(), Error> {
    let (uid, gid) = choose(wanted, reach)?;
    for file in reach.given.iter().filter(|file| is_ours(file)) {
        // It stays root's where its file system knows no owners.
        let (uid, gid) = (rustix::fs::Uid::from_raw(uid.as_raw()), rustix::fs::Gid::from_raw(gid.as_raw()));
        let _ = rustix::fs::fchown(file, Some(uid), Some(gid));
    }
    let changed = setgroups(&[])
        .and_then(|()| setresgid(gid, gid, gid))
        .and_then(|()| if uid.is_root() { Ok(()) } else { setresuid(uid, uid, uid) });
    match changed {
        Ok(()) => {}
        // A namespace that has no other user, or root that may not be another.
        Err(reason @ (nix::Error::EPERM | nix::Error::EINVAL)) if wanted.is_none() => {
            missing.push(Missing(format!("another user than root: {}", reason.desc())));
            return Ok(());
        }
        Err(reason) => return Err(Error::Step { what: "become another user", reason: reason.desc().into() }),
    }
    if !uid.is_root() && setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok() {
        return Err(Error::Step { what: "give up root", reason: "it can be had back".into() });
    }
    Ok(())
}

/// Fails if who root became, without capabilities, may not write where that is still to be done.
fn may_write(reach: &Reach) -> Result<(), Error> {
    let may = |folder: &&super::Place| {
        rustix::fs::accessat(&folder.descriptor, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty()).is_ok()
    };
    match reach.write.iter().find(|folder| !may(folder)) {
        None => Ok(()),
        Some(folder) => {
            let uid = geteuid();
            let name = User::from_uid(uid).ok().flatten().map(|user| user.name);
            Err(Error::Unwritable { folder: folder.path.clone(), user: name.unwrap_or_else(|| uid.to_string()) })
        }
    }
}

/// Whether it is root's, and has no other name by which somebody might want to be given it.
fn is_ours(file: &OwnedFd) -> bool {
    rustix::fs::fstat(file).is_ok_and(|file| {
        FileType::from_raw_mode(file.st_mode) == FileType::RegularFile && file.st_uid == 0 && file.st_nlink == 1
    })
}

/// Who root becomes: who was asked for, the owner of what is still written or read, who called sudo, or nobody.
fn choose(wanted: Option<&str>, reach: &Reach) -> Result<(Uid, Gid), Error> {
    if let Some(name) = wanted {
        return named(name).ok_or_else(|| Error::NoSuchUser(name.to_owned()));
    }
    if let Some(place) = reach.write.first().or(reach.read.first()) {
        let owned = rustix::fs::fstat(&place.descriptor);
        let owned = owned.map_err(|reason| failed("find the owner of a folder", reason))?;
        let uid = Uid::from_raw(owned.st_uid);
        // A folder may have a group that its owner is not in.
        let gid = User::from_uid(uid).ok().flatten().map_or(Gid::from_raw(owned.st_gid), |user| user.gid);
        return Ok((uid, gid));
    }
    let number = |name| std::env::var(name).ok()?.parse().ok();
    Ok(match (number("SUDO_UID"), number("SUDO_GID")) {
        (Some(uid), Some(gid)) if uid != 0 => (Uid::from_raw(uid), Gid::from_raw(gid)),
        _ => named("nobody").unwrap_or((Uid::from_raw(NOBODY), Gid::from_raw(NOBODY))),
    })
}

/// A user by name, or by number.
fn named(name: &str) -> Option<(Uid, Gid)> {
    let user = User::from_name(name).ok().flatten();
    let user = user.or_else(|| User::from_uid(Uid::from_raw(name.parse().ok()?)).ok().flatten());
    user.map(|user| (user.uid, user.gid))
}

fn failed(what: &'static str, reason: Errno) -> Error {
    Error::Step { what, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_by_name_and_number() {
        assert_eq!(named("root"), Some((Uid::from_raw(0), Gid::from_raw(0))));
        assert_eq!(named("0"), named("root"));
        assert_eq!(named("no such user"), None);
    }

    #[test]
    fn the_owner_of_what_is_opened_later_is_chosen_before_a_stranger() {
        let folder = tempfile::tempdir().unwrap();
        let (mut reach, mut read) = (Reach::default(), Reach::default());
        reach.write(std::fs::File::open(folder.path()).unwrap(), folder.path()).unwrap();
        read.read(folder.path());
        for reach in [&reach, &read] {
            assert_eq!(choose(None, reach).unwrap().0, geteuid());
        }
        assert_eq!(choose(Some("root"), &reach).unwrap().0, Uid::from_raw(0));
        assert!(matches!(choose(Some("no such user"), &reach), Err(Error::NoSuchUser(_))));
    }
}
