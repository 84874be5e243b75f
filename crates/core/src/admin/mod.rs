//! Admin resources as data: a domain crate describes the rows that staff list, change and delete.
//!
//! A [`Resource`] describes one table and is published beside its rows. It doesn't know pages: one set of handlers
//! serves every resource.

mod choice;
mod field;
mod form_values;
mod helpers;
mod images;
mod list;
mod reference;
mod resource;
mod save_error;

pub use choice::{Choice, ChoicePage, ChoiceQuery, id_in, ids};
pub use field::{Field, FieldKind, Question, Suggestions};
pub use form_values::{FormValues, optional_id, required_id};
pub use helpers::{
    combine, parse_flag, text_or_empty, validate_all, with_constraint_error, yes_or_no,
};
pub use images::{ConvertImage, Images, NewImage};
pub use list::{Filter, ListPage, ListQuery, ListRow, then_order};
pub use reference::{OnDelete, Reference};
pub use resource::{
    BulkAction, DeletedRow, FieldChoices, FieldLabels, FindRelated, Gallery, ImageValues, Inline,
    PublicPage, Record, Resource,
};
pub use save_error::SaveError;
