//! Lettings, their addresses and photos: queries, validation, admin resources.
//!
//! Owns the tables `lettings`, `addresses`, `letting_photos`, `photo_files`, and those of the search index. Independent of
//! users, profiles, HTTP and templates.

mod address;
pub mod admin;
pub mod country;
pub mod demo;
mod facets;
pub mod facts;
mod filter;
pub mod index;
mod letting;
mod letting_draft;
mod letting_text;
mod listed_letting;
mod photo;
mod photo_file;
mod query;
mod schema;
mod search;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod town;
mod write_check;

pub use address::{Address, AddressDraft, NewAddress};
pub use facets::Facets;
pub use filter::{Audience, LettingFilter, Sort, SortKey};
pub use letting::Letting;
pub use letting_draft::{LettingDraft, NewLetting};
pub use listed_letting::ListedLetting;
pub use photo::{MAX_PHOTOS, NewPhoto, Photo, PhotoDraft, PhotoError};
pub use photo_file::{PhotoFile, RECOMMENDED_WIDTH, WIDTHS};
pub use query::{ActiveFilter, FilterChoice, FilterForm, LettingQuery};
pub use town::Town;
pub use write_check::stores_text;
