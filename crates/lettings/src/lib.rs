//! Lettings and their addresses: rows, queries, rules.
//!
//! Owns the tables `lettings` and `addresses`. Knows neither users nor profiles, neither HTTP nor templates.

mod address;
pub mod admin;
pub mod demo;
mod letting;
mod schema;

pub use address::{Address, AddressDraft, NewAddress};
pub use letting::{Letting, LettingDraft, LettingFilter, NewLetting, Sort, Town};
