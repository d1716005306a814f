//! Which system calls are taken from a confined thread: by seccomp, which sees a call's number and plain
//! arguments and no path.
//!
//! It is a list of what is refused. A list of what is allowed would be tighter, and would break honest
//! libraries with every new version of the C library, of a thread pool or of a language's runtime, where the
//! files, the one thing that matters most, are Landlock's anyway. So each call here is one that no computation
//! needs; calls that only some arguments make harmful are refused with those only.
//!
//! Refused calls fail with `EPERM`, so that a library can say what it lacks. `clone3` and `openat2`, whose
//! arguments cannot be seen, fail with `ENOSYS`: every C library then uses their predecessors.

use std::collections::BTreeMap;

use libc::{c_int, c_long};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, sock_filter,
};

/// Calls with one number on all processors, some younger than the C library's own list.
const OPEN_TREE: c_long = 428;
const MOVE_MOUNT: c_long = 429;
const FSOPEN: c_long = 430;
const FSMOUNT: c_long = 432;
const FSPICK: c_long = 433;
const CLONE3: c_long = 435;
const OPENAT2: c_long = 437;
const MOUNT_SETATTR: c_long = 442;
const QUOTACTL_FD: c_long = 443;

/// Requests of `ioctl`, whose type differs from C library to C library.
const TIOCSCTTY: u64 = 0x540e;
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;
const FIOSETOWN: u64 = 0x8901;
const SIOCSPGRP: u64 = 0x8902;

/// Refused whatever the arguments.
const REFUSED: &[c_long] = &[
    // Programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Sockets: those that are open still serve, as ordinary descriptors.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Other processes: looking into them, taking from them, sharing memory and messages with them.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    424, // pidfd_send_signal
    434, // pidfd_open
    438, // pidfd_getfd
    440, // process_madvise
    448, // process_mrelease
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // Files by other ways than opening them: Landlock does not see rights, owners, times and attributes.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    452, // fchmodat2
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    463, // setxattrat
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    466, // removexattrat
    469, // file_setattr
    libc::SYS_truncate,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_inotify_add_watch,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    OPEN_TREE,
    MOVE_MOUNT,
    FSOPEN,
    FSMOUNT,
    FSPICK,
    MOUNT_SETATTR,
    // Ways into the kernel that check less, or see more, than an ordinary call.
    425, // io_uring_setup
    426, // io_uring_enter
    427, // io_uring_register
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_quotactl,
    QUOTACTL_FD,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    // Limits, and being somebody else.
    libc::SYS_setrlimit,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_capset,
];

/// Older forms, which only this processor has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_creat,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_mknod,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_lookup_dcookie,
];

#[cfg(target_arch = "aarch64")]
const REFUSED_HERE: &[c_long] = &[libc::SYS_renameat];

/// Takes the calls from the calling thread; `opening` also refuses to open any file for writing. Whether it
/// could.
pub fn shut(opening: bool) -> bool {
    // One after the other: each filter has one answer for what it refuses.
    programs(opening).is_ok_and(|filters| filters.iter().all(|f| seccompiler::apply_filter(f).is_ok()))
}

fn programs(opening: bool) -> Result<Vec<BpfProgram>, BackendError> {
    let mut absent = BTreeMap::from([(CLONE3, vec![])]);
    if opening {
        absent.insert(OPENAT2, vec![]);
    }
    let mut refused: BTreeMap<c_long, Vec<SeccompRule>> =
        REFUSED.iter().chain(REFUSED_HERE).map(|call| (*call, vec![])).collect();
    refused.extend(by_argument()?);
    if opening {
        refused.insert(libc::SYS_openat, writing(2)?);
        #[cfg(target_arch = "x86_64")]
        refused.insert(libc::SYS_open, writing(1)?);
    }
    let filter = |rules, error: c_int| -> Result<BpfProgram, BackendError> {
        let arch = std::env::consts::ARCH.try_into()?;
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(error as u32), arch)?.try_into()
    };
    let mut programs = vec![filter(absent, libc::ENOSYS)?, filter(refused, libc::EPERM)?];
    if cfg!(target_arch = "x86_64") {
        programs.push(no_second_table());
    }
    Ok(programs)
}

/// Calls that are refused with some arguments only.
fn by_argument() -> Result<BTreeMap<c_long, Vec<SeccompRule>>, BackendError> {
    use SeccompCmpArgLen::{Dword, Qword};
    use SeccompCmpOp::{Eq, MaskedEq, Ne};

    let one = |at, length, op, value| SeccompRule::new(vec![SeccompCondition::new(at, length, op, value)?]);
    let any =
        |at, values: &[u64]| values.iter().map(|v| one(at, Dword, Eq, *v)).collect::<Result<Vec<_>, _>>();
    let mut rules = BTreeMap::new();
    // A new thread shares everything with this one; what does not is a process, which would outlive it.
    rules.insert(libc::SYS_clone, vec![one(0, Dword, MaskedEq(libc::CLONE_THREAD as u64), 0)?]);
    // Signals to itself stay: `abort` is one.
    let itself = u64::from(std::process::id());
    for call in [libc::SYS_kill, libc::SYS_tgkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo] {
        rules.insert(call, vec![one(0, Dword, Ne, itself)?]);
    }
    // It names a thread of any process. One C library still aborts by it.
    if !cfg!(target_env = "musl") {
        rules.insert(libc::SYS_tkill, vec![]);
    }
    // Reading one's own limits passes no new ones.
    rules.insert(libc::SYS_prlimit64, vec![one(2, Qword, Ne, 0)?]);
    // To go on when the program has ended.
    rules.insert(libc::SYS_prctl, any(0, &[libc::PR_SET_PDEATHSIG as u64])?);
    // Signals by way of a descriptor, and news of a folder.
    let owners = [libc::F_SETOWN as u64, 15, libc::F_NOTIFY as u64];
    rules.insert(libc::SYS_fcntl, any(1, &owners)?);
    // Typing into a terminal, and owners once more.
    rules.insert(libc::SYS_ioctl, any(1, &[TIOCSTI, TIOCLINUX, TIOCSCTTY, FIOSETOWN, SIOCSPGRP])?);
    Ok(rules)
}

/// Opening with flags (argument `at`) that could change a file.
fn writing(at: u8) -> Result<Vec<SeccompRule>, BackendError> {
    let with = |mask: c_int, value: c_int| {
        let op = SeccompCmpOp::MaskedEq(mask as u64);
        SeccompRule::new(vec![SeccompCondition::new(at, SeccompCmpArgLen::Dword, op, value as u64)?])
    };
    Ok(vec![
        with(libc::O_ACCMODE, libc::O_WRONLY)?,
        with(libc::O_ACCMODE, libc::O_RDWR)?,
        with(libc::O_CREAT, libc::O_CREAT)?,
        with(libc::O_TRUNC, libc::O_TRUNC)?,
    ])
}

/// Some kernels answer the same calls under a second set of numbers (x32), from bit 30 on: as if they did not.
fn no_second_table() -> BpfProgram {
    const X32: u32 = 0x4000_0000;
    let step = |code: u32, jf, k| sock_filter { code: code as u16, jt: 0, jf, k };
    let answer = libc::BPF_RET | libc::BPF_K;
    vec![
        // The call's number.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 1, X32),
        step(answer, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
        step(answer, 0, libc::SECCOMP_RET_ALLOW),
    ]
}
