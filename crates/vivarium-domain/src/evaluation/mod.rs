//! Evaluations: one execution of code in one instance.

mod accounting;
mod drive;
mod emission;
mod ending;
mod evaluations;
mod gate;
mod housekeeping;
mod identity;
mod literal;
mod live;
mod model;
mod recent;
mod start;
mod variable;
mod watch;

pub use emission::{Cursor, Emission};
pub use evaluations::{EvaluationCounts, EvaluationParts, EvaluationSettings, Evaluations};
pub use identity::Introduction;
pub use model::{Evaluation, EvaluationState, ExitReason, Usage};
pub use start::StartEvaluation;
pub use variable::{BoundVariable, GivenValue, GivenVariable, VariableType, bind};
pub use watch::Watch;
