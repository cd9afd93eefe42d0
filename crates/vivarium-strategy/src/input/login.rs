//! Logging in (contract 2.1, 2.5).

use serde_json::Value;
use vivarium_domain::account::{Credentials, TokenSecret};
use vivarium_domain::id::UserId;
use vivarium_domain::{Error, ErrorKind, Result};
use vivarium_http::FormOrJson;

use super::reader::{Faults, Object};

/// Login mode of a user name and a password.
const STANDARD: i64 = 1;
/// Login mode of an API token in `username`.
const API_TOKEN: i64 = 4096;
/// Login mode of a delegated session.
const DELEGATED: i64 = -1;
/// Login modes that this server knows of and does not offer.
const NOT_OFFERED: [(i64, &str); 2] = [(8, "anonymous"), (16, "LDAP")];
/// Kinds of clients: Python and Web.
const APPLICATION_TYPES: [i64; 2] = [76, 35];

/// What somebody logs in with, from either encoding.
pub(crate) fn login(body: FormOrJson) -> Result<Credentials> {
    let document = match body {
        FormOrJson::Json(document) => document,
        FormOrJson::Form(pairs) => Value::Object(pairs.into_iter().map(|(key, value)| (key, value.into())).collect()),
        FormOrJson::Empty => Value::Object(serde_json::Map::new()),
    };
    let faults = Faults::default();
    let credentials = credentials(&faults.root(&document)?)?;
    faults.check()?;
    credentials.ok_or_else(|| Error::invalid("the login is incomplete"))
}

fn credentials(root: &Object<'_>) -> Result<Option<Credentials>> {
    check_application_type(root)?;
    let mode = root.required("loginMode", root.digits("loginMode"));
    if let Some((_, name)) = NOT_OFFERED.iter().find(|(refused, _)| Some(*refused) == mode) {
        return Err(not_offered(name));
    }
    if mode.is_some_and(|mode| mode != STANDARD && mode != API_TOKEN) {
        root.fault("loginMode", "must be 1 (user name and password) or 4096 (API token in `username`)");
    }
    let name = root.required("username", root.text("username"));
    if mode == Some(API_TOKEN) {
        return Ok(name.map(|token| Credentials::ApiToken(TokenSecret::from_client(&token))));
    }
    let password = root.required("password", root.text("password"));
    Ok(name.zip(password).map(|(name, password)| Credentials::Password { name, password }))
}

/// The text `constraint violations` makes clients try again as the other type (contract 1.2).
fn check_application_type(root: &Object<'_>) -> Result<()> {
    match root.digits("applicationType") {
        Some(other) if !APPLICATION_TYPES.contains(&other) => Err(Error::invalid(format!(
            "constraint violations: `applicationType` must be 76 (Python) or 35 (Web), not {other}"
        ))),
        _ => Ok(()),
    }
}

fn not_offered(mode: &str) -> Error {
    let message = format!(
        "{mode} login is not offered by this server; use login mode 1 (user name and password) or 4096 (API token)"
    );
    Error::new(ErrorKind::NotSupported, message)
}

/// The identity token of a delegated session.
pub(crate) fn delegation(document: &Value) -> Result<Credentials> {
    let faults = Faults::default();
    let root = faults.root(document)?;
    if root.digits("loginMode").is_some_and(|mode| mode != DELEGATED) {
        root.fault("loginMode", "must be -1 here");
    }
    let token = root.required("identityToken", root.text("identityToken")).unwrap_or_default();
    faults.check()?;
    Ok(Credentials::IdentityToken(TokenSecret::from_client(&token)))
}

/// Whom an API token is asked for; `None` means the caller.
pub(crate) fn api_token_user(document: Option<&Value>) -> Result<Option<UserId>> {
    let Some(document) = document else { return Ok(None) };
    let faults = Faults::default();
    let user = faults.root(document)?.id("userId");
    faults.check()?;
    Ok(user)
}
