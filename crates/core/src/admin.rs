//! The administration as data: how a domain crate tells what of it staff may list, change and delete.
//!
//! A [`Model`] is a description of one kind of row, published beside the row itself. It knows no pages: one set of
//! handlers serves every description.

use diesel::QueryResult;

pub use crate::choice::{Choice, Offer, Wanted};
use crate::connection::DbConnection;
pub use crate::save_error::SaveError;
use crate::search::Words;
pub use crate::values::{Values, chosen_id};

/// One kind of row as staff see it.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// The app in addresses and rights, such as `lettings`.
    pub app: &'static str,
    /// The app as staff read it, such as «Lettings».
    pub app_label: &'static str,
    /// The model in addresses and rights, such as `letting`.
    pub name: &'static str,
    /// The table of its rows.
    pub table: &'static str,
    /// One of them, such as «letting».
    pub singular: &'static str,
    /// Several of them, such as «lettings».
    pub plural: &'static str,
    /// The columns of its list; the first one names the row.
    pub columns: &'static [&'static str],
    /// What its list can be filtered by.
    pub filters: &'static [Filter],
    /// What the search looks at, for the field's hint.
    pub searched: &'static str,
    /// The fields of its form, in order.
    pub fields: &'static [Field],
    /// The field that is never the same for two rows; empty for none.
    pub unique: &'static str,
    /// Rows that are added or changed inside its form, each by the field that refers to it.
    pub inside: &'static [Inside],
    /// What a file of its rows leaves out, as a sentence; empty for nothing.
    pub left_out: &'static str,
    /// Where the public sees a row, if it does.
    pub public_path: Option<fn(&Object) -> String>,
    /// A page of its list.
    pub list: fn(&mut DbConnection, &Listing) -> QueryResult<List>,
    /// One row with the values of its fields.
    pub load: fn(&mut DbConnection, i64) -> QueryResult<Option<Object>>,
    /// The rows of these ids that are there, by id: a few hundred at a time.
    pub load_all: fn(&mut DbConnection, &[i64]) -> QueryResult<Vec<Object>>,
    /// Stores a row, new (`None`) or changed, and says its id. Called within a write.
    pub save: fn(&mut DbConnection, Option<i64>, &Values) -> Result<i64, SaveError>,
    /// Stores rows that were deleted, each under its old id: a few hundred at a time. Called within a write.
    pub restore: fn(&mut DbConnection, &[Former<'_>]) -> Result<(), SaveError>,
    /// Deletes rows with all that goes along: a few hundred at a time. Called within a write.
    pub delete: fn(&mut DbConnection, &[i64]) -> QueryResult<()>,
    /// This will also be deleted when rows are deleted, the rows themselves not among it.
    pub along: fn(&mut DbConnection, &[i64]) -> QueryResult<Vec<Along>>,
    /// What stays when rows are deleted, but loses something by it.
    pub touched: fn(&mut DbConnection, &[i64]) -> QueryResult<Vec<Along>>,
    /// Choices of a field of kind [`Kind::Choice`] or [`Kind::Choices`].
    pub choices: fn(&mut DbConnection, &Wanted<'_>) -> QueryResult<Offer>,
    /// What values of such a field are called, whether or not they can be chosen now; those of nothing are left out.
    pub labels: fn(&mut DbConnection, &str, &[String]) -> QueryResult<Vec<Choice>>,
}

impl Model {
    /// `lettings.letting`: its name among all models.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}.{}", self.app, self.name)
    }

    /// What one value of a field that is chosen is called; `None` for the value of nothing.
    pub fn label_of(
        &self,
        conn: &mut DbConnection,
        field: &str,
        value: &str,
    ) -> QueryResult<Option<String>> {
        let known = (self.labels)(conn, field, &[value.to_owned()])?;
        Ok(known.into_iter().next().map(|choice| choice.label))
    }
}

/// What a row held that was deleted, with its id.
pub type Former<'a> = (i64, &'a Values);

/// A filter of a list.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// The parameter in the address, such as `address__state__exact`.
    pub parameter: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What can be chosen.
    pub choices: fn(&mut DbConnection) -> QueryResult<Vec<Choice>>,
}

/// A field of a form.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in the form and in [`Values`].
    pub name: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// The heading that it stands under; empty for none. Fields of one section stand together.
    pub section: &'static str,
    /// What may be typed.
    pub kind: Kind,
    /// A line that helps; empty for none.
    pub help: &'static str,
}

/// A row that is added or changed inside the form of the one that refers to it.
#[derive(Debug, Clone, Copy)]
pub struct Inside {
    /// The field that refers to it, of kind [`Kind::Choice`].
    pub field: &'static str,
    /// What kind of row it is.
    pub model: &'static Model,
    /// What its fields are called in this form, in their order.
    pub names: &'static [&'static str],
    /// What is said when one row is chosen and the fields of another are filled in.
    pub clash: &'static str,
}

/// What may be typed into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text of `min` to `max` characters; a `min` above 0 means that it is required.
    Text {
        /// The fewest characters.
        min: usize,
        /// The most characters.
        max: usize,
    },
    /// An e-mail address of at most `max` characters, or nothing.
    Email {
        /// The most characters.
        max: usize,
    },
    /// A whole number in a range.
    Whole {
        /// The smallest.
        min: i32,
        /// The largest.
        max: i32,
    },
    /// Yes (`on`) or no (empty).
    Bool,
    /// One of the model's choices for this field; the model it refers to, as (app, name), if it is one.
    Choice {
        /// The model that is chosen from.
        of: Option<(&'static str, &'static str)>,
    },
    /// Any number of the model's choices.
    Choices,
    /// A date and a time (UTC), in two parts: `NAME_0` and `NAME_1`.
    Moment {
        /// Whether there must be one.
        required: bool,
    },
}

/// What of a list is wanted.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// All of these must be found.
    pub words: Words,
    /// Parameters of filters with the values chosen.
    pub filters: Vec<(&'static str, String)>,
    /// Columns to sort by (from 0), and whether in reverse; where there are none, the model's own order.
    pub order: Vec<(usize, bool)>,
    /// How many rows to leave out at the start.
    pub offset: i64,
    /// How many rows to give at the most.
    pub limit: i64,
}

/// A part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// The rows of this part.
    pub rows: Vec<Row>,
    /// How many rows pass the search and the filters.
    pub found: i64,
    /// How many rows there are.
    pub total: i64,
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: i64,
    /// A text for each column.
    pub cells: Vec<String>,
}

/// One row with all its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its id.
    pub id: i64,
    /// What it is called.
    pub title: String,
    /// What its fields hold.
    pub values: Values,
}

/// A row that goes along when another is deleted, or loses something by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Along {
    /// The app of its model.
    pub app: &'static str,
    /// Its model's name.
    pub model: &'static str,
    /// The id of the row that is deleted.
    pub by: i64,
    /// Its id.
    pub id: i64,
    /// What it is called.
    pub title: String,
}
