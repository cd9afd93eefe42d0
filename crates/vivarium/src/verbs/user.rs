//! `vivarium user add|list|remove`: on the database itself, also while a server runs.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value, json};
use vivarium_domain::account::{Accounts, NewUser, Role, User};

use crate::Environment;
use crate::command_line::{OutputForm, StoreOptions, UserAddOptions, UserVerb};
use crate::configuration::load_for_store;
use crate::executor::block_on;
use crate::fault::{Fault, Outcome, chain};
use crate::input::read_secret;
use crate::output;
use crate::server::{self, DataDirectory};

/// Does what the verb says.
pub(crate) fn execute(verb: &UserVerb, environment: &Environment) -> Outcome<ExitCode> {
    match verb {
        UserVerb::Add(options) => add(options, environment),
        UserVerb::List(options) => list(options.output, &options.store, environment),
        UserVerb::Remove(options) => remove(&options.name, &options.store, environment),
    }
}

fn add(options: &UserAddOptions, environment: &Environment) -> Outcome<ExitCode> {
    let roles: BTreeSet<Role> =
        options.roles.iter().map(|role| role.parse().map_err(Fault::usage)).collect::<Outcome<_>>()?;
    let password = read_secret("the password")?;
    let new = NewUser { name: options.name.clone(), full_name: options.full_name.clone(), password, roles };
    let user = with_accounts(&options.store, environment, async |accounts| accounts.add_user(new).await)
        .map_err(|fault| fault.in_step(&format!("cannot add the user `{}`", options.name)))?;
    output::talk(&format!("added the user `{}` with the id {}", user.name, user.id));
    Ok(ExitCode::SUCCESS)
}

fn list(form: OutputForm, store: &StoreOptions, environment: &Environment) -> Outcome<ExitCode> {
    let users = with_accounts(store, environment, async |accounts| accounts.list_users().await)
        .map_err(|fault| fault.in_step("cannot list the users"))?;
    output::data(&match form {
        OutputForm::Text => as_text(&users),
        OutputForm::Json => format!("{:#}", Value::from_iter(users.iter().map(as_json))),
    });
    Ok(ExitCode::SUCCESS)
}

fn remove(name: &str, store: &StoreOptions, environment: &Environment) -> Outcome<ExitCode> {
    with_accounts(store, environment, async |accounts| accounts.remove_user(name).await)
        .map_err(|fault| fault.in_step(&format!("cannot remove the user `{name}`")))?;
    output::talk(&format!("removed the user `{name}`"));
    Ok(ExitCode::SUCCESS)
}

/// What went wrong: before the use case was reached, or in it.
enum Failure {
    Before(Fault),
    Domain(vivarium_domain::Error),
}

impl Failure {
    fn in_step(self, step: &str) -> Fault {
        match self {
            Self::Before(fault) => fault,
            Self::Domain(error) => Fault::new(format!("{step}: {}", chain(&error))),
        }
    }
}

fn with_accounts<T>(
    options: &StoreOptions,
    environment: &Environment,
    work: impl AsyncFnOnce(Arc<Accounts>) -> vivarium_domain::Result<T>,
) -> Result<T, Failure> {
    let opened = async {
        let configuration = load_for_store(options, environment)?;
        let data = DataDirectory::ensure(&configuration)?;
        let store = server::open_store(server::store_settings(&configuration, &data)?).await?;
        let accounts = server::accounts(&configuration, store.clone())?;
        let result = work(accounts).await;
        store.close().await;
        Ok(result)
    };
    block_on(opened).map_err(Failure::Before)?.map_err(Failure::Domain)
}

fn as_text(users: &[User]) -> String {
    let heading = ["NAME", "FULL NAME", "ROLES", "ID"].map(str::to_owned).to_vec();
    let row = |user: &User| {
        let roles: Vec<_> = user.roles.iter().map(|role| role.as_str()).collect();
        let roles = if roles.is_empty() { "-".to_owned() } else { roles.join(",") };
        vec![user.name.to_string(), user.full_name.clone(), roles, user.id.to_string()]
    };
    output::table(&[heading].into_iter().chain(users.iter().map(row)).collect::<Vec<_>>())
}

fn as_json(user: &User) -> Value {
    let roles: Vec<_> = user.roles.iter().map(|role| role.as_str()).collect();
    json!({"id": user.id.to_string(), "name": user.name.as_str(), "fullName": user.full_name, "roles": roles})
}
