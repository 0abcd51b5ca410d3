//! Landlock: no file but those that were named, no TCP port, no process outside.

use super::{Error, Missing, Reach};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, CreateRulesetError, LandlockStatus, PathBeneath,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, make_bitflags,
};

/// The newest interface that the library knows; an older kernel does what it can.
const NEWEST: ABI = ABI::V10;

/// Confines the thread, and those that it starts.
pub(super) fn confine(reach: &Reach, missing: &mut Vec<Missing>) -> Result<(), Error> {
    let status = match restrict(reach) {
        Ok(status) => status.landlock,
        // A filter of system calls, such as a container's, that knows nothing of Landlock.
        Err(RulesetError::CreateRuleset(CreateRulesetError::CreateRulesetCall { source, .. }))
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            LandlockStatus::NotEnabled
        }
        Err(reason) => return Err(Error::Step { what: "confine the file system", reason: reason.to_string() }),
    };
    let mut lacks = |what: &str| missing.push(Missing(what.to_owned()));
    match status {
        LandlockStatus::NotImplemented | LandlockStatus::NotEnabled => {
            lacks("Landlock, which this kernel does not offer: files are kept from it by the other steps alone");
        }
        LandlockStatus::Available { effective_abi, .. } => {
            if effective_abi < ABI::V4 {
                lacks("Landlock's rules for TCP, which this kernel does not offer");
            }
            if effective_abi < ABI::V6 {
                lacks("Landlock's rules for signals and abstract sockets, which this kernel does not offer");
            }
        }
    }
    Ok(())
}

fn restrict(reach: &Reach) -> Result<RestrictionStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let written = make_bitflags!(AccessFs::{ReadFile | WriteFile | MakeReg | RemoveFile | Truncate});
    for place in &reach.write {
        ruleset = ruleset.add_rule(PathBeneath::new(&place.descriptor, written))?;
    }
    for place in reach.read.iter().chain(&reach.system) {
        ruleset = ruleset.add_rule(PathBeneath::new(&place.descriptor, AccessFs::ReadFile))?;
    }
    ruleset.restrict_self()
}
