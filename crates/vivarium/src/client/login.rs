//! Opening a session (contract 2.1 and 2.5).

use serde_json::{Value, json};

use super::Client;
use crate::Environment;
use crate::command_line::ConnectionOptions;
use crate::configuration::load_for_store;
use crate::executor::block_on;
use crate::fault::{Context, Fault, Outcome};
use crate::input::read_secret;
use crate::server::{self, DataDirectory};

/// Holds an API token.
const TOKEN_VARIABLE: &str = "VIVARIUM_TOKEN";

/// Names Python programs to the server.
const APPLICATION: u32 = 76;

/// Opens a session; its token.
pub(super) fn log_in(client: &Client, options: &ConnectionOptions, environment: &Environment) -> Outcome<String> {
    if let Some(user) = &options.user {
        let password = read_secret("the password")?;
        let body = json!({"loginMode": 1, "applicationType": APPLICATION, "username": user, "password": password});
        return session(client, "/auth/login", &body);
    }
    if let Some(token) = api_token(options, environment)? {
        let body = json!({"loginMode": 4096, "applicationType": APPLICATION, "username": token});
        return session(client, "/auth/login", &body);
    }
    let token = operator_token(options, environment)?;
    session(client, "/auth/delegate", &json!({"loginMode": "-1", "identityToken": token})).map_err(|fault| {
        let message = format!("cannot act as the administrator by way of the data directory: {}", fault.message());
        Fault::new(message).hint("name the data directory of that server, or log in with `--user` or `--token-file`")
    })
}

fn api_token(options: &ConnectionOptions, environment: &Environment) -> Outcome<Option<String>> {
    if let Some(path) = &options.token_file {
        let text = std::fs::read_to_string(path).context(format!("cannot read the token in `{}`", path.display()))?;
        return Ok(Some(text.trim().to_owned()));
    }
    let variable = environment.get(TOKEN_VARIABLE).map(|token| token.trim().to_owned());
    // Who names a data directory means to use it.
    Ok(variable.filter(|token| !token.is_empty() && options.store.data_dir.is_none()))
}

/// An identity token of the administrator: who may read and write the data directory of a server holds it anyway.
fn operator_token(options: &ConnectionOptions, environment: &Environment) -> Outcome<String> {
    let configuration = load_for_store(&options.store, environment)?;
    let hint = "log in with `--user NAME --password-stdin`, `--token-file FILE` or VIVARIUM_TOKEN, or name the \
                data directory of a server on this machine with `--data-dir`";
    let exists = configuration.server.data_dir.as_ref().is_some_and(|path| path.is_dir());
    if !exists && configuration.database.url.is_none() {
        return Err(Fault::new("cannot log in: there are no credentials").hint(hint));
    }
    let issue = async {
        let data = DataDirectory::ensure(&configuration)?;
        let store = server::open_store(server::store_settings(&configuration, &data)?).await?;
        let accounts = server::accounts(&configuration, store.clone())?;
        let caller = accounts.operator().await.context("cannot log in").map_err(|fault| fault.hint(hint))?;
        let token = accounts.issue_identity_token(&caller).await.context("cannot log in")?;
        store.close().await;
        Ok(token.reveal().to_owned())
    };
    block_on(issue)
}

fn session(client: &Client, path: &str, body: &Value) -> Outcome<String> {
    let response = client.send("POST", path, Some(body))?;
    let token = response.headers().get("X-MSTR-AuthToken").and_then(|token| token.to_str().ok());
    token.map(str::to_owned).ok_or_else(|| Fault::new("cannot log in: the answer of the server has no token"))
}
