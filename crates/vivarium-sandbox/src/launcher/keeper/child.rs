//! One instance in the hands of the keeper, from the order to its end.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, getegid, geteuid, pidfd_open, pidfd_send_signal};

use super::super::inner::Cell;
use super::super::outer::birth_fault;
use super::order::Errand;
use super::proof::{self, Expected};
use super::{cell, message};
use crate::error::Fault;
use crate::layer::Layer;
use crate::sys::{self, Birth, Death};
use crate::wire::{Ended, Report};

/// What the zygote's children say in sum is shorter.
const MOST_WORDS_BYTES: u64 = 4096;

/// An instance.
pub(super) struct Child {
    channel: OwnedFd,
    init: Process,
    /// Held: its other end is the init's lifeline.
    _go: OwnedFd,
    host_id: Option<u32>,
    entries: Vec<(Layer, OwnedFd)>,
    oom_event: Option<OwnedFd>,
    out_of_memory: bool,
    script: Option<Process>,
    stage: Stage,
}

/// A process by its number, which is ours until we reap it, and by a handle.
struct Process {
    pid: Pid,
    pidfd: OwnedFd,
    death: Option<Death>,
}

enum Stage {
    /// The init makes the cell; then it says so here.
    Building { report: OwnedFd, handed: [OwnedFd; 3] },
    /// The zygote forks; its children say here how far they are.
    Forking(Forked),
    /// The server has it.
    Running,
    /// It was killed, or never came to be.
    Leaving,
}

impl Child {
    /// Starts the init. A fault is told, and nothing stays.
    pub(super) fn begin(cell: &mut Cell, proc: &OwnedFd, errand: Errand) -> Option<Self> {
        let Errand { host_id, scratch, channel, handed, entries, oom_event } = errand;
        match start_init(cell, proc, host_id, scratch, &entries) {
            Ok(Started { init, go, report }) => Some(Self {
                channel,
                init,
                _go: go,
                host_id,
                entries,
                oom_event,
                out_of_memory: false,
                script: None,
                stage: Stage::Building { report, handed },
            }),
            Err(fault) => {
                tell(&channel, &Report::Failed(fault), &[]);
                None
            }
        }
    }

    /// The descriptors that tell what happens next.
    pub(super) fn watched(&self) -> Vec<(BorrowedFd<'_>, News)> {
        let mut watched = Vec::with_capacity(4);
        let living = std::iter::once(&self.init).chain(&self.script).filter(|process| process.death.is_none());
        watched.extend(living.map(|process| (process.pidfd.as_fd(), News::Death)));
        match &self.stage {
            Stage::Building { report, .. } => watched.push((report.as_fd(), News::Heard)),
            Stage::Forking(forked) => watched.push((forked.words.as_fd(), News::Heard)),
            Stage::Running => {}
            Stage::Leaving => return watched,
        }
        watched.push((self.channel.as_fd(), News::ServerGone));
        let event = self.oom_event.as_ref().filter(|_| !self.out_of_memory);
        watched.extend(event.map(|event| (event.as_fd(), News::OutOfMemory)));
        watched
    }

    /// Whoever it was. The script's end is the end of all.
    pub(super) fn note_death(&mut self, pid: Pid, death: &Death) {
        let mut processes = std::iter::once(&mut self.init).chain(&mut self.script);
        let Some(process) = processes.find(|process| process.pid == pid && process.death.is_none()) else { return };
        process.death = Some(*death);
        match self.stage {
            Stage::Building { .. } | Stage::Forking(_) if self.init.death.is_some() => {
                self.fail(Fault::new(Layer::Launcher, "make the cell").because("its first process died"));
            }
            Stage::Running => self.leave(),
            _ => {}
        }
    }

    /// Whoever is not running yet never will.
    pub(super) fn lose_zygote(&mut self) {
        if matches!(self.stage, Stage::Building { .. } | Stage::Forking(_)) {
            self.fail(Fault::new(Layer::Launcher, "fork an instance").because("the zygote has ended"));
        }
    }

    /// Something happened to it.
    pub(super) fn advance(&mut self, cell: &Cell, proc: &OwnedFd, zygote: Option<&OwnedFd>, news: News) {
        match news {
            News::Heard => self.hear(cell, proc, zygote).unwrap_or_else(|fault| self.fail(fault)),
            News::ServerGone => self.leave(),
            News::OutOfMemory => {
                self.out_of_memory = true;
                self.leave();
            }
            // Noted when it was reaped.
            News::Death => {}
        }
    }

    fn hear(&mut self, cell: &Cell, proc: &OwnedFd, zygote: Option<&OwnedFd>) -> Result<(), Fault> {
        match std::mem::replace(&mut self.stage, Stage::Leaving) {
            Stage::Building { report, handed } => self.hand_to_zygote(&report, &handed, zygote),
            Stage::Forking(forked) => self.listen(cell, proc, forked),
            other => {
                self.stage = other;
                Ok(())
            }
        }
    }

    fn hand_to_zygote(
        &mut self,
        report: &OwnedFd,
        handed: &[OwnedFd; 3],
        zygote: Option<&OwnedFd>,
    ) -> Result<(), Fault> {
        let lost = |why: &str| Fault::new(Layer::Launcher, "make the cell").because(why);
        let (text, mut descriptors) = message::receive(report).ok_or_else(|| lost("its first process died"))?;
        let missing = match serde_json::from_slice(&text) {
            Ok(Report::Verified { missing }) => missing,
            Ok(Report::Failed(fault)) => return Err(fault),
            Err(error) => return Err(lost(&error.to_string())),
        };
        let zygote = zygote.ok_or_else(|| lost("the zygote has ended"))?;
        let fault = |errno| Fault::new(Layer::Launcher, "hand the cell to the zygote").errno(errno);
        let (words, theirs) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(fault)?;
        let own = super::walls::NAMESPACES.len();
        let ruleset = descriptors.split_off(own.min(descriptors.len()));
        let namespaces = proof::numbers(&descriptors)?;
        let streams = [handed[0].as_fd(), handed[1].as_fd(), handed[2].as_fd(), theirs.as_fd()];
        let all: Vec<_> =
            descriptors.iter().map(AsFd::as_fd).chain(streams).chain(ruleset.iter().map(AsFd::as_fd)).collect();
        message::send(zygote, &[1], &all).map_err(fault)?;
        let words = File::from(words);
        self.stage = Stage::Forking(Forked { words, said: Vec::new(), missing, namespaces });
        Ok(())
    }

    /// Takes in what the zygote's children say; all of it is untrusted.
    fn listen(&mut self, cell: &Cell, proc: &OwnedFd, mut forked: Forked) -> Result<(), Fault> {
        let ended = forked.hear()?;
        let what = Words::parse(&forked.said)?;
        if let (None, Some(pid)) = (&self.script, what.pid) {
            self.adopt(pid)?;
        }
        if !ended {
            self.stage = Stage::Forking(forked);
            return Ok(());
        }
        let Forked { missing, namespaces, .. } = forked;
        let unfinished = || Fault::new(Layer::Launcher, "fork an instance").because("the child of the zygote died");
        let script = self.script.as_ref().filter(|_| what.ready).ok_or_else(unfinished)?;
        let (uid, gid) = (self.outer_id(geteuid().as_raw()), self.outer_id(getegid().as_raw()));
        proof::prove(proc, script.pid, &Expected { uid, gid, namespaces, filtered: cell.order.filter.is_some() })?;
        tell(&self.channel, &Report::Verified { missing }, &[self.init.pidfd.as_fd()]);
        self.stage = Stage::Running;
        Ok(())
    }

    /// As the keeper knows it.
    fn outer_id(&self, own: u32) -> u32 {
        self.host_id.unwrap_or(own)
    }

    /// From here on it is a child of the keeper, or will be when the one between has left.
    fn adopt(&mut self, pid: Pid) -> Result<(), Fault> {
        let pidfd = pidfd_open(pid, PidfdFlags::empty())
            .map_err(|errno| Fault::new(Layer::Launcher, "find the child of the zygote").errno(errno))?;
        enter_cgroups(&self.entries, pid)?;
        self.entries.clear();
        self.script = Some(Process { pid, pidfd, death: None });
        Ok(())
    }

    fn leave(&mut self) {
        kill(&self.init);
        self.stage = Stage::Leaving;
    }

    fn fail(&mut self, fault: Fault) {
        tell(&self.channel, &Report::Failed(fault), &[]);
        self.leave();
    }

    /// Whether nobody of it is left. Then the server hears how it ended.
    pub(super) fn is_gone(&self) -> bool {
        let script = self.script.as_ref();
        if self.init.death.is_none() || script.is_some_and(|script| script.death.is_none()) {
            return false;
        }
        let death = script.and_then(|script| script.death).or(self.init.death);
        if let Some(Death { raw_status, cpu_micros }) = death {
            let ended = Ended { raw_status, cpu_micros, out_of_memory: self.out_of_memory };
            if let Ok(message) = serde_json::to_vec(&ended) {
                let _server_is_gone = send(&self.channel, &message, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
            }
        }
        true
    }
}

/// What belongs to [`Stage::Forking`].
struct Forked {
    words: File,
    said: Vec<u8>,
    missing: Vec<Layer>,
    namespaces: Vec<u64>,
}

impl Forked {
    /// Whether nobody has anything more to say.
    fn hear(&mut self) -> Result<bool, Fault> {
        let read = Read::by_ref(&mut self.words).take(MOST_WORDS_BYTES).read_to_end(&mut self.said);
        if self.said.len() as u64 >= MOST_WORDS_BYTES {
            return Err(Fault::new(Layer::Launcher, "listen to the zygote").because("it says too much"));
        }
        match read {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(Fault::new(Layer::Launcher, "listen to the zygote").io(&error)),
        }
    }
}

/// Why a child was woken.
#[derive(Clone, Copy)]
pub(super) enum News {
    Heard,
    ServerGone,
    OutOfMemory,
    Death,
}

/// What the zygote's children have said so far.
#[derive(Default)]
struct Words {
    pid: Option<Pid>,
    ready: bool,
}

impl Words {
    /// Lines `pid N`, `ready`, or `failed LAYER: STEP: ERRNO`; an unfinished last line waits.
    fn parse(said: &[u8]) -> Result<Self, Fault> {
        let mut words = Self::default();
        let strange = || Fault::new(Layer::Launcher, "understand the child of the zygote");
        for line in said.split_inclusive(|byte| *byte == b'\n') {
            let line = std::str::from_utf8(line).map_err(|_| strange())?;
            match line.strip_suffix('\n') {
                None => {}
                Some("ready") => words.ready = true,
                Some(line) => match line.split_once(' ') {
                    Some(("pid", number)) => {
                        words.pid = Some(number.parse().ok().and_then(Pid::from_raw).ok_or_else(strange)?);
                    }
                    Some(("failed", why)) => {
                        return Err(Fault::new(Layer::Launcher, "lock the instance in").because(why));
                    }
                    _ => return Err(strange()),
                },
            }
        }
        Ok(words)
    }
}

/// The parts of a cell under way.
struct Started {
    init: Process,
    go: OwnedFd,
    report: OwnedFd,
}

fn start_init(
    cell: &mut Cell,
    proc: &OwnedFd,
    host_id: Option<u32>,
    scratch: crate::plan::Scratch,
    entries: &[(Layer, OwnedFd)],
) -> Result<Started, Fault> {
    let fault = |errno| Fault::new(Layer::Launcher, "make the descriptors of a cell").errno(errno);
    let (lifeline, go) = pipe_with(PipeFlags::CLOEXEC).map_err(fault)?;
    let kind = SocketType::SEQPACKET;
    let (report, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).map_err(fault)?;
    let init = match sys::clone_into_namespaces().map_err(birth_fault)? {
        Birth::Child => cell::live(cell, scratch, &lifeline, theirs),
        Birth::Parent { pid, pidfd } => Process { pid, pidfd, death: None },
    };
    let raised = enter_cgroups(entries, init.pid)
        .and_then(|()| write_maps(cell, proc, init.pid, host_id))
        .and_then(|()| rustix::io::write(&go, &[1]).map(drop).map_err(fault));
    match raised {
        Ok(()) => Ok(Started { init, go, report }),
        Err(fault) => {
            // The keeper reaps whoever has ended.
            kill(&init);
            Err(fault)
        }
    }
}

/// The server opened the files and so lent its right to move others; `cgroups(7)`.
fn enter_cgroups(entries: &[(Layer, OwnedFd)], pid: Pid) -> Result<(), Fault> {
    let text = pid.as_raw_nonzero().to_string();
    for (layer, entry) in entries {
        rustix::io::write(entry, text.as_bytes())
            .map_err(|errno| Fault::new(*layer, "enter the cgroup").errno(errno))?;
    }
    Ok(())
}

/// One user and one group, by the numbers that the keeper knows them by.
fn write_maps(cell: &Cell, proc: &OwnedFd, pid: Pid, host_id: Option<u32>) -> Result<(), Fault> {
    let inside = cell.order.plan.identity;
    let uid = host_id.unwrap_or_else(|| geteuid().as_raw());
    let gid = host_id.unwrap_or_else(|| getegid().as_raw());
    write_file(proc, pid, "uid_map", &format!("{} {uid} 1", inside.uid))?;
    write_file(proc, pid, "setgroups", "deny")?;
    write_file(proc, pid, "gid_map", &format!("{} {gid} 1", inside.gid))
}

fn write_file(proc: &OwnedFd, pid: Pid, name: &str, text: &str) -> Result<(), Fault> {
    let path = format!("{}/{name}", pid.as_raw_nonzero());
    let how = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = openat(proc, path, how, Mode::empty()).map(File::from).map_err(std::io::Error::from);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Fault::new(Layer::UserNamespace, "write the id map").about(name).io(&error))
}

fn kill(process: &Process) {
    let _gone_already = pidfd_send_signal(&process.pidfd, Signal::KILL);
}

/// A server that is gone hears nothing.
fn tell(channel: &OwnedFd, what: &Report, descriptors: &[BorrowedFd<'_>]) {
    if let Ok(text) = serde_json::to_vec(what) {
        let _nobody_hears = message::send(channel, &text, descriptors);
    }
}
