//! seccomp: the system calls that are left. Any other one fails with EPERM, so that what wanted it can say so.

use std::collections::BTreeMap;
use std::io;

use nix::libc;
use seccompiler::{
    BackendError, BpfProgram, Error as Fault, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::{Error, Missing, Reach};

/// Reading and writing what is open, memory, threads, clocks, signals to itself, and the end.
const ALWAYS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_ppoll,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What there was before their successors, and is still called.
#[cfg(target_arch = "x86_64")]
const OLD: &[i64] = &[libc::SYS_poll, libc::SYS_time];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[i64] = &[];

/// Opening what Landlock leaves within reach.
const OPENING: &[i64] = &[libc::SYS_openat];

/// Making, renaming and removing files there.
const WRITING: &[i64] = &[libc::SYS_unlinkat, libc::SYS_linkat, libc::SYS_renameat2];
#[cfg(not(target_arch = "riscv64"))]
const RENAMING: &[i64] = &[libc::SYS_renameat];
#[cfg(target_arch = "riscv64")]
const RENAMING: &[i64] = &[];

/// A live capture's errors and the packets of one that has no ring.
const LIVE: &[i64] = &[libc::SYS_recvfrom, libc::SYS_recvmsg];

/// Asking for the interface's state, as libpcap does when it goes down.
const SIOCGIFFLAGS: u64 = 0x8913;

/// Terminals and their size, by both generations of the call. The numbers have another type with musl.
#[allow(clippy::unnecessary_cast)]
const TERMINAL: [u64; 3] = [libc::TCGETS as u64, libc::TIOCGWINSZ as u64, 0x802c_542a];

/// Leaves the calls for all threads, of which there is one.
pub(super) fn confine(reach: &Reach, missing: &mut Vec<Missing>) -> Result<(), Error> {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else {
        missing.push(Missing("the filter of system calls, which is not there for this processor".into()));
        return Ok(());
    };
    for program in [no_clone3(arch), allowed(reach, arch)] {
        let installed = program.map_err(Fault::Backend).and_then(|program| seccompiler::apply_filter(&program));
        match installed {
            Ok(()) => {}
            Err(Fault::Seccomp(reason) | Fault::Prctl(reason)) if is_absent(&reason) => {
                missing.push(Missing("the filter of system calls, which this kernel does not offer".into()));
                return Ok(());
            }
            Err(reason) => return Err(Error::Step { what: "confine system calls", reason: reason.to_string() }),
        }
    }
    Ok(())
}

fn is_absent(reason: &io::Error) -> bool {
    matches!(reason.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}

/// Has threads made by `clone`, whose flags a filter can see: those of `clone3` it cannot.
fn no_clone3(arch: TargetArch) -> Result<BpfProgram, BackendError> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32), arch)?.try_into()
}

fn allowed(reach: &Reach, arch: TargetArch) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let opens = !reach.read.is_empty() || !reach.system.is_empty() || !reach.write.is_empty();
    let sets = [
        (ALWAYS, true),
        (OLD, true),
        (OPENING, opens),
        (WRITING, !reach.write.is_empty()),
        (RENAMING, !reach.write.is_empty()),
        (LIVE, reach.live),
    ];
    for (calls, _) in sets.into_iter().filter(|(_, holds)| *holds) {
        rules.extend(calls.iter().map(|call| (*call, Vec::new())));
    }
    // The other filter has the last word on it.
    rules.insert(libc::SYS_clone3, Vec::new());
    let mut only = |call: i64, conditions: Vec<SeccompCondition>| -> Result<(), BackendError> {
        rules.entry(call).or_default().push(SeccompRule::new(conditions)?);
        Ok(())
    };
    // A thread, and no process.
    let thread = libc::CLONE_THREAD as u64;
    only(libc::SYS_clone, vec![when(0, Op::MaskedEq(thread), thread)?])?;
    // Memory to be executed is of no use to us.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        only(call, vec![when(2, Op::MaskedEq(libc::PROT_EXEC as u64), 0)?])?;
    }
    only(libc::SYS_tgkill, vec![when(0, Op::Eq, std::process::id().into())?])?;
    only(libc::SYS_prctl, vec![when(0, Op::Eq, libc::PR_SET_NAME as u64)?])?;
    // Asking for a limit, and not setting one.
    only(libc::SYS_prlimit64, vec![SeccompCondition::new(2, Len::Qword, Op::Eq, 0)?])?;
    for command in [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL, libc::F_DUPFD_CLOEXEC] {
        only(libc::SYS_fcntl, vec![when(1, Op::Eq, command as u64)?])?;
    }
    for request in TERMINAL {
        only(libc::SYS_ioctl, vec![when(1, Op::Eq, request)?])?;
    }
    if reach.live {
        only(libc::SYS_ioctl, vec![when(1, Op::Eq, SIOCGIFFLAGS)?])?;
        for level in [libc::SOL_PACKET, libc::SOL_SOCKET] {
            only(libc::SYS_getsockopt, vec![when(1, Op::Eq, level as u64)?])?;
        }
        // The ring is given back.
        only(libc::SYS_setsockopt, vec![when(1, Op::Eq, libc::SOL_PACKET as u64)?])?;
    }
    SeccompFilter::new(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow, arch)?.try_into()
}

/// A condition on the lower half of an argument, which is all that the kernel takes of an `int`.
fn when(argument: u8, operator: Op, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Len::Dword, operator, value)
}
