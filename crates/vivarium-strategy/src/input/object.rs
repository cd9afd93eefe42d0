//! Changes of objects by the generic object calls (contract 3.3).

use serde_json::Value;
use vivarium_domain::runtime::{AclChange, RuntimeChange};
use vivarium_domain::{Error, ErrorKind, Result};

use super::access_list::access_change;
use super::reader::{Faults, Object};

/// What a PUT of an object asks for.
#[derive(Debug)]
pub(crate) struct ObjectChange {
    /// New name and description.
    pub(crate) definition: RuntimeChange,
    /// Changes of the access list, in order.
    pub(crate) access: Vec<AclChange>,
}

/// Reads a change. What cannot be honoured is refused; keys without a meaning for the object are ignored.
pub(crate) fn object_change(document: &Value) -> Result<ObjectChange> {
    let faults = Faults::default();
    let root = faults.root(document)?;
    refuse_unsupported(&root)?;
    let definition =
        RuntimeChange { name: root.text("name"), description: root.text("description"), ..RuntimeChange::default() };
    let access = root.objects("acl").unwrap_or_default().iter().filter_map(access_change).collect();
    faults.check()?;
    Ok(ObjectChange { definition, access })
}

fn refuse_unsupported(root: &Object<'_>) -> Result<()> {
    let refusal = if root.value("ownerId").is_some() {
        "the owner of an object cannot be changed on this server: leave out `ownerId`"
    } else if root.flag("hidden") == Some(true) {
        "objects cannot be hidden on this server: leave out `hidden`, and use `acl` to decide who may browse"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::NotSupported, refusal))
}
