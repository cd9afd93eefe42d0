//! Query strings and forms: pairs of percent-encoded UTF-8, read without loss.

use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::problem::{Fault, Problem};

/// The parameters of a query string in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryParameters(Vec<(String, String)>);

impl QueryParameters {
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Fault> {
        parse_pairs(query.unwrap_or_default()).map(Self).map_err(|reason| Fault::BadQuery { reason })
    }

    /// The last value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter in their order.
    pub fn all<'query>(&'query self, name: &'query str) -> impl Iterator<Item = &'query str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is `true` or `false`, in any case (Python sends `True`); `None` if it is absent.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => {
                Err(Fault::BadQuery { reason: format!("the parameter `{name}` must be `true` or `false`") }.into())
            }
        }
    }

    /// All parameters in their order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// Reads `name=value` pairs joined by `&`, with `+` for a blank.
pub(crate) fn parse_pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, String> {
    let blanks = text.replace('+', " ");
    let decoded = percent_decode_str(&blanks).decode_utf8().map_err(|_| "it is not UTF-8 once decoded".to_owned())?;
    Ok(decoded.into_owned())
}

impl<S: Send + Sync> FromRequestParts<S> for QueryParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::parse(parts.uri.query())?)
    }
}

/// The parameters, or none where they are not valid.
impl From<&http::Uri> for QueryParameters {
    fn from(uri: &http::Uri) -> Self {
        Self::parse(uri.query()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pairs_are_decoded_without_loss() {
        let query = QueryParameters::parse(Some("a=1&b=x%2Cy+z&a=%C3%BC&flag&&c=d=e")).unwrap();
        assert_eq!(query.get("a"), Some("ü"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "ü"]);
        assert_eq!(query.get("b"), Some("x,y z"));
        assert_eq!(query.get("flag"), Some(""));
        assert_eq!(query.get("c"), Some("d=e"));
        assert!(QueryParameters::parse(Some("a=%ff")).is_err());
    }

    #[test]
    fn flags_are_read_in_any_case() {
        let query = QueryParameters::parse(Some("a=True&b=FALSE&c=1")).unwrap();
        assert_eq!(query.flag("a").unwrap(), Some(true));
        assert_eq!(query.flag("b").unwrap(), Some(false));
        assert_eq!(query.flag("d").unwrap(), None);
        assert!(query.flag("c").is_err());
    }
}
