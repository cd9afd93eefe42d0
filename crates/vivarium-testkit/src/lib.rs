//! Helpers for the tests of Vivarium: a store in memory, a clock that stands still, environments without packages
//! and instances without processes. Nothing here is part of the server.

mod clock;
mod environments;
mod instances;
mod store;
mod world;

pub use clock::ManualClock;
pub use environments::FakeEnvironments;
pub use instances::FakeInstances;
pub use store::MemoryStore;
pub use world::{NODE_NAME, PASSWORD, SCRIPT_TOKEN, World, WorldSettings};
