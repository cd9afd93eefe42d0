//! What both HTTP dialects share: the server, its limits, request ids, problems and content negotiation.
//!
//! There are no routes here and no wire types. A dialect brings a router and a [`Dialect`]; the [`Front`] puts around them
//! what every request needs, and the [`Listener`] speaks HTTP/1.1 and HTTP/2 to the network.

mod accept;
mod access_log;
mod authorization;
mod body;
mod context;
mod deadline;
mod dialect;
mod forwarded;
mod front;
mod listener;
mod origin;
mod path;
mod prefer;
mod problem;
mod query;
mod request_id;
mod tls;

pub use accept::{negotiate, not_acceptable};
pub use access_log::{DURATION_METRIC, REQUESTS_METRIC};
pub use authorization::basic_credentials;
pub use body::{FormOrJson, JsonBody, OptionalJsonBody, TextBody};
pub use context::{Connection, RequestContext};
pub use deadline::Deadline;
pub use dialect::{Dialect, Mount, Neutral};
pub use front::{Front, FrontSettings};
pub use listener::{Listener, ListenerSettings};
pub use origin::OriginSettings;
pub use prefer::{prefer_wait, preference_applied};
pub use problem::{Answer, Fault, Problem};
pub use query::QueryParameters;
pub use request_id::RequestId;
pub use tls::{Tls, TlsError};
