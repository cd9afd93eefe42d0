//! Who the process is: session, groups, ids, capabilities.

use rustix::process::{Gid, Signal, Uid, set_parent_process_death_signal, setsid};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use crate::error::Fault;
use crate::layer::Layer;
use crate::plan::Identity;

/// A fork copies one thread only; locks held by others would stay locked for ever.
pub(super) fn prove_single_thread() -> Result<(), Fault> {
    let fault = || Fault::new(Layer::Launcher, "prove that the launcher has a single thread");
    let tasks = std::fs::read_dir("/proc/self/task").map_err(|error| fault().io(&error))?;
    if tasks.count() == 1 {
        return Ok(());
    }
    Err(fault().because("`launcher::main` was called after threads were started"))
}

/// Signals from the server's terminal must reach neither launcher nor instance.
pub(super) fn begin_session() -> Result<(), Fault> {
    setsid().map(drop).map_err(|errno| Fault::new(Layer::Launcher, "begin a new session").errno(errno))
}

pub(super) fn drop_groups(lowered: &[Layer]) -> Result<(), Fault> {
    match set_thread_groups(&[]) {
        Err(errno) if !lowered.contains(&Layer::Groups) => {
            Err(Fault::new(Layer::Groups, "drop the supplementary groups").errno(errno))
        }
        _ => Ok(()),
    }
}

/// Changes of credentials clear the signal, so this is called again after each of them, and the
/// lifeline is looked at afterwards. Untrusted code may clear it too: then the launcher's watch
/// over the server still holds.
pub(super) fn die_with_parent() -> Result<(), Fault> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|errno| Fault::new(Layer::Launcher, "tie the instance to the launcher's life").errno(errno))
}

/// The kernel would drop the capabilities, of the new user namespace only, with the change of ids;
/// they are still needed to build the tree, whose files shall belong to the new ids.
pub(super) fn become_identity(identity: Identity) -> Result<(), Fault> {
    let fault = |step: &str, errno| Fault::new(Layer::UserNamespace, step).errno(errno);
    set_capabilities_secure_bits(CapabilitiesSecureBits::NO_SETUID_FIXUP)
        .map_err(|errno| fault("keep the capabilities while ids change", errno))?;
    let gid = Gid::from_raw(identity.gid);
    set_thread_res_gid(gid, gid, gid).map_err(|errno| fault("change the group id", errno))?;
    let uid = Uid::from_raw(identity.uid);
    set_thread_res_uid(uid, uid, uid).map_err(|errno| fault("change the user id", errno))
}

/// Empties every set and locks the bits that could fill one again, `capabilities(7)`.
pub(super) fn drop_capabilities() -> Result<(), Fault> {
    let fault = |step: &str, errno| Fault::new(Layer::Capabilities, step).errno(errno);
    clear_ambient_capability_set().map_err(|errno| fault("clear the ambient capabilities", errno))?;
    empty_bounding_set().map_err(|errno| fault("empty the bounding set", errno))?;
    set_capabilities_secure_bits(locked_bits()).map_err(|errno| fault("lock the secure bits", errno))?;
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none).map_err(|errno| fault("drop the capabilities", errno))
}

/// A keeper gives cells their ids, and looks at what a zygote forked; it never gets more again.
pub(super) fn keep_few_capabilities() -> Result<(), Fault> {
    let look = CapabilitySet::SYS_PTRACE | CapabilitySet::DAC_READ_SEARCH;
    let kept = CapabilitySet::SETUID | CapabilitySet::SETGID | look;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(|errno| Fault::new(Layer::Capabilities, "drop most capabilities").errno(errno))
}

/// The capabilities that this kernel knows, by their numbers.
pub(super) fn known_capabilities() -> impl Iterator<Item = u32> {
    (0..u64::BITS).take_while(|number| {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        rustix::thread::capability_is_in_bounding_set(capability).is_ok()
    })
}

/// The kernel knows its own last capability: the first that it refuses.
fn empty_bounding_set() -> rustix::io::Result<()> {
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match remove_capability_from_bounding_set(capability) {
            Err(rustix::io::Errno::INVAL) if number > 0 => return Ok(()),
            result => result?,
        }
    }
    Ok(())
}

pub(super) fn locked_bits() -> CapabilitiesSecureBits {
    CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED
}

pub(super) fn forbid_new_privileges() -> Result<(), Fault> {
    set_no_new_privs(true).map_err(|errno| Fault::new(Layer::NoNewPrivileges, "forbid new privileges").errno(errno))
}
