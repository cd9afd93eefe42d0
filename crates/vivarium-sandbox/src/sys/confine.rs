//! `seccomp(2)` and the version of `landlock(7)`; harmless calls that show what a filter answers.

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;

use super::checked;

/// Asks whether filters exist that answer with an errno.
pub(crate) fn prove_seccomp() -> Result<(), Errno> {
    let action = libc::SECCOMP_RET_ERRNO;
    // SAFETY: the kernel reads one `u32` that outlives the call.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, std::ptr::from_ref(&action)) };
    checked(result).map(drop)
}

/// Filters the calling thread and all that it becomes, for ever. `no_new_privs` must be set. Each
/// instruction is packed as [`crate::seccomp::Program`] says.
///
/// Without flags: there is one thread only, and the kernel's mitigations against speculation, which
/// a filter turns on where the host says so, protect the neighbours.
pub(crate) fn install_filter(instructions: &[u64]) -> Result<(), Errno> {
    let mut code: Vec<libc::sock_filter> = instructions.iter().copied().map(unpack).collect();
    let length = u16::try_from(code.len()).map_err(|_| Errno::TOOBIG)?;
    let program = libc::sock_fprog { len: length, filter: code.as_mut_ptr() };
    // SAFETY: the program points to `length` instructions; both outlive the call, and the kernel
    // checks and copies them.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    checked(result).map(drop)
}

#[allow(clippy::cast_possible_truncation, reason = "the fields lie side by side in the word")]
fn unpack(word: u64) -> libc::sock_filter {
    libc::sock_filter { code: (word >> 48) as u16, jt: (word >> 40) as u8, jf: (word >> 32) as u8, k: word as u32 }
}

/// The ABI version of landlock, 1 or more.
pub(crate) fn landlock_version() -> Result<u32, Errno> {
    const CREATE_RULESET_VERSION: u32 = 1;
    let nothing = std::ptr::null::<u64>();
    // SAFETY: with this flag the kernel reads no attributes.
    let result = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, CREATE_RULESET_VERSION) };
    checked(result).map(|version| u32::try_from(version).unwrap_or(0))
}

/// Puts the calling thread and all that it becomes behind a ruleset, for ever. `no_new_privs` must be set.
pub(crate) fn enforce_ruleset(ruleset: impl AsFd) -> Result<(), Errno> {
    // SAFETY: plain numbers.
    let result = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_fd().as_raw_fd(), 0) };
    checked(result).map(drop)
}

/// `unshare(2)` without flags does nothing and works for everybody whom no filter stops.
pub(crate) fn unshare_nothing() -> Result<(), Errno> {
    // SAFETY: without flags nothing changes.
    checked(unsafe { libc::syscall(libc::SYS_unshare, 0) }).map(drop)
}

/// The errno of asking a file whether it is a terminal; 0 when it is one.
pub(crate) fn request_of(file: impl AsFd) -> i32 {
    // SAFETY: `termios` is integers, for which zero is valid.
    let mut settings: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: TCGETS writes a `termios`, which outlives the call.
    let result = unsafe { libc::tcgetattr(file.as_fd().as_raw_fd(), &raw mut settings) };
    checked(result.into()).err().map_or(0, Errno::raw_os_error)
}

/// Calls that change nothing even where they work, with the errno that the filter answers. Without
/// a filter none of them gives this errno to an ordinary process.
const ATTEMPTS: &[(&str, libc::c_long, [usize; 2], i32)] = &[
    ("unshare", libc::SYS_unshare, [0, 0], libc::EPERM),
    ("setns", libc::SYS_setns, [usize::MAX, 0], libc::EPERM),
    ("ptrace", libc::SYS_ptrace, [usize::MAX, 1], libc::EPERM),
    ("keyctl", libc::SYS_keyctl, [usize::MAX, 0], libc::EPERM),
    ("add_key", libc::SYS_add_key, [0, 0], libc::EPERM),
    ("userfaultfd", libc::SYS_userfaultfd, [usize::MAX, 0], libc::EPERM),
    ("perf_event_open", libc::SYS_perf_event_open, [0, 0], libc::EPERM),
    ("name_to_handle_at", libc::SYS_name_to_handle_at, [0, 0], libc::EPERM),
    ("prctl", libc::SYS_prctl, [libc::PR_SET_PDEATHSIG as usize, 1000], libc::EPERM),
    ("ioctl TIOCSTI", libc::SYS_ioctl, [usize::MAX, 0x5412], libc::EPERM),
    ("clone3", libc::SYS_clone3, [0, 0], libc::ENOSYS),
    ("io_uring_setup", libc::SYS_io_uring_setup, [0, 0], libc::ENOSYS),
];

/// Tries each of a list of calls that are harmless but refused; the names of those that got another
/// answer than the filter's.
pub(crate) fn attempts() -> (usize, Vec<String>) {
    let wrong = ATTEMPTS.iter().filter(|(_, number, [first, second], expected)| {
        // SAFETY: null pointers, bad descriptors and bad operations: the kernel refuses each of
        // them before it reads or changes anything.
        let result = unsafe { libc::syscall(*number, *first, *second, 0_usize, 0_usize, 0_usize) };
        checked(result).err().map(Errno::raw_os_error) != Some(*expected)
    });
    (ATTEMPTS.len(), wrong.map(|(name, ..)| (*name).to_owned()).collect())
}
