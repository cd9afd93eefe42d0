//! Ids in paths.

use std::str::FromStr;

use vivarium_domain::{Error, FieldError, Result};

/// The id that a part of the path is.
pub(crate) fn id<T: FromStr>(text: &str) -> Result<T> {
    let shown: String = text.chars().take(40).collect();
    let fault = || FieldError::new("id", format!("`{shown}` is not an id of 32 hexadecimal digits"));
    text.parse().map_err(|_| Error::invalid_fields(vec![fault()]))
}
