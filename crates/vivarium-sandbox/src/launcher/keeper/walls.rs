//! What the zygote's child has to do after the fork, as plain data: an ordered list of system calls. Nothing that needs
//! thought happens there.

use serde::Serialize;

use super::super::identity;
use crate::error::Fault;
use crate::layer::Layer;
use crate::wire::Order;

/// The namespaces of a cell in the order in which they are entered: the user namespace first, because it gives the
/// right to enter the others. The pid namespace holds for the next fork.
pub(super) const NAMESPACES: [(&str, libc::c_int); 7] = [
    ("user", libc::CLONE_NEWUSER),
    ("mnt", libc::CLONE_NEWNS),
    ("net", libc::CLONE_NEWNET),
    ("ipc", libc::CLONE_NEWIPC),
    ("uts", libc::CLONE_NEWUTS),
    ("cgroup", libc::CLONE_NEWCGROUP),
    ("pid", libc::CLONE_NEWPID),
];

/// Descriptors that the child has arranged when it takes the steps; from [`FIRST_CLOSED`] on all are closed.
const RULESET: i64 = 5;
const FIRST_CLOSED: i64 = 6;

const LAST_DESCRIPTOR: i64 = u32::MAX as i64;
/// `_LINUX_CAPABILITY_VERSION_3` of `capset(2)`.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// The first message to a zygote.
#[derive(Serialize)]
struct Walls {
    /// The numbers of `setns(2)` and its flags, one for each descriptor that comes with an order.
    setns: i64,
    namespaces: Vec<i64>,
    working_directory: String,
    steps: Vec<Step>,
}

/// One system call.
#[derive(Serialize)]
struct Step {
    layer: Layer,
    step: &'static str,
    number: i64,
    arguments: Vec<Argument>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Argument {
    Number(i64),
    /// A pointer to these bytes, in hexadecimal.
    Bytes {
        hex: String,
    },
    /// A pointer to a `sock_fprog` over these instructions.
    Program {
        instructions: String,
    },
}

/// The text that the zygote program reads.
pub(super) fn walls(order: &Order) -> Result<String, Fault> {
    let identity = order.plan.identity;
    let (uid, gid) = (i64::from(identity.uid), i64::from(identity.gid));
    let mut steps = vec![
        step(Layer::PidNamespace, "begin a new session", libc::SYS_setsid, &[]),
        step(Layer::UserNamespace, "change the group id", libc::SYS_setresgid, &[gid, gid, gid]),
        step(Layer::UserNamespace, "change the user id", libc::SYS_setresuid, &[uid, uid, uid]),
        // The change of ids has taken it away; the script shall be able to look at itself.
        control(Layer::UserNamespace, "own its /proc", libc::PR_SET_DUMPABLE, 1),
    ];
    let drop = |number| control(Layer::Capabilities, "empty the bounding set", libc::PR_CAPBSET_DROP, number);
    steps.extend(identity::known_capabilities().map(|number| drop(number.into())));
    let bits = i64::from(identity::locked_bits().bits());
    steps.push(control(Layer::Capabilities, "lock the secure bits", libc::PR_SET_SECUREBITS, bits));
    steps.push(drop_capabilities());
    let arguments = [FIRST_CLOSED, LAST_DESCRIPTOR, 0];
    steps.push(step(Layer::Descriptors, "close all others", libc::SYS_close_range, &arguments));
    if order.landlock {
        let enforce = libc::SYS_landlock_restrict_self;
        steps.push(step(Layer::Landlock, "enforce the landlock rules", enforce, &[RULESET, 0]));
        steps.push(step(Layer::Descriptors, "close the landlock rules", libc::SYS_close, &[RULESET]));
    }
    steps.extend(order.filter.as_ref().map(|filter| install(&filter.0)));
    let namespaces = NAMESPACES.map(|(_, flag)| i64::from(flag)).to_vec();
    let working_directory = order.plan.working_directory.to_string_lossy().into_owned();
    let walls = Walls { setns: libc::SYS_setns, namespaces, working_directory, steps };
    serde_json::to_string(&walls)
        .map_err(|error| Fault::new(Layer::Launcher, "write down the walls").because(error.to_string()))
}

fn step(layer: Layer, step: &'static str, number: libc::c_long, arguments: &[i64]) -> Step {
    Step { layer, step, number, arguments: arguments.iter().copied().map(Argument::Number).collect() }
}

fn control(layer: Layer, what: &'static str, operation: libc::c_int, value: i64) -> Step {
    step(layer, what, libc::SYS_prctl, &[operation.into(), value, 0, 0, 0])
}

/// Header and two words of data for each set, all of them zero.
fn drop_capabilities() -> Step {
    let header = [CAPABILITY_VERSION.to_ne_bytes(), [0; 4]].concat();
    let arguments = vec![bytes(&header), bytes(&[0; 24])];
    Step { layer: Layer::Capabilities, step: "drop the capabilities", number: libc::SYS_capset, arguments }
}

/// Each instruction in the bytes of a `sock_filter`; packed as [`crate::seccomp::Program`] says.
fn install(instructions: &[u64]) -> Step {
    let unpack = |word: &u64| {
        let [code_high, code_low, jump_true, jump_false, k @ ..] = word.to_be_bytes();
        let code = u16::from_be_bytes([code_high, code_low]).to_ne_bytes();
        let k = u32::from_be_bytes(k).to_ne_bytes();
        [&code[..], &[jump_true, jump_false], &k].concat()
    };
    let text: Vec<u8> = instructions.iter().flat_map(unpack).collect();
    let mode = Argument::Number(libc::SECCOMP_SET_MODE_FILTER.into());
    let arguments = vec![mode, Argument::Number(0), Argument::Program { instructions: hex(&text) }];
    Step { layer: Layer::Seccomp, step: "install the filter of system calls", number: libc::SYS_seccomp, arguments }
}

fn bytes(bytes: &[u8]) -> Argument {
    Argument::Bytes { hex: hex(bytes) }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}
