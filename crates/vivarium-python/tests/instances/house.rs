//! A node with real interpreters and a real sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vivarium_domain::evaluation::BoundVariable;
use vivarium_domain::id::{EvaluationId, RuntimeId};
use vivarium_domain::ports::{
    Ending, EnvironmentBuild, Environments, InstanceEvent, InstanceLimits, Instances, Predefined, RunOutcome,
    RunRequest,
};
use vivarium_domain::runtime::{InstanceMode, PackageSpec, Resource, Serving};
use vivarium_python::{PoolSettings, PythonEnvironments, PythonInstances, PythonSettings};
use vivarium_sandbox::network::NetworkSettings;
use vivarium_sandbox::{LauncherCommand, Sandbox, Settings};

pub(crate) struct House {
    pub(crate) environments: Arc<PythonEnvironments>,
    pub(crate) instances: PythonInstances,
    pub(crate) sandbox: Sandbox,
    pub(crate) data: TempDir,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) outcome: RunOutcome,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) events: Vec<InstanceEvent>,
}

impl Ran {
    pub(crate) fn out(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    pub(crate) fn output(&self) -> Option<Value> {
        match &self.outcome.ending {
            Ending::Completed { output } => output.as_ref().map(|text| serde_json::from_str(text).unwrap()),
            other => panic!("{other:?}\n{}", self.stderr),
        }
    }

    pub(crate) fn message(&self) -> &str {
        match &self.outcome.ending {
            Ending::Failed { message } => message,
            other => panic!("{other:?}\n{}", self.stderr),
        }
    }
}

/// `None`, loudly, where the host has no sandbox to offer.
pub(crate) async fn house() -> Option<House> {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let data = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let environments = PythonEnvironments::open(PythonSettings::new(data.path(), environment)).await.unwrap();
    let program = env!("CARGO_BIN_EXE_vivarium-python-test-launcher").into();
    let name = format!("python-tests-{}", std::process::id());
    let sandbox = match Sandbox::new(Settings::new(LauncherCommand { program, args: Vec::new() }, name)) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            println!("skipped: {error}");
            return None;
        }
    };
    // A test that was killed had this process id perhaps.
    sandbox.remove_leftovers().unwrap();
    let environments = Arc::new(environments);
    let instances = PythonInstances::new(
        Arc::clone(&environments),
        sandbox.clone(),
        PoolSettings::default(),
        NetworkSettings::default(),
    );
    Some(House { environments, instances, sandbox, data })
}

pub(crate) fn limits() -> InstanceLimits {
    InstanceLimits {
        resource: Resource::default(),
        time: Duration::from_secs(30),
        output_bytes: 1 << 20,
        result_bytes: 1 << 20,
    }
}

impl House {
    pub(crate) async fn serving(&self, version: &str, packages: &[&str]) -> Serving {
        let spec =
            |name: &&str| PackageSpec { name: (*name).to_owned(), version: String::new(), description: String::new() };
        let packages = packages.iter().map(spec).collect();
        let build = EnvironmentBuild { python_version: version.to_owned(), packages, afresh: false };
        self.environments.build(build, &|_| {}).await.serving.unwrap()
    }

    pub(crate) async fn request(&self, source: &str) -> RunRequest {
        let newest = self.environments.interpreters()[0].version.to_string();
        RunRequest {
            evaluation: EvaluationId::random(),
            runtime: RuntimeId::random(),
            serving: self.serving(&newest, &[]).await,
            mode: InstanceMode::default(),
            source: source.to_owned(),
            variables: Vec::new(),
            predefined: Predefined::default(),
            limits: limits(),
        }
    }

    pub(crate) async fn run(&self, source: &str) -> Ran {
        self.run_request(self.request(source).await).await
    }

    pub(crate) async fn run_with(&self, source: &str, values: &[(&str, Value)]) -> Ran {
        let mut request = self.request(source).await;
        let variable = |(name, value): &(&str, Value)| BoundVariable { name: (*name).to_owned(), value: value.clone() };
        request.variables = values.iter().map(variable).collect();
        self.run_request(request).await
    }

    pub(crate) async fn run_request(&self, request: RunRequest) -> Ran {
        self.run_until(request, CancellationToken::new(), |_| {}).await
    }

    /// `see` gets each event as it comes.
    pub(crate) async fn run_until(
        &self,
        request: RunRequest,
        cancel: CancellationToken,
        mut see: impl FnMut(&InstanceEvent),
    ) -> Ran {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let listen = async {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                see(&event);
                events.push(event);
            }
            events
        };
        let (outcome, events) = tokio::join!(self.instances.run(request, sender, cancel), listen);
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        for event in &events {
            match event {
                InstanceEvent::Stdout(bytes) => stdout.extend_from_slice(bytes),
                InstanceEvent::Stderr(bytes) => stderr.extend_from_slice(bytes),
                InstanceEvent::Started => {}
            }
        }
        Ran { outcome, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned(), events }
    }
}
