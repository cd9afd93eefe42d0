//! Evaluations: one execution of code in one instance.

//mod evaluations;
//mod gate;
mod literal;
//mod live;
mod model;
mod variable;

//pub use evaluations::{EvaluationSettings, Evaluations, StartEvaluation};
//pub use gate::Gate;
//pub use live::{Cursor, Watch};
pub use model::{Evaluation, EvaluationState, Usage};
pub use variable::{BoundVariable, GivenValue, GivenVariable, VariableType, bind};
