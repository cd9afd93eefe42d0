//! The filter of system calls: last of all, because it takes away what the steps before it need.

use crate::error::Fault;
use crate::layer::Layer;
use crate::seccomp::Program;
use crate::sys;

/// `None` is the server's decision, who has told the operator.
pub(super) fn install(program: Option<&Program>) -> Result<(), Fault> {
    let Some(program) = program else {
        return Ok(());
    };
    sys::install_filter(&program.0)
        .map_err(|errno| Fault::new(Layer::Seccomp, "install the filter of system calls").errno(errno))
}
