//! Shared by all domain crates: connection, pool, migrations, search, validation, pagination, admin resources.
//!
//! Independent of HTTP, templates and the tables of a domain.

mod actor;
pub mod admin;
mod connection;
pub mod content_version;
mod database_url;
mod disk_space;
pub mod hints;
pub mod integrity;
pub mod locks;
pub mod migrations;
#[cfg(test)]
mod notes;
mod open;
mod pagination;
mod pool;
pub mod search;
pub mod sequence;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod timeouts;
pub mod validation;

pub use actor::Actor;
pub use connection::{Backend, CachedStatement, DbConnection};
pub use database_url::DatabaseUrl;
pub use disk_space::DiskSpace;
pub use open::{OpenError, open, open_read_only, version};
pub use pagination::{MAX_COUNT, PAGE_SIZE, Paginated};
pub use pool::{Manager, PATIENCE, Pool, Sessions, connect_pool, keeps_sessions};
