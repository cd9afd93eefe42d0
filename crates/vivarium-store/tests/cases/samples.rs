//! Values to store.

use std::collections::BTreeSet;

use vivarium_domain::access::{Acl, AclEntry, EVERYONE, Rights, TrusteeKind};
use vivarium_domain::account::{PasswordHash, Role, Token, TokenKind, TokenSecret, User};
use vivarium_domain::evaluation::{Evaluation, EvaluationState, ExitReason, Usage};
use vivarium_domain::id::{BuildId, EvaluationId, NodeId, RevisionId, RuntimeId, UserId};
use vivarium_domain::name::Name;
use vivarium_domain::node::Node;
use vivarium_domain::runtime::{
    InstanceMode, NodeRuntimeState, PackageReport, PackageSpec, PackageStatus, PythonVersion, Resource, Runtime,
    RuntimeDefinition, Serving, SyncState,
};
use vivarium_domain::time::Timestamp;

/// A text with everything that could go wrong between a program and a database.
pub(crate) const NASTY: &str = "'; DROP TABLE users; -- \" \\ \0 %s $1 ? Grüße \u{1F40D} \u{202E} \r\n";

pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn user(login: &str) -> User {
    User {
        id: UserId::random(),
        name: name(login),
        full_name: NASTY.to_owned(),
        password: PasswordHash("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned()),
        roles: BTreeSet::from([Role::Deployer, Role::Monitor]),
        created: at(1_700_000_000_123_456),
        modified: at(1_700_000_000_123_457),
    }
}

pub(crate) fn token(user: UserId, kind: TokenKind) -> Token {
    let hash = TokenSecret::random().hash();
    Token { hash, kind, user, created: at(1000), last_used: at(2000), expires: Some(at(9000)), evaluation: None }
}

pub(crate) fn runtime(text: &str) -> Runtime {
    let owner = UserId::random();
    let mut acl = Acl::owned_by(owner);
    acl.0.push(AclEntry {
        deny: true,
        inheritable: true,
        ..AclEntry::grant(EVERYONE, TrusteeKind::Group, Rights::VIEW)
    });
    Runtime {
        id: RuntimeId::random(),
        revision: RevisionId::random(),
        build: BuildId::random(),
        definition: definition(text),
        stopped: true,
        owner,
        acl,
        created: at(-5),
        modified: at(i64::MAX),
    }
}

fn definition(text: &str) -> RuntimeDefinition {
    let package =
        |name: &str| PackageSpec { name: name.to_owned(), version: ">=2,<3".to_owned(), description: NASTY.to_owned() };
    RuntimeDefinition {
        name: name(text),
        description: NASTY.to_owned(),
        whitelist: vec!["10.20.0.0/16".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        packages: vec![package("requests[socks]"), package("numpy")],
        resource: Resource { cpu_millis: u32::MAX, memory_mib: u64::MAX, disk_mib: 0, processes: 1 },
        time_limit_seconds: 86_400,
        min_cached_instances: 0,
        max_cached_instances: u32::MAX,
        instance_mode: InstanceMode::Fresh,
        python_version: "3.11".to_owned(),
        others: NASTY.to_owned(),
        execution_target: String::new(),
    }
}

pub(crate) fn node(text: &str) -> Node {
    Node {
        id: NodeId::random(),
        name: text.to_owned(),
        address: "[::1]:8080".to_owned(),
        version: "0.1.0".to_owned(),
        missing_layers: vec!["landlock".to_owned(), NASTY.to_owned()],
        started: at(10),
        heartbeat: at(20),
        stopped: false,
    }
}

pub(crate) fn state(node: NodeId, runtime: RuntimeId) -> NodeRuntimeState {
    let report = PackageReport {
        name: "numpy".to_owned(),
        status: PackageStatus::NotInstalled,
        installed_version: None,
        message: Some(format!("Return code: 1.\n{NASTY}")),
    };
    NodeRuntimeState {
        node,
        runtime,
        build: BuildId::random(),
        state: SyncState::Failed,
        packages: vec![report],
        fault: Some(NASTY.to_owned()),
        serving: Some(Serving {
            environment: "0123abcd".to_owned(),
            python: PythonVersion { major: 3, minor: 11, patch: 2 },
            complete: false,
        }),
        stopped: true,
        updated: at(77),
    }
}

/// An evaluation that has just been accepted.
pub(crate) fn evaluation(node: NodeId) -> Evaluation {
    Evaluation {
        id: EvaluationId::random(),
        user: UserId::random(),
        runtime: RuntimeId::random(),
        revision: RevisionId::random(),
        node,
        state: EvaluationState::Initiated,
        message: None,
        stdout: Vec::new(),
        stderr: Vec::new(),
        output: None,
        usage: Usage::default(),
        created: at(100),
        started: None,
        finished: None,
    }
}

/// An evaluation that has ended, with everything in it.
pub(crate) fn ended(node: NodeId, finished: i64) -> Evaluation {
    Evaluation {
        state: EvaluationState::Error,
        message: Some(NASTY.to_owned()),
        stdout: vec![0, 159, 146, 150, b'\''],
        stderr: NASTY.as_bytes().to_vec(),
        output: Some(NASTY.to_owned()),
        usage: Usage {
            queued_micros: 1,
            wall_micros: u64::MAX,
            cpu_micros: 0,
            peak_memory_bytes: 1 << 40,
            warm: true,
            stdout_bytes: 3,
            stderr_bytes: 4,
            reason: Some(ExitReason::MemoryLimit),
        },
        started: Some(at(finished - 1)),
        finished: Some(at(finished)),
        ..evaluation(node)
    }
}
