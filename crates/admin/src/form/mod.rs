//! Add and change forms.

pub(crate) mod add_user;
pub(crate) mod after_save;
pub(crate) mod choices;
pub(crate) mod conflict;
pub(crate) mod definition;
pub(crate) mod gallery;
pub(crate) mod handlers;
pub(crate) mod page;
mod permission_table;
pub(crate) mod render;
pub(crate) mod save;
pub(crate) mod state;
