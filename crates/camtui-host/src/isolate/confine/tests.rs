//! Each door, tried from inside. A thread that is confined stays so alone, so no other process is needed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Closed, Confined, shut};

/// A folder with a library and its data, and one with what is the user's.
struct Laid {
    _root: tempfile::TempDir,
    own: PathBuf,
    users: PathBuf,
}

fn laid_out() -> Laid {
    let root = tempfile::tempdir().unwrap();
    let at = root.path().canonicalize().unwrap();
    let (own, users) = (at.join("plugins"), at.join("pictures"));
    for folder in [&own, &users] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("data"), "words").unwrap();
    }
    fs::write(own.join("libx.so"), "x").unwrap();
    std::os::unix::fs::symlink(users.join("data"), own.join("link")).unwrap();
    Laid { _root: root, own, users }
}

/// What `ask` finds in a confined thread; `None` where this kernel cannot shut these doors.
fn inside<T: Send>(
    landlock: bool,
    needs: &[Closed],
    ask: impl FnOnce(&Laid) -> T + Send,
) -> Option<(T, Laid)> {
    let laid = laid_out();
    let asked = std::thread::scope(|scope| {
        let confined = || {
            let confined = shut(&[&laid.own.join("libx.so")], landlock);
            needs.iter().all(|door| confined.closes(*door)).then(|| ask(&laid))
        };
        scope.spawn(confined).join().unwrap()
    });
    if asked.is_none() {
        println!("skipped: this kernel cannot shut {needs:?}");
    }
    asked.map(|answer| (answer, laid))
}

#[track_caller]
fn denied<T>(what: &str, result: io::Result<T>) {
    match result {
        Ok(_) => panic!("{what} is possible"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{what}: {error}"),
    }
}

/// What the C library's call answered.
fn answer(code: impl Into<i64>) -> io::Result<()> {
    if code.into() < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[test]
fn only_its_own_files_and_the_systems_can_be_read() {
    inside(true, &[Closed::Reading], |laid| {
        assert_eq!(fs::read_to_string(laid.own.join("data")).unwrap(), "words");
        assert_eq!(fs::read_dir(&laid.own).unwrap().count(), 3);
        for file in ["/proc/self/status", "/proc/self/maps", "/proc/cpuinfo", "/proc/meminfo"] {
            assert!(!fs::read(file).unwrap().is_empty(), "{file}");
        }
        assert!(fs::read_dir("/usr/lib").unwrap().count() > 0);
        let mut bytes = [0; 8];
        File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();

        denied("a picture", fs::read(laid.users.join("data")));
        denied("the pictures' folder", fs::read_dir(&laid.users));
        denied("a link to a picture", fs::read(laid.own.join("link")));
        denied("a way around", fs::read(laid.own.join("../pictures/data")));
        denied("the home", fs::read_dir(std::env::var_os("HOME").unwrap_or("/root".into())));
        denied("the users", fs::read("/etc/passwd"));
        denied("another process", fs::read("/proc/1/cmdline"));
        denied("the root", fs::read_dir("/"));
    });
}

#[test]
fn of_a_copy_the_originals_neighbours_can_be_read_too() {
    let laid = laid_out();
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().canonicalize().unwrap().join("copy/libx.so");
    fs::create_dir(copy.parent().unwrap()).unwrap();
    fs::write(&copy, "x").unwrap();
    std::os::unix::fs::symlink(laid.own.join("data"), copy.with_file_name("data")).unwrap();
    let ask = || {
        if !shut(&[&copy, &laid.own.join("libx.so")], true).closes(Closed::Reading) {
            return println!("skipped: this kernel cannot shut {:?}", Closed::Reading);
        }
        assert_eq!(fs::read_to_string(copy.with_file_name("data")).unwrap(), "words");
        denied("a picture", fs::read(laid.users.join("data")));
    };
    std::thread::scope(|scope| scope.spawn(ask).join().unwrap());
}

#[test]
fn nothing_can_be_written() {
    // Also by a kernel without Landlock.
    for landlock in [true, false] {
        let found = inside(landlock, &[Closed::Writing], |laid| {
            let (file, fresh) = (laid.own.join("data"), laid.own.join("fresh"));
            denied("a new file", File::create(&fresh));
            denied("over a file", fs::write(&file, "other"));
            denied("at the end", OpenOptions::new().append(true).open(&file));
            denied("emptied", OpenOptions::new().read(true).write(true).truncate(true).open(&file));
            denied("a folder", fs::create_dir(&fresh));
            denied("removed", fs::remove_file(&file));
            denied("a folder removed", fs::remove_dir(&laid.users));
            denied("moved", fs::rename(&file, &fresh));
            denied("linked", fs::hard_link(&file, &fresh));
            denied("a link", std::os::unix::fs::symlink(&file, &fresh));
            denied("rights", fs::set_permissions(&file, fs::Permissions::from_mode(0o777)));
            denied("an owner", std::os::unix::fs::chown(&file, Some(1), None));
            let opened = File::open(&file).unwrap();
            denied("rights of what is open", opened.set_permissions(fs::Permissions::from_mode(0o777)));
            denied("times", opened.set_modified(std::time::SystemTime::UNIX_EPOCH));
            denied("an unnamed file", tempfile::tempfile_in(&laid.own));
            if landlock {
                File::create("/dev/null").unwrap().write_all(b"gone").unwrap();
            }
        });
        let Some(((), laid)) = found else { continue };
        let file = laid.own.join("data");
        assert_eq!(fs::read_to_string(&file).unwrap(), "words");
        assert_ne!(file.metadata().unwrap().permissions().mode() & 0o777, 0o777);
        assert_eq!(fs::read_dir(&laid.own).unwrap().count(), 3);
    }
}

#[test]
fn no_program_and_no_process_can_be_started() {
    inside(true, &[Closed::Programs], |_| {
        denied("a program", Command::new("/bin/true").status());
        // SAFETY: were it to work, the new process would do nothing but end.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: ends this copy at once.
            unsafe { libc::_exit(0) };
        }
        denied("a process", answer(child));
        let name = c"/bin/true".as_ptr();
        let words = [name, std::ptr::null()];
        // SAFETY: a null-terminated text and list.
        denied("becoming a program", answer(unsafe { libc::execv(name, words.as_ptr()) }));
    });
}

#[test]
fn no_socket_can_be_made_and_open_ones_serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    inside(true, &[Closed::Network], move |laid| {
        denied("a connection", TcpStream::connect(("127.0.0.1", port)));
        denied("a server", TcpListener::bind("127.0.0.1:0"));
        denied("a datagram", UdpSocket::bind("127.0.0.1:0"));
        denied("a local socket", UnixStream::connect(laid.own.join("socket")));
        denied("a pair", UnixStream::pair());
        denied("a caller", listener.accept());
        theirs.write_all(b"map").unwrap();
        let mut bytes = [0; 3];
        ours.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"map");
    });
}

#[test]
fn other_processes_are_out_of_reach() {
    let mut other = Command::new("sleep").arg("600").spawn().unwrap();
    let pid = other.id() as i32;
    inside(true, &[Closed::Signals], |_| {
        // SAFETY: calls with plain numbers; signal 0 only asks.
        unsafe {
            denied("a signal", answer(libc::kill(pid, libc::SIGKILL)));
            denied("a signal to the group", answer(libc::kill(0, 0)));
            denied("a signal to all", answer(libc::kill(-1, 0)));
            denied("looking into it", answer(libc::ptrace(libc::PTRACE_ATTACH, pid, 0, 0)));
            denied("a handle", answer(libc::syscall(libc::SYS_pidfd_open, pid, 0)));
            assert!(answer(libc::kill(std::process::id() as i32, 0)).is_ok(), "a signal to itself");
        }
        denied("shared memory", answer(unsafe_shared_memory()));
    });
    assert!(other.try_wait().unwrap().is_none(), "it was ended");
    other.kill().unwrap();
    other.wait().unwrap();
}

fn unsafe_shared_memory() -> i32 {
    // SAFETY: plain numbers; were it to work, the system would keep 4 kB until it is restarted.
    unsafe { libc::shmget(libc::IPC_PRIVATE, 4096, 0o600) }
}

#[test]
fn limits_mounts_and_the_kernel_stay_as_they_are() {
    inside(true, &[Closed::Kernel], |_| {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a valid place to write to, or to read from.
        unsafe {
            assert!(answer(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit)).is_ok());
            denied("a limit", answer(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit)));
            let (pid, new) = (0, &raw const limit);
            denied("a limit", answer(libc::prlimit(pid, libc::RLIMIT_NOFILE, new, std::ptr::null_mut())));
        }
        // SAFETY: null pointers and zeros, which none of them may get as far as to look at.
        unsafe {
            denied("a namespace", answer(libc::unshare(libc::CLONE_NEWUSER)));
            denied("a root", answer(libc::chroot(c"/".as_ptr())));
            denied("the program's end", answer(libc::prctl(libc::PR_SET_PDEATHSIG, 0, 0, 0, 0)));
            for call in [
                libc::SYS_mount,
                libc::SYS_bpf,
                libc::SYS_keyctl,
                libc::SYS_perf_event_open,
                libc::SYS_userfaultfd,
                425,
                427,
                OPEN_BY_HANDLE,
            ] {
                denied(&format!("call {call}"), answer(libc::syscall(call, 0, 0, 0, 0, 0, 0)));
            }
        }
    });
}

const OPEN_BY_HANDLE: libc::c_long = libc::SYS_open_by_handle_at;

#[cfg(target_arch = "x86_64")]
#[test]
fn the_second_table_of_calls_is_shut() {
    inside(true, &[Closed::Kernel], |_| {
        // SAFETY: asks for the process's number, by the other table.
        let asked = answer(unsafe { libc::syscall(libc::SYS_getpid | 0x4000_0000) });
        assert_eq!(asked.unwrap_err().raw_os_error(), Some(libc::ENOSYS));
    });
}

#[test]
fn computing_goes_on() {
    for landlock in [true, false] {
        inside(landlock, &[Closed::Programs], |laid| {
            let sum: u64 = std::thread::scope(|scope| {
                let works: Vec<_> = (0..4)
                    .map(|n| {
                        let work = move || (0..1_000_000u64).filter(|i| i % 4 == n).sum::<u64>();
                        std::thread::Builder::new()
                            .name(format!("part {n}"))
                            .spawn_scoped(scope, work)
                            .unwrap()
                    })
                    .collect();
                works.into_iter().map(|work| work.join().unwrap()).sum()
            });
            assert_eq!(sum, 499_999_500_000);
            let mut large = vec![1u8; 64 << 20];
            large.resize(128 << 20, 2);
            assert_eq!(large[100 << 20], 2);
            let before = Instant::now();
            std::thread::sleep(Duration::from_millis(2));
            assert!(before.elapsed() >= Duration::from_millis(2));
            assert!(std::time::SystemTime::now() > std::time::SystemTime::UNIX_EPOCH);
            // A different order of keys in each map asks for random bytes.
            assert!(std::collections::HashMap::from([(1, 2)]).contains_key(&1));
            assert!(std::thread::available_parallelism().is_ok());
            assert_eq!(fs::read(laid.own.join("data")).unwrap(), b"words");
            // Memory that is a file, as shared tensors are.
            // SAFETY: a null-terminated name, and a descriptor that is ours alone.
            let mut memory = unsafe {
                use std::os::fd::FromRawFd;
                let descriptor = libc::memfd_create(c"tensor".as_ptr(), libc::MFD_CLOEXEC);
                assert!(answer(descriptor).is_ok());
                File::from_raw_fd(descriptor)
            };
            memory.set_len(1 << 20).unwrap();
            memory.write_all(b"values").unwrap();
        });
    }
}

#[test]
fn what_this_kernel_can_shut_is_shut() {
    // SAFETY: asks for Landlock's version, with no arguments to read.
    let landlock = answer(unsafe { libc::syscall(444, 0, 0, 1) }).is_ok();
    let seccomp = fs::read_to_string("/proc/self/status").unwrap().contains("Seccomp_filters:");
    let possible = Confined::possible();
    assert_eq!(possible.closes(Closed::Reading), landlock);
    for door in [Closed::Writing, Closed::Programs, Closed::Network, Closed::Signals, Closed::Kernel] {
        assert_eq!(possible.closes(door), seccomp, "{door:?}");
    }
}

#[test]
fn what_is_shut_is_told_and_survives_the_wire() {
    let nothing = Confined::nothing();
    assert_eq!((nothing.to_string().as_str(), nothing.open().count()), ("nothing", 6));
    let some = Confined::from_bits(Closed::Network as u8 | Closed::Reading as u8 | 0x80);
    assert_eq!(some.to_string(), "reading the user's files, the network");
    assert_eq!(Confined::from_bits(some.bits()), some);
    assert_eq!(some.open().count(), 4);
    // Asking leaves the one who asks as it was.
    let possible = Confined::possible();
    drop(TcpListener::bind("127.0.0.1:0").unwrap());
    if possible.closes(Closed::Reading) {
        assert_eq!(possible.closed().count(), 6);
    }
    let without = std::thread::spawn(|| shut(&[Path::new("/")], false)).join().unwrap();
    assert!(!without.closes(Closed::Reading));
    assert_eq!(without.closes(Closed::Writing), possible.closes(Closed::Writing));
}
