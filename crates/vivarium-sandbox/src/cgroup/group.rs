//! The cgroups of one instance.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::layout::{Controller, Driver};
use super::leftovers::kill_all;
use super::parent::{Parent, Place};
use super::{v1, v2};
use crate::error::Fault;
use crate::layer::Layer;
use crate::plan::Limits;
use crate::wire::CgroupEntry;

/// One directory in each hierarchy. Must be removed by [`Group::remove`]; there is no drop because
/// removal may have to wait.
#[derive(Debug, Default)]
pub(crate) struct Group {
    parts: Vec<Place>,
}

/// What an instance used up.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    pub(crate) oom_killed: bool,
    pub(crate) process_limit_hit: bool,
    pub(crate) cpu_micros: Option<u64>,
    pub(crate) peak_memory_bytes: Option<u64>,
}

impl Group {
    /// Makes and limits the cgroups, while nobody is in them.
    pub(crate) fn make(parent: &Parent, name: &str, limits: &Limits) -> Result<Self, Fault> {
        let mut group = Self::default();
        for place in &parent.places {
            if let Err(fault) = group.add(place, name, limits) {
                group.remove();
                return Err(fault);
            }
        }
        Ok(group)
    }

    fn add(&mut self, place: &Place, name: &str, limits: &Limits) -> Result<(), Fault> {
        let directory = place.directory.join(name);
        std::fs::create_dir(&directory).map_err(|error| fault(place, "create the cgroup", &directory, &error))?;
        let part = Place { directory, ..place.clone() };
        let limited = limit(&part, limits);
        self.parts.push(part);
        limited
    }

    /// The files by which a process enters, each with the layer to blame.
    pub(crate) fn entries(&self) -> Vec<CgroupEntry> {
        let entry = |part: &Place| CgroupEntry { layer: part.layer(), procs: part.directory.join("cgroup.procs") };
        self.parts.iter().map(entry).collect()
    }

    /// The same files, opened: whoever has them may send processes here with the server's right.
    pub(crate) fn open_entries(&self) -> Result<Vec<(Layer, OwnedFd)>, Fault> {
        let open = |part: &Place| {
            let file = std::fs::OpenOptions::new().write(true).open(part.directory.join("cgroup.procs"));
            let opened = file.map_err(|error| fault(part, "open the cgroup", &part.directory, &error))?;
            Ok((part.layer(), opened.into()))
        };
        self.parts.iter().map(open).collect()
    }

    /// The v1 memory cgroup; v2 kills all together by itself.
    pub(crate) fn oom_event_of(&self) -> Option<PathBuf> {
        let part = self.part(Controller::Memory)?;
        (part.driver == Driver::V1).then(|| part.directory.clone())
    }

    fn part(&self, controller: Controller) -> Option<&Place> {
        self.parts.iter().find(|part| part.controllers.contains(&controller))
    }

    /// Reads the counters; they go with the cgroups.
    pub(crate) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        if let Some(part) = self.part(Controller::Memory) {
            usage.oom_killed = oom_kills(part).is_some_and(|count| count > 0);
            usage.peak_memory_bytes = peak_memory(part);
        }
        if let Some(part) = self.part(Controller::Pids) {
            usage.process_limit_hit =
                super::files::keyed(&part.directory, "pids.events", "max").is_some_and(|count| count > 0);
        }
        usage.cpu_micros = self.cpu_micros();
        usage
    }

    /// Processor time up to now, where a cgroup counts it.
    pub(crate) fn cpu_micros(&self) -> Option<u64> {
        self.parts.iter().find(|part| part.accounts_cpu).and_then(cpu_micros)
    }

    /// Changes [`Limits::cpu_weight`].
    pub(crate) fn weigh(&self, weight: u32) -> io::Result<()> {
        let Some(part) = self.part(Controller::Cpu) else { return Ok(()) };
        match part.driver {
            Driver::V1 => v1::weigh(&part.directory, weight),
            Driver::V2 => v2::weigh(&part.directory, weight),
        }
    }

    /// Kills whoever is inside. Needed only when the pid namespace could not be ended otherwise.
    pub(crate) fn kill(&self) {
        for part in &self.parts {
            kill_all(&part.directory);
        }
    }

    /// Removes what can be removed now; whether nothing is left.
    pub(crate) fn remove(&mut self) -> bool {
        self.parts.retain(|part| !is_gone(&part.directory));
        self.parts.is_empty()
    }
}

fn is_gone(directory: &Path) -> bool {
    match std::fs::remove_dir(directory) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn limit(part: &Place, limits: &Limits) -> Result<(), Fault> {
    for controller in &part.controllers {
        let done = match part.driver {
            Driver::V1 => v1::limit(&part.directory, *controller, limits),
            Driver::V2 => v2::limit(&part.directory, *controller, limits),
        };
        done.map_err(|error| {
            Fault::new(controller.layer(), "limit the cgroup").about(part.directory.display()).io(&error)
        })?;
    }
    Ok(())
}

fn oom_kills(part: &Place) -> Option<u64> {
    match part.driver {
        Driver::V1 => v1::oom_kills(&part.directory),
        Driver::V2 => v2::oom_kills(&part.directory),
    }
}

fn peak_memory(part: &Place) -> Option<u64> {
    match part.driver {
        Driver::V1 => v1::peak_memory(&part.directory),
        Driver::V2 => v2::peak_memory(&part.directory),
    }
}

fn cpu_micros(part: &Place) -> Option<u64> {
    match part.driver {
        Driver::V1 => v1::cpu_micros(&part.directory),
        Driver::V2 => v2::cpu_micros(&part.directory),
    }
}

fn fault(place: &Place, step: &str, directory: &Path, error: &io::Error) -> Fault {
    Fault::new(place.layer(), step).about(directory.display()).io(error)
}
