-- Kept in step with the file of the same number for SQLite; see the crate's documentation for the meaning.

CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    full_name TEXT COLLATE "C" NOT NULL,
    password TEXT COLLATE "C" NOT NULL,
    roles TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_name_key ON users (name_key);

CREATE TABLE tokens (
    hash BYTEA NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created BIGINT NOT NULL,
    last_used BIGINT NOT NULL,
    expires BIGINT
);
CREATE INDEX tokens_user ON tokens (user_id);
CREATE INDEX tokens_expires ON tokens (expires);
CREATE INDEX tokens_last_used ON tokens (kind, last_used);

CREATE TABLE projects (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL
);
CREATE UNIQUE INDEX projects_name_key ON projects (name_key);

-- The owner is an id without a reference: runtimes outlive their owners.
CREATE TABLE runtimes (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    revision TEXT COLLATE "C" NOT NULL,
    build TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    whitelist TEXT COLLATE "C" NOT NULL,
    packages TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    time_limit_seconds BIGINT NOT NULL,
    min_cached_instances BIGINT NOT NULL,
    max_cached_instances BIGINT NOT NULL,
    python_version TEXT COLLATE "C" NOT NULL,
    others TEXT COLLATE "C" NOT NULL,
    execution_target TEXT COLLATE "C" NOT NULL,
    stopped BIGINT NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    acl TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL
);
CREATE UNIQUE INDEX runtimes_name_key ON runtimes (name_key);

CREATE TABLE nodes (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    started BIGINT NOT NULL,
    heartbeat BIGINT NOT NULL,
    stopped BIGINT NOT NULL
);
CREATE UNIQUE INDEX nodes_name ON nodes (name);

-- The only reference is the one to the runtime, so that a refused reference can mean nothing else.
CREATE TABLE node_runtimes (
    node TEXT COLLATE "C" NOT NULL,
    runtime TEXT COLLATE "C" NOT NULL REFERENCES runtimes (id) ON DELETE CASCADE,
    build TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    packages TEXT COLLATE "C" NOT NULL,
    fault TEXT COLLATE "C",
    serving TEXT COLLATE "C",
    stopped BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (runtime, node)
);

-- Records outlive the users and runtimes they name. States below 2 are not final.
CREATE TABLE evaluations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL,
    runtime TEXT COLLATE "C" NOT NULL,
    revision TEXT COLLATE "C" NOT NULL,
    node TEXT COLLATE "C" NOT NULL,
    state BIGINT NOT NULL,
    message TEXT COLLATE "C",
    stdout BYTEA NOT NULL,
    stderr BYTEA NOT NULL,
    output BYTEA,
    usage TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    started BIGINT,
    finished BIGINT,
    cancel_requested BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX evaluations_open ON evaluations (node) WHERE state < 2;
CREATE INDEX evaluations_finished ON evaluations (finished, id) WHERE finished IS NOT NULL;
