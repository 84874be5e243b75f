//! What the domains share: the connection, the pool, migrations, pages of rows, rules of fields, accounts.
//!
//! Nothing here knows HTTP, templates or the environment, and nothing here belongs to one domain alone.

pub mod accounts;
pub mod admin;
pub mod audit;
mod connection;
mod database_url;
pub mod hints;
pub mod locks;
pub mod migrations;
mod open;
mod pagination;
mod pool;
mod read_only;
mod schema;
pub mod search;
pub mod sequence;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timeouts;
pub mod validation;

pub use accounts::{NewUser, User, UserDraft};
pub use connection::{Backend, DbConnection};
pub use database_url::{DatabaseUrl, InvalidDatabaseUrl};
pub use open::{OpenError, check_version, open, version};
pub use pagination::{PAGE_SIZE, Paginated};
pub use pool::{Manager, PATIENCE, Pool, connect_pool, connect_read_only_pool};
pub use read_only::open_read_only;
