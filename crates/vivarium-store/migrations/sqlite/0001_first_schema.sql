-- Kept in step with the file of the same number for PostgreSQL; see the crate's documentation for the meaning.

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    full_name TEXT NOT NULL,
    password TEXT NOT NULL,
    roles TEXT NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_name_key ON users (name_key);

CREATE TABLE tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created BIGINT NOT NULL,
    last_used BIGINT NOT NULL,
    expires BIGINT
);
CREATE INDEX tokens_user ON tokens (user_id);
CREATE INDEX tokens_expires ON tokens (expires);
CREATE INDEX tokens_last_used ON tokens (kind, last_used);

CREATE TABLE projects (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL
);
CREATE UNIQUE INDEX projects_name_key ON projects (name_key);

-- The owner is an id without a reference: runtimes outlive their owners.
CREATE TABLE runtimes (
    id TEXT NOT NULL PRIMARY KEY,
    revision TEXT NOT NULL,
    build TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    whitelist TEXT NOT NULL,
    packages TEXT NOT NULL,
    resource TEXT NOT NULL,
    time_limit_seconds BIGINT NOT NULL,
    min_cached_instances BIGINT NOT NULL,
    max_cached_instances BIGINT NOT NULL,
    python_version TEXT NOT NULL,
    others TEXT NOT NULL,
    execution_target TEXT NOT NULL,
    stopped BIGINT NOT NULL,
    owner TEXT NOT NULL,
    acl TEXT NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL
);
CREATE UNIQUE INDEX runtimes_name_key ON runtimes (name_key);

CREATE TABLE nodes (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    version TEXT NOT NULL,
    started BIGINT NOT NULL,
    heartbeat BIGINT NOT NULL,
    stopped BIGINT NOT NULL
);
CREATE UNIQUE INDEX nodes_name ON nodes (name);

-- The only reference is the one to the runtime, so that a refused reference can mean nothing else.
CREATE TABLE node_runtimes (
    node TEXT NOT NULL,
    runtime TEXT NOT NULL REFERENCES runtimes (id) ON DELETE CASCADE,
    build TEXT NOT NULL,
    state TEXT NOT NULL,
    packages TEXT NOT NULL,
    fault TEXT,
    serving TEXT,
    stopped BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (runtime, node)
);

-- Records outlive the users and runtimes they name. States below 2 are not final.
CREATE TABLE evaluations (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    runtime TEXT NOT NULL,
    revision TEXT NOT NULL,
    node TEXT NOT NULL,
    state BIGINT NOT NULL,
    message TEXT,
    stdout BLOB NOT NULL,
    stderr BLOB NOT NULL,
    output BLOB,
    usage TEXT NOT NULL,
    created BIGINT NOT NULL,
    started BIGINT,
    finished BIGINT,
    cancel_requested BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX evaluations_open ON evaluations (node) WHERE state < 2;
CREATE INDEX evaluations_finished ON evaluations (finished, id) WHERE finished IS NOT NULL;
