//! The network namespace: a loopback of its own and nothing else.

use crate::error::Fault;
use crate::layer::Layer;
use crate::sys;

pub(super) fn raise_loopback() -> Result<(), Fault> {
    sys::raise_loopback().map_err(|errno| Fault::new(Layer::NetNamespace, "raise the loopback").errno(errno))
}
