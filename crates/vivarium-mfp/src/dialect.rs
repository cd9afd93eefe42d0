//! Problems that arise outside the handlers, rendered in the form of this dialect.

use axum::response::Response;
use vivarium_http::{Dialect, Problem, RequestContext};

use crate::document::JsonLayout;
use crate::presentation::Presentation;
use crate::refusal::Refusal;

const NAME: &str = "mfp";

/// The dialect with compact JSON, as the original's default.
#[derive(Debug, Clone)]
pub struct MfpDialect {
    /// The `productVersion` of every document.
    pub product_version: String,
}

/// The dialect with indented JSON: goes with [`crate::pretty_router`].
#[derive(Debug, Clone)]
pub struct PrettyMfpDialect {
    /// The `productVersion` of every document.
    pub product_version: String,
}

impl Dialect for MfpDialect {
    fn name(&self) -> &'static str {
        NAME
    }

    fn render(&self, problem: &Problem, context: &RequestContext) -> Response {
        render(&self.product_version, JsonLayout::Compact, problem, context)
    }
}

impl Dialect for PrettyMfpDialect {
    fn name(&self) -> &'static str {
        NAME
    }

    fn render(&self, problem: &Problem, context: &RequestContext) -> Response {
        render(&self.product_version, JsonLayout::Pretty, problem, context)
    }
}

fn render(product_version: &str, layout: JsonLayout, problem: &Problem, context: &RequestContext) -> Response {
    let presentation = Presentation { product_version: product_version.to_owned(), layout };
    Refusal::about(problem, context).respond(&presentation, context)
}
