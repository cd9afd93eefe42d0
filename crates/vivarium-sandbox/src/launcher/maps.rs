//! The id maps of the new user namespace: exactly one user and one group, `user_namespaces(7)`.

use std::fs::OpenOptions;
use std::io::Write;

use rustix::process::{Pid, getegid, geteuid};

use crate::error::Fault;
use crate::layer::Layer;
use crate::settings::IdRange;
use crate::wire::Order;

/// Written from outside, where the right to do so is. `setgroups` is denied before the group map,
/// as the kernel demands it from the unprivileged.
pub(super) fn write(order: &Order, pid: Pid) -> Result<(), Fault> {
    let identity = order.plan.identity;
    let host_uid = order.host_id.unwrap_or_else(|| geteuid().as_raw());
    let host_gid = order.host_id.unwrap_or_else(|| getegid().as_raw());
    let instances = order.zygote.as_ref().and_then(|zygote| zygote.ids);
    write_file(pid, "uid_map", &map(identity.uid, host_uid, instances))?;
    write_file(pid, "setgroups", "deny")?;
    write_file(pid, "gid_map", &map(identity.gid, host_gid, instances))
}

/// One line for each extent. A keeper knows the ids of instances by their numbers on the host, all but the one that
/// is its own already.
fn map(inside: u32, host: u32, instances: Option<IdRange>) -> String {
    let mut lines = vec![format!("{inside} {host} 1")];
    for (first, end) in instances.map(|ids| around(ids, host)).into_iter().flatten() {
        if first < end {
            lines.push(format!("{first} {first} {}", end - first));
        }
    }
    lines.join("\n")
}

/// The range without one of its ids, as two ranges.
fn around(ids: IdRange, id: u32) -> [(u32, u32); 2] {
    let end = ids.first + ids.count;
    if (ids.first..end).contains(&id) { [(ids.first, id), (id + 1, end)] } else { [(ids.first, end), (end, end)] }
}

fn write_file(pid: Pid, name: &str, text: &str) -> Result<(), Fault> {
    let path = format!("/proc/{}/{name}", pid.as_raw_nonzero());
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Fault::new(Layer::UserNamespace, "write the id map").about(name).io(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_maps_every_id_once() {
        let ids = IdRange { first: 100_000, count: 10 };
        assert_eq!(map(1000, 5, None), "1000 5 1");
        assert_eq!(map(1000, 5, Some(ids)), "1000 5 1\n100000 100000 10");
        assert_eq!(map(1000, 100_004, Some(ids)), "1000 100004 1\n100000 100000 4\n100005 100005 5");
        assert_eq!(map(1000, 100_000, Some(ids)), "1000 100000 1\n100001 100001 9");
        assert_eq!(map(1000, 100_009, Some(ids)), "1000 100009 1\n100000 100000 9");
    }
}
