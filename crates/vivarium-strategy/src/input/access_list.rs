//! Changes of access lists (contract 3.4).

use vivarium_domain::access::Rights;
use vivarium_domain::id::TrusteeId;
use vivarium_domain::runtime::{AclChange, AclOperation};

use super::reader::Object;

/// The bit that marks an inheritable entry inside `rights`.
const INHERITABLE: i64 = 0x2000_0000;

/// One change, or nothing where its faults were noted.
pub(super) fn access_change(entry: &Object<'_>) -> Option<AclChange> {
    let operation = entry.required("op", entry.text("op")).and_then(|name| operation(entry, &name));
    let trustee: Option<TrusteeId> = entry.required("trustee", entry.id("trustee"));
    let bits = rights_bits(entry, operation);
    let deny = entry.flag("denied").unwrap_or_default();
    let inheritable = entry.flag("inheritable").unwrap_or_default() || bits.is_some_and(|bits| bits & INHERITABLE != 0);
    entry.integer("type");
    let rights = bits.and_then(|bits| rights(entry, bits & !INHERITABLE));
    Some(AclChange { operation: operation?, trustee: trustee?, rights: rights?, deny, inheritable })
}

fn operation(entry: &Object<'_>, name: &str) -> Option<AclOperation> {
    match name.to_ascii_uppercase().as_str() {
        "ADD" => Some(AclOperation::Add),
        "REPLACE" => Some(AclOperation::Replace),
        "REMOVE" => Some(AclOperation::Remove),
        _ => {
            entry.fault("op", "must be ADD, REPLACE or REMOVE");
            None
        }
    }
}

/// A removal without `rights` removes all of them.
fn rights_bits(entry: &Object<'_>, operation: Option<AclOperation>) -> Option<i64> {
    let given = entry.integer("rights");
    if matches!(operation, Some(AclOperation::Remove)) && entry.value("rights").is_none() {
        return Some(Rights::FULL.bits().into());
    }
    entry.required("rights", given)
}

fn rights(entry: &Object<'_>, bits: i64) -> Option<Rights> {
    let rights = u32::try_from(bits).ok().and_then(Rights::from_bits);
    if rights.is_none() {
        entry.fault("rights", "must be a sum of rights from 0 to 255, plus 536870912 where it is inheritable");
    }
    rights
}
