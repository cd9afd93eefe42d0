//! Errors as clients see them. The original documents no form for them, so the whole form stands in this module
//! (contract 1.11): a generic message, the messages that say more, and the HTTP status.

mod problem;

use axum::response::Response;
use http::header::{CONTENT_LANGUAGE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use vivarium_http::{Problem, RequestContext};

use crate::document::{Document, Format, List, Object};
use crate::language::{Catalogue, Code, Language, Message};
use crate::presentation::Presentation;

/// The realm of HTTP Basic; the original's is not known.
const CHALLENGE: &str = "Basic realm=\"Vivarium administration\", charset=\"UTF-8\"";

/// A request that is not fulfilled, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: Message,
    details: Vec<Message>,
}

/// Why a handler has no document.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Known in the words of this dialect.
    Refused(Refusal),
    /// Known in neutral words: the front logs it where that is due and has it rendered by [`crate::MfpDialect`].
    Problem(Problem),
}

impl Refusal {
    /// A refusal whose one message says everything.
    pub(crate) fn new(status: StatusCode, code: Code) -> Self {
        Self::of(status, Message::new(code))
    }

    /// The same for a message with arguments.
    pub(crate) fn of(status: StatusCode, message: Message) -> Self {
        Self { status, message, details: Vec::new() }
    }

    /// The same with one more message that says more.
    pub(crate) fn because(mut self, detail: Message) -> Self {
        self.details.push(detail);
        self
    }

    /// A parameter that cannot have the value it has.
    pub(crate) fn parameter(parameter: &str, value: &str, allowed: &[&str]) -> Self {
        let allowed = allowed.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
        let detail = Message::new(Code::WrongParameter).with("parameter", parameter);
        Self::new(StatusCode::BAD_REQUEST, Code::InvalidParameters)
            .because(detail.with("value", value).with("allowed", allowed))
    }

    /// The answer: in the format and language that the client prefers, in JSON where it accepts nothing on offer.
    pub(crate) fn respond(&self, presentation: &Presentation, context: &RequestContext) -> Response {
        let language = Language::wanted(context);
        let format = Format::negotiate(context.headers()).unwrap_or(Format::Json);
        let document = self.document(&Catalogue::of(language), &presentation.product_version);
        let mut response = presentation.answer(self.status, format, &document);
        response.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        response
    }

    /// `details` repeats the message where nothing says more, so that clients that show only one of the two show something.
    fn document(&self, catalogue: &Catalogue, product_version: &str) -> Document {
        let message = catalogue.text(&self.message);
        let texts: Vec<String> = self.details.iter().map(|detail| catalogue.text(detail)).collect();
        let error = |(detail, text): (&Message, &String)| {
            Object::new().with("errorCode", detail.code().as_str()).with("details", text.as_str())
        };
        let errors = self.details.iter().zip(&texts).map(error).collect();
        let content = Object::new()
            .with("productVersion", product_version)
            .with("errorCode", self.message.code().as_str())
            .with("details", texts.first().unwrap_or(&message).as_str())
            .with("errors", List::new("error", errors))
            .with("message", message);
        Document::new("error", content)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<vivarium_domain::Error> for Failure {
    fn from(error: vivarium_domain::Error) -> Self {
        Self::Problem(error.into())
    }
}
