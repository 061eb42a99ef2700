//! What a process cannot do once it is sealed. Each case is a process of its own: this test, started again.
//!
//! * refused: to open, make, rename and look at files; to make sockets of any family, to listen and to connect; to send
//!   signals to others; to change its user, its root, its namespaces, its limits, its filters; to look at other processes
//! * refused: executable memory, by mapping and by changing rights; a process of its own by `fork`
//! * deadly: to start a program, to trace
//! * still there: memory, threads, time, chance, sockets it has

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

/// The case that the process is to try.
const CASE: &str = "SPORT_TEST_SEAL";

type Try = (&'static str, fn() -> bool);

/// Whether a system call failed for want of permission.
fn refused(result: i64) -> bool {
    let code = std::io::Error::last_os_error().raw_os_error();
    result == -1 && matches!(code, Some(libc::EPERM | libc::EACCES))
}

/// Tries a system call with these arguments.
fn call(number: i64, arguments: [u64; 6]) -> bool {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: every pointer among the arguments is null or to something that lives as long as the process.
    refused(unsafe { libc::syscall(number, a, b, c, d, e, f) })
}

fn path(text: &'static std::ffi::CStr) -> u64 {
    text.as_ptr() as u64
}

const HERE: u64 = libc::AT_FDCWD as u64;

const REFUSED: &[Try] = &[
    ("open", || {
        std::fs::File::open("/etc/passwd").is_err_and(|error| error.raw_os_error() == Some(libc::EPERM))
    }),
    ("make", || {
        std::fs::write("/tmp/sealed", "x").is_err_and(|error| error.raw_os_error() == Some(libc::EPERM))
    }),
    ("rename", || {
        std::fs::rename("/tmp/a", "/tmp/b").is_err_and(|error| error.raw_os_error() == Some(libc::EPERM))
    }),
    ("stat", || std::fs::metadata("/etc").is_err_and(|error| error.raw_os_error() == Some(libc::EPERM))),
    ("list", || std::fs::read_dir("/").is_err()),
    ("openat2", || call(libc::SYS_openat2, [HERE, path(c"/"), 0, 0, 0, 0])),
    ("io_uring", || call(libc::SYS_io_uring_setup, [1, 0, 0, 0, 0, 0])),
    ("tcp", || std::net::TcpListener::bind("127.0.0.1:0").is_err()),
    ("connect", || {
        std::net::TcpStream::connect("127.0.0.1:1")
            .is_err_and(|error| error.raw_os_error() == Some(libc::EPERM))
    }),
    ("unix", || call(libc::SYS_socket, [libc::AF_UNIX as u64, libc::SOCK_STREAM as u64, 0, 0, 0, 0])),
    ("netlink", || call(libc::SYS_socket, [libc::AF_NETLINK as u64, libc::SOCK_RAW as u64, 0, 0, 0, 0])),
    ("signal the parent", || {
        call(libc::SYS_kill, [u64::from(std::os::unix::process::parent_id()), 0, 0, 0, 0, 0])
    }),
    ("signal a thread of another", || call(libc::SYS_tgkill, [1, 1, 0, 0, 0, 0])),
    ("user", || call(libc::SYS_setuid, [0, 0, 0, 0, 0, 0])),
    ("root", || call(libc::SYS_chroot, [path(c"/"), 0, 0, 0, 0, 0])),
    ("namespaces", || call(libc::SYS_unshare, [libc::CLONE_NEWUSER as u64, 0, 0, 0, 0, 0])),
    ("limits", || call(libc::SYS_prlimit64, [0, 0, 0, 0, 0, 0])),
    ("filters", || call(libc::SYS_seccomp, [0, 0, 0, 0, 0, 0])),
    ("dumpable", || call(libc::SYS_prctl, [libc::PR_SET_DUMPABLE as u64, 1, 0, 0, 0, 0])),
    ("another's memory by file", || std::fs::File::open("/proc/1/mem").is_err()),
    ("a descriptor of another", || call(libc::SYS_pidfd_open, [1, 0, 0, 0, 0, 0])),
    ("shared memory", || call(libc::SYS_shmget, [0, 4096, 0o1600, 0, 0, 0])),
    ("executable memory", || {
        let (rights, how) = (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        call(libc::SYS_mmap, [0, 4096, rights as u64, how as u64, u64::MAX, 0])
    }),
    ("executable by change", || {
        let page = Box::leak(Box::new([0_u8; 8192]));
        let at = (page.as_ptr() as u64).next_multiple_of(4096);
        call(libc::SYS_mprotect, [at, 4096, (libc::PROT_READ | libc::PROT_EXEC) as u64, 0, 0, 0])
    }),
    ("executable by key", || {
        call(libc::SYS_pkey_mprotect, [0, 4096, (libc::PROT_READ | libc::PROT_EXEC) as u64, 0, 0, 0])
    }),
    ("a process", || call(libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0, 0])),
    ("clone3", || {
        // SAFETY: fails before it reads its arguments.
        let result = unsafe { libc::syscall(libc::SYS_clone3, 0, 0) };
        result == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS)
    }),
];

const THERE: &[Try] = &[
    ("memory", || vec![1_u8; 64 << 20].iter().all(|byte| *byte == 1)),
    ("threads", || std::thread::spawn(|| 7).join().is_ok_and(|seven| seven == 7)),
    ("time", || {
        let begun = std::time::Instant::now();
        std::thread::sleep(std::time::Duration::from_millis(2));
        begun.elapsed().as_millis() >= 2
    }),
    ("chance", || {
        let mut bytes = [0_u8; 32];
        // SAFETY: the buffer is as long as it says.
        unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) == 32 }
    }),
    ("a file in memory", || {
        // SAFETY: a name that lives for ever.
        unsafe { libc::memfd_create(c"x".as_ptr(), 0) >= 0 }
    }),
];

const DEADLY: &[Try] = &[
    ("a program", || Command::new("/bin/true").spawn().is_err()),
    ("exec", || call(libc::SYS_execve, [path(c"/bin/true"), 0, 0, 0, 0, 0])),
    ("trace", || call(libc::SYS_ptrace, [0, 0, 0, 0, 0, 0])),
    ("another's memory", || call(libc::SYS_process_vm_readv, [1, 0, 0, 0, 0, 0])),
    ("mount", || call(libc::SYS_mount, [0, 0, 0, 0, 0, 0])),
];

/// Not a test by itself: what the others start.
#[test]
#[ignore = "started by the other tests of this file"]
fn sealed() {
    let Ok(case) = std::env::var(CASE) else { return };
    sport_sandbox::seal_process(false).unwrap();
    if case == "all" {
        let wrong: Vec<_> =
            REFUSED.iter().chain(THERE).filter(|(_, works)| !works()).map(|(name, _)| name).collect();
        eprintln!("wrong: {wrong:?}");
        std::process::exit(i32::from(!wrong.is_empty()));
    }
    let (_, works) = DEADLY.iter().find(|(name, _)| *name == case).unwrap();
    eprintln!("lived on: {}", works());
    std::process::exit(7);
}

fn start(case: &str) -> std::process::Output {
    let test = std::env::current_exe().unwrap();
    let arguments = ["--exact", "seal::sealed", "--ignored", "--nocapture", "--test-threads=1"];
    Command::new(test).args(arguments).env(CASE, case).output().unwrap()
}

#[test]
fn what_is_refused_and_what_is_there() {
    let output = start("all");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && words.contains("wrong: []"), "{:?}: {words}", output.status);
}

#[test]
fn what_is_deadly() {
    for (case, _) in DEADLY {
        let output = start(case);
        let words = String::from_utf8_lossy(&output.stderr);
        // A process that is made is refused before it could start the program, and that is as good.
        let refused = *case == "a program" && words.contains("lived on: true");
        assert!(
            refused || output.status.signal() == Some(libc::SIGSYS),
            "{case}: {:?}: {words}",
            output.status
        );
    }
}
