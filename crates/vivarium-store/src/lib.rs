//! The store of Vivarium: the traits of [`vivarium_domain::ports`] over SQLite and PostgreSQL.
//!
//! [`SqlStore::open`] takes a [`DatabaseUrl`], brings the schema up to date and yields a
//! [`Store`](vivarium_domain::ports::Store). There is no business rule here: what must happen once is decided by one
//! unique index or one compare-and-set, and every write is a single statement.
//!
//! # Schema
//!
//! `migrations/sqlite` and `migrations/postgres` hold the same numbered steps; they differ in the names of types only
//! (and PostgreSQL gets collation `C`, so that both sort by code point). A step is never changed once released: its
//! checksum is kept beside its number, and a database with a step unknown to the program is refused.
//!
//! | table | rows | key and indexes |
//! |---|---|---|
//! | `users` | who may log in | `id`; unique `name_key` |
//! | `tokens` | hashes of tokens; they go with their user | `hash` |
//! | `projects` | projects | `id`; unique `name_key` |
//! | `runtimes` | definitions in their newest revision; the owner may be gone | `id`; unique `name_key` |
//! | `nodes` | server processes | `id`; unique `name` |
//! | `node_runtimes` | what a node says of a runtime; it goes with the runtime | `runtime`, `node` |
//! | `evaluations` | records; they outlive user and runtime | `id`; open ones by `node`; ended ones by `finished` |
//!
//! | value | column |
//! |---|---|
//! | id | `TEXT`, 32 upper case hexadecimal digits |
//! | point in time | `BIGINT`, microseconds since 1970 |
//! | yes or no | `BIGINT`, 1 or 0 |
//! | hash, standard output, standard error, result | `BYTEA` or `BLOB` |
//! | name | `TEXT`, and `name_key` for comparing without regard to case |
//! | list, nested value, free text | `TEXT` holding JSON: a text may hold NUL, which a `TEXT` of PostgreSQL cannot |
//!
//! # Durability and waiting
//!
//! What a method has acknowledged survives a loss of power. SQLite has one writer (a task that commits together what
//! arrived together, so that many callers share one `fsync`) and a few readers that never wait for it. Other processes
//! may use the same file meanwhile. A caller that stops waiting does not take its write back.

mod database;
mod open;
mod settings;
mod store;

pub use open::OpenError;
pub use settings::{DatabaseUrl, NotADatabaseUrl, StoreSettings};
pub use store::SqlStore;
