//! Who calls, by HTTP Basic, and whether they may (contract 1.3).

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use vivarium_domain::access::Caller;
use vivarium_domain::account::Accounts;
use vivarium_http::{RequestContext, basic_credentials};

use crate::endpoint::Endpoint;
use crate::language::{Code, Message};
use crate::refusal::{Failure, Refusal};

/// The user whose name and password the request has.
///
/// # Errors
/// 401 without credentials and with wrong or unreadable ones; 429 after too many failures.
pub(crate) async fn authenticate(
    accounts: &Accounts,
    headers: &HeaderMap,
    context: &RequestContext,
) -> Result<Caller, Failure> {
    let Some((name, password)) = basic_credentials(headers) else {
        let given = headers.contains_key(AUTHORIZATION);
        let code = if given { Code::UnreadableCredentials } else { Code::NoCredentials };
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, code).into());
    };
    Ok(accounts.authenticate_basic(&name, &password, context.client()).await?)
}

/// Refuses callers who have none of the roles of the endpoint.
///
/// # Errors
/// 403.
pub(crate) fn authorize(caller: &Caller, endpoint: Endpoint) -> Result<(), Refusal> {
    if caller.has_any_role(endpoint.roles()) {
        return Ok(());
    }
    let roles: Vec<String> = endpoint.roles().iter().map(|role| format!("`{role}`")).collect();
    let message = Message::new(Code::MissingRole).with("user", caller.user().name.as_str());
    Err(Refusal::of(StatusCode::FORBIDDEN, message.with("roles", roles.join(", "))))
}
