//! What the use cases need of the outside: a store, environments, instances.

mod environments;
mod instances;
mod store;

pub use environments::{EnvironmentBuild, EnvironmentReport, Environments, Interpreter, ProgressSink};
pub use instances::{
    Ending, InstanceEvent, InstanceLimits, Instances, ParkingOrder, PoolState, Predefined, RunOutcome, RunRequest,
};
pub use store::{
    AccountStore, EvaluationStore, NodeStore, ProjectStore, Retention, RuntimeStore, Store, StoreError, StoreResult,
};
