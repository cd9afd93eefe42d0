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

use crate::cgroup::oom_event;
use crate::error::{Fault, SandboxError};
use crate::instance::Pipes;
use crate::janitor::Body;
use crate::layer::Layer;
use crate::plan::Scratch;
use crate::settings::LauncherCommand;
use crate::wire::{BORROWED_DESCRIPTORS, ForkOrder, MOST_FORK_DESCRIPTORS, Order, Report};

/// A fault in words is shorter.
const MOST_REPORT_BYTES: usize = 4096;

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
    send_descriptors(&ours.channel, &[1], &borrowed.each_ref())
        .map_err(|errno| silent(&format!("it took no order: {errno}")))?;
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

/// Orders a forked instance and waits until it is locked in and proven. `body` already holds cgroups and id; whatever
/// happens, dropping it cleans up.
pub(crate) fn fork(
    orders: &OwnedFd,
    scratch: Scratch,
    mut body: Body,
    timeout: Duration,
) -> Result<Started, SandboxError> {
    let deadline = Instant::now() + timeout;
    let entries = body.group.open_entries()?;
    let oom_event = oom_event(body.group.oom_event_of().as_deref())?;
    let (channel, their_channel) = sockets(SocketType::SEQPACKET).map_err(descriptor_fault)?;
    let (pipes, streams) = make_pipes(SocketType::STREAM).map_err(descriptor_fault)?;
    let host_id = body.lease.as_ref().map(crate::ids::Lease::id);
    let layers = entries.iter().map(|(layer, _)| *layer).collect();
    let order = ForkOrder { host_id, scratch, entries: layers, oom_event: oom_event.is_some() };
    let text = serde_json::to_vec(&order).map_err(|error| SandboxError::Silent(error.to_string()))?;
    let descriptors = std::iter::once(&their_channel).chain(&streams);
    let descriptors: Vec<_> = descriptors.chain(entries.iter().map(|(_, file)| file)).chain(&oom_event).collect();
    send_descriptors(orders, &text, &descriptors)
        .map_err(|errno| silent(&format!("the keeper took no order: {errno}")))?;
    drop((their_channel, streams, entries, oom_event));
    wait_readable(&channel, deadline)?;
    let (report, init) = receive_report(&channel)?;
    body.init = init.map(Arc::new);
    let missing = judge(&[report])?;
    if body.init.is_none() {
        return Err(silent("pid 1 was not announced"));
    }
    fcntl_setfl(&channel, OFlags::NONBLOCK).map_err(descriptor_fault)?;
    Ok(Started { body, channel, pipes, missing })
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
    // Orders to a keeper are messages.
    let kind = if order.zygote.is_some() { SocketType::SEQPACKET } else { SocketType::STREAM };
    let (pipes, [their_stdout, their_stderr, their_control]) = make_pipes(kind)?;
    let (report, their_report) = pipe_with(PipeFlags::CLOEXEC)?;
    fcntl_setfl(&report, OFlags::NONBLOCK)?;
    let plan = seal(order)?;
    let ours = Ends { channel, report: File::from(report), pipes };
    let theirs =
        Theirs { channel: their_channel, borrowed: [plan, their_stdout, their_stderr, their_control, their_report] };
    Ok((ours, theirs))
}

/// The server's ends of standard output, standard error and control, and the instance's in the same order.
fn make_pipes(control: SocketType) -> rustix::io::Result<(Pipes, [OwnedFd; 3])> {
    let (control, their_control) = sockets(control)?;
    let (stdout, their_stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr, their_stderr) = pipe_with(PipeFlags::CLOEXEC)?;
    // Only the server's ends: blocking or not belongs to each end of a pipe or socket by itself.
    for ours in [&control, &stdout, &stderr] {
        fcntl_setfl(ours, OFlags::NONBLOCK)?;
    }
    Ok((Pipes { stdout, stderr, control }, [their_stdout, their_stderr, their_control]))
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

fn send_descriptors(channel: &OwnedFd, text: &[u8], descriptors: &[&OwnedFd]) -> rustix::io::Result<()> {
    const MOST: usize =
        if BORROWED_DESCRIPTORS > MOST_FORK_DESCRIPTORS { BORROWED_DESCRIPTORS } else { MOST_FORK_DESCRIPTORS };
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let rights: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    ancillary.push(SendAncillaryMessage::ScmRights(&rights));
    sendmsg(channel, &[IoSlice::new(text)], &mut ancillary, SendFlags::NOSIGNAL).map(drop)
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
    receive(channel).ok()?.1
}

/// The first message of a keeper about an instance.
fn receive_report(channel: &OwnedFd) -> Result<(Report, Option<OwnedFd>), SandboxError> {
    let (text, pidfd) = receive(channel).map_err(|errno| silent(&errno.to_string()))?;
    if text.is_empty() {
        return Err(silent("the zygote or its keeper has ended"));
    }
    let report = serde_json::from_slice(&text).map_err(|error| silent(&error.to_string()))?;
    Ok((report, pidfd))
}

/// A message with at most one descriptor.
fn receive(channel: &OwnedFd) -> rustix::io::Result<(Vec<u8>, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut text = vec![0; MOST_REPORT_BYTES];
    let mut parts = [std::io::IoSliceMut::new(&mut text)];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let length = recvmsg(channel, &mut parts, &mut ancillary, flags)?.bytes;
    text.truncate(length);
    let descriptor = ancillary.drain().find_map(|part| match part {
        RecvAncillaryMessage::ScmRights(mut rights) => rights.next(),
        _ => None,
    });
    Ok((text, descriptor))
}
