//! A client of the Strategy dialect, for the verbs that speak to a server.

mod events;
mod login;
mod wire;

use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider, parse_pem};

pub(crate) use events::{Event, follow};
pub(crate) use wire::{CANCELLED, EXPIRED, EvaluationDocument, READY, RuntimeDocument};

use crate::Environment;
use crate::command_line::ConnectionOptions;
use crate::fault::{Context, Fault, Outcome};

/// How long the server may take to accept a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer that is read, in bytes; event streams are not limited.
const ANSWER_LIMIT: u64 = 64 << 20;

/// Base path of the dialect where the address names none.
const API: &str = "/api";

/// A session on a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
    token: Option<String>,
}

impl Client {
    /// Logs in with what the options and the environment say.
    pub(crate) fn connect(options: &ConnectionOptions, environment: &Environment) -> Outcome<Self> {
        let mut client = Self { agent: agent(options)?, base: base(&options.url)?, token: None };
        client.token = Some(login::log_in(&client, options, environment)?);
        Ok(client)
    }

    /// All runtimes that the user may see.
    pub(crate) fn runtimes(&self) -> Outcome<Vec<RuntimeDocument>> {
        let body = self.call("GET", "/runtimes", None)?;
        let runtimes = body.get("runtimes").cloned().unwrap_or_default();
        serde_json::from_value(runtimes).context("cannot read the list of runtimes")
    }

    /// The runtime with the name or id.
    pub(crate) fn runtime(&self, wanted: &str) -> Outcome<RuntimeDocument> {
        let runtimes = self.runtimes()?;
        let names: Vec<_> = runtimes.iter().map(|runtime| format!("`{}`", runtime.name)).collect();
        let key = wanted.trim().to_lowercase();
        let found = runtimes.into_iter().find(|runtime| runtime.is_named(&key));
        found.ok_or_else(|| {
            let fault = Fault::new(format!("cannot find the runtime `{wanted}`: there is none of that name or id"));
            fault.hint(format!("the server has {}", names.join(", ")))
        })
    }

    /// Does something to a runtime: `stop`, `start` or `synchronize`.
    pub(crate) fn operate(&self, runtime: &RuntimeDocument, action: &str) -> Outcome<()> {
        self.call("POST", &format!("/runtimes/{}/{action}", runtime.id), None).map(|_| ())
    }

    /// Starts an evaluation; its id.
    pub(crate) fn start(&self, body: &Value) -> Outcome<String> {
        let answer = self.call("POST", "/scripts/evaluation", Some(body))?;
        let id = answer.get("id").and_then(Value::as_str).map(str::to_owned);
        id.ok_or_else(|| Fault::new("cannot start the evaluation: the answer of the server has no `id`"))
    }

    /// An evaluation as it is now.
    pub(crate) fn evaluation(&self, id: &str) -> Outcome<EvaluationDocument> {
        let body = self.call("GET", &format!("/scripts/evaluation/{id}"), None)?;
        serde_json::from_value(body).context("cannot read the state of the evaluation")
    }

    /// Cancels an evaluation.
    pub(crate) fn cancel(&self, id: &str) -> Outcome<()> {
        self.call("DELETE", &format!("/scripts/evaluation/{id}"), None).map(|_| ())
    }

    /// Ends the session, as a courtesy: where that fails it ends by itself.
    pub(crate) fn log_out(&self) {
        drop(self.call("POST", "/auth/logout", None));
    }

    /// The stream of events of an evaluation after the event with the id `last`.
    fn open_events(&self, id: &str, last: Option<&str>) -> Outcome<Box<dyn Read>> {
        let mut request = self.request("GET", &format!("/scripts/evaluation/{id}/events"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let request = request.header("Accept", "text/event-stream").body(()).context("cannot ask for events")?;
        let response = checked(self.agent.run(request).map_err(|error| self.unreachable(&error))?)?;
        Ok(Box::new(response.into_body().into_reader()))
    }

    /// One call; the JSON of its answer, null if it has none.
    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Outcome<Value> {
        read_json(self.send(method, path, body)?)
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Outcome<Response<ureq::Body>> {
        let request = self.request(method, path);
        let result = match body {
            None => self.agent.run(request.body(()).context("cannot make a request")?),
            Some(body) => {
                let request = request.header("Content-Type", "application/json");
                self.agent.run(request.body(body.to_string()).context("cannot make a request")?)
            }
        };
        checked(result.map_err(|error| self.unreachable(&error))?)
    }

    fn request(&self, method: &str, path: &str) -> ureq::http::request::Builder {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.header("X-MSTR-AuthToken", token),
            None => request,
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> Fault {
        let server = self.base.trim_end_matches(API);
        Fault::new(format!("cannot reach the server at `{server}`: {error}"))
            .hint("check that it runs, and the address in `--url`")
    }
}

fn agent(options: &ConnectionOptions) -> Outcome<Agent> {
    let mut tls = TlsConfig::builder().provider(TlsProvider::Rustls);
    if let Some(path) = &options.ca_file {
        let step = format!("cannot use the certificates in `{}`", path.display());
        let bytes = std::fs::read(path).context(&step)?;
        let items = parse_pem(&bytes).filter_map(|item| match item {
            Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        });
        let certificates: Vec<Certificate<'static>> = items.collect::<Result<_, _>>().context(&step)?;
        tls = tls.root_certs(RootCerts::new_with_certs(&certificates));
    }
    let builder = Agent::config_builder().http_status_as_error(false).timeout_connect(Some(CONNECT_PATIENCE));
    Ok(builder.tls_config(tls.build()).build().into())
}

/// The address of the dialect for an address that a person gives.
fn base(url: &str) -> Outcome<String> {
    let trimmed = url.trim_end_matches('/');
    if !trimmed.starts_with("http://") && !trimmed.starts_with("https://") {
        let hint = "an address is `http://HOST:PORT` or `https://HOST:PORT`";
        return Err(Fault::usage(format!("cannot use the address `{url}`")).hint(hint));
    }
    Ok(if trimmed.ends_with(API) { trimmed.to_owned() } else { format!("{trimmed}{API}") })
}

/// Refusals of the server, in its own words.
fn checked(response: Response<ureq::Body>) -> Outcome<Response<ureq::Body>> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let body = read_json(response).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let message = text("message").unwrap_or("it gave no reason");
    let ticket = text("ticketId").map_or_else(String::new, |ticket| format!(" (ticket {ticket})"));
    Err(Fault::new(format!("the server refused with status {}: {message}{ticket}", status.as_u16())))
}

fn read_json(mut response: Response<ureq::Body>) -> Outcome<Value> {
    let text = response.body_mut().with_config().limit(ANSWER_LIMIT).read_to_string();
    let text = text.context("cannot read the answer of the server")?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).context("cannot read the answer of the server as JSON")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_may_be_given_with_or_without_the_path_of_the_dialect() {
        for (url, address) in [
            ("http://h:1", "http://h:1/api"),
            ("http://h:1/api/", "http://h:1/api"),
            ("https://h/MicroStrategyLibrary", "https://h/MicroStrategyLibrary/api"),
        ] {
            assert_eq!(base(url).unwrap(), address);
        }
        assert!(base("localhost:8080").is_err());
    }
}
