//! Standard input.

use crate::fault::{Context, Outcome};

/// Reads a secret from the first line.
pub(crate) fn read_secret(what: &str) -> Outcome<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context(format!("cannot read {what} from standard input"))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
