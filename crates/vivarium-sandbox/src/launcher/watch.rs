//! After the birth the launcher only watches: the instance, the server, and memory.

use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{SendFlags, send};
use rustix::process::{Pid, Signal, pidfd_send_signal};

use crate::sys;
use crate::wire::Ended;

pub(super) fn kill(pidfd: &OwnedFd) {
    let _gone_already = pidfd_send_signal(pidfd, Signal::KILL);
}

/// Returns when pid 1, and with it the whole pid namespace, is gone. The server dropping its end of
/// the channel, by will or by death, is the order to kill. `_go` is held so that pid 1 can see that
/// the launcher lives.
pub(super) fn until_the_end(channel: &OwnedFd, pid: Pid, pidfd: &OwnedFd, oom_event: Option<&OwnedFd>, _go: OwnedFd) {
    let out_of_memory = wait_for_death(channel, pidfd, oom_event);
    let Ok(death) = sys::reap(pid) else {
        return;
    };
    let ended = Ended { raw_status: death.raw_status, cpu_micros: death.cpu_micros, out_of_memory };
    if let Ok(message) = serde_json::to_vec(&ended) {
        let _server_is_gone = send(channel, &message, SendFlags::NOSIGNAL);
    }
}

/// Whether memory ran out meanwhile.
fn wait_for_death(channel: &OwnedFd, pidfd: &OwnedFd, oom_event: Option<&OwnedFd>) -> bool {
    let mut server_gone = false;
    let mut out_of_memory = false;
    loop {
        // A descriptor that has told its news stays readable, so it is not asked again.
        let mut watched = vec![PollFd::new(pidfd, PollFlags::IN)];
        let channel_at = (!server_gone).then(|| add(&mut watched, channel));
        let event = oom_event.filter(|_| !out_of_memory);
        let event_at = event.map(|event| add(&mut watched, event));
        let _interrupted = poll(&mut watched, None);
        let told = |at: Option<usize>| at.is_some_and(|at| !watched[at].revents().is_empty());
        out_of_memory |= told(event_at);
        server_gone |= told(channel_at);
        if told(Some(0)) {
            return out_of_memory;
        }
        if server_gone || out_of_memory {
            kill(pidfd);
        }
    }
}

fn add<'a>(watched: &mut Vec<PollFd<'a>>, descriptor: &'a OwnedFd) -> usize {
    watched.push(PollFd::new(descriptor, PollFlags::IN));
    watched.len() - 1
}
