//! What a request asks for, once it is clear that its sender may ask.

use std::collections::HashMap;

use axum::RequestPartsExt;
use axum::extract::{NestedPath, Path};
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use vivarium_domain::access::Caller;
use vivarium_http::{Fault, Problem, QueryParameters, RequestContext};

use crate::language::{Catalogue, Language};
use crate::refusal::Refusal;

/// Everything but the unreserved characters of RFC 3986 is encoded in a link, so that a name is one segment of it.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request of somebody who may make it.
pub(crate) struct Inquiry {
    /// Who asks.
    pub(crate) caller: Caller,
    /// The name of a runtime in the path, decoded; empty where the endpoint has none.
    pub(crate) runtime: String,
    context: RequestContext,
    query: QueryParameters,
    /// Path of the root of the interface, without a slash at the end.
    root: String,
}

impl Inquiry {
    /// Reads path and query.
    ///
    /// # Errors
    /// What is not percent-encoded UTF-8.
    pub(crate) async fn read(parts: &mut Parts, caller: Caller, context: RequestContext) -> Result<Self, Problem> {
        let query = parts.extract::<QueryParameters>().await?;
        let Path(mut names) = parts.extract::<Path<HashMap<String, String>>>().await.map_err(bad_path)?;
        let runtime = names.remove("runtime").unwrap_or_default();
        let nested = parts.extract::<NestedPath>().await;
        let root = nested.map(|path| path.as_str().trim_end_matches('/').to_owned()).unwrap_or_default();
        Ok(Self { caller, runtime, context, query, root })
    }

    /// The texts of messages in the language that the caller wants.
    pub(crate) fn catalogue(&self) -> Catalogue {
        Catalogue::of(Language::wanted(&self.context))
    }

    /// Absolute address of a runtime, under which the client of this request reaches it.
    pub(crate) fn link(&self, runtime: &str) -> String {
        let name = utf8_percent_encode(runtime, SEGMENT);
        format!("{}{}/runtimes/{name}", self.context.base_url(), self.root)
    }

    /// The choice that a parameter makes, by the words it knows; the first word where the parameter is absent or empty.
    /// Of a repeated parameter the first counts.
    ///
    /// # Errors
    /// 400 for any other word.
    pub(crate) fn choice<T: Copy>(&self, parameter: &str, words: &[(&str, T)]) -> Result<T, Refusal> {
        let given = self.query.all(parameter).next().unwrap_or_default();
        let chosen =
            words.iter().find(|(word, _)| given == *word).or_else(|| words.first().filter(|_| given.is_empty()));
        let refusal = || {
            let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Refusal::parameter(parameter, given, &allowed)
        };
        chosen.map(|(_, choice)| *choice).ok_or_else(refusal)
    }
}

fn bad_path(rejection: impl std::fmt::Display) -> Problem {
    Fault::BadPath { reason: rejection.to_string() }.into()
}
