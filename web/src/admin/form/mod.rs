//! Add and change forms.

pub(crate) mod after_save;
pub(crate) mod autocomplete;
pub(crate) mod beside;
pub(crate) mod change;
pub(crate) mod choices;
pub(crate) mod conflict;
pub(crate) mod definition;
pub(crate) mod inline;
pub(crate) mod load;
pub(crate) mod object;
pub(crate) mod page;
pub(crate) mod render;
pub(crate) mod retry;
pub(crate) mod save;
pub(crate) mod state;
