//! uv: looked for on the host, obtained once where it is missing, always run as a child process.

mod command;
mod failure;
mod index;
mod lock;
mod origins;
mod pip;
mod uv;
mod variables;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;

pub(crate) use failure::{Failure, without_credentials};
pub(crate) use lock::Lock;
pub(crate) use origins::Origins;
pub(crate) use uv::{Resolve, Uv};

use crate::settings::InstallerSettings;
use index::Index;
use pip::{Pip, UV_VERSION};

/// Makes uv available at first need.
pub(crate) struct Installer {
    settings: InstallerSettings,
    /// `installer` in the data directory: holds uv, if it had to be obtained, and its cache.
    directory: PathBuf,
    interpreters: Vec<PathBuf>,
    uv: OnceCell<Uv>,
}

impl Installer {
    /// # Errors
    /// The directory cannot be made.
    pub(crate) fn open(
        settings: InstallerSettings,
        directory: PathBuf,
        interpreters: Vec<PathBuf>,
    ) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        Ok(Self { settings, directory, interpreters, uv: OnceCell::new() })
    }

    /// Whether the operator allows builds from source.
    pub(crate) fn allows_source_builds(&self) -> bool {
        self.settings.source_builds
    }

    /// Where wheels that were built from source are kept.
    pub(crate) fn built_wheels(&self) -> PathBuf {
        self.directory.join("wheels")
    }

    /// uv, made available once even if several ask at the same time. A failure is tried again the next time.
    pub(crate) async fn uv(&self) -> Result<&Uv, String> {
        self.uv.get_or_try_init(|| self.prepare()).await
    }

    async fn prepare(&self) -> Result<Uv, String> {
        let program = match self.find()? {
            Some(program) => program,
            None => self.obtain().await.map_err(|reason| format!("cannot obtain uv {UV_VERSION}: {reason}"))?,
        };
        tracing::info!(program = %program.display(), "packages are installed by uv");
        let index = Index::new(&self.settings, &self.pip().configuration().await);
        let mut environment = variables::for_uv(&self.settings.environment);
        environment.extend(index.uv_environment().into_iter().map(|(name, value)| (name.to_owned(), value)));
        // Enough for a hiccup; a node without an index shall say so soon.
        environment.entry("UV_HTTP_RETRIES".to_owned()).or_insert_with(|| "2".to_owned());
        environment.insert("UV_PYTHON_DOWNLOADS".to_owned(), "never".to_owned());
        environment.insert("XDG_DATA_HOME".to_owned(), self.directory.join("data").to_string_lossy().into_owned());
        let (arguments, offline) = (self.arguments(&index), self.settings.offline);
        Ok(Uv { program, environment, arguments, index, offline, origins: OnceCell::new() })
    }

    fn arguments(&self, index: &Index) -> Vec<String> {
        let cache = self.directory.join("cache").to_string_lossy().into_owned();
        let fixed = ["--no-config", "--no-progress", "--quiet", "--color", "never", "--cache-dir", &cache];
        let mut arguments: Vec<String> = fixed.map(str::to_owned).to_vec();
        arguments.extend(index.uv_arguments());
        // Never anything else: uv builds with the rights and the network of the server.
        arguments.extend(["--only-binary", ":all:"].map(str::to_owned));
        if self.settings.offline {
            arguments.push("--offline".to_owned());
        }
        arguments
    }

    /// The configured one, one on the search path, or one that was obtained before.
    fn find(&self) -> Result<Option<PathBuf>, String> {
        if let Some(configured) = &self.settings.uv {
            let missing = || format!("the configured uv `{}` is no executable file", configured.display());
            return is_program(configured).then(|| Some(configured.clone())).ok_or_else(missing);
        }
        let on_path = self.settings.search_path.iter().map(|directory| directory.join("uv"));
        Ok(on_path.chain([self.obtained()]).find(|path| is_program(path)))
    }

    fn obtained(&self) -> PathBuf {
        self.directory.join(format!("uv-{UV_VERSION}"))
    }

    /// Fetches the pinned wheel; the program appears whole or not at all.
    async fn obtain(&self) -> Result<PathBuf, String> {
        let work = tempfile::Builder::new().prefix(".uv-").tempdir_in(&self.directory);
        let work = work.map_err(|error| error.to_string())?;
        let program = self.pip().obtain_uv(work.path()).await?;
        let place = || -> io::Result<()> {
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
            fs::File::open(&program)?.sync_all()?;
            fs::rename(&program, self.obtained())
        };
        place().map_err(|error| format!("cannot keep it: {error}"))?;
        Ok(self.obtained())
    }

    fn pip(&self) -> Pip<'_> {
        Pip { settings: &self.settings, interpreters: &self.interpreters, directory: &self.directory }
    }

    /// What a resolution depends on besides the requirements.
    pub(crate) fn fingerprint(&self) -> String {
        let InstallerSettings { index_url, extra_index_urls, find_links, offline, source_builds, .. } = &self.settings;
        let pip = self.settings.environment.iter().filter(|(name, _)| name.starts_with("PIP_"));
        format!(
            "{index_url:?}\n{extra_index_urls:?}\n{find_links:?}\n{offline}\n{source_builds}\n{:?}\n",
            pip.collect::<Vec<_>>()
        )
    }
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_configured_program_that_is_missing_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let settings = InstallerSettings { uv: Some("/nonexistent/uv".into()), ..InstallerSettings::default() };
        let installer = Installer::open(settings, directory.path().join("installer"), Vec::new()).unwrap();
        assert_eq!(installer.uv().await.unwrap_err(), "the configured uv `/nonexistent/uv` is no executable file");
    }

    #[tokio::test]
    async fn without_pip_the_remedy_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let installer = Installer::open(InstallerSettings::default(), directory.path().to_owned(), Vec::new()).unwrap();
        let error = installer.uv().await.unwrap_err();
        assert!(error.contains("cannot obtain uv") && error.contains("hint: install uv"), "{error}");
    }
}
