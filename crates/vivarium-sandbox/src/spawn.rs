//! From a checked plan to a running instance: everything that blocks, off the async threads.

use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, OFlags, SealFlags, fcntl_add_seals, fcntl_setfl, memfd_create};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::error::{Fault, SandboxError};
use crate::instance::Pipes;
use crate::janitor::Body;
use crate::layer::Layer;
use crate::settings::LauncherCommand;
use crate::wire::{BORROWED_DESCRIPTORS, Order, Report};

/// What a launcher was started with, and the server's ends of it.
struct Ends {
    channel: OwnedFd,
    report: File,
    pipes: Pipes,
}

/// The launcher's ends; they must be closed here for the server to see them end there.
struct Theirs {
    channel: OwnedFd,
    borrowed: [OwnedFd; BORROWED_DESCRIPTORS],
}

/// A running instance, before it is made fit for async use.
pub(crate) struct Started {
    /// First, so that the process is killed before its ends are closed.
    pub(crate) body: Body,
    pub(crate) channel: OwnedFd,
    pub(crate) pipes: Pipes,
    pub(crate) missing: Vec<Layer>,
}

/// Starts a launcher, gives it the order and waits until the plan's command runs. `body` already
/// holds cgroups and id; whatever happens, dropping it cleans up.
pub(crate) fn start(
    launcher: &LauncherCommand,
    order: &Order,
    mut body: Body,
    timeout: Duration,
) -> Result<Started, SandboxError> {
    let deadline = Instant::now() + timeout;
    let (ours, theirs) = make_ends(order).map_err(descriptor_fault)?;
    let Theirs { channel, borrowed } = theirs;
    body.launcher = Some(execute(launcher, channel)?);
    send_order(&ours.channel, &borrowed).map_err(|errno| silent(&format!("it took no order: {errno}")))?;
    drop(borrowed);
    let reports = read_reports(&ours.report, deadline)?;
    body.init = receive_pidfd(&ours.channel).map(Arc::new);
    let missing = judge(&reports)?;
    if body.init.is_none() {
        return Err(silent("pid 1 was not announced"));
    }
    fcntl_setfl(&ours.channel, OFlags::NONBLOCK).map_err(descriptor_fault)?;
    Ok(Started { body, channel: ours.channel, pipes: ours.pipes, missing })
}

fn descriptor_fault(errno: Errno) -> SandboxError {
    let fault = Fault::new(Layer::Launcher, "make the descriptors of an instance");
    SandboxError::Fault(fault.errno(errno))
}

fn silent(why: &str) -> SandboxError {
    SandboxError::Silent(why.to_owned())
}

fn make_ends(order: &Order) -> rustix::io::Result<(Ends, Theirs)> {
    let (channel, their_channel) = sockets(SocketType::SEQPACKET)?;
    let (control, their_control) = sockets(SocketType::STREAM)?;
    let (stdout, their_stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr, their_stderr) = pipe_with(PipeFlags::CLOEXEC)?;
    let (report, their_report) = pipe_with(PipeFlags::CLOEXEC)?;
    // Only the server's ends: blocking or not belongs to each end of a pipe or socket by itself.
    for ours in [&control, &stdout, &stderr, &report] {
        fcntl_setfl(ours, OFlags::NONBLOCK)?;
    }
    let plan = seal(order)?;
    let ours = Ends { channel, report: File::from(report), pipes: Pipes { stdout, stderr, control } };
    let theirs =
        Theirs { channel: their_channel, borrowed: [plan, their_stdout, their_stderr, their_control, their_report] };
    Ok((ours, theirs))
}

fn sockets(kind: SocketType) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)
}

/// A file without a name that nobody can change any more, `memfd_create(2)`.
fn seal(order: &Order) -> rustix::io::Result<OwnedFd> {
    let text = serde_json::to_vec(order).map_err(|_| Errno::INVAL)?;
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("plan", flags)?);
    file.write_all(&text).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(file.into())
}

/// Without a hook between fork and exec, so that a many-threaded server needs no care. The
/// environment is empty: nothing of the server's shall be readable in the launcher.
fn execute(launcher: &LauncherCommand, channel: OwnedFd) -> Result<Child, SandboxError> {
    Command::new(&launcher.program)
        .args(&launcher.args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(channel))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| SandboxError::Launcher { program: launcher.program.clone(), source })
}

fn send_order(channel: &OwnedFd, borrowed: &[OwnedFd; BORROWED_DESCRIPTORS]) -> rustix::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BORROWED_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let rights: Vec<_> = borrowed.iter().map(OwnedFd::as_fd).collect();
    ancillary.push(SendAncillaryMessage::ScmRights(&rights));
    let parts = [IoSlice::new(&[1])];
    sendmsg(channel, &parts, &mut ancillary, SendFlags::NOSIGNAL).map(drop)
}

/// Until the pipe ends: pid 1 executed the command, or everyone who could report is gone.
fn read_reports(mut pipe: &File, deadline: Instant) -> Result<Vec<Report>, SandboxError> {
    let mut text = Vec::new();
    loop {
        wait_readable(pipe, deadline)?;
        match pipe.read_to_end(&mut text) {
            Ok(_) => break,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(SandboxError::Silent(error.to_string())),
        }
    }
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).map_err(|error| silent(&error.to_string())))
        .collect()
}

fn wait_readable(pipe: impl AsFd, deadline: Instant) -> Result<(), SandboxError> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout =
        Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
    let mut watched = [PollFd::new(&pipe, PollFlags::IN)];
    match poll(&mut watched, Some(&timeout)) {
        Ok(0) => Err(silent("it took too long")),
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(SandboxError::Silent(errno.to_string())),
    }
}

/// The first fault counts; a silence without proof is a fault too.
fn judge(reports: &[Report]) -> Result<Vec<Layer>, SandboxError> {
    let mut verified = None;
    for report in reports {
        match report {
            Report::Failed(fault) => return Err(fault.clone().into()),
            Report::Verified { missing } => verified = Some(missing.clone()),
        }
    }
    verified.ok_or_else(|| silent("it was killed, perhaps for want of memory"))
}

/// Already there, or it will never be: it was sent before pid 1 could report anything.
fn receive_pidfd(channel: &OwnedFd) -> Option<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut parts = [std::io::IoSliceMut::new(&mut byte)];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    recvmsg(channel, &mut parts, &mut ancillary, flags).ok()?;
    ancillary.drain().find_map(|part| match part {
        RecvAncillaryMessage::ScmRights(mut rights) => rights.next(),
        _ => None,
    })
}
