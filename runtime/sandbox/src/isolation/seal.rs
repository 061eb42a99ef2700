//! What a worker gives up, before any of a guest's code runs, and cannot take back.
//!
//! * The network: a network namespace of its own with nothing in it, where the kernel lets a plain user have one.
//! * System calls: all but those of a program that computes, talks over sockets it already has, and starts threads. What opens a
//!   file, makes a socket, changes rights or looks at another process fails; what starts a program or traces one ends the
//!   process. Memory is never made executable: the interpreter's code was mapped before.
//! * Limits of the kernel: no core files, no locked memory, so many descriptors, so large files.

use std::collections::BTreeMap;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    apply_filter_all_threads,
};
use serde::{Deserialize, Serialize};

use crate::limits;

/// What a process has given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// It has a network namespace of its own, with nothing in it.
    pub network_namespace: bool,
    /// Its system calls are filtered.
    pub system_calls: bool,
}

/// Moves this process into a network namespace of its own; says whether the kernel let it. Only a process with one thread can.
pub(super) fn leave_network() -> bool {
    // A user namespace is what gives a plain user the right to the others. Nobody is mapped in it: its root is nobody outside.
    let apart = libc::CLONE_NEWUSER | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    // SAFETY: takes no pointer; neither the table of descriptors nor the file system's state is unshared.
    unsafe { libc::unshare(apart) == 0 }
}

/// Gives up everything that a worker does not need, for all threads of this process and for good. `network_namespace` is only
/// passed on.
///
/// # Errors
///
/// The kernel takes no filter, or the machine is of another kind than the filters are written for.
pub fn seal_process(network_namespace: bool) -> Result<Seal, String> {
    let failed = |what: &str, error: &dyn std::fmt::Display| format!("cannot give up {what}: {error}");
    let fixed = |amount| Rlimit { current: Some(amount), maximum: Some(amount) };
    for (resource, amount) in [
        (Resource::Core, 0),
        (Resource::Memlock, 0),
        (Resource::Nofile, limits::WORKER_DESCRIPTORS.min(hard(Resource::Nofile))),
        (Resource::Fsize, limits::WORKER_FILE_BYTES.min(hard(Resource::Fsize))),
    ] {
        setrlimit(resource, fixed(amount)).map_err(|error| failed("its limits", &error))?;
    }
    // Nobody of the same user may trace it either.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| failed("being traced", &error))?;
    let calls = |error: seccompiler::Error| failed("system calls", &error);
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| calls(error.into()))?;
    // Of several filters the strictest word counts. The one that forbids the most forbids changing filters too, so it is last.
    for filter in [deadly(arch), unknown(arch), allowed(arch)] {
        let program = filter.and_then(TryInto::try_into).map_err(|error| calls(error.into()))?;
        let program: seccompiler::BpfProgram = program;
        apply_filter_all_threads(&program).map_err(calls)?;
    }
    Ok(Seal { network_namespace, system_calls: true })
}

/// Seals this process as a worker does, to find out what the machine allows. The caller has started no thread yet.
///
/// # Errors
///
/// As [`seal_process`].
pub fn probe_seal() -> Result<Seal, String> {
    seal_process(leave_network())
}

fn hard(resource: Resource) -> u64 {
    rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX)
}

type Filter = Result<SeccompFilter, seccompiler::BackendError>;

/// No honest part of a worker comes near these: whoever asks has got in.
fn deadly(arch: TargetArch) -> Filter {
    let calls = [
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_mount,
        libc::SYS_setns,
        libc::SYS_bpf,
        libc::SYS_init_module,
        libc::SYS_kexec_load,
        libc::SYS_keyctl,
    ];
    let rules = calls.into_iter().map(|call| (call, Vec::new())).collect();
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::KillProcess, arch)
}

/// The flags of `clone3` lie in memory, where a filter cannot see them. The system's library takes this answer as that of an
/// old kernel, and uses `clone`.
fn unknown(arch: TargetArch) -> Filter {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let answer = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, answer, arch)
}

/// What a worker needs.
fn allowed(arch: TargetArch) -> Filter {
    let free = [
        // What it has: sockets to the host, files in memory, its own page table.
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_pread64,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_pwrite64,
        libc::SYS_lseek,
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_shutdown,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_fcntl,
        libc::SYS_ftruncate,
        libc::SYS_memfd_create,
        // Memory; `mmap` and `mprotect` have rules.
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        // Threads; `clone` has a rule.
        libc::SYS_clone3,
        libc::SYS_futex,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_exit,
        libc::SYS_exit_group,
        // Traps come as signals.
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        // Time, chance and waiting.
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_getrandom,
        libc::SYS_getrusage,
        libc::SYS_ppoll,
        libc::SYS_epoll_create1,
        libc::SYS_epoll_ctl,
        libc::SYS_epoll_pwait,
        libc::SYS_eventfd2,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait,
    ];
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        free.into_iter().map(|call| (call, Vec::new())).collect();
    // Not executable.
    let exec = u64::from(libc::PROT_EXEC.unsigned_abs());
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![when(2, SeccompCmpOp::MaskedEq(exec), 0)?]);
    }
    // Threads of this process, not processes.
    let thread = (libc::CLONE_THREAD | libc::CLONE_VM).unsigned_abs().into();
    rules.insert(libc::SYS_clone, vec![when(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
    // Only itself, when it aborts.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![when(0, SeccompCmpOp::Eq, own)?]);
    // Only the names of threads.
    let name = libc::PR_SET_NAME.unsigned_abs().into();
    rules.insert(libc::SYS_prctl, vec![when(0, SeccompCmpOp::Eq, name)?]);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)
}

fn when(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value)?])
}
