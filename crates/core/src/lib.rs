//! What the domains share: the connection, the pool, migrations, pages of rows, rules of fields, accounts.
//!
//! Nothing here knows HTTP, templates or the environment, and nothing here belongs to one domain alone.

pub mod accounts;
pub mod acts;
pub mod admin;
pub mod advice;
pub mod change_log;
pub mod changes;
pub mod choice;
mod connection;
mod database_url;
pub mod description;
pub mod events;
mod file;
pub mod locks;
pub mod migrations;
mod open;
mod page;
mod pool;
mod read_only;
pub mod rules;
mod save_error;
mod schema;
pub mod scratch;
pub mod search;
pub mod sequence;
#[cfg(feature = "testing")]
pub mod testing;
mod values;
pub mod waiting;

pub use accounts::{NewUser, User, UserDraft};
pub use connection::{Backend, DbConnection};
pub use database_url::{DatabaseUrl, InvalidDatabaseUrl};
pub use file::FileLost;
pub use open::{OpenError, check_version, open, version};
pub use page::{PAGE_SIZE, Page};
pub use pool::{Manager, PATIENCE, Pool, connect_pool, connect_read_only_pool};
pub use read_only::open_read_only;
