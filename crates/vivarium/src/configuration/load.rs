//! Reading the configuration.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::mask::masked;
use super::sections::Configuration;
use super::tree::{Origin, Setting, Tree};
use crate::Environment;
use crate::command_line::{ServeOptions, StoreOptions};
use crate::fault::{Fault, Outcome};

/// Environment variables and the settings that they are.
const VARIABLES: [(&str, &str); 5] = [
    ("VIVARIUM_LISTEN", "server.listen"),
    ("VIVARIUM_DATA_DIR", "server.data_dir"),
    ("VIVARIUM_DATABASE_URL", "database.url"),
    ("VIVARIUM_NODE_NAME", "server.node_name"),
    ("VIVARIUM_ADMIN_PASSWORD", "administrator.password"),
];

/// Names the configuration file.
const CONFIG_VARIABLE: &str = "VIVARIUM_CONFIG";

/// The configuration, and where each value comes from.
pub(crate) struct Loaded {
    /// The values.
    pub configuration: Configuration,
    /// All of them with their origins, secrets masked, for show.
    pub settings: Vec<Setting>,
}

/// Reads the configuration for a verb with the flags of `serve`.
///
/// # Errors
/// A file that cannot be read, keys that do not exist, values of the wrong type.
pub(crate) fn load(options: &ServeOptions, environment: &Environment) -> Outcome<Loaded> {
    let defaults = serde_json::to_value(Configuration::default())
        .map_err(|error| Fault::new(format!("cannot lay out the default configuration: {error}")))?;
    let mut tree = Tree::of_defaults(&defaults);
    tree.set("server.data_dir", default_data_directory(environment), Origin::Default);
    if let Some(file) = file_of(&options.store, environment) {
        let fault =
            |reason: String| Fault::usage(format!("cannot use the configuration `{}`: {reason}", file.display()));
        let document = read_file(&file).map_err(fault)?;
        tree.overlay(document).map_err(|reason| fault(reason).hint("`vivarium config show` lists every key"))?;
    }
    for (variable, key) in VARIABLES {
        if let Some(value) = environment.get(variable).filter(|value| !value.is_empty()) {
            tree.set(key, Value::from(value.as_str()), Origin::Environment(variable));
        }
    }
    for (flag, key, value) in flags(options) {
        tree.set(key, Value::from(value), Origin::Flag(flag));
    }
    let configuration = typed(&tree)?;
    let mut settings = tree.into_settings();
    settings.iter_mut().for_each(|setting| setting.value = masked(&setting.key, &setting.value));
    Ok(Loaded { configuration, settings })
}

/// Reads the configuration for a verb that has only the flags about the store.
pub(crate) fn load_for_store(store: &StoreOptions, environment: &Environment) -> Outcome<Configuration> {
    let options = ServeOptions { store: store.clone(), ..ServeOptions::default() };
    Ok(load(&options, environment)?.configuration)
}

fn flags(options: &ServeOptions) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
    let given = [
        ("--listen", "server.listen", &options.listen),
        ("--data-dir", "server.data_dir", &options.store.data_dir),
        ("--database-url", "database.url", &options.store.database_url),
        ("--node-name", "server.node_name", &options.node_name),
    ];
    given.into_iter().filter_map(|(flag, key, value)| Some((flag, key, value.as_deref()?)))
}

fn file_of(options: &StoreOptions, environment: &Environment) -> Option<PathBuf> {
    let variable = || environment.get(CONFIG_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    options.config.clone().or_else(variable)
}

/// Where the base directory specification of freedesktop.org puts a user's data; null if there is no home.
fn default_data_directory(environment: &Environment) -> Value {
    let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || absolute("HOME").map(|home| home.join(".local/share"));
    let directory = absolute("XDG_DATA_HOME").or_else(home).map(|base| base.join("vivarium"));
    directory.map_or(Value::Null, |directory| Value::from(directory.to_string_lossy()))
}

fn read_file(path: &Path) -> Result<Map<String, Value>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| error.to_string().trim_end().to_owned())?;
    match serde_json::to_value(table) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err("it is not a table".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The values in their types; a fault names the key, and who gave the wrong value.
fn typed(tree: &Tree) -> Outcome<Configuration> {
    serde_path_to_error::deserialize(tree.document()).map_err(|error| {
        let key = error.path().to_string();
        let origin = tree.origin(&key).map_or_else(String::new, |origin| format!(" (from {origin})"));
        Fault::usage(format!("cannot use the setting `{key}`{origin}: {}", error.into_inner()))
    })
}
