//! Description of a table for the admin.

use std::collections::BTreeMap;

use diesel::QueryResult;

use crate::admin::{
    Choice, ChoicePage, ChoiceQuery, Field, Filter, FormValues, Images, ListPage, ListQuery,
    Reference, SaveError, id_in,
};
use crate::connection::DbConnection;

/// A table that staff manage.
#[derive(Debug, Clone, Copy)]
pub struct Resource {
    /// App in URLs and permissions, such as `lettings`.
    pub app: &'static str,
    /// Label of the app, such as “Lettings”.
    pub app_label: &'static str,
    /// Model in URLs and permissions, such as `letting`.
    pub name: &'static str,
    /// The table.
    pub table: &'static str,
    /// Singular name, such as “letting”.
    pub singular: &'static str,
    /// Plural name, such as “lettings”.
    pub plural: &'static str,
    /// Columns of the list; the first one links to the row.
    pub columns: &'static [&'static str],
    /// Filters of the list.
    pub filters: &'static [Filter],
    /// The fields that the search covers, for the search field's help text.
    pub search_hint: &'static str,
    /// Fields of the form, in order.
    pub fields: &'static [Field],
    /// Whether the form of a row can be saved as a new row.
    pub save_as: bool,
    /// Related rows that are edited within the form.
    pub inlines: &'static [Inline],
    /// How its images are converted and read, if it has a field of kind
    /// [`FieldKind::Image`](crate::admin::FieldKind::Image).
    pub images: Option<Images>,
    /// Images that belong to its rows.
    pub gallery: Option<Gallery>,
    /// Foreign keys to rows of resources, its own included.
    pub references: &'static [Reference],
    /// Actions on selected rows, besides export and deletion.
    pub actions: &'static [BulkAction],
    /// A sentence on what an export leaves out; empty for nothing.
    pub export_note: &'static str,
    /// The public page of a row, if rows have one.
    pub public_page: Option<PublicPage>,
    /// A page of the list.
    pub list: fn(&mut DbConnection, &ListQuery) -> QueryResult<ListPage>,
    /// The existing rows with these ids, ordered by id: a few hundred at a time.
    pub load_all: fn(&mut DbConnection, &[i64]) -> QueryResult<Vec<Record>>,
    /// Inserts (`None`) or updates a row and returns its id. Requires a transaction.
    pub save: fn(&mut DbConnection, Option<i64>, &FormValues) -> Result<i64, SaveError>,
    /// Inserts deleted rows under their old ids, which the caller has locked: a few hundred at a time. Requires a
    /// transaction.
    pub restore: fn(&mut DbConnection, &[DeletedRow<'_>]) -> Result<(), SaveError>,
    /// Deletes rows and their dependents: a few hundred at a time. Requires a transaction.
    pub delete: fn(&mut DbConnection, &[i64]) -> QueryResult<()>,
    /// Choices of a field of kind [`FieldKind::Choice`](crate::admin::FieldKind::Choice), unless all rows can be chosen,
    /// by name.
    pub choices: Option<FieldChoices>,
    /// Labels of such a field's values, including those that can no longer be chosen. Unknown values are left out.
    /// `None` if rows are labelled by their names.
    pub labels: Option<FieldLabels>,
}

impl Resource {
    /// Unique name among all resources: `lettings.letting`.
    pub fn key(&self) -> String {
        format!("{}.{}", self.app, self.name)
    }

    /// The row with this id, if there is one.
    pub fn load(&self, conn: &mut DbConnection, id: i64) -> QueryResult<Option<Record>> {
        Ok((self.load_all)(conn, &[id])?.pop())
    }

    /// The row with this id.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    pub fn find(&self, conn: &mut DbConnection, id: i64) -> QueryResult<Record> {
        self.load(conn, id)?.ok_or(diesel::NotFound)
    }

    /// The existing rows with these ids, by id: a few hundred at a time.
    pub fn load_by_id(
        &self,
        conn: &mut DbConnection,
        ids: &[i64],
    ) -> QueryResult<BTreeMap<i64, Record>> {
        let records = (self.load_all)(conn, ids)?.into_iter();
        Ok(records.map(|record| (record.id, record)).collect())
    }

    /// Values of the fields that have a default.
    pub fn defaults(&self) -> FormValues {
        let fields = self.fields.iter();
        let fields = fields.filter(|field| !field.default.is_empty());
        fields.fold(FormValues::default(), |values, field| {
            values.with(field.name, field.default)
        })
    }
}

/// Loads choices of a field.
pub type FieldChoices = fn(&mut DbConnection, &ChoiceQuery<'_>) -> QueryResult<ChoicePage>;

/// Loads labels of values of a field.
pub type FieldLabels = fn(&mut DbConnection, &[String]) -> QueryResult<Vec<Choice>>;

/// The public page of a row.
#[derive(Debug, Clone, Copy)]
pub struct PublicPage {
    /// Its path, unless the row isn't public.
    pub path: fn(&Record) -> Option<String>,
    /// Whether staff can see the page of a row that isn't public at `ID/preview/` below the list. The site has that page.
    pub has_preview: bool,
    /// What would help visitors and is missing, such as “a price”.
    pub missing: fn(&mut DbConnection, &Record) -> QueryResult<Vec<String>>,
}

/// An action that sets fields of the selected rows.
#[derive(Debug, Clone, Copy)]
pub struct BulkAction {
    /// Name in the form.
    pub name: &'static str,
    /// Label, such as “Publish selected”.
    pub label: &'static str,
    /// What happened to the rows, such as “Published”.
    pub done: &'static str,
    /// The fields with their new values.
    pub values: &'static [(&'static str, &'static str)],
}

/// Id and values of a deleted row.
pub type DeletedRow<'a> = (i64, &'a FormValues);

/// A row with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: i64,
    /// Display name.
    pub title: String,
    /// Values of its fields.
    pub values: FormValues,
}

/// A related row that is added or changed within the form of the row that refers to it.
#[derive(Debug, Clone, Copy)]
pub struct Inline {
    /// The referring field, of kind [`FieldKind::Choice`](crate::admin::FieldKind::Choice).
    pub field: &'static str,
    /// Resource of the related row.
    pub resource: &'static Resource,
    /// Names of its fields in this form, in the order of the resource's fields.
    pub names: &'static [&'static str],
    /// Error message when a row is chosen and the inline's fields are filled in as well.
    pub conflict_message: &'static str,
    /// Import hint for a related row that is already in use.
    pub taken_hint: &'static str,
    /// The stored related row with these values (under their own names), if there is one: among several, one that the
    /// row with this id, or a new row, can refer to.
    pub find: FindRelated,
}

/// Finds a related row by its values.
pub type FindRelated = fn(&mut DbConnection, Option<i64>, &FormValues) -> QueryResult<Option<i64>>;

impl Inline {
    /// Its fields, each with its name in the form.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &'static Field)> + use<> {
        self.names.iter().copied().zip(self.resource.fields)
    }

    /// The related row that these values of the form, or of a stored row, refer to.
    pub fn related(
        &self,
        conn: &mut DbConnection,
        values: &FormValues,
    ) -> QueryResult<Option<Record>> {
        match id_in(values, self.field) {
            Some(id) => self.resource.load(conn, id),
            None => Ok(None),
        }
    }

    /// Whether the form has any of its fields.
    pub fn is_in(&self, form: &FormValues) -> bool {
        self.names.iter().any(|name| form.0.contains_key(*name))
    }

    /// The values of its fields in the form, under their own names; `None` if all are blank.
    pub fn values(&self, form: &FormValues) -> Option<FormValues> {
        let mut values = FormValues::default();
        for (name, field) in self.fields() {
            if let Some(list) = form.0.get(name) {
                values.0.insert(field.name.to_owned(), list.clone());
            }
        }
        let mut all = values.0.values().flatten();
        all.any(|value| !value.trim().is_empty()).then_some(values)
    }

    /// The values of the form without those of its fields.
    pub fn without_fields(&self, mut form: FormValues) -> FormValues {
        form.0.retain(|name, _| !self.names.contains(&&**name));
        form
    }
}

/// Images of a row: rows of another resource, which are managed below the form of the row.
#[derive(Debug, Clone, Copy)]
pub struct Gallery {
    /// Resource of the images. Its key has a field of kind [`FieldKind::Image`](crate::admin::FieldKind::Image).
    pub resource: &'static Resource,
    /// Its field with the row that an image belongs to.
    pub owner: &'static str,
    /// Its field with the description.
    pub description: &'static str,
    /// Its field with the position, from 1.
    pub position: &'static str,
    /// What the page says about files.
    pub help: &'static str,
    /// The ids of a row's images, in order.
    pub ids: fn(&mut DbConnection, i64) -> QueryResult<Vec<i64>>,
    /// The first image of each of these rows: values of the image field.
    pub covers: ImageValues,
}

/// Values of an image field by row.
pub type ImageValues = fn(&mut DbConnection, &[i64]) -> QueryResult<BTreeMap<i64, String>>;
