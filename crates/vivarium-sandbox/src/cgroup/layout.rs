//! Where each controller lives on this host, read once from /proc/self/mountinfo and
//! /proc/self/cgroup (`proc_pid_mountinfo(5)`, `cgroups(7)`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::layer::Layer;

/// The controllers that the sandbox needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// Memory and swap.
    Memory,
    /// Processor quota.
    Cpu,
    /// Number of processes and threads.
    Pids,
}

impl Controller {
    pub(crate) const ALL: [Self; 3] = [Self::Memory, Self::Cpu, Self::Pids];

    /// The kernel's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Pids => "pids",
        }
    }

    pub(crate) fn layer(self) -> Layer {
        match self {
            Self::Memory => Layer::CgroupMemory,
            Self::Cpu => Layer::CgroupCpu,
            Self::Pids => Layer::CgroupPids,
        }
    }
}

/// Which interface of the kernel drives a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Driver {
    /// A hierarchy of its own, or shared with few others.
    V1,
    /// The unified hierarchy.
    V2,
}

/// One mounted tree and the controllers that it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hierarchy {
    pub(crate) driver: Driver,
    /// The mount point.
    pub(crate) mount: PathBuf,
    /// The server's own cgroup, as a path below the mount point.
    pub(crate) own: PathBuf,
    /// Empty where the hierarchy is there for accounting only.
    pub(crate) controllers: Vec<Controller>,
    /// v1 `cpuacct`, or any v2: processor time can be read here.
    pub(crate) accounts_cpu: bool,
}

impl Hierarchy {
    /// The layer to blame for it.
    pub(crate) fn layer(&self) -> Layer {
        blame(&self.controllers)
    }
}

/// Accounting of processor time belongs to the processor's layer.
pub(super) fn blame(controllers: &[Controller]) -> Layer {
    controllers.first().copied().unwrap_or(Controller::Cpu).layer()
}

/// All hierarchies that serve a needed controller, and one that accounts processor time if none of
/// them does. Each controller is served at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) hierarchies: Vec<Hierarchy>,
}

/// The three texts that decide; plain so that samples of other hosts can be tested.
pub(crate) struct Sources<'a> {
    pub(crate) mountinfo: &'a str,
    pub(crate) own_cgroups: &'a str,
    /// `cgroup.controllers` of a cgroup, given its directory; empty when it cannot be read.
    pub(crate) v2_controllers: &'a dyn Fn(&Path) -> String,
}

impl Layout {
    /// Reads the host's layout. Unreadable files read as empty: then every controller is missing,
    /// which the caller reports by layer.
    pub(crate) fn detect() -> Self {
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        Self::parse(&Sources {
            mountinfo: &read(Path::new("/proc/self/mountinfo")),
            own_cgroups: &read(Path::new("/proc/self/cgroup")),
            v2_controllers: &|directory| read(&directory.join("cgroup.controllers")),
        })
    }

    pub(crate) fn parse(sources: &Sources<'_>) -> Self {
        let owns = own_paths(sources.own_cgroups);
        let mut layout = Self::default();
        let mut accounting = None;
        for mount in sources.mountinfo.lines().filter_map(CgroupMount::parse) {
            let hierarchy = mount.hierarchy(&owns, sources.v2_controllers);
            if hierarchy.driver == Driver::V1 && hierarchy.accounts_cpu {
                accounting.get_or_insert(Hierarchy { controllers: Vec::new(), ..hierarchy.clone() });
            }
            layout.add(hierarchy);
        }
        if !layout.hierarchies.iter().any(|hierarchy| hierarchy.accounts_cpu) {
            layout.hierarchies.extend(accounting);
        }
        layout
    }

    /// The same hierarchy may be mounted twice; the first mount of a controller wins.
    fn add(&mut self, mut hierarchy: Hierarchy) {
        hierarchy.controllers.retain(|controller| self.of(*controller).is_none());
        if !hierarchy.controllers.is_empty() {
            self.hierarchies.push(hierarchy);
        }
    }

    pub(crate) fn of(&self, controller: Controller) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| hierarchy.controllers.contains(&controller))
    }
}

/// A line of mountinfo that is a cgroup mount.
struct CgroupMount<'a> {
    driver: Driver,
    /// The cgroup that is visible at the mount point.
    root: &'a str,
    mount: PathBuf,
    /// Super block options; on v1 they name the controllers.
    options: Vec<&'a str>,
}

impl<'a> CgroupMount<'a> {
    /// Fields: id parent major:minor root mount-point options [tags] - type source super-options.
    fn parse(line: &'a str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let driver = match right.next()? {
            "cgroup" => Driver::V1,
            "cgroup2" => Driver::V2,
            _ => return None,
        };
        let options = right.nth(1)?.split(',').collect();
        let mut left = left.split(' ').skip(3);
        let root = left.next()?;
        let mount = PathBuf::from(unescape(left.next()?));
        Some(Self { driver, root, mount, options })
    }

    fn hierarchy(self, owns: &BTreeMap<String, String>, v2_controllers: &dyn Fn(&Path) -> String) -> Hierarchy {
        let own = self.own(owns);
        let offered = match self.driver {
            Driver::V1 => self.options.iter().map(ToString::to_string).collect(),
            Driver::V2 => words(&v2_controllers(&self.mount.join(&own))),
        };
        let offers = |name: &str| offered.iter().any(|offer: &String| offer == name);
        Hierarchy {
            driver: self.driver,
            controllers: Controller::ALL.into_iter().filter(|controller| offers(controller.name())).collect(),
            accounts_cpu: self.driver == Driver::V2 || offers("cpuacct"),
            mount: self.mount,
            own,
        }
    }

    /// The own path is told from the root of the hierarchy, the mount may show a part of it only.
    fn own(&self, owns: &BTreeMap<String, String>) -> PathBuf {
        let key = match self.driver {
            Driver::V2 => Some(""),
            Driver::V1 => self.options.iter().copied().find(|option| owns.contains_key(*option)),
        };
        let path = key.and_then(|key| owns.get(key)).map_or("/", String::as_str);
        let below = Path::new(path).strip_prefix(self.root).unwrap_or(Path::new(""));
        let climbs = below.components().any(|part| part.as_os_str() == "..");
        if climbs { PathBuf::new() } else { relative(below) }
    }
}

fn relative(path: &Path) -> PathBuf {
    path.strip_prefix("/").unwrap_or(path).to_owned()
}

/// Controller name to path; v2 has the empty name. Lines are `id:controllers:path`.
fn own_paths(text: &str) -> BTreeMap<String, String> {
    let mut paths = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(names), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        for name in names.split(',') {
            paths.insert(name.to_owned(), path.to_owned());
        }
    }
    paths
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// mountinfo writes space, tab, newline and backslash as three octal digits.
fn unescape(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
#[path = "layout_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
