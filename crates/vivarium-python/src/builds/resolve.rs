//! Resolution with source distributions: placeholders say what there is, the installer chooses, what it chose is built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::index::{SourceFile, sources_of};
use super::kept::Work;
use super::maker::{Sources, Wanted};
use super::unmet::unmet;
use super::{Origins, placeholder};
use crate::installer::{Failure, Lock, Resolve, Uv};

/// Looks at what is new each time, so it ends by itself; this bounds what nobody foresaw.
const MAXIMUM_ROUNDS: usize = 40;
/// Projects without wheels that one resolution may ask the index for.
const MAXIMUM_PROJECTS: usize = 40;
/// Newest versions of a project that are offered.
const MAXIMUM_VERSIONS: usize = 200;

impl Sources<'_> {
    /// Resolves with wheels; what has no wheel that fits is built from source.
    pub(crate) async fn resolve(&self, uv: &Uv, request: &Resolve<'_>) -> Result<Lock, Failure> {
        let work = self.shared.kept.work().map_err(|error| Failure::general(1, error.to_string()))?;
        let mut course =
            Course { sources: self, uv, work, offers: BTreeMap::new(), built: Vec::new(), failures: Vec::new() };
        for _ in 0..MAXIMUM_ROUNDS {
            let links = course.links();
            let (resolved, log) = uv.resolve_aloud(&Resolve { links: &links, ..*request }).await;
            if resolved.as_ref().is_err_and(|failure| failure.general) || !course.step(&resolved, &log).await? {
                return course.conclude(resolved);
            }
        }
        Err(Failure::general(1, "the packages without wheels could not be settled"))
    }
}

/// One resolution on its way.
struct Course<'course, 'build> {
    sources: &'course Sources<'build>,
    uv: &'course Uv,
    /// Holds a directory of placeholders for each project that is offered.
    work: Work,
    /// What may still be built of each project that was asked for; nothing once it was built or failed.
    offers: BTreeMap<String, Vec<SourceFile>>,
    /// Directories of built wheels.
    built: Vec<PathBuf>,
    /// What could not be built, by project.
    failures: Vec<(String, Failure)>,
}

impl Course<'_, '_> {
    /// Directories in which the installer finds placeholders and built wheels.
    fn links(&self) -> Vec<PathBuf> {
        let offered = self.offers.iter().filter(|(_, files)| !files.is_empty());
        offered.map(|(project, _)| self.work.path().join(project)).chain(self.built.iter().cloned()).collect()
    }

    /// Whether there is something new, so that another resolution may end otherwise.
    async fn step(&mut self, resolved: &Result<Lock, Failure>, log: &str) -> Result<bool, Failure> {
        if let Ok(lock) = resolved
            && let Some((project, source)) = self.chosen(lock)
        {
            self.build(&project, &source).await?;
            return Ok(true);
        }
        let new: BTreeSet<String> = unmet(log).into_iter().filter(|name| !self.offers.contains_key(name)).collect();
        let mut any = false;
        for project in new.into_iter().take(MAXIMUM_PROJECTS.saturating_sub(self.offers.len())) {
            any |= self.offer(project).await;
        }
        Ok(any)
    }

    /// A placeholder that the installer has chosen.
    fn chosen(&self, lock: &Lock) -> Option<(String, SourceFile)> {
        let versions = lock.versions();
        self.offers.iter().find_map(|(project, files)| {
            let version = versions.get(project)?.parse().ok()?;
            let file = files.iter().find(|file| file.version == version)?;
            Some((project.clone(), file.clone()))
        })
    }

    /// Whether or not it succeeds, nothing further of the project is offered: a package that does not build
    /// is not tried in all its versions.
    async fn build(&mut self, project: &str, source: &SourceFile) -> Result<(), Failure> {
        let origins = self.uv.origins().await;
        let wanted = Wanted { project, source, origins: &origins, uv: self.uv };
        self.offers.insert(project.to_owned(), Vec::new());
        match self.sources.wheel(&wanted).await {
            Ok(directory) => self.built.push(directory),
            Err(failure) if failure.general => return Err(failure),
            Err(failure) => self.failures.push((project.to_owned(), failure)),
        }
        Ok(())
    }

    /// Whether there are source distributions of the project.
    async fn offer(&mut self, project: String) -> bool {
        let origins: Origins = self.uv.origins().await;
        let (name, directory) = (project.clone(), self.work.path().join(&project));
        let write = move || {
            let mut files = sources_of(&name, &origins)?;
            files.drain(..files.len().saturating_sub(MAXIMUM_VERSIONS));
            std::fs::create_dir(&directory).map_err(|error| error.to_string())?;
            let written = files.iter().try_for_each(|file| placeholder::write(&directory, &name, file));
            written.map_err(|error| error.to_string())?;
            Ok::<_, String>(files)
        };
        let found = tokio::task::spawn_blocking(write).await.map_err(|error| error.to_string());
        let files = found.and_then(|files| files).unwrap_or_else(|reason| {
            let reason = format!("cannot look for `{project}` as source: {reason}");
            self.failures.push((project.clone(), Failure { code: 1, reason, general: false, transient: true }));
            Vec::new()
        });
        let any = !files.is_empty();
        self.offers.insert(project, files);
        any
    }

    /// A build that failed says better than the installer why there is no wheel of what the installer names.
    fn conclude(self, resolved: Result<Lock, Failure>) -> Result<Lock, Failure> {
        let failure = match resolved {
            Ok(lock) => return Ok(lock.with_links(self.built)),
            Err(failure) => failure,
        };
        let mut told = self.failures.into_iter().filter(|(project, _)| names(&failure.reason, project));
        Err(told.next().map_or(failure.clone(), |(_, better)| better))
    }
}

/// Whether the project occurs in a text as a word of its own.
fn names(text: &str, project: &str) -> bool {
    let is_name = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    text.split(|character| !is_name(character)).any(|word| word == project)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_found() {
        let text = "Because all versions of a-b have no usable wheels and you require c[x]==1, we";
        assert!(names(text, "a-b") && names(text, "c"));
        assert!(!names(text, "a") && !names(text, "b"));
    }
}
