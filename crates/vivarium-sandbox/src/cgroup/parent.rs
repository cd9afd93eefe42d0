//! The cgroups below which all instances of this server lie, one for each hierarchy.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::layout::{Controller, Driver, Hierarchy, Layout, blame};
use super::{files, v2};
use crate::error::Fault;
use crate::layer::{Demands, Layer};

/// Made once; instances are made below it.
#[derive(Debug, Default)]
pub(crate) struct Parent {
    pub(super) places: Vec<Place>,
    /// Layers that were lowered and are absent.
    pub(crate) missing: Vec<Layer>,
}

/// The server's directory in one hierarchy.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) driver: Driver,
    pub(super) directory: PathBuf,
    pub(super) controllers: Vec<Controller>,
    pub(super) accounts_cpu: bool,
}

impl Place {
    /// The layer to blame for it.
    pub(super) fn layer(&self) -> Layer {
        blame(&self.controllers)
    }
}

impl Parent {
    /// Makes the directories named `name` below the server's own cgroups, so that limits set on
    /// the server as a whole hold for its instances too.
    pub(crate) fn make(layout: &Layout, name: &str, demands: &Demands) -> Result<Self, Fault> {
        let mut parent = Self::default();
        for hierarchy in &layout.hierarchies {
            match make_place(hierarchy, name) {
                Ok(place) => parent.places.push(place),
                Err(fault) => parent.excuse(&hierarchy.controllers, demands, &fault)?,
            }
        }
        for controller in Controller::ALL {
            if layout.of(controller).is_none() {
                let fault = not_mounted(controller);
                parent.excuse(&[controller], demands, &fault)?;
            }
        }
        Ok(parent)
    }

    /// Nothing is demanded of a place that only accounts: without it `wait4(2)` tells less.
    fn excuse(&mut self, controllers: &[Controller], demands: &Demands, fault: &Fault) -> Result<(), Fault> {
        for controller in controllers {
            let layer = controller.layer();
            if demands.requires(layer) {
                let layered = Fault { layer, ..fault.clone() };
                return Err(layered);
            }
            self.missing.push(layer);
        }
        Ok(())
    }

    pub(crate) fn driver(&self, controller: Controller) -> Option<Driver> {
        self.places.iter().find(|place| place.controllers.contains(&controller)).map(|place| place.driver)
    }

    /// Removes the directories when no instance is left in them; else leaves them to the next
    /// start.
    pub(crate) fn remove(&self) {
        for place in &self.places {
            if let Err(error) = std::fs::remove_dir(&place.directory) {
                let directory = place.directory.display();
                tracing::debug!(%directory, %error, "cannot remove the cgroup of all instances");
            }
        }
    }
}

fn not_mounted(controller: Controller) -> Fault {
    Fault::new(controller.layer(), "find the cgroup controller")
        .about(controller.name())
        .because("no mounted cgroup hierarchy offers it")
}

fn make_place(hierarchy: &Hierarchy, name: &str) -> Result<Place, Fault> {
    let own = hierarchy.mount.join(&hierarchy.own);
    let directory = match hierarchy.driver {
        Driver::V1 => make_directory(&own.join(name))?,
        Driver::V2 => make_v2(hierarchy, &own, name)?,
    };
    Ok(Place {
        driver: hierarchy.driver,
        directory,
        controllers: hierarchy.controllers.clone(),
        accounts_cpu: hierarchy.accounts_cpu,
    })
}

fn make_directory(directory: &Path) -> Result<PathBuf, Fault> {
    match std::fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(fault("create the cgroup", directory, &error))
        }
        _ => Ok(directory.to_owned()),
    }
}

/// On v2 a cgroup with processes in it cannot give controllers to its children (the root can), so
/// the server steps aside into a leaf. Where strangers share its cgroup, as in a login session,
/// that does not help; the root of the hierarchy is left then, for those who may.
fn make_v2(hierarchy: &Hierarchy, own: &Path, name: &str) -> Result<PathBuf, Fault> {
    let leaf = format!("{name}.server");
    let base = match own.file_name() {
        Some(last) if last == leaf.as_str() => own.parent().unwrap_or(own),
        _ => own,
    };
    let controllers = &hierarchy.controllers;
    match make_delegated(base, name, &leaf, controllers) {
        Err(fault) if fault.errno == Some(Errno::BUSY.raw_os_error()) => {
            make_delegated(&hierarchy.mount, name, &leaf, controllers).map_err(|_| fault)
        }
        made => made,
    }
}

fn make_delegated(base: &Path, name: &str, leaf: &str, controllers: &[Controller]) -> Result<PathBuf, Fault> {
    if let Err(error) = v2::enable(base, controllers) {
        if error.raw_os_error() != Some(Errno::BUSY.raw_os_error()) {
            return Err(fault("enable the controllers of", base, &error));
        }
        step_aside(&base.join(leaf))?;
        v2::enable(base, controllers).map_err(|error| fault("enable the controllers of", base, &error))?;
    }
    let directory = make_directory(&base.join(name))?;
    v2::enable(&directory, controllers).map_err(|error| fault("enable the controllers of", &directory, &error))?;
    Ok(directory)
}

/// Moves the whole server; writing to `cgroup.procs` takes all threads along.
fn step_aside(leaf: &Path) -> Result<(), Fault> {
    let leaf = make_directory(leaf)?;
    files::write(&leaf, "cgroup.procs", std::process::id())
        .map_err(|error| fault("move the server into", &leaf, &error))
}

/// The layer is set by the caller, who knows which controllers are concerned.
fn fault(step: &str, directory: &Path, error: &io::Error) -> Fault {
    Fault::new(Layer::CgroupMemory, step).about(directory.display()).io(error)
}
