//! Operating runtimes: stop, start, synchronize, and who may do what with them.

use super::model::Runtime;
use super::runtimes::Runtimes;
use crate::access::{AclEntry, Caller, EVERYONE, PUBLIC_GUEST, Privilege, Rights, TrusteeKind};
use crate::error::{Error, FieldError, Result};
use crate::id::{BuildId, RuntimeId, TrusteeId, UserId};

/// What to do with the entries of a trustee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AclOperation {
    /// Add the entry; an entry of the same trustee and kind gets the rights on top.
    Add,
    /// Put the entry in place of all entries of the trustee.
    Replace,
    /// Take all entries of the trustee away.
    Remove,
}

/// A wanted change of an access list (Strategy contract 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AclChange {
    /// What to do.
    pub operation: AclOperation,
    /// With whom.
    pub trustee: TrusteeId,
    /// The rights of the entry.
    pub rights: Rights,
    /// Whether it takes them instead of granting them.
    pub deny: bool,
    /// Whether objects below inherit it.
    pub inheritable: bool,
}

impl Runtimes {
    /// Takes a runtime out of service: what runs in it ends, with the reason recorded, and it holds no processes.
    /// Stopping a stopped runtime changes nothing.
    pub async fn stop(&self, caller: &Caller, id: RuntimeId) -> Result<()> {
        let runtime = self.find_to_operate(caller, id).await?;
        let reason = format!("the runtime `{}` was stopped", runtime.definition.name);
        if !runtime.stopped {
            self.save(runtime, |runtime| runtime.stopped = true).await?;
        }
        self.parts.evaluations.end_runtime(id, &reason).await;
        Ok(())
    }

    /// Puts a stopped runtime back into service.
    pub async fn start(&self, caller: &Caller, id: RuntimeId) -> Result<()> {
        let runtime = self.find_to_operate(caller, id).await?;
        if runtime.stopped {
            self.save(runtime, |runtime| runtime.stopped = false).await?;
        }
        Ok(())
    }

    /// Has every node build the runtime's environment again: what failed is tried again, what is open is resolved anew.
    /// The definition, and with it the revision, stays.
    pub async fn synchronize(&self, caller: &Caller, id: RuntimeId) -> Result<()> {
        let mut runtime = self.find_to_operate(caller, id).await?;
        let expected = runtime.revision;
        runtime.build = BuildId::random();
        self.parts.store.update_runtime(&runtime, expected).await?;
        self.noticed();
        Ok(())
    }

    /// Changes who may do what with a runtime.
    pub async fn change_acl(&self, caller: &Caller, id: RuntimeId, changes: Vec<AclChange>) -> Result<()> {
        let runtime = self.find(caller, id, Rights::CONTROL).await?;
        let mut entries = runtime.acl.0.clone();
        for (index, change) in changes.iter().enumerate() {
            let kind = self.trustee_kind(change.trustee).await?;
            let missing = || {
                vec![FieldError::new(
                    format!("acl[{index}].trustee"),
                    format!("there is no user or group `{}`", change.trustee),
                )]
            };
            apply(&mut entries, *change, kind.ok_or_else(|| Error::invalid_fields(missing()))?);
        }
        if entries == runtime.acl.0 {
            return Ok(());
        }
        self.save(runtime, |runtime| runtime.acl.0 = entries).await
    }

    async fn find_to_operate(&self, caller: &Caller, id: RuntimeId) -> Result<Runtime> {
        let runtime = self.find(caller, id, Rights::BROWSE).await?;
        caller.require(Privilege::OperateRuntimes)?;
        Ok(runtime)
    }

    async fn trustee_kind(&self, trustee: TrusteeId) -> Result<Option<TrusteeKind>> {
        if trustee == EVERYONE || trustee == PUBLIC_GUEST {
            return Ok(Some(TrusteeKind::Group));
        }
        let user = self.parts.store.user(UserId(trustee.0)).await?;
        Ok(user.map(|_| TrusteeKind::User))
    }
}

fn apply(entries: &mut Vec<AclEntry>, change: AclChange, kind: TrusteeKind) {
    let AclChange { operation, trustee, rights, deny, inheritable } = change;
    let entry = AclEntry { trustee, kind, rights, deny, inheritable };
    let same = |other: &AclEntry| other.trustee == trustee && other.deny == deny;
    if operation == AclOperation::Add && entries.iter().any(same) {
        for other in entries.iter_mut().filter(|other| same(other)) {
            other.rights = other.rights.with(rights);
            other.inheritable |= inheritable;
        }
        return;
    }
    if operation != AclOperation::Add {
        entries.retain(|other| other.trustee != trustee);
    }
    if operation != AclOperation::Remove {
        entries.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(operation: AclOperation, rights: Rights) -> AclChange {
        AclChange { operation, trustee: EVERYONE, rights, deny: false, inheritable: false }
    }

    #[test]
    fn entries_are_added_to_replaced_and_removed() {
        let mut entries = Vec::new();
        apply(&mut entries, change(AclOperation::Add, Rights::BROWSE), TrusteeKind::Group);
        apply(&mut entries, change(AclOperation::Add, Rights::READ), TrusteeKind::Group);
        assert_eq!(entries.iter().map(|entry| entry.rights.bits()).collect::<Vec<_>>(), [5]);
        apply(&mut entries, change(AclOperation::Replace, Rights::EXECUTE), TrusteeKind::Group);
        assert_eq!(entries.iter().map(|entry| entry.rights.bits()).collect::<Vec<_>>(), [128]);
        apply(&mut entries, change(AclOperation::Remove, Rights::NONE), TrusteeKind::Group);
        assert!(entries.is_empty());
    }
}
