//! Columns of a resource's files: its fields, and those of the related rows that its form edits inline.

use std::collections::BTreeMap;

use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Field, Record, Resource, id_in};

/// A field with the name of its value among the values of a row.
#[derive(Clone, Copy)]
pub(crate) struct NamedField<'r> {
    pub(crate) name: &'static str,
    pub(crate) resource: &'r Resource,
    pub(crate) field: &'static Field,
}

/// A resource's own fields.
pub(crate) fn own_fields(resource: &Resource) -> Vec<NamedField<'_>> {
    let fields = resource.fields.iter();
    let named = fields.map(|field| NamedField {
        name: field.name,
        resource,
        field,
    });
    named.collect()
}

/// The fields in a resource's files: its own ones, each inline's after the field that refers to it. Their columns have
/// the names of the fields, and the values have the names that they have in the form.
pub(crate) fn columns(resource: &Resource) -> Vec<NamedField<'_>> {
    let mut columns = Vec::new();
    for own in own_fields(resource) {
        columns.push(own);
        let inlines = resource.inlines.iter();
        for inline in inlines.filter(|inline| inline.field == own.name) {
            let named = inline.names.iter().zip(inline.resource.fields);
            columns.extend(named.map(|(name, field)| NamedField {
                name,
                resource: inline.resource,
                field,
            }));
        }
    }
    columns
}

/// The existing rows with these ids, with the values of all columns: a few hundred at a time.
pub(crate) fn load_columns(
    conn: &mut DbConnection,
    resource: &Resource,
    ids: &[i64],
) -> QueryResult<BTreeMap<i64, Record>> {
    let mut records = resource.load_by_id(conn, ids)?;
    for inline in resource.inlines {
        let related_id = |record: &Record| id_in(&record.values, inline.field);
        let ids: Vec<i64> = records.values().filter_map(related_id).collect();
        let related = inline.resource.load_by_id(conn, &ids)?;
        for record in records.values_mut() {
            let Some(related) = related_id(record).and_then(|id| related.get(&id)) else {
                continue;
            };
            for (name, field) in inline.names.iter().zip(inline.resource.fields) {
                let list = related.values.list(field.name).to_vec();
                record.values.0.insert((*name).to_owned(), list);
            }
        }
    }
    Ok(records)
}
