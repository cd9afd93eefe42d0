//! The probe itself, running as an instance. It judges nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::findings::{DISK_BYTES, Findings, NAMESPACES};
use crate::sys;

/// How long the processor is burnt.
pub(super) const BURN: Duration = Duration::from_millis(300);

pub(crate) fn inside(args: &[String]) -> ExitCode {
    match args.first().map(String::as_str) {
        Some("look") => look(),
        Some("memory") => fill_memory(),
        Some("processes") => start_threads(),
        Some("cpu") => burn_cpu(),
        _ => ExitCode::FAILURE,
    }
}

fn tell(bytes: &[u8]) -> ExitCode {
    match std::io::stdout().write_all(bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn look() -> ExitCode {
    let (processes, proc_rest) =
        list("/proc").into_iter().partition(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let (calls_tried, calls_wrong) = sys::attempts();
    let findings = Findings {
        namespaces: namespaces(),
        status: status(),
        uid_map: text("/proc/self/uid_map"),
        processes,
        proc_rest,
        interfaces: interfaces(),
        loopback_works: loopback_works(),
        descriptors: descriptors(),
        root: list("/"),
        root_write: File::create("/x").err().and_then(|error| error.raw_os_error()),
        disk_bytes: fill("/tmp/x") + fill("/dev/shm/x"),
        hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        core_limit: core_limit(),
        calls_tried,
        calls_wrong,
        device_request: File::open("/dev/null").map_or(-1, sys::request_of),
        session: rustix::process::getsid(None).map_or(-1, |id| id.as_raw_nonzero().get()),
    };
    tell(&serde_json::to_vec(&findings).unwrap_or_default())
}

fn text(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn list(path: &str) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// As seen from the host as well as from within, so that both can be compared.
pub(super) fn namespaces() -> BTreeMap<String, String> {
    let identity = |name: &str| {
        let link = std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap_or_default();
        (name.to_owned(), link.to_string_lossy().into_owned())
    };
    NAMESPACES.into_iter().map(identity).collect()
}

fn status() -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    };
    text("/proc/self/status").lines().filter_map(line).collect()
}

/// Two lines of headings, then `name: counters`.
fn interfaces() -> Vec<String> {
    let name = |line: &str| Some(line.split_once(':')?.0.trim().to_owned());
    text("/proc/self/net/dev").lines().skip(2).filter_map(name).collect()
}

fn loopback_works() -> bool {
    let connect = || {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        TcpStream::connect(listener.local_addr()?)
    };
    connect().is_ok()
}

/// Without the one that lists them, which is closed again by then.
fn descriptors() -> Vec<String> {
    list("/proc/self/fd")
        .into_iter()
        .filter(|number| std::fs::read_link(format!("/proc/self/fd/{number}")).is_ok())
        .collect()
}

/// Writes until the disk is full, at most twice the limit.
fn fill(path: &str) -> u64 {
    let Ok(mut file) = File::create(path) else {
        return 0;
    };
    let block = [1; 4096];
    let mut written = 0;
    while written < 2 * DISK_BYTES && file.write_all(&block).is_ok() {
        written += 4096;
    }
    written
}

fn core_limit() -> String {
    let limits = text("/proc/self/limits");
    let line = limits.lines().find(|line| line.starts_with("Max core"));
    line.unwrap_or_default().to_owned()
}

/// The limit is far below; ends by being killed, or tells that it was not.
fn fill_memory() -> ExitCode {
    let mut hoard = Vec::new();
    for _ in 0..256 {
        hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
    tell(b"survived")
}

/// Threads count as processes do. They sleep until the end of the process.
fn start_threads() -> ExitCode {
    let start = || std::thread::Builder::new().stack_size(64 << 10).spawn(std::thread::park);
    let started = (0..64).take_while(|_| start().is_ok()).count();
    tell(started.to_string().as_bytes())
}

/// Tells nothing: the accounting of the cgroup, or of the wait, is the proof.
fn burn_cpu() -> ExitCode {
    let end = Instant::now() + BURN;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
    ExitCode::SUCCESS
}
