//! The id maps of the new user namespace: exactly one user and one group, `user_namespaces(7)`.

use std::fs::OpenOptions;
use std::io::Write;

use rustix::process::{Pid, getegid, geteuid};

use crate::error::Fault;
use crate::layer::Layer;
use crate::wire::Order;

/// Written from outside, where the right to do so is. `setgroups` is denied before the group map,
/// as the kernel demands it from the unprivileged.
pub(super) fn write(order: &Order, pid: Pid) -> Result<(), Fault> {
    let identity = order.plan.identity;
    let host_uid = order.host_id.unwrap_or_else(|| geteuid().as_raw());
    let host_gid = order.host_id.unwrap_or_else(|| getegid().as_raw());
    write_file(pid, "uid_map", &format!("{} {host_uid} 1", identity.uid))?;
    write_file(pid, "setgroups", "deny")?;
    write_file(pid, "gid_map", &format!("{} {host_gid} 1", identity.gid))
}

fn write_file(pid: Pid, name: &str, text: &str) -> Result<(), Fault> {
    let path = format!("/proc/{}/{name}", pid.as_raw_nonzero());
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Fault::new(Layer::UserNamespace, "write the id map").about(name).io(&error))
}
