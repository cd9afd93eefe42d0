//! What is known of each package while a build goes on.

use std::collections::BTreeMap;

use vivarium_domain::runtime::{PackageReport, PackageSpec, PackageStatus};

use super::memory::Fate;
use crate::installer::Failure;

/// One line a package, in the order of the definition.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    specs: Vec<PackageSpec>,
    /// The requirement in the form of PEP 508, unless the definition is wrong.
    requirements: Vec<Option<String>>,
    fates: Vec<Fate>,
}

impl Ledger {
    pub(super) fn new(specs: Vec<PackageSpec>) -> Self {
        let parsed: Vec<_> = specs.iter().map(PackageSpec::requirement).collect();
        let fates = parsed.iter().map(|parsed| match parsed {
            Ok(_) => Fate { status: PackageStatus::Installing, version: None, message: None },
            Err((field, reason)) => refused(format!("Return code: 2.\n`{field}` {reason}")),
        });
        let fates = fates.collect();
        Self { specs, requirements: parsed.into_iter().map(Result::ok).collect(), fates }
    }

    /// What there is to install.
    pub(super) fn pending(&self) -> Vec<String> {
        self.open().filter_map(|at| self.requirements[at].clone()).collect()
    }

    /// Positions of what is still to be installed.
    fn open(&self) -> impl Iterator<Item = usize> {
        (0..self.fates.len()).filter(|at| self.fates[*at].status == PackageStatus::Installing)
    }

    /// Notes failures by their positions in [`Self::pending`].
    pub(super) fn refuse(&mut self, refusals: &[(usize, Failure)]) {
        let open: Vec<usize> = self.open().collect();
        for (position, failure) in refusals {
            if let Some(at) = open.get(*position) {
                self.fates[*at] = refused(failure.message());
            }
        }
    }

    /// Nothing that is still open can be had.
    pub(super) fn refuse_all(&mut self, failure: &Failure) {
        let open: Vec<usize> = self.open().collect();
        open.into_iter().for_each(|at| self.fates[at] = refused(failure.message()));
    }

    /// Everything that is still open has been installed, in these versions by normalised name.
    pub(super) fn install(&mut self, versions: &BTreeMap<String, String>) {
        let open: Vec<usize> = self.open().collect();
        for at in open {
            let version = versions.get(&self.specs[at].normalized_name()).cloned();
            self.fates[at] = Fate { status: PackageStatus::Installed, version, message: None };
        }
    }

    /// Whether every package is there.
    pub(super) fn is_complete(&self) -> bool {
        self.fates.iter().all(|fate| fate.status == PackageStatus::Installed)
    }

    /// Takes what is remembered of [`Self::pending`].
    pub(super) fn remember(&mut self, fates: Vec<Fate>) {
        let open: Vec<usize> = self.open().collect();
        open.into_iter().zip(fates).for_each(|(at, fate)| self.fates[at] = fate);
    }

    /// Each requirement with its fate; what is wrong in the definition has none.
    pub(super) fn fates(&self) -> Vec<(String, Fate)> {
        let lines = self.requirements.iter().zip(&self.fates);
        lines.filter_map(|(requirement, fate)| Some((requirement.clone()?, fate.clone()))).collect()
    }

    pub(super) fn reports(&self) -> Vec<PackageReport> {
        let lines = self.specs.iter().zip(&self.fates);
        let report = |(spec, fate): (&PackageSpec, &Fate)| PackageReport {
            name: spec.name.clone(),
            status: fate.status,
            installed_version: fate.version.clone(),
            message: fate.message.clone(),
        };
        lines.map(report).collect()
    }
}

fn refused(message: String) -> Fate {
    Fate { status: PackageStatus::NotInstalled, version: None, message: Some(message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(names: &[&str]) -> Ledger {
        let spec =
            |name: &&str| PackageSpec { name: (*name).to_owned(), version: String::new(), description: String::new() };
        Ledger::new(names.iter().map(spec).collect())
    }

    #[test]
    fn each_package_keeps_its_line() {
        let mut ledger = ledger(&["a", "no good", "B_c", "d"]);
        assert_eq!(ledger.pending(), ["a", "B_c", "d"]);
        let failure = Failure { code: 1, reason: "because".to_owned(), general: false, transient: false };
        ledger.refuse(&[(2, failure)]);
        ledger.install(&BTreeMap::from([("b-c".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]));
        let lines: Vec<_> =
            ledger.reports().into_iter().map(|line| (line.name, line.installed_version, line.message)).collect();
        assert_eq!(lines[0], ("a".to_owned(), Some("1".to_owned()), None));
        assert!(lines[1].2.as_deref().is_some_and(|message| message.starts_with("Return code: 2.\n`name`")));
        assert_eq!(lines[2], ("B_c".to_owned(), Some("2".to_owned()), None));
        assert_eq!(lines[3], ("d".to_owned(), None, Some("Return code: 1.\nbecause".to_owned())));
        assert!(!ledger.is_complete());
    }
}
