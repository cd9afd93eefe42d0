//! What can go wrong with the network, and what to do about it.

use rustix::io::Errno;

/// Why the whitelist of a runtime cannot be enforced. Then nothing is reachable, never more than is listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {step}: {reason}")]
pub struct NetworkFault {
    step: &'static str,
    reason: String,
    remedy: &'static str,
}

const PRIVILEGES: &str = "run the server as root (it needs CAP_SYS_ADMIN and CAP_NET_ADMIN)";
const KERNEL: &str = "a kernel with veth and nftables (nf_tables, nft_ct, nft_nat, nft_fib_inet, nft_limit, \
     nft_log, nft_reject_inet, nfnetlink_log) is needed";
const PROGRAM: &str = "install nftables (`apt install nftables`)";
const RESTART: &str = "restart the server";

impl NetworkFault {
    /// A refusal of the kernel.
    pub(super) fn kernel(step: &'static str, errno: Errno) -> Self {
        let remedy = if matches!(errno, Errno::PERM | Errno::ACCESS) { PRIVILEGES } else { KERNEL };
        Self { step, reason: std::io::Error::from(errno).to_string(), remedy }
    }

    /// The same as told by the standard library.
    pub(super) fn io(step: &'static str, error: &std::io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(errno) => Self::kernel(step, errno),
            None => Self { step, reason: error.to_string(), remedy: KERNEL },
        }
    }

    /// `nft` is not there, or cannot be started.
    pub(super) fn no_program(reason: impl Into<String>) -> Self {
        Self { step: "run `nft`", reason: reason.into(), remedy: PROGRAM }
    }

    /// `nft` did not take the rules.
    pub(super) fn rules(reason: String) -> Self {
        Self { step: "load the rules of the network", reason, remedy: KERNEL }
    }

    /// The thread of the router has ended.
    pub(super) fn gone() -> Self {
        Self { step: "reach the router", reason: "its thread has ended".to_owned(), remedy: RESTART }
    }

    /// Every address is in use.
    pub(super) fn full() -> Self {
        Self { step: "give the instance an address", reason: "all are in use".to_owned(), remedy: RESTART }
    }

    /// Advice for the operator, apart from the fault.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.remedy
    }
}
