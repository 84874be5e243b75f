//! Fields with the names of their values: a resource's own, those of its inlines, and the columns of its files.

use std::collections::BTreeMap;

use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Field, FieldKind, Inline, Record, Resource, id_in};

/// Objects that are loaded, saved, logged or deleted together.
pub(crate) const CHUNK: usize = 250;

/// A field with the name of its value among the values of a row or form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoundField {
    pub(crate) name: &'static str,
    pub(crate) resource: &'static Resource,
    pub(crate) field: &'static Field,
}

impl BoundField {
    pub(crate) fn parts(&self) -> Vec<String> {
        parts(self.name, self.field.kind)
    }

    pub(crate) fn is_date_time(&self) -> bool {
        matches!(self.field.kind, FieldKind::DateTime { .. })
    }
}

/// The names of a field's inputs: a date with a time has two.
pub(crate) fn parts(name: &str, kind: FieldKind) -> Vec<String> {
    match kind {
        FieldKind::DateTime { .. } => vec![format!("{name}_0"), format!("{name}_1")],
        _ => vec![name.to_owned()],
    }
}

pub(crate) fn own_fields(resource: &'static Resource) -> impl Iterator<Item = BoundField> + use<> {
    resource.fields.iter().map(move |field| BoundField {
        name: field.name,
        resource,
        field,
    })
}

/// The fields of an inline, with their names in the form.
pub(crate) fn inline_fields(inline: &Inline) -> impl Iterator<Item = BoundField> + use<> {
    let resource = inline.resource;
    inline.fields().map(move |(name, field)| BoundField {
        name,
        resource,
        field,
    })
}

/// The fields in a resource's files: its own ones, each inline's after the field that refers to it. Their columns have
/// the names of the fields, and the values have the names that they have in the form.
pub(crate) fn columns(resource: &'static Resource) -> Vec<BoundField> {
    let mut columns = Vec::new();
    for own in own_fields(resource) {
        columns.push(own);
        let inlines = resource.inlines.iter();
        let own_inlines = inlines.filter(|inline| inline.field == own.name);
        columns.extend(own_inlines.flat_map(inline_fields));
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
            for (name, field) in inline.fields() {
                let list = related.values.list(field.name).to_vec();
                record.values.0.insert(name.to_owned(), list);
            }
        }
    }
    Ok(records)
}
