//! `vivarium config show`

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::Environment;
use crate::command_line::{ConfigShowOptions, ConfigVerb, OutputForm};
use crate::configuration::{Setting, load};
use crate::fault::Outcome;
use crate::output;

/// Prints every setting with its origin.
pub(crate) fn execute(verb: &ConfigVerb, environment: &Environment) -> Outcome<ExitCode> {
    let ConfigVerb::Show(ConfigShowOptions { output: form, serve }) = verb;
    let settings = load(serve, environment)?.settings;
    output::data(&match form {
        OutputForm::Text => as_text(&settings),
        OutputForm::Json => as_json(&settings),
    });
    Ok(ExitCode::SUCCESS)
}

fn as_text(settings: &[Setting]) -> String {
    let heading = ["SETTING", "VALUE", "ORIGIN"].map(str::to_owned).to_vec();
    let value = |value: &Value| if value.is_null() { "-".to_owned() } else { value.to_string() };
    let rows =
        settings.iter().map(|setting| vec![setting.key.clone(), value(&setting.value), setting.origin.to_string()]);
    output::table(&[heading].into_iter().chain(rows).collect::<Vec<_>>())
}

fn as_json(settings: &[Setting]) -> String {
    let entry = |setting: &Setting| {
        (setting.key.clone(), json!({"value": setting.value, "origin": setting.origin.to_string()}))
    };
    format!("{:#}", Value::Object(settings.iter().map(entry).collect::<Map<_, _>>()))
}
